package blockkit

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// selectOptions: a static select has options or option groups, never both.
func selectOptions(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		if kind := n.kind(); kind == "static_select" || kind == "multi_static_select" {
			problems = append(problems, optionSource(n)...)
		}
	}
	return problems
}

// oneOptionSource: the answer to a block_suggestion has options or option groups, never both.
func oneOptionSource(d document) []Problem {
	return optionSource(node{object: d.root})
}

func optionSource(n node) []Problem {
	_, options := n.object["options"]
	_, groups := n.object["option_groups"]
	if options == groups {
		return []Problem{{n.pointer, "Exactly one of options and option_groups is needed."}}
	}
	return nil
}

// initialOptions: what is preselected must be on offer, to the last character.
func initialOptions(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		offered, static := offeredOptions(n)
		if !static {
			continue
		}
		if initial, ok := n.object["initial_option"]; ok && !contains(offered, initial) {
			problems = append(problems, Problem{n.at("initial_option"), notOffered})
		}
		chosen, _ := n.object["initial_options"].([]any)
		for i, initial := range chosen {
			if !contains(offered, initial) {
				problems = append(problems, Problem{n.at("initial_options") + "/" + strconv.Itoa(i), notOffered})
			}
		}
	}
	return problems
}

const notOffered = "The initial option is none of the element's options."

// offeredOptions lists an element's options, grouped or not; false means that
// the element has none of its own, like an external select.
func offeredOptions(n node) ([]any, bool) {
	options, flat := n.object["options"].([]any)
	_, grouped := n.object["option_groups"].([]any)
	offered := append([]any(nil), options...)
	for _, group := range items(n, "option_groups") {
		options, _ := group.object["options"].([]any)
		offered = append(offered, options...)
	}
	return offered, flat || grouped
}

func contains(options []any, wanted any) bool {
	for _, option := range options {
		if reflect.DeepEqual(option, wanted) {
			return true
		}
	}
	return false
}

// optionURLs: only the options of an overflow menu may open a URL.
func optionURLs(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		if n.kind() == "overflow" {
			continue
		}
		for _, option := range items(n, "options") {
			if _, ok := option.object["url"]; ok {
				problems = append(problems, Problem{option.at("url"), "Only an option of an overflow menu has a URL."})
			}
		}
	}
	return problems
}

// lengthRange: a text input cannot ask for more than it accepts.
func lengthRange(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		least, hasLeast := integer(n.object["min_length"])
		most, hasMost := integer(n.object["max_length"])
		if hasLeast && hasMost && least > most {
			problems = append(problems, Problem{n.at("min_length"), "The element's min_length exceeds its max_length."})
		}
	}
	return problems
}

func integer(value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	parsed, err := number.Int64()
	return parsed, err == nil
}
