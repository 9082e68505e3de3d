package workflow

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what a resource may hold.
const (
	maxSCIMKey    = 256  // characters of what a resource is found by
	maxSCIMValues = 1000 // of one attribute
)

// isSCIMNumber tells whether a number is one in JSON, and one that every reader
// can hold.
func isSCIMNumber(n json.Number) bool {
	if len(n) > 64 || !json.Valid([]byte(n)) || n == "" || n[0] == '"' {
		return false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	tooSmall := f == 0 && strings.ContainsAny(n.String(), "123456789") && strings.ContainsAny(n.String(), "eE")
	return err == nil && !tooSmall
}

// clean brings a resource that a client sent into the form that is kept: the
// names as the schemas write them, nothing that is empty, nothing that only we
// say, and no password.
func (t scimType) clean(sent map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for key, v := range sent {
		if err := t.put(out, key, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// put cleans one member of a resource.
func (t scimType) put(out map[string]any, key string, v any) error {
	if isPassword(key) {
		return nil
	}
	if strings.EqualFold(key, t.core.URN) {
		inner, ok := v.(map[string]any)
		if !ok {
			return invalidSCIM(key, "an object")
		}
		for name, value := range inner {
			if err := t.put(out, name, value); err != nil {
				return err
			}
		}
		return nil
	}
	if ext, ok := t.extension(key); ok {
		return t.putExtension(out, ext, v)
	}
	a, known := t.attribute("", key)
	if known && a.readOnly() {
		return nil
	}
	if !known {
		a = SCIMAttribute{Name: key, Type: "any"}
	}
	v, err := a.clean(v)
	if err != nil {
		return err
	}
	if v != nil {
		if _, twice := out[a.Name]; twice {
			return scimRefuse(SCIMInvalidSyntax, "The attribute %s is there twice.", a.Name)
		}
		out[a.Name] = v
	}
	return nil
}

func (t scimType) putExtension(out map[string]any, ext SCIMSchema, v any) error {
	if v == nil {
		return nil
	}
	sent, ok := v.(map[string]any)
	if !ok {
		return invalidSCIM(ext.URN, "an object")
	}
	inner := map[string]any{}
	for name, value := range sent {
		a, known := findSCIM(ext.Attributes, name)
		if isPassword(name) {
			continue
		}
		if !known {
			a = SCIMAttribute{Name: name, Type: "any"}
		}
		value, err := a.clean(value)
		if err != nil {
			return err
		}
		if value != nil {
			inner[a.Name] = value
		}
	}
	if len(inner) > 0 {
		out[ext.URN] = inner
	}
	return nil
}

func invalidSCIM(name, want string) error {
	return scimRefuse(SCIMInvalidValue, "The value of %s has to be %s.", cutSCIM(name), want)
}

// clean brings a value into the form that is kept; nil is none.
func (a SCIMAttribute) clean(v any) (any, error) {
	if a.Type == "any" {
		return cleanUnknown(v, a.Name)
	}
	if !a.Multi {
		return a.cleanOne(v)
	}
	var out []any
	primaries := 0
	for _, value := range scimList(v) {
		value, err := a.cleanOne(value)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		if isPrimary(value) {
			primaries++
		}
		out = append(out, value)
	}
	switch {
	case primaries > 1:
		return nil, scimRefuse(SCIMInvalidValue, "Only one value of %s can be the primary one.", a.Name)
	case len(out) > maxSCIMValues:
		return nil, scimRefuse(SCIMInvalidValue, "%s has more than %d values.", a.Name, maxSCIMValues)
	case len(out) == 0:
		return nil, nil
	}
	return out, nil
}

// cleanOne is clean for a single value.
func (a SCIMAttribute) cleanOne(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch a.Type {
	case scimBoolean:
		truth, ok := scimBool(v)
		if !ok {
			return nil, invalidSCIM(a.Name, "true or false")
		}
		return truth, nil
	case scimComplex:
		return a.cleanComplex(v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, invalidSCIM(a.Name, "a string")
	}
	return s, nil
}

// cleanComplex is clean for a value with parts. A plain string is its "value":
// Entra sends a manager so.
func (a SCIMAttribute) cleanComplex(v any) (any, error) {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	if s, ok := v.(string); ok {
		if _, has := a.sub("value"); !has {
			return nil, invalidSCIM(a.Name, "an object")
		}
		if s == "" {
			return nil, nil
		}
		v = map[string]any{"value": s}
	}
	sent, ok := v.(map[string]any)
	if !ok {
		return nil, invalidSCIM(a.Name, "an object")
	}
	out := map[string]any{}
	for name, value := range sent {
		sub, known := a.sub(name)
		if !known {
			sub = SCIMAttribute{Name: name, Type: "any"}
		}
		value, err := sub.clean(value)
		if err != nil {
			return nil, err
		}
		if value != nil && !isPassword(name) {
			out[sub.Name] = value
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// cleanUnknown takes out what is empty, at any depth. What nobody described is
// kept as it came.
func cleanUnknown(v any, name string) (any, error) {
	switch v := v.(type) {
	case []any:
		var out []any
		for _, value := range v {
			value, err := cleanUnknown(value, name)
			if err != nil {
				return nil, err
			}
			if value != nil {
				out = append(out, value)
			}
		}
		if len(out) > maxSCIMValues {
			return nil, scimRefuse(SCIMInvalidValue, "%s has more than %d values.", cutSCIM(name), maxSCIMValues)
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			value, err := cleanUnknown(value, key)
			if err != nil {
				return nil, err
			}
			if value != nil && !isPassword(key) {
				out[key] = value
			}
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	}
	return v, nil
}

func isPrimary(v any) bool {
	object, ok := v.(map[string]any)
	return ok && object["primary"] == true
}

// key reads what a resource is found by, and bounds it.
func scimKey(body map[string]any, name string, required bool) (string, error) {
	s, _ := body[name].(string)
	switch {
	case required && strings.TrimSpace(s) == "":
		return "", scimRefuse(SCIMInvalidValue, "%s is required.", name)
	case utf8.RuneCountInString(s) > maxSCIMKey:
		return "", scimRefuse(SCIMInvalidValue, "%s is longer than %d characters.", name, maxSCIMKey)
	}
	return s, nil
}

// copySCIM is a value that can be changed without the first.
func copySCIM(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = copySCIM(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = copySCIM(value)
		}
		return out
	}
	return v
}

// checkSchemas refuses a message that says it is about something else. One that
// says nothing is taken for what its address is about.
func checkSchemas(body map[string]any, want string) error {
	given := foldGet(body, "schemas")
	if given == nil {
		return nil
	}
	list, ok := given.([]any)
	if !ok {
		return scimRefuse(SCIMInvalidSyntax, "schemas has to be a list.")
	}
	for _, urn := range list {
		if s, ok := urn.(string); ok && strings.EqualFold(s, want) {
			return nil
		}
	}
	return scimRefuse(SCIMInvalidSyntax, "schemas has to name %s.", want)
}
