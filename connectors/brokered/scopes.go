package brokered

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/connectors"
)

const maxScopeName = 64

// CheckScopes reports every problem of a brokered system's scopes: names that
// people and policies could not write or tell apart, unknown access or
// methods, patterns the gateway could read in two ways, and conditions it could
// not hold requests to. What passes here the gateway compiles.
func CheckScopes(scopes []connectors.Scope) error {
	if len(scopes) == 0 {
		return fmt.Errorf("%w: scopes", connectors.ErrMissing)
	}
	var problems []error
	if len(scopes) > maxScopes {
		problems = append(problems, fmt.Errorf("there are %d scopes, at most %d are possible", len(scopes), maxScopes))
	}
	seen := map[string]bool{}
	for _, s := range scopes {
		if seen[s.Name] {
			problems = append(problems, fmt.Errorf("scope %q is named twice", s.Name))
		}
		seen[s.Name] = true
		if err := checkScope(s); err != nil {
			problems = append(problems, fmt.Errorf("scope %q: %w", s.Name, err))
		}
	}
	return errors.Join(problems...)
}

func checkScope(s connectors.Scope) error {
	if err := checkName(s.Name); err != nil {
		return err
	}
	if rank(s.Access) == 0 {
		return fmt.Errorf("access %q is not read, write or admin", s.Access)
	}
	allows := false
	for i, r := range s.Rules {
		if err := CheckRule(s.Access, r); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		allows = allows || !r.Deny
	}
	if !allows {
		return errors.New("it has no rule that allows anything")
	}
	return nil
}

// checkName keeps names typeable, and free of the * that policies match with.
func checkName(name string) error {
	if name == "" || len(name) > maxScopeName {
		return fmt.Errorf("the name must have 1 to %d characters", maxScopeName)
	}
	for part := range strings.SplitSeq(name, ":") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r != '.' && (!isWordChar(r) || r >= 'A' && r <= 'Z') }) {
			return errors.New("the name must be lower-case words of letters, digits, dot, dash and underscore, joined by colons")
		}
	}
	return nil
}

// CheckRule reports the first problem of a rule of a scope with the given
// access.
func CheckRule(access connectors.Access, r connectors.Rule) error {
	for _, m := range r.Methods {
		if !slices.Contains(methods(), m) {
			return fmt.Errorf("method %q is not one of %s", m, strings.Join(methods(), ", "))
		}
	}
	if access == connectors.Read && !r.Deny && changes(r) {
		return errors.New("a read scope can't allow PUT, PATCH or DELETE: list its methods")
	}
	if err := CheckPattern(r.Path); err != nil {
		return fmt.Errorf("path %q: %w", r.Path, err)
	}
	return checkConditions(access, r)
}

func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// changes says whether a rule covers a method that always changes something.
// POST may be a search.
func changes(r connectors.Rule) bool {
	if len(r.Methods) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Methods, func(m string) bool {
		return m == http.MethodPut || m == http.MethodPatch || m == http.MethodDelete
	})
}

// CheckPattern accepts the patterns of connectors.Rule and nothing else: plain
// literal segments, {name} for one whole segment, and /** at the end. Some APIs
// end their paths with a slash, so a pattern may too; it then means just those.
func CheckPattern(pattern string) error {
	if pattern == "/" || pattern == "/**" {
		return nil
	}
	path, tree := strings.CutSuffix(pattern, "/**")
	if !tree {
		path = strings.TrimSuffix(path, "/")
	}
	segments := strings.Split(path, "/")
	if len(segments) > maxSegments {
		return fmt.Errorf("it has %d segments, at most %d are possible", len(segments)-1, maxSegments-1)
	}
	var literal []string
	for i, segment := range segments {
		name, open := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		if i > 0 && open && closed {
			if !isToken(name) {
				return errors.New("a placeholder needs a name of letters, digits, dash and underscore")
			}
			segment = name
		}
		literal = append(literal, segment)
	}
	return checkLiteralPath(strings.Join(literal, "/"))
}

// checkLiteralPath allows only paths that no decoding or cleaning changes.
func checkLiteralPath(path string) error {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return errors.New("it must begin with /")
	}
	for segment := range strings.SplitSeq(rest, "/") {
		switch {
		case segment == "":
			return errors.New("it has an empty segment")
		case strings.Trim(segment, ".") == "":
			return errors.New("it has a dot segment")
		}
		for _, r := range segment {
			if !isWordChar(r) && !strings.ContainsRune(".~:@$+,=!", r) {
				return fmt.Errorf("it has the character %q; only plain ones, {name} segments and a final /** are allowed", r)
			}
		}
	}
	return nil
}

func rank(a connectors.Access) int {
	switch a {
	case connectors.Read:
		return 1
	case connectors.Write:
		return 2
	case connectors.Admin:
		return 3
	}
	return 0
}

// arrange orders scopes as ScopeLister promises and gives the untitled their
// name as title.
func arrange(scopes []connectors.Scope) []connectors.Scope {
	order := map[string]int{}
	out := slices.Clone(scopes)
	for i, s := range out {
		if _, ok := order[resource(s)]; !ok {
			order[resource(s)] = i
		}
		out[i].Title = orDefault(s.Title, s.Name)
	}
	slices.SortStableFunc(out, func(a, b connectors.Scope) int {
		if d := order[resource(a)] - order[resource(b)]; d != 0 {
			return d
		}
		return rank(a.Access) - rank(b.Access)
	})
	return out
}

func resource(s connectors.Scope) string {
	name, _, _ := strings.Cut(s.Name, ":")
	return name
}
