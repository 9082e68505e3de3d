package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// leakMessage says that a key's secret was found where others can read it, and
// what that means for who reads the message.
func leakMessage(v workflow.LeakView, owner bool) message {
	c := v.Key.Credential
	which, whichMarkup := yourKey(c)
	if !owner {
		which = fmt.Sprintf("The key %s of %s for %s", c.ID, name(v.Key.Owner), cut(line(c.Connection), maxName))
		whichMarkup = fmt.Sprintf("The key %s of %s for %s", code(c.ID.String()), personMarkup(v.Key.Owner), bold(c.Connection))
	}
	const found = " was found where others can read it."
	then := "It is being ended: nobody can use it any more where Latchkey enforces it, and its system is told to end it."
	switch {
	case !c.Live():
		then = "It works nowhere any more."
	case c.Brokered:
		then = "It was ended at once: the gateway refuses it."
	}
	blocks := []slack.Block{section(whichMarkup + found + " " + then)}
	if where := leakWhere(v); where != "" {
		blocks = append(blocks, quote("Where", where))
	}
	next := "Look at its details for what it was used for lately."
	if owner {
		next += " Take it out of there, and ask for a new one: a new secret in the same place leaks again."
	}
	blocks = append(blocks, small(words(next)))
	controls := []slack.BlockElement{detailsButton(c)}
	if owner {
		controls = []slack.BlockElement{newRequestButton(), detailsButton(c)}
	}
	return say(escape(which+found+" "+then), append(blocks, actions("leak", controls...))...)
}

// leakWhere is where a secret was found, in the finder's words.
func leakWhere(v workflow.LeakView) string {
	return strings.TrimSpace(strings.ReplaceAll(v.Leak.Source, "_", " ") + "  " + v.Leak.URL)
}
