package blockkit

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// explain turns the tree of violations into the problems at its leaves.
func explain(violation *jsonschema.ValidationError) []Problem {
	var problems []Problem
	for _, leaf := range leaves(violation) {
		problems = append(problems, explainLeaf(leaf)...)
	}
	return problems
}

// leaves follows only the best branch of an alternative: the one that the
// author most likely meant is the one with the fewest violations.
func leaves(violation *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(violation.Causes) == 0 {
		return []*jsonschema.ValidationError{violation}
	}

	branches := make([][]*jsonschema.ValidationError, 0, len(violation.Causes))
	for _, cause := range violation.Causes {
		branches = append(branches, leaves(cause))
	}
	if isAlternative(violation) {
		return shortest(branches)
	}
	var all []*jsonschema.ValidationError
	for _, branch := range branches {
		all = append(all, branch...)
	}
	return all
}

func isAlternative(violation *jsonschema.ValidationError) bool {
	switch violation.ErrorKind.(type) {
	case *keyword.AnyOf, *keyword.OneOf:
		return true
	default:
		return false
	}
}

func shortest(branches [][]*jsonschema.ValidationError) []*jsonschema.ValidationError {
	best := branches[0]
	for _, branch := range branches[1:] {
		if len(branch) < len(best) {
			best = branch
		}
	}
	return best
}

func explainLeaf(leaf *jsonschema.ValidationError) []Problem {
	pointer := ""
	for _, token := range leaf.InstanceLocation {
		pointer += "/" + escape(token)
	}

	if extra, ok := leaf.ErrorKind.(*keyword.AdditionalProperties); ok {
		problems := make([]Problem, 0, len(extra.Properties))
		for _, name := range extra.Properties {
			problems = append(problems, Problem{pointer + "/" + escape(name), fmt.Sprintf("Slack knows no property %q here.", name)})
		}
		return problems
	}
	return []Problem{{pointer, sentence(leaf)}}
}

func sentence(leaf *jsonschema.ValidationError) string {
	switch k := leaf.ErrorKind.(type) {
	case *keyword.Required:
		return fmt.Sprintf("The object lacks %s.", quoted(k.Missing))
	case *keyword.Type:
		return fmt.Sprintf("The value is of type %s, want %s.", k.Got, strings.Join(k.Want, " or "))
	case *keyword.Const:
		return fmt.Sprintf("The value is %s, want %s.", literal(k.Got), literal(k.Want))
	case *keyword.Enum:
		return fmt.Sprintf("The value is %s, want one of %s.", literal(k.Got), literal(k.Want))
	case *keyword.MinLength:
		return fmt.Sprintf("The text has %d characters, want at least %d.", k.Got, k.Want)
	case *keyword.MaxLength:
		return fmt.Sprintf("The text has %d characters, want at most %d.", k.Got, k.Want)
	case *keyword.MinItems:
		return fmt.Sprintf("The list has %d items, want at least %d.", k.Got, k.Want)
	case *keyword.MaxItems:
		return fmt.Sprintf("The list has %d items, want at most %d.", k.Got, k.Want)
	case *keyword.UniqueItems:
		return fmt.Sprintf("Items %d and %d of the list are equal.", k.Duplicates[0], k.Duplicates[1])
	case *keyword.Minimum:
		return fmt.Sprintf("The number is %s, want at least %s.", k.Got.RatString(), k.Want.RatString())
	case *keyword.Maximum:
		return fmt.Sprintf("The number is %s, want at most %s.", k.Got.RatString(), k.Want.RatString())
	case *keyword.Pattern:
		return fmt.Sprintf("The value %q does not match the pattern %s.", k.Got, k.Want)
	default:
		return fmt.Sprintf("The value violates the schema's keyword %s.", strings.Join(leaf.ErrorKind.KeywordPath(), "/"))
	}
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(list, ", ")
}

// literal prints a JSON value; what came out of a parser always prints.
func literal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
