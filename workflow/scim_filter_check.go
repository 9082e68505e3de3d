package workflow

import (
	"encoding/json"
	"time"
)

// The checks of a filter find what can't be compared (RFC 7644, 3.4.2.2): it is
// an error and not a condition that nothing meets.

func (f scimLogic) check(v scimView) error {
	for _, part := range f.parts {
		if err := part.check(v); err != nil {
			return err
		}
	}
	return nil
}

func (f scimNot) check(v scimView) error { return f.what.check(v) }

func (f scimSome) check(v scimView) error {
	a, known := v.attribute(f.name.urn, f.name.attr)
	if isPassword(f.name.attr) {
		return errPasswordFilter
	}
	if known && (!a.Multi && a.Type != scimComplex) {
		return scimRefuse(SCIMInvalidFilter, "%s has no values to choose from.", f.name)
	}
	return f.what.check(a.viewOfValue(nil))
}

var errPasswordFilter = scimRefuse(SCIMInvalidFilter, "Passwords are not kept, so they can't be compared.")

func (f scimCompare) check(v scimView) error {
	if isPassword(f.name.attr) {
		return errPasswordFilter
	}
	a, known := v.attribute(f.name.urn, f.name.attr)
	if known && f.name.sub != "" {
		if _, ok := a.sub(f.name.sub); !ok {
			return scimRefuse(SCIMInvalidFilter, "%s has no %s.", f.name.attr, cutSCIM(f.name.sub))
		}
	}
	if f.op == "pr" {
		return nil
	}
	order := f.op != "eq" && f.op != "ne"
	kind := v.kindOf(f.name)
	bad := scimRefuse(SCIMInvalidFilter, "%s can't be compared by %s with that value.", f.name, f.op)
	if f.value == nil || kind.Type == "binary" {
		if order {
			return bad
		}
		return nil
	}
	switch kind.Type {
	case scimComplex:
		return bad
	case scimBoolean:
		if _, ok := scimBool(f.value); !ok || order {
			return bad
		}
	case scimDateTime:
		s, ok := f.value.(string)
		if _, err := time.Parse(time.RFC3339, s); !ok || err != nil {
			return bad
		}
	default:
		_, isText := f.value.(string)
		_, isNumber := f.value.(json.Number)
		if known && !isText || order && !isText && !isNumber || isNumber && (f.op == "co" || f.op == "sw" || f.op == "ew") {
			return bad
		}
	}
	return nil
}
