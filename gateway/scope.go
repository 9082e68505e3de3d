package gateway

import (
	"errors"
	"fmt"
	"math/bits"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/connectors"
)

// maxScopes is how many scopes a connection may have.
const maxScopes = 256

// scopeSet is a set of a connection's scopes, by their position.
type scopeSet [maxScopes / 64]uint64

func (s *scopeSet) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s *scopeSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s *scopeSet) keep(o *scopeSet) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s *scopeSet) meets(o *scopeSet) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// each calls fn with the positions in the set, in order.
func (s *scopeSet) each(fn func(int)) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			fn(i*64 + bits.TrailingZeros64(word))
		}
	}
}

// methodSet is a set of the methods the gateway lets through.
type methodSet uint8

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

const anyMethod methodSet = 1<<6 - 1

// methodOf is zero for a method that is never let through.
func methodOf(name string) methodSet {
	for i, m := range methods {
		if m == name {
			return 1 << i
		}
	}
	return 0
}

// scopes answers which of a connection's scopes let a request pass. It is
// compiled from their rules once.
type scopes struct {
	names []string
	index map[string]int
	allow node
	deny  node // keys folded: a system that ignores case does not get around a denial

	slashes bool // a rule may hold encoded slashes
}

func compileScopes(all []connectors.Scope) (*scopes, error) {
	if len(all) > maxScopes {
		return nil, fmt.Errorf("has %d scopes, at most %d are possible", len(all), maxScopes)
	}
	s := &scopes{index: make(map[string]int, len(all))}
	for i, scope := range all {
		if _, twice := s.index[scope.Name]; twice {
			return nil, fmt.Errorf("scope %s is there twice", scope.Name)
		}
		s.names = append(s.names, scope.Name)
		s.index[scope.Name] = i
		for _, r := range scope.Rules {
			if err := s.addRule(i, r); err != nil {
				return nil, fmt.Errorf("scope %s, path %q: %w", scope.Name, r.Path, err)
			}
		}
	}
	return s, nil
}

func (s *scopes) addRule(scope int, r connectors.Rule) error {
	segments, err := rulePath(r)
	if err != nil {
		return err
	}
	covers, err := ruleMethods(r.Methods)
	if err != nil {
		return err
	}
	when, err := newConditions(r)
	if err != nil {
		return err
	}
	e := ending{methods: covers, scope: scope, when: when}
	if r.Deny {
		s.deny.add(trimSlash(segments), fold, e)
		return nil
	}
	e.route = r.Path
	e.slashes = slices.Contains(r.Slashes, "**")
	s.slashes = s.slashes || len(r.Slashes) > 0
	s.allow.add(segments, exact, e)
	return nil
}

// hold makes the set of the named scopes. Names that are no scopes of the
// connection any more give nothing.
func (s *scopes) hold(names []string) scopeSet {
	var held scopeSet
	for _, name := range names {
		if i, ok := s.index[name]; ok {
			held.add(i)
		}
	}
	return held
}

// judge matches a request with the rules: the scopes under which it passes,
// and the most exact rule that speaks of it. A path with encoded slashes is
// judged in both readings. Where another rule takes what they divide for an
// endpoint of its own, only the scopes of that rule let it pass.
func (s *scopes) judge(a *asked) match {
	var m match
	if !s.deny.empty() {
		s.deny.findDenied(a, trimSlash(a.segments), &m.denied)
	}
	var speak, inside scopeSet
	if a.slashed {
		flat, inner := flatten(a.segments)
		s.deny.findDenied(a, trimSlash(flat), &m.denied)
		s.allow.findInner(a, flat, inner, false, &speak, &inside)
	}
	s.allow.find(a, a.segments, &m)
	if speak != (scopeSet{}) {
		m.scopes.keep(&inside)
	}
	return m
}

// needs names the scopes of a set.
func (s *scopes) needs(set scopeSet) []string {
	names := []string{}
	set.each(func(i int) { names = append(names, s.names[i]) })
	return names
}

var (
	errRulePath  = errors.New("a rule's path begins with a slash; {name} is a whole segment and ** the last one")
	errRuleQuery = errors.New("a rule's path is plain text without encoding, query or dot segments")
)

// rulePath splits "/4/worklogs/{id}" into segments; {…} becomes anySegment or
// anySlashed and a final ** anyTail.
func rulePath(r connectors.Rule) ([]string, error) {
	if r.Path == "" || r.Path[0] != '/' {
		return nil, errRulePath
	}
	segments, refused := splitPath(strings.NewReplacer("{", "(", "}", ")").Replace(r.Path[1:]), false)
	if refused != nil || strings.ContainsAny(r.Path, "%?#") {
		return nil, errRuleQuery
	}
	raw := strings.Split(r.Path[1:], "/")
	for _, name := range r.Slashes {
		if !slices.Contains(raw, "{"+name+"}") && (name != "**" || raw[len(raw)-1] != "**") {
			return nil, fmt.Errorf("slashes names %q, which is neither a {name} nor the ** of the path", name)
		}
	}
	for i := range segments {
		switch s := raw[i]; {
		case s == "**":
			if i != len(raw)-1 {
				return nil, errRulePath
			}
			segments[i] = anyTail
		case len(s) > 2 && s[0] == '{' && strings.IndexAny(s[1:], "{}") == len(s)-2:
			segments[i] = anySegment
			if !r.Deny && slices.Contains(r.Slashes, s[1:len(s)-1]) {
				segments[i] = anySlashed
			}
		case strings.ContainsAny(s, "{}*"):
			return nil, errRulePath
		}
	}
	return segments, nil
}

// ruleMethods makes the set of a rule. A rule about GET is one about HEAD as
// well, which asks for less of the same.
func ruleMethods(names []string) (methodSet, error) {
	if len(names) == 0 {
		return anyMethod, nil
	}
	var set methodSet
	for _, name := range names {
		m := methodOf(name)
		if m == 0 {
			return 0, fmt.Errorf("method %q is none of %s", name, strings.Join(methods, ", "))
		}
		set |= m
	}
	if set&methodOf(http.MethodGet) != 0 {
		set |= methodOf(http.MethodHead)
	}
	return set, nil
}

// trimSlash drops the empty segment of a trailing slash.
func trimSlash(segments []string) []string {
	if n := len(segments); n > 0 && segments[n-1] == "" {
		return segments[:n-1]
	}
	return segments
}

// exact is the spelling of allowing rules: as it came.
func exact(s string) string { return s }

// fold is the spelling of denying rules, one for all that a careless system
// takes for the same: letters without case, and no dots or spaces at the end
// (Windows).
func fold(s string) string {
	s = strings.TrimRight(s, ". ")
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune is the lower case for ASCII letters and all that folds to them.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}
