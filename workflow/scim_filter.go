package workflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scimFilter is a condition on a resource, or on one value of an attribute
// (RFC 7644, 3.4.2.2). Its text reads back as the same filter.
type scimFilter interface {
	String() string
	match(scimView) bool
	check(scimView) error
}

// scimLogic joins conditions. Those of one chain are side by side, so that a
// long chain is not deep.
type scimLogic struct {
	and   bool
	parts []scimFilter
}

// scimNot turns a condition around.
type scimNot struct{ what scimFilter }

// scimCompare is a condition on an attribute. Value is a string, a bool, a
// json.Number or nil, and means nothing for pr.
type scimCompare struct {
	name  scimName
	op    string
	value any
}

// scimSome is a condition that some one value of an attribute meets.
type scimSome struct {
	name scimName
	what scimFilter
}

// String implements scimFilter.
func (f scimLogic) String() string {
	word := " or "
	if f.and {
		word = " and "
	}
	out := make([]string, len(f.parts))
	for i, part := range f.parts {
		out[i] = part.String()
		if _, nested := part.(scimLogic); nested {
			out[i] = "(" + out[i] + ")"
		}
	}
	return strings.Join(out, word)
}

// String implements scimFilter.
func (f scimNot) String() string { return "not (" + f.what.String() + ")" }

// String implements scimFilter.
func (f scimCompare) String() string {
	if f.op == "pr" {
		return f.name.String() + " pr"
	}
	value, err := json.Marshal(f.value)
	if err != nil {
		value = []byte("null") // the parser gives nothing that can't be written
	}
	return fmt.Sprintf("%s %s %s", f.name, f.op, value)
}

// String implements scimFilter.
func (f scimSome) String() string { return f.name.String() + "[" + f.what.String() + "]" }

// parseSCIMFilter reads a filter; no text is no filter, and matches all.
func parseSCIMFilter(s string) (scimFilter, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	p := &scimParser{in: s}
	switch {
	case len(s) > maxSCIMFilter:
		return nil, scimRefuse(SCIMInvalidFilter, "The filter is longer than %d KiB.", maxSCIMFilter>>10)
	case !utf8.ValidString(s):
		return nil, scimRefuse(SCIMInvalidFilter, "The filter is not UTF-8.")
	}
	f, err := p.anyOf(0)
	if err == nil {
		p.space()
		if p.at < len(p.in) {
			err = p.fail("something follows its end")
		}
	}
	if err != nil {
		return nil, scimRefuse(SCIMInvalidFilter, "The filter can't be read: %s.", p.problem)
	}
	return f, nil
}
