package workflow

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// scimView is what conditions look at: a resource, or one value of an
// attribute, and what its attributes are.
type scimView struct {
	object    map[string]any
	attribute func(urn, name string) (SCIMAttribute, bool)
}

// viewOf looks at a whole resource.
func (t scimType) viewOf(resource map[string]any) scimView { return scimView{resource, t.attribute} }

// viewOfValue looks at one value of an attribute. A plain value is its own
// sub-attribute "value".
func (a SCIMAttribute) viewOfValue(v any) scimView {
	object, ok := v.(map[string]any)
	if !ok {
		object = map[string]any{"value": v}
	}
	return scimView{object, func(_, name string) (SCIMAttribute, bool) { return a.sub(name) }}
}

// at finds the values of an attribute: none, one or several.
func (v scimView) at(n scimName) []any {
	object := v.object
	if n.urn != "" {
		if ext, ok := foldGet(object, n.urn).(map[string]any); ok {
			object = ext
		} else if !strings.EqualFold(n.urn, SCIMUserSchema) && !strings.EqualFold(n.urn, SCIMGroupSchema) {
			return nil
		}
	}
	values := scimList(foldGet(object, n.attr))
	if n.sub == "" {
		return values
	}
	var out []any
	for _, value := range values {
		if complexOne, ok := value.(map[string]any); ok {
			out = append(out, scimList(foldGet(complexOne, n.sub))...)
		}
	}
	return out
}

// foldGet reads a member whose name is known but for its case.
func foldGet(object map[string]any, name string) any {
	if v, ok := object[name]; ok {
		return v
	}
	for key, v := range object {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

func scimList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// kindOf says what the values of an attribute are; strings for what nobody
// described.
func (v scimView) kindOf(n scimName) SCIMAttribute {
	a, _ := v.attribute(n.urn, n.attr)
	sub := n.sub
	if sub == "" && a.Multi && a.Type == scimComplex {
		sub = "value" // what is meant by emails eq "x"
	}
	if sub == "" {
		return a
	}
	inner, _ := a.sub(sub)
	return inner
}

func (f scimLogic) match(v scimView) bool {
	for _, part := range f.parts {
		if part.match(v) != f.and {
			return !f.and
		}
	}
	return f.and
}

func (f scimNot) match(v scimView) bool { return !f.what.match(v) }

func (f scimSome) match(v scimView) bool {
	a, _ := v.attribute(f.name.urn, f.name.attr)
	for _, value := range v.at(f.name) {
		if f.what.match(a.viewOfValue(value)) {
			return true
		}
	}
	return false
}

// match implements scimFilter. Of several values one is enough.
func (f scimCompare) match(v scimView) bool {
	values := v.at(f.name)
	if f.op == "pr" {
		for _, value := range values {
			if value != "" {
				return true
			}
		}
		return false
	}
	if f.value == nil {
		return (len(values) == 0) == (f.op == "eq")
	}
	if len(values) == 0 {
		return f.op == "ne"
	}
	kind := v.kindOf(f.name)
	for _, value := range values {
		if object, ok := value.(map[string]any); ok {
			value = foldGet(object, "value")
		}
		if kind.compare(value, f.op, f.value) {
			return true
		}
	}
	return false
}

func (a SCIMAttribute) compare(have any, op string, want any) bool {
	switch have := have.(type) {
	case bool:
		want, ok := scimBool(want)
		return ok && (have == want) == (op == "eq") && (op == "eq" || op == "ne")
	case json.Number:
		h, err := have.Float64()
		w, err2 := strconv.ParseFloat(scimText(want), 64)
		return err == nil && err2 == nil && ordered(cmp.Compare(h, w), op)
	case string:
		return a.compareText(have, op, scimText(want))
	}
	return op == "ne"
}

func (a SCIMAttribute) compareText(have, op, want string) bool {
	if a.Type == scimDateTime {
		h, err := time.Parse(time.RFC3339, have)
		w, err2 := time.Parse(time.RFC3339, want)
		if err == nil && err2 == nil {
			return ordered(h.Compare(w), op)
		}
	}
	if !a.CaseExact {
		have, want = strings.ToLower(have), strings.ToLower(want)
	}
	switch op {
	case "co":
		return strings.Contains(have, want)
	case "sw":
		return strings.HasPrefix(have, want)
	case "ew":
		return strings.HasSuffix(have, want)
	}
	return ordered(cmp.Compare(have, want), op)
}

func ordered(c int, op string) bool {
	switch op {
	case "eq":
		return c == 0
	case "ne":
		return c != 0
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return false
}

// scimBool reads a boolean, also as the text that some directories send.
func scimBool(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

func scimText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
