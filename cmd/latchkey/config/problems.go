package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a file.
type Problem struct {
	Line, Column int    // from 1; columns count characters
	Path         string // what it is about: "policies[1].when"; empty for the whole file
	Message      string // says what to do
}

// Problems is everything wrong with a file, in the order of the file.
type Problems struct {
	File string
	List []Problem
}

// Error has one line per problem: file:line:column: path: message.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List))
	for _, one := range p.List {
		line := fmt.Sprintf("%s:%d:%d: ", p.File, one.Line, one.Column)
		if one.Path != "" {
			line += one.Path + ": "
		}
		lines = append(lines, line+one.Message)
	}
	return strings.Join(lines, "\n")
}

// place is a position in the file, both from 1.
type place struct{ line, column int }

// report collects problems.
type report struct {
	file     string
	problems []Problem
}

func (r *report) add(at place, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...)})
}

// addNode reports a problem of n, unless one was reported there or above
// already: it would be the same mistake told twice.
func (r *report) addNode(n *node, format string, args ...any) {
	if n.hopeless() {
		return
	}
	n.bad = true
	r.add(n.position(), n.path, format, args...)
}

// err is nil if there are no problems.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return &Problems{File: r.file, List: r.problems}
}
