package workflow

import (
	"strings"

	"latchkey/storage"
)

// narrow finds what of a filter the database can look up. Exact says that this
// is all of it; else whoever matches is among those, and has to be looked at.
func (t scimType) narrow(f scimFilter) (m storage.SCIMMatch, exact bool) {
	switch f := f.(type) {
	case nil:
		return m, true
	case scimLogic:
		if !f.and {
			return m, false
		}
		exact = true
		for _, part := range f.parts {
			more, all := t.narrow(part)
			exact = m.Join(more) && all && exact
		}
		return m, exact
	case scimSome:
		if strings.EqualFold(f.name.attr, "emails") && t.isCore(f.name.urn) {
			return emailIn(f.what), false
		}
		if strings.EqualFold(f.name.attr, "members") && t.isCore(f.name.urn) && t.name == "Group" {
			return memberIn(f.what)
		}
	case scimCompare:
		if f.op == "eq" && t.isCore(f.name.urn) {
			return t.narrowTo(f)
		}
	}
	return m, false
}

func (t scimType) isCore(urn string) bool { return urn == "" || urn == t.core.URN }

func (t scimType) narrowTo(f scimCompare) (m storage.SCIMMatch, exact bool) {
	text, isText := f.value.(string)
	truth, isTruth := scimBool(f.value)
	user := t.name == "User"
	switch name := strings.ToLower(scimName{attr: f.name.attr, sub: f.name.sub}.String()); {
	case name == "active" && isTruth && user:
		m.Active = &truth
		return m, true
	case !isText || text == "":
		return m, false
	case name == "id":
		m.Resource = &text
		return m, true
	case name == "externalid":
		m.ExternalID = &text
		return m, true
	case name == "username" && user:
		text = strings.ToLower(text)
		m.UserName = &text
		return m, true
	case name == "displayname" && user:
		text = displayKey(text)
		m.DisplayName = &text
	case name == "displayname":
		text = strings.ToLower(text)
		m.DisplayName = &text
		return m, true
	case (name == "emails" || name == "emails.value") && user:
		text = strings.ToLower(text)
		m.Email = &text
	case (name == "members" || name == "members.value") && !user:
		m.Member = &text
		return m, true
	}
	return m, false
}

// emailIn finds the address that a condition on one e-mail asks for.
func emailIn(f scimFilter) (m storage.SCIMMatch) {
	switch f := f.(type) {
	case scimLogic:
		for _, part := range f.parts {
			if f.and && m.Email == nil {
				m = emailIn(part)
			}
		}
	case scimCompare:
		if text, ok := f.value.(string); ok && f.op == "eq" && strings.EqualFold(f.name.attr, "value") {
			text = strings.ToLower(text)
			m.Email = &text
		}
	}
	return m
}

// memberIn finds the user that a condition on one member asks for.
func memberIn(f scimFilter) (m storage.SCIMMatch, exact bool) {
	if f, ok := f.(scimCompare); ok && f.op == "eq" && strings.EqualFold(f.name.attr, "value") {
		if text, ok := f.value.(string); ok {
			m.Member = &text
			return m, true
		}
	}
	return m, false
}

// displayKeyLength is how much of a name is looked up; the rest is compared.
const displayKeyLength = 100

// displayKey is a displayName as it is looked up.
func displayKey(s string) string {
	key := []rune(strings.ToLower(s))
	return string(key[:min(len(key), displayKeyLength)])
}
