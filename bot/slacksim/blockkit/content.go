package blockkit

import "fmt"

// neededContent: blocks that may leave out each of some properties, but not all.
func neededContent(d document) []Problem {
	needs := map[string][]string{
		"section":   {"text", "fields"},
		"card":      {"hero_image", "title", "actions", "body"},
		"container": {"title", "rich_text_title"},
	}
	var problems []Problem
	for _, n := range d.nodes {
		if need := needs[n.kind()]; need != nil && !hasAny(n.object, need) {
			problems = append(problems, Problem{n.pointer, fmt.Sprintf("The block needs one of %s.", quoted(need))})
		}
	}
	return problems
}

func hasAny(object map[string]any, properties []string) bool {
	for _, property := range properties {
		if _, ok := object[property]; ok {
			return true
		}
	}
	return false
}

// noFileBlock: Slack adds file blocks to messages it returns; an app cannot send one.
func noFileBlock(d document) []Problem {
	return each(d, "file", "An app cannot send a file block.")
}

// noAlert: an alert is for modals only.
func noAlert(d document) []Problem {
	return each(d, "alert", "An alert block is allowed in modals only.")
}

// oneTable: a message shows one table.
func oneTable(d document) []Problem {
	tables := each(d, "table", "A message has one table at most.")
	if len(tables) < 2 {
		return nil
	}
	return tables[1:]
}

func each(d document, kind, message string) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		if n.kind() == kind {
			problems = append(problems, Problem{n.pointer, message})
		}
	}
	return problems
}

// submitForInputs: a modal with an input block needs its submit button.
func submitForInputs(d document) []Problem {
	if _, ok := d.root["submit"]; ok {
		return nil
	}
	for _, n := range d.nodes {
		if n.kind() == "input" {
			return []Problem{{"", fmt.Sprintf("A modal with an input block (%s) needs submit.", n.pointer)}}
		}
	}
	return nil
}

// oneFocus: one element of a view takes the focus when it opens.
func oneFocus(d document) []Problem {
	var problems []Problem
	focused := false
	for _, n := range d.nodes {
		if n.object["focus_on_load"] != true {
			continue
		}
		if focused {
			problems = append(problems, Problem{n.at("focus_on_load"), "Another element of this view has focus_on_load already."})
		}
		focused = true
	}
	return problems
}
