package blockkit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Slack answers msg_blocks_too_long somewhat above maxTotalText, although every
// single block may be within its own limit, and counts markdown per message.
const (
	maxTotalText     = 13_000
	maxTotalMarkdown = 12_000
)

// fallbackText: notifications and screen readers read the top-level text and
// not the blocks, so a message that shows anything needs it.
func fallbackText(d document) []Problem {
	if d.root["delete_original"] == true {
		return nil
	}
	text, _ := d.root["text"].(string)
	if strings.TrimSpace(text) != "" {
		return nil
	}
	pointer := ""
	if _, ok := d.root["text"]; ok {
		pointer = "/text"
	}
	return []Problem{{pointer, "The message needs a text for notifications and screen readers."}}
}

// totalText: the blocks of a message together.
func totalText(d document) []Problem {
	total := 0
	for _, n := range d.nodes {
		if !strings.HasPrefix(n.pointer, "/blocks/") {
			continue
		}
		text, _ := n.object["text"].(string)
		total += utf8.RuneCountInString(text)
	}
	if total <= maxTotalText {
		return nil
	}
	return []Problem{{"/blocks", fmt.Sprintf("The blocks have %d characters together, want at most %d.", total, maxTotalText)}}
}

// totalMarkdown: the markdown blocks of a message together.
func totalMarkdown(d document) []Problem {
	total := 0
	for _, n := range d.nodes {
		if n.kind() == "markdown" {
			text, _ := n.object["text"].(string)
			total += utf8.RuneCountInString(text)
		}
	}
	if total <= maxTotalMarkdown {
		return nil
	}
	return []Problem{{"/blocks", fmt.Sprintf("The markdown blocks have %d characters together, want at most %d.", total, maxTotalMarkdown)}}
}

// noBroadcast: no text that Slack reads as markup may call a whole channel. In
// plain_text, in a rich text run or in a value the same characters are only
// characters, which is how a person's own words are best shown.
func noBroadcast(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		if n.kind() == "broadcast" {
			problems = append(problems, Problem{n.pointer, "The message calls a whole channel."})
		}
		for _, property := range markup(n) {
			text, _ := n.object[property].(string)
			if call := broadcastIn(text); call != "" {
				problems = append(problems, Problem{n.at(property), fmt.Sprintf("The text calls a whole channel with %s>; escape what people wrote.", call)})
			}
		}
	}
	return problems
}

// broadcastIn finds a call like <!here> or <!here|label>.
func broadcastIn(text string) string {
	for _, call := range []string{"<!channel", "<!here", "<!everyone", "<!group"} {
		if strings.Contains(text, call+">") || strings.Contains(text, call+"|") {
			return call
		}
	}
	return ""
}

// markup names the properties of an object that Slack parses for mentions.
func markup(n node) []string {
	if n.pointer == "" || n.kind() == "mrkdwn" || n.kind() == "markdown" {
		return []string{"text"}
	}
	parts := strings.Split(n.pointer, "/")
	if parts[1] != "attachments" {
		return nil
	}
	if _, err := strconv.Atoi(parts[len(parts)-1]); err != nil {
		return nil
	}
	switch len(parts) {
	case 3: // /attachments/0
		return []string{"text", "pretext", "fallback", "title", "footer", "author_name"}
	case 5: // /attachments/0/fields/0
		return []string{"title", "value"}
	default:
		return nil
	}
}
