package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// translator turns the validator's errors into sentences at places.
type translator struct {
	report *report
	tree   *tree
	schema any
}

// tell walks to the errors that have no further cause. It leaves names to
// checkNames: the library does not keep the place of a name it refuses.
func (t *translator) tell(e *jsonschema.ValidationError) {
	if _, ok := e.ErrorKind.(*kind.PropertyNames); ok {
		return
	}
	if len(e.Causes) == 0 {
		t.leaf(e)
		return
	}
	for _, cause := range e.Causes {
		t.tell(cause)
	}
}

func (t *translator) leaf(e *jsonschema.ValidationError) {
	n := t.find(e.InstanceLocation)
	if n.hopeless() {
		return
	}
	part := lookUp(t.schema, e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			t.missing(n, part, name, "")
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			t.missing(n, part, name, " beside "+k.Prop)
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			t.unknown(n, part, name)
		}
	case *kind.UniqueItems:
		t.repeated(n)
	default:
		t.report.addNode(n, "%s", sentence(n, part, e.ErrorKind))
	}
}

// repeated reports every repetition in a list; the validator stops at the
// first. Only lists of words must not repeat.
func (t *translator) repeated(n *node) {
	seen := map[string]bool{}
	for _, item := range n.items {
		if item.shape == text && seen[item.text] {
			t.report.addNode(item, "this is in the list already: keep one")
		}
		seen[item.text] = true
	}
}

// find goes to the node at a location of the validator's.
func (t *translator) find(location []string) *node {
	n := t.tree.root
	for _, step := range location {
		next := n.field(step)
		if i, err := strconv.Atoi(step); err == nil && n.shape == list && i < len(n.items) {
			next = n.items[i]
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func (t *translator) missing(n *node, part map[string]any, name, beside string) {
	advice := fmt.Sprintf("%s is missing%s: add it", name, beside)
	properties, _ := part["properties"].(map[string]any)
	field, _ := properties[name].(map[string]any)
	if eg := t.example(field); eg != "" {
		advice += fmt.Sprintf(", like %s: %s", name, eg)
	}
	t.report.add(n.position(), n.path, "%s", advice)
}

// example also looks behind a reference.
func (t *translator) example(part map[string]any) string {
	if ref, ok := part["$ref"].(string); ok && part["examples"] == nil {
		part = lookUp(t.schema, ref)
	}
	return example(part)
}

func (t *translator) unknown(n *node, part map[string]any, name string) {
	properties, _ := part["properties"].(map[string]any)
	known := slices.Sorted(maps.Keys(properties))
	advice := didYouMean(name, known)
	if advice == "" {
		advice = ": remove it; known here: " + strings.Join(known, ", ")
	}
	child := n.field(name)
	t.report.add(child.key, n.path, "unknown key %s%s", shown(name), advice)
	child.bad = true
}

// checkNames holds the keys of a mapping at the top of the file to the
// schema's propertyNames.
func (t *translator) checkNames(of string) error {
	part := lookUp(t.schema, "#/properties/"+of+"/propertyNames")
	if ref, ok := part["$ref"].(string); ok {
		part = lookUp(t.schema, ref)
	}
	expression, _ := part["pattern"].(string)
	name, err := regexp.Compile(expression)
	if err != nil {
		return fmt.Errorf("read configuration schema: names of %s: %w", of, err)
	}
	n := t.tree.root.field(of)
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if !name.MatchString(f.name) {
			t.report.add(f.node.key, n.path, "%s is no name: %s", shown(f.name), part["patternErrorMessage"])
			f.node.bad = true
		}
	}
	return nil
}

// sentence says what to do about a value. The schema may have the words for
// it, under the keys that editors read too.
func sentence(n *node, part map[string]any, what jsonschema.ErrorKind) string {
	if n.shape == nothing {
		return "this is empty: give it a value" + like(" like ", part) + ", or remove the line"
	}
	if advice, ok := part["errorMessage"].(string); ok {
		return advice
	}
	switch k := what.(type) {
	case *kind.Type:
		return wrongType(n, part, k.Want)
	case *kind.Pattern:
		if advice, ok := part["patternErrorMessage"].(string); ok {
			return advice
		}
	case *kind.Format:
		return k.Err.Error()
	case *kind.Enum:
		return wrongWord(n, k.Want)
	case *kind.MinLength:
		if len(n.vars) > 0 {
			return "this is empty: set the environment variable " + n.vars[0].name
		}
		return "this is empty: give it a value" + like(" like ", part)
	case *kind.MaxLength:
		return fmt.Sprintf("this is too long: use at most %d characters", k.Want)
	case *kind.MinItems:
		return "this list is empty: name at least one" + like(", like ", part)
	case *kind.MaxItems:
		return fmt.Sprintf("this list has %d entries: keep at most %d", k.Got, k.Want)
	case *kind.Minimum:
		return "this is too small: write at least " + k.Want.RatString()
	case *kind.Maximum:
		return "this is too large: write at most " + k.Want.RatString()
	}
	return "this value does not fit here: write another" + like(", like ", part)
}

func like(conjunction string, part map[string]any) string {
	if eg := example(part); eg != "" {
		return conjunction + eg
	}
	return ""
}

func wrongType(n *node, part map[string]any, want []string) string {
	if n.shape == text && len(n.vars) > 0 {
		return "write the value itself here: ${NAME} gives text"
	}
	advice := "write " + typeWord(want[0]) + " here"
	if n.shape != number || want[0] != "integer" {
		advice += ", not " + typeWord(n.typeName())
	}
	return advice + like(", like ", part)
}

// typeName is the JSON Schema type of the node.
func (n *node) typeName() string {
	switch n.shape {
	case text:
		return "string"
	case number:
		return "number"
	case truth:
		return "boolean"
	case list:
		return "array"
	case mapping:
		return "object"
	case nothing:
	}
	return "null"
}

func typeWord(name string) string {
	switch name {
	case "string":
		return "text"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	default:
		return "nothing"
	}
}

func wrongWord(n *node, want []any) string {
	known := make([]string, 0, len(want))
	for _, w := range want {
		known = append(known, fmt.Sprint(w))
	}
	last := len(known) - 1
	if last == 0 {
		return "write " + known[0] + ", or remove the line"
	}
	advice := "write " + strings.Join(known[:last], ", ") + " or " + known[last]
	if n.shape == text && len(n.vars) == 0 {
		advice += didYouMean(n.text, known)
	}
	return advice
}
