package gateway

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
)

// conditions are what a rule asks of a request beside method and path. Nil
// asks nothing.
type conditions struct {
	query []parameter
	types []string // lower case
	max   int64    // bytes of the body; zero: any

	upgrade bool // it asks to change to WebSocket; false: it does not
}

// parameter is one query parameter by name.
type parameter struct {
	name   string
	loose  string   // see looseName
	values []string // nil: it must not be there
	any    bool     // whatever its value
}

const anyValue = "*"

var (
	errParameter = errors.New("a query parameter has no name, or one that needs encoding")
	errMedia     = errors.New("a body's type is a media type without parameters, such as application/json")
	errDenySize  = errors.New("a denying rule can't have a body size: leave large bodies out of the allowing rules")
	errBodyMax   = errors.New("a body's max is a number of bytes")
	errRuleAsks  = errors.New("a rule's upgrade is websocket, and its methods are [GET]")
)

func newConditions(r connectors.Rule) (*conditions, error) {
	if len(r.Query) == 0 && len(r.Body.Types) == 0 && r.Body.Max == 0 && r.Upgrade == "" {
		return nil, nil
	}
	c := &conditions{max: r.Body.Max, upgrade: r.Upgrade != ""}
	switch {
	case c.upgrade && (r.Upgrade != connectors.WebSocket || !slices.Equal(r.Methods, []string{http.MethodGet})):
		return nil, errRuleAsks
	case r.Body.Max < 0:
		return nil, errBodyMax
	case r.Body.Max > 0 && r.Deny:
		return nil, errDenySize
	}
	for name, values := range r.Query {
		if name == "" || url.QueryEscape(name) != name {
			return nil, errParameter
		}
		p := parameter{name: name, loose: looseName(name), any: slices.Contains(values, anyValue)}
		if len(values) > 0 {
			p.values = values
		}
		c.query = append(c.query, p)
	}
	for _, name := range r.Body.Types {
		media, parameters, err := mime.ParseMediaType(name)
		if err != nil || len(parameters) > 0 || !strings.Contains(media, "/") {
			return nil, errMedia
		}
		c.types = append(c.types, media)
	}
	return c, nil
}

// room is how large a body may be.
func (c *conditions) room() int64 {
	if c == nil || c.max == 0 {
		return noBound
	}
	return c.max
}

// hold reports whether a request is certain to meet the conditions, however
// its vendor reads the query. A body of unknown size is held to its room as it
// is read.
func (c *conditions) hold(a *asked) bool {
	if c == nil {
		return !a.upgrade
	}
	if c.upgrade != a.upgrade {
		return false
	}
	if a.length != 0 && len(c.types) > 0 && !c.hasType(a.types) || a.length > c.room() {
		return false
	}
	if len(c.query) > 0 && strings.IndexByte(a.query, ';') >= 0 {
		return false // some split there
	}
	for i := range c.query {
		if !c.query[i].holds(a.query) {
			return false
		}
	}
	return true
}

func (c *conditions) hasType(headers []string) bool {
	if len(headers) != 1 {
		return false
	}
	media, _, err := mime.ParseMediaType(headers[0])
	return err == nil && slices.Contains(c.types, media)
}

// mayHold reports whether a vendor could read a request so that it meets the
// conditions.
func (c *conditions) mayHold(a *asked) bool {
	if c == nil {
		return true
	}
	if c.upgrade && !a.upgrade {
		return false
	}
	if len(c.types) > 0 && (a.length == 0 || !c.mayHaveType(a.types)) {
		return false
	}
	for i := range c.query {
		if !c.query[i].mayHold(a.query) {
			return false
		}
	}
	return true
}

// mayHaveType takes what it can't read for the worst.
func (c *conditions) mayHaveType(headers []string) bool {
	for _, h := range headers {
		media, _, err := mime.ParseMediaType(h)
		if err != nil || slices.Contains(c.types, media) {
			return true
		}
	}
	return len(headers) == 0
}

func (p *parameter) holds(query string) bool {
	there := false
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if looseName(name) != p.loose {
			continue
		}
		if name != p.name || p.values == nil {
			return false
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil || !p.any && !slices.Contains(p.values, decoded) {
			return false
		}
		there = true
	}
	return there == (p.values != nil)
}

func (p *parameter) mayHold(query string) bool {
	exactly := false
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		exactly = exactly || name == p.name
		if looseName(name) != p.loose || p.values == nil {
			continue
		}
		loose := strings.TrimSpace(unescapeAll(value))
		if p.any || slices.ContainsFunc(p.values, func(v string) bool { return fold(v) == fold(loose) }) {
			return true
		}
	}
	return p.values == nil && !exactly
}

// looseName is one spelling for all the names that some vendor takes for the
// same: decoded more than once, without subscript, in lower case, with
// underscores for dots and spaces.
func looseName(s string) string {
	s, _, _ = strings.Cut(unescapeAll(s), "[")
	return strings.ToLower(strings.NewReplacer(".", "_", " ", "_").Replace(strings.TrimSpace(s)))
}

// unescapeAll decodes until nothing is left to decode, or as far as it goes.
func unescapeAll(s string) string {
	for range 3 {
		if !strings.ContainsAny(s, "%+") {
			break
		}
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			break
		}
		s = decoded
	}
	return s
}
