package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/secret"
)

// reference is what a dollar sign can begin in a value. A dollar sign before
// anything else is just that.
var reference = regexp.MustCompile(`\$\$|\$\{[^}]*\}?`)

var variableName = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// expand puts the environment's values into the texts of the tree, after the
// YAML was read, so that no value can change its structure. It returns what
// was read.
func expand(r *report, t *tree, env func(string) (string, bool)) []variable {
	e := &expander{report: r, tree: t, env: env}
	e.node(t.root)
	return e.seen
}

type expander struct {
	report *report
	tree   *tree
	env    func(string) (string, bool)
	seen   []variable
}

func (e *expander) node(n *node) {
	for _, child := range n.children() {
		e.node(child)
	}
	if n.shape != text {
		return
	}
	search := n.at // where in the file the next reference is looked for
	n.text = reference.ReplaceAllStringFunc(n.raw, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		at := n.at
		if found, ok := e.find(ref, search); ok {
			at, search = found, place{found.line, found.column + 1}
		}
		return e.value(n, at, ref)
	})
}

func (e *expander) value(n *node, at place, ref string) string {
	m := variableName.FindStringSubmatch(ref)
	if m == nil {
		e.problem(n, at, "this is no variable: write ${NAME} with letters, digits and underscores, or $$ for a dollar sign")
		return ""
	}
	name := m[1]
	value, ok := e.env(name)
	if !ok {
		e.problem(n, at, "the environment variable %s is not set: set it", name)
		return ""
	}
	if !utf8.ValidString(value) {
		e.problem(n, at, "the environment variable %s is not UTF-8 text: set it to text", name)
		return ""
	}
	v := variable{name, secret.New(value)}
	n.vars = append(n.vars, v)
	if !slices.ContainsFunc(e.seen, func(s variable) bool { return s.name == name }) {
		e.seen = append(e.seen, v)
	}
	return value
}

// problem reports each reference of a node, and leaves the node alone from
// then on.
func (e *expander) problem(n *node, at place, format string, args ...any) {
	e.report.add(at, n.path, format, args...)
	n.bad = true
}

// find looks for a reference in the file, from a place on.
func (e *expander) find(ref string, from place) (place, bool) {
	ref, _, _ = strings.Cut(ref, "\n")
	for line := from.line; line <= len(e.tree.lines); line++ {
		column := 1
		if line == from.line {
			column = from.column
		}
		here := rest(e.tree.lines, place{line, column})
		if before, _, ok := strings.Cut(here, ref); ok {
			return place{line, column + utf8.RuneCountInString(before)}, true
		}
	}
	return place{}, false
}
