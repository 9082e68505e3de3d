package blockkit

import (
	"embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// schemaBase keeps the compiler from resolving names against the working folder.
const schemaBase = "embedded:///"

// regexpTimeout bounds one pattern on one value: the manifest's patterns need
// look-ahead, hence an engine that backtracks.
const regexpTimeout = time.Second

// compiled holds the schema of every kind; compiling takes far longer than judging.
var compiled = sync.OnceValues(compile)

func compile() (map[kind]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // the manifest schema names no draft and is written in this one
	compiler.UseRegexpEngine(compileRegexp)

	for _, name := range []string{"blockkit.json", "manifest.json"} {
		if err := addSchema(compiler, name); err != nil {
			return nil, err
		}
	}

	locations := map[kind]string{manifestKind: schemaBase + "manifest.json"}
	for _, k := range []kind{messageKind, modalKind, homeKind, suggestionKind} {
		locations[k] = schemaBase + "blockkit.json#/$defs/" + string(k)
	}
	schemas := make(map[kind]*jsonschema.Schema, len(locations))
	for k, location := range locations {
		schema, err := compiler.Compile(location)
		if err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", location, err)
		}
		schemas[k] = schema
	}
	return schemas, nil
}

func addSchema(compiler *jsonschema.Compiler, name string) error {
	file, err := schemaFiles.Open("schema/" + name)
	if err != nil {
		return fmt.Errorf("open schema %s: %w", name, err)
	}
	defer file.Close()

	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		return fmt.Errorf("parse schema %s: %w", name, err)
	}
	if err := compiler.AddResource(schemaBase+name, doc); err != nil {
		return fmt.Errorf("add schema %s: %w", name, err)
	}
	return nil
}

// judgeSchema reports every violation of the kind's schema.
func judgeSchema(value any, as kind) []Problem {
	schemas, err := compiled()
	if err != nil {
		return []Problem{{Message: fmt.Sprintf("The document cannot be judged: %v.", err)}}
	}
	violation := &jsonschema.ValidationError{}
	if errors.As(schemas[as].Validate(value), &violation) {
		return explain(violation)
	}
	return nil
}

// pattern makes regexp2 an engine for the schema compiler.
type pattern struct{ *regexp2.Regexp }

// MatchString reports no match for a pattern that takes too long.
func (p pattern) MatchString(s string) bool {
	matched, err := p.Regexp.MatchString(s)
	return err == nil && matched
}

func compileRegexp(expr string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(expr, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("compile pattern %q: %w", expr, err)
	}
	re.MatchTimeout = regexpTimeout
	return pattern{re}, nil
}
