package slacksim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Show is the message as plain text, one line per thing on the screen, for
// transcripts: buttons and files in brackets, inputs with what they hold.
func (m Message) Show() string {
	lines := []string{m.Text}
	if blocks, _ := plain(m.Blocks).([]any); len(blocks) > 0 {
		lines = showBlocks(blocks, nil)
	}
	for _, f := range m.Files {
		lines = append(lines, fmt.Sprintf("[file: %s, %s, %d bytes]", f.Title, f.Name, len(f.Content)))
	}
	return strings.Join(lines, "\n")
}

// Show is the view as plain text: title, blocks, errors under their inputs, and
// the two buttons at the bottom.
func (v View) Show() string {
	blocks, _ := plain(v.Blocks).([]any)
	chosen, _ := plain(v.Values).(doc)
	var lines []string
	if v.Title != "" {
		lines = append(lines, "== "+v.Title+" ==")
	}
	lines = append(lines, showBlocks(blocks, chosen)...)
	for _, id := range slices.Sorted(maps.Keys(v.Errors)) {
		lines = append(lines, "! "+id+": "+v.Errors[id])
	}
	var bottom []string
	for _, label := range []string{v.Close, v.Submit} {
		if label != "" {
			bottom = append(bottom, "("+label+")")
		}
	}
	if len(bottom) > 0 {
		lines = append(lines, strings.Join(bottom, " "))
	}
	return strings.Join(lines, "\n")
}

func showBlocks(blocks []any, chosen doc) []string {
	var out []string
	for _, b := range blocks {
		if block, ok := b.(doc); ok {
			out = append(out, showBlock(block, chosen)...)
		}
	}
	return out
}

func showBlock(b, chosen doc) []string {
	held, _ := chosen[text(b, "block_id")].(doc)
	switch text(b, "type") {
	case "header":
		return []string{"# " + words(b, "text")}
	case "divider":
		return []string{"---"}
	case "section":
		return showSection(b, held)
	case "context":
		return []string{"(" + strings.Join(showAll(list(b, "elements"), held), " · ") + ")"}
	case "actions", "context_actions":
		return []string{strings.Join(showAll(list(b, "elements"), held), " ")}
	case "input":
		element, _ := b["element"].(doc)
		return []string{words(b, "label") + ": " + showElement(element, held)}
	case "image":
		return []string{"[image: " + text(b, "alt_text") + "]"}
	case "markdown":
		return []string{text(b, "text")}
	case "table":
		return each(list(b, "rows"), func(row any) string {
			cells, _ := row.([]any)
			return strings.Join(each(cells, everyWord), " | ")
		})
	}
	return []string{everyWord(b)}
}

func showSection(b, held doc) []string {
	var out []string
	if said := words(b, "text"); said != "" {
		out = append(out, said)
	}
	for _, f := range list(b, "fields") {
		field, _ := f.(doc)
		out = append(out, "- "+strings.ReplaceAll(text(field, "text"), "\n", " "))
	}
	if accessory, ok := b["accessory"].(doc); ok {
		out = append(out, showElement(accessory, held))
	}
	return out
}

func showAll(elements []any, held doc) []string {
	return each(elements, func(v any) string {
		element, _ := v.(doc)
		return showElement(element, held)
	})
}

func showElement(e, held doc) string {
	kind := text(e, "type")
	switch kind {
	case "mrkdwn", "plain_text":
		return text(e, "text")
	case "image":
		return "[image: " + text(e, "alt_text") + "]"
	case "button":
		return "[" + words(e, "text") + "]"
	case "overflow":
		return "[... " + strings.Join(each(list(e, "options"), optionText), " | ") + "]"
	}
	state, _ := held[text(e, "action_id")].(doc)
	if said := showChoice(state, kind); said != "" {
		return said
	}
	return "<" + words(e, "placeholder") + ">"
}

// showChoice words what an element holds.
func showChoice(state doc, kind string) string {
	switch v := state[stateField[kind]].(type) {
	case nil:
		return ""
	case doc:
		return optionText(v)
	case []any:
		return strings.Join(each(v, optionText), ", ")
	default:
		return fmt.Sprint(v)
	}
}

func optionText(v any) string {
	option, ok := v.(doc)
	if !ok {
		return fmt.Sprint(v)
	}
	return words(option, "text")
}

// everyWord collects the texts inside a value, in reading order: rich text, table
// cells, and blocks this file does not know.
func everyWord(v any) string {
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case doc:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if s, ok := v[key].(string); ok && (key == "text" || key == "user_id" || key == "url" && v["text"] == nil) {
					out = append(out, s)
					continue
				}
				walk(v[key])
			}
		}
	}
	walk(v)
	return strings.Join(out, "")
}
