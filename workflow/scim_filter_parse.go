package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// scimParser reads a filter from left to right. "and" binds closer than "or".
type scimParser struct {
	in      string
	at      int
	inValue bool // between square brackets
	problem string
}

var errSCIMSyntax = errors.New("a filter can't be read")

func (p *scimParser) fail(format string, args ...any) error {
	p.problem = fmt.Sprintf(format, args...) + fmt.Sprintf(" at character %d", p.at+1)
	return errSCIMSyntax
}

func (p *scimParser) space() {
	for p.at < len(p.in) && p.in[p.at] == ' ' {
		p.at++
	}
}

// take steps over a character if it is the next.
func (p *scimParser) take(c byte) bool {
	p.space()
	if p.at < len(p.in) && p.in[p.at] == c {
		p.at++
		return true
	}
	return false
}

// word reads what may be a name, a number or a keyword.
func (p *scimParser) word() string {
	p.space()
	from := p.at
	for p.at < len(p.in) && !strings.ContainsRune(" ()[]\"\t\r\n", rune(p.in[p.at])) {
		p.at++
	}
	return p.in[from:p.at]
}

// keyword steps over a word if it is the next, in any case.
func (p *scimParser) keyword(want string) bool {
	from := p.at
	if strings.EqualFold(p.word(), want) {
		return true
	}
	p.at = from
	return false
}

func (p *scimParser) anyOf(depth int) (scimFilter, error) {
	return p.chain("or", depth, p.allOf)
}

func (p *scimParser) allOf(depth int) (scimFilter, error) {
	return p.chain("and", depth, p.term)
}

// chain reads conditions with one word between them.
func (p *scimParser) chain(word string, depth int, next func(int) (scimFilter, error)) (scimFilter, error) {
	var parts []scimFilter
	for {
		f, err := next(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, f)
		if !p.keyword(word) {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return scimLogic{and: word == "and", parts: parts}, nil
}

func (p *scimParser) term(depth int) (scimFilter, error) {
	if depth >= maxSCIMDepth {
		return nil, p.fail("it is nested more than %d deep", maxSCIMDepth)
	}
	from := p.at
	if p.keyword("not") {
		if p.take('(') {
			f, err := p.group(depth)
			return scimNot{f}, err
		}
		p.at = from
	}
	if p.take('(') {
		return p.group(depth)
	}
	return p.condition(depth)
}

// group reads what is left of a condition in parentheses.
func (p *scimParser) group(depth int) (scimFilter, error) {
	f, err := p.anyOf(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.take(')') {
		return nil, p.fail("a parenthesis is not closed")
	}
	return f, nil
}

func (p *scimParser) condition(depth int) (scimFilter, error) {
	p.space()
	from := p.at
	n, ok := parseSCIMName(p.word())
	if !ok || n.attr == "" || p.inValue && (n.urn != "" || n.sub != "") {
		p.at = from
		return nil, p.fail("an attribute is missing")
	}
	if p.at >= len(p.in) || p.in[p.at] != '[' {
		return p.comparison(n)
	}
	if p.inValue || n.sub != "" {
		return nil, p.fail("a bracket is out of place")
	}
	p.at++
	p.inValue = true
	f, err := p.anyOf(depth + 1)
	p.inValue = false
	if err != nil {
		return nil, err
	}
	if !p.take(']') {
		return nil, p.fail("a bracket is not closed")
	}
	if p.at < len(p.in) && p.in[p.at] == '.' {
		return p.valueOfSome(n, f)
	}
	return scimSome{n, f}, nil
}

// valueOfSome reads emails[type eq "work"].value eq "x" as what it means: one
// value meets both conditions.
func (p *scimParser) valueOfSome(n scimName, f scimFilter) (scimFilter, error) {
	p.at++
	sub := p.word()
	if !isSCIMWord(sub) {
		return nil, p.fail("a sub-attribute is missing")
	}
	also, err := p.comparison(scimName{attr: sub})
	if err != nil {
		return nil, err
	}
	if all, ok := f.(scimLogic); ok && all.and {
		return scimSome{n, scimLogic{true, append(slices.Clip(all.parts), also)}}, nil
	}
	return scimSome{n, scimLogic{true, []scimFilter{f, also}}}, nil
}

func (p *scimParser) comparison(n scimName) (scimFilter, error) {
	op := strings.ToLower(p.word())
	switch op {
	case "pr":
		return scimCompare{name: n, op: op}, nil
	case "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le":
	default:
		return nil, p.fail("an operator is missing")
	}
	value, err := p.value()
	return scimCompare{n, op, value}, err
}

func (p *scimParser) value() (any, error) {
	p.space()
	if p.at < len(p.in) && p.in[p.at] == '"' {
		return p.text()
	}
	from := p.at
	word := p.word()
	switch strings.ToLower(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	if n := json.Number(word); isSCIMNumber(n) {
		return n, nil
	}
	p.at = from
	return nil, p.fail("a value is missing")
}

// text reads a string as JSON writes it.
func (p *scimParser) text() (any, error) {
	from := p.at
	for end := from + 1; end < len(p.in); end++ {
		switch p.in[end] {
		case '\\':
			end++
		case '"':
			var s string
			if err := json.Unmarshal([]byte(p.in[from:end+1]), &s); err != nil || strings.ContainsRune(s, 0) {
				return nil, p.fail("a string can't be read")
			}
			p.at = end + 1
			if p.at < len(p.in) && !strings.ContainsRune(" )]", rune(p.in[p.at])) {
				return nil, p.fail("something follows a string")
			}
			return s, nil
		}
	}
	return nil, p.fail("a string does not end")
}
