package workflow

import (
	"strings"
	"unicode/utf8"
)

// Bounds of what a directory may write as a filter or a path.
const (
	maxSCIMFilter = 8 << 10 // bytes
	maxSCIMDepth  = 32
)

// scimName is the path of an attribute: userName, name.familyName, and both
// with the name of a schema before them.
type scimName struct {
	urn  string // empty: the resource's own schema
	attr string // empty: all of the schema
	sub  string
}

// String writes the path so that it reads back as the same.
func (n scimName) String() string {
	out := n.attr
	if n.sub != "" {
		out += "." + n.sub
	}
	if n.urn == "" || out == "" {
		return n.urn + out
	}
	return n.urn + ":" + out
}

// parseSCIMName reads the path of an attribute.
func parseSCIMName(s string) (scimName, bool) {
	if len(s) > 4 && strings.EqualFold(s[:4], "urn:") {
		if urn, ok := knownSCIMSchema(s); ok {
			return scimName{urn: urn}, true
		}
		i := strings.LastIndexByte(s, ':')
		n, ok := splitSCIMName(s[i+1:])
		n.urn = s[:i]
		if urn, known := knownSCIMSchema(n.urn); known {
			n.urn = urn
		}
		return n, ok && i > 4
	}
	return splitSCIMName(s)
}

// splitSCIMName reads the part of a path behind a schema's name.
func splitSCIMName(s string) (scimName, bool) {
	attr, sub, dotted := strings.Cut(s, ".")
	if !isSCIMWord(attr) || dotted && !isSCIMWord(sub) {
		return scimName{}, false
	}
	return scimName{attr: attr, sub: sub}, true
}

// knownSCIMSchema finds the name of a schema that we have, in any case.
func knownSCIMSchema(s string) (string, bool) {
	for _, urn := range []string{SCIMUserSchema, SCIMGroupSchema, SCIMEnterpriseSchema} {
		if strings.EqualFold(urn, s) {
			return urn, true
		}
	}
	return "", false
}

// isSCIMWord tells whether s is the name of an attribute (RFC 7643, 2.1).
func isSCIMWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '$'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '-' || c == '_')) {
			return false
		}
	}
	return s != ""
}

// scimPath is where an operation of a PATCH works.
type scimPath struct {
	scimName
	filter scimFilter // nil: none
}

// String writes the path so that it reads back as the same.
func (p scimPath) String() string {
	if p.filter == nil {
		return p.scimName.String()
	}
	whole := p.scimName
	whole.sub = ""
	out := whole.String() + "[" + p.filter.String() + "]"
	if p.sub != "" {
		out += "." + p.sub
	}
	return out
}

// parseSCIMPath reads the path of an operation.
func parseSCIMPath(s string) (scimPath, error) {
	bad := scimRefuse(SCIMInvalidPath, "The path %q can't be read.", cutSCIM(s))
	if len(s) > maxSCIMFilter || !utf8.ValidString(s) {
		return scimPath{}, bad
	}
	s = strings.TrimSpace(s)
	open := strings.IndexByte(s, '[')
	if open < 0 {
		n, ok := parseSCIMName(s)
		if !ok {
			return scimPath{}, bad
		}
		return scimPath{scimName: n}, nil
	}
	n, ok := parseSCIMName(s[:open])
	if !ok || n.sub != "" || n.attr == "" {
		return scimPath{}, bad
	}
	p := &scimParser{in: s, at: open + 1, inValue: true}
	f, err := p.anyOf(1)
	if err != nil {
		return scimPath{}, scimRefuse(SCIMInvalidFilter, "The filter in the path %q can't be read: %s.", cutSCIM(s), p.problem)
	}
	if !p.take(']') {
		return scimPath{}, bad
	}
	if rest := s[p.at:]; rest != "" {
		if rest[0] != '.' || !isSCIMWord(rest[1:]) {
			return scimPath{}, bad
		}
		n.sub = rest[1:]
	}
	return scimPath{n, f}, nil
}

// cutSCIM keeps an answer short that repeats what it is about.
func cutSCIM(s string) string {
	const most = 100
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
