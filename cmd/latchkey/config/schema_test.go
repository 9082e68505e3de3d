package config

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/workflow"
)

func readSchema(t *testing.T) any {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSchemaAndStructsAgree walks both: every key of the schema has a field
// to go to, and every field a key to come from.
func TestSchemaAndStructsAgree(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	top := fieldsOf(reflect.TypeFor[Config]())
	maps.Copy(top, fieldsOf(reflect.TypeFor[workflow.Document]()))
	top["connections"] = reflect.TypeFor[map[string]connection]() // the Document's own are filled in later
	w := &walk{T: t, schema: schema}
	w.object("", lookUp(schema, "#"), top)
	if w.objects != 26 {
		t.Errorf("compared %d objects, want 26", w.objects)
	}
}

// TestEverySettingIsInTheFile guards the copy from connection to Settings.
func TestEverySettingIsInTheFile(t *testing.T) {
	t.Parallel()
	var in connection
	v := reflect.ValueOf(&in).Elem()
	fill(t, v)
	out := reflect.ValueOf(in.settings("name"))
	wantFilled(t, "Settings", out)
	if got, want := out.NumField(), v.NumField()+1; got != want {
		t.Errorf("Settings has %d fields, the file %d beside the name", got, want-1)
	}
}

// fill gives every field of a struct a value.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(v.Type().Field(i).Name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(7)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"a": "b"}))
		case reflect.Struct:
			if f.Type() != reflect.TypeFor[secret.Value]() {
				fill(t, f)
				continue
			}
			if err := convert("a token", f.Addr().Interface()); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("no value for a %s", f.Kind())
		}
	}
}

// wantFilled fails for fields of a struct, and of the structs in it, that
// nothing came to.
func wantFilled(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f, name := v.Field(i), path+"."+v.Type().Field(i).Name
		switch {
		case f.IsZero():
			t.Errorf("%s is not filled", name)
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[secret.Value]():
			wantFilled(t, name, f)
		}
	}
}

type walk struct {
	*testing.T
	schema  any
	objects int
}

// object compares the properties of an object with the fields of a struct.
func (w *walk) object(path string, part map[string]any, fields map[string]reflect.Type) {
	w.Helper()
	w.objects++
	if part["additionalProperties"] != false {
		w.Errorf("%q takes keys that nobody reads", path)
	}
	properties, _ := part["properties"].(map[string]any)
	keys := slices.Sorted(maps.Keys(properties))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(fields)), keys); diff != "" {
		w.Errorf("%q (-fields +schema):\n%s", path, diff)
	}
	for name, field := range fields {
		if p, ok := properties[name].(map[string]any); ok {
			if w.describe(p) == "" {
				w.Errorf("%s has no description", join(path, name))
			}
			w.value(join(path, name), p, field)
		}
	}
}

func (w *walk) describe(part map[string]any) string {
	d, _ := part["description"].(string)
	if d == "" {
		d, _ = w.follow(part)["description"].(string)
	}
	return d
}

func (w *walk) follow(part map[string]any) map[string]any {
	if ref, ok := part["$ref"].(string); ok {
		return lookUp(w.schema, ref)
	}
	return part
}

func (w *walk) value(path string, part map[string]any, field reflect.Type) {
	w.Helper()
	part = w.follow(part)
	if field == reflect.TypeFor[workflow.Approval]() {
		then, _ := part["then"].(map[string]any)
		w.value(path, then, reflect.TypeFor[[]workflow.StepRule]())
		return
	}
	want := "string"
	switch field.Kind() {
	case reflect.Slice:
		want = "array"
		items, _ := part["items"].(map[string]any)
		w.value(path+"[]", items, field.Elem())
	case reflect.Map:
		want = "object"
		entries, _ := part["additionalProperties"].(map[string]any)
		w.value(path+".*", entries, field.Elem())
	case reflect.Bool:
		want = "boolean"
	case reflect.Int, reflect.Int64:
		if field == reflect.TypeFor[workflow.Duration]() {
			break
		}
		want = "integer"
		if part["minimum"] == nil || part["maximum"] == nil {
			w.Errorf("%s has no bounds", path)
		}
	case reflect.Struct:
		if field.Name() != "Value" { // secret.Value is text
			want = "object"
			w.object(path, part, fieldsOf(field))
		}
	default:
	}
	if _, ok := part["enum"]; ok && want == "string" {
		return // words have no type of their own
	}
	if part["type"] != want {
		w.Errorf("%s is %v in the schema and a Go %s", path, part["type"], field)
	}
}

// fieldsOf lists what encoding/json would read, by key.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name) // encoding/json does not mind the case
		}
		out[name] = f.Type
	}
	return out
}

// TestSchemaSpeaks asks that whatever the schema refuses, it has words for,
// and that its examples are valid.
func TestSchemaSpeaks(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:test", schema); err != nil {
		t.Fatal(err)
	}
	examples := 0
	var visit func(location string, v any)
	visit = func(location string, v any) {
		part, ok := v.(map[string]any)
		if !ok {
			return
		}
		if part["pattern"] != nil && part["patternErrorMessage"] == nil {
			t.Errorf("%s has a pattern without words", location)
		}
		if all, ok := part["examples"].([]any); ok {
			compiled, err := c.Compile("urn:test#" + location)
			if err != nil {
				t.Fatalf("compile %s: %v", location, err)
			}
			for i, eg := range all {
				examples++
				if err := compiled.Validate(eg); err != nil {
					t.Errorf("%s: example %d: %v", location, i, err)
				}
			}
		}
		for key, child := range part {
			if key != "examples" {
				visit(fmt.Sprintf("%s/%s", location, key), child)
			}
		}
	}
	visit("", schema)
	if examples < 50 {
		t.Errorf("found %d examples, want at least 50", examples)
	}
}

// TestEveryFormatIsUsed keeps the names in the schema and the judges together.
func TestEveryFormatIsUsed(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range formats() {
		known[f.Name] = true
		if !bytes.Contains(Schema, []byte(`"`+f.Name+`"`)) {
			t.Errorf("nothing in the schema has the format %s", f.Name)
		}
	}
	for chunk := range strings.SplitSeq(string(Schema), `"format": "`) {
		name, _, _ := strings.Cut(chunk, `"`)
		if strings.HasPrefix(name, "latchkey-") && !known[name] {
			t.Errorf("nobody judges the format %s", name)
		}
	}
}

// TestAccessWordsAreTheConnectors keeps the one enum that has constants.
func TestAccessWordsAreTheConnectors(t *testing.T) {
	t.Parallel()
	access, _ := lookUp(readSchema(t), "#/$defs/scope/properties/access")["enum"].([]any)
	want := []any{string(connectors.Read), string(connectors.Write), string(connectors.Admin)}
	if diff := cmp.Diff(want, access); diff != "" {
		t.Errorf("access (-connectors +schema):\n%s", diff)
	}
}
