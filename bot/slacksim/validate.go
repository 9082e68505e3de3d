package slacksim

import (
	"fmt"
	"maps"

	"latchkey/bot/slacksim/blockkit"
)

// judgeMessage applies the rules of Block Kit to what a message will show.
func (s *Sim) judgeMessage(m *message) []blockkit.Problem {
	d := doc{"text": m.text}
	if m.blocks != nil {
		d["blocks"] = m.blocks
	}
	maps.Copy(d, m.extra)
	return blockkit.ValidateMessage(s.encode(d))
}

func judgeView(kind string, encoded []byte) []blockkit.Problem {
	if kind == "home" {
		return blockkit.ValidateHome(encoded)
	}
	return blockkit.ValidateModal(encoded)
}

// blame records Block Kit problems under the name of the call that had them.
func (s *Sim) blame(where string, found []blockkit.Problem) {
	for _, p := range found {
		s.problem("%s: %s: %s", where, p.Pointer, p.Message)
	}
}

// pointers words problems the way Slack's response_metadata does.
func pointers(root string, found []blockkit.Problem) []string {
	return each(found, func(p blockkit.Problem) string {
		return fmt.Sprintf("[ERROR] %s [json-pointer:%s%s]", p.Message, root, p.Pointer)
	})
}
