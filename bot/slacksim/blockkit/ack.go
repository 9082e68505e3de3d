package blockkit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ValidateAck judges the ack payload of a view_submission. An empty payload
// closes the view and is good.
func ValidateAck(doc []byte) []Problem {
	return ValidateAckFor(nil, doc)
}

// ValidateAckFor is ValidateAck for a submission of a known modal, whose input
// blocks are the only places an error can be shown at. A nil view skips that check.
func ValidateAckFor(view, doc []byte) []Problem {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil
	}
	value, problem := parse(doc)
	if problem != nil {
		return []Problem{*problem}
	}
	root, ok := value.(map[string]any)
	if !ok {
		return []Problem{{"", "The ack is not an object."}}
	}
	found := ackSize(doc)
	if len(root) > 0 {
		found = append(found, judgeAction(view, root)...)
	}
	return sorted(found)
}

func judgeAction(view []byte, root map[string]any) []Problem {
	action, _ := root["response_action"].(string)
	switch action {
	case "errors":
		return append(onlyProperties(root, "response_action", "errors"), judgeErrors(view, root["errors"])...)
	case "update", "push":
		return append(onlyProperties(root, "response_action", "view"), judgeView(root["view"])...)
	case "clear":
		return onlyProperties(root, "response_action")
	default:
		return []Problem{{"/response_action", `The response_action is none of "clear", "errors", "push", "update".`}}
	}
}

func onlyProperties(root map[string]any, allowed ...string) []Problem {
	var problems []Problem
	for property := range root {
		if !slices.Contains(allowed, property) {
			problems = append(problems, Problem{"/" + escape(property), fmt.Sprintf("Slack knows no property %q here.", property)})
		}
	}
	return problems
}

func judgeErrors(view []byte, value any) []Problem {
	messages, _ := value.(map[string]any)
	if len(messages) == 0 {
		return []Problem{{"/errors", "The errors name no input block."}}
	}

	inputs, known := inputBlocks(view)
	var problems []Problem
	for _, id := range slices.Sorted(maps.Keys(messages)) {
		pointer := "/errors/" + escape(id)
		if text, _ := messages[id].(string); strings.TrimSpace(text) == "" {
			problems = append(problems, Problem{pointer, "The error has no text."})
		}
		if known && !slices.Contains(inputs, id) {
			problems = append(problems, Problem{pointer, fmt.Sprintf("The view has no input block %q.", id)})
		}
	}
	return problems
}

// inputBlocks lists the IDs of a view's input blocks; false means the view is not known.
func inputBlocks(view []byte) ([]string, bool) {
	value, problem := parse(view)
	root, ok := value.(map[string]any)
	if problem != nil || !ok {
		return nil, false
	}
	var ids []string
	for _, n := range flatten(root) {
		if id, ok := n.object["block_id"].(string); ok && n.kind() == "input" {
			ids = append(ids, id)
		}
	}
	return ids, true
}

func judgeView(value any) []Problem {
	problems := judgeValue(value, modalKind)
	for i := range problems {
		problems[i].Pointer = "/view" + problems[i].Pointer
	}
	return problems
}
