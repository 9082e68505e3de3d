package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// checkSchema reports what the JSON Schema has against the tree. The error is
// for a broken schema, which no file can cause.
func checkSchema(r *report, t *tree) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		return fmt.Errorf("read configuration schema: %w", err)
	}
	const url = "urn:latchkey:latchkey.yaml"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, f := range formats() {
		c.RegisterFormat(f)
	}
	if err := c.AddResource(url, doc); err != nil {
		return fmt.Errorf("read configuration schema: %w", err)
	}
	schema, err := c.Compile(url)
	if err != nil {
		return fmt.Errorf("compile configuration schema: %w", err)
	}
	words := &translator{report: r, tree: t, schema: doc}
	for _, of := range []string{"groups", "connections", "pre_shared_keys"} {
		if err := words.checkNames(of); err != nil {
			return err
		}
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(t.root.value(everything)); errors.As(err, &invalid) {
		words.tell(invalid)
	}
	return nil
}

// selection says which nodes value takes.
type selection int

const (
	everything selection = iota
	good                 // those without a problem
)

// value is the node as encoding/json would have read it. A bad entry of a
// list stays as null, so that the others keep their index.
func (n *node) value(which selection) any {
	if n.bad && which == good {
		return nil
	}
	switch n.shape {
	case text:
		return n.text
	case number:
		return n.number
	case truth:
		return n.truth
	case list:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			out = append(out, item.value(which))
		}
		return out
	case mapping:
		out := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			if which == everything || !f.node.bad {
				out[f.name] = f.node.value(which)
			}
		}
		return out
	case nothing:
	}
	return nil
}

// lookUp finds the part of the schema that a location of it names. There are
// only words on the way: the schema has no list of schemas.
func lookUp(schema any, location string) map[string]any {
	found, _ := schema.(map[string]any)
	_, pointer, _ := strings.Cut(location, "#")
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if token != "" {
			found, _ = found[token].(map[string]any)
		}
	}
	return found
}

// example writes the first example of a part of the schema as YAML, as JSON
// where that needs quotes or brackets. Long ones are none.
func example(schema map[string]any) string {
	const tooLong = 80
	all, _ := schema["examples"].([]any)
	if len(all) == 0 {
		return ""
	}
	if s, ok := all[0].(string); ok && !strings.ContainsAny(s, "{}[]*&!#") {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all[0]); err != nil {
		return ""
	}
	if b.Len() > tooLong {
		return ""
	}
	return strings.TrimSpace(b.String())
}
