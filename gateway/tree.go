package gateway

import (
	"math"
	"slices"
)

// The segments of a rule that stand for others. Rules have no other segments
// with a slash.
const (
	anySegment = "/{}"  // one segment, not empty, without encoded slashes
	anySlashed = "/{/}" // one segment, not empty
	anyTail    = "/**"  // any number of further segments
)

// node is a tree of rule paths, one level per segment.
type node struct {
	plain   map[string]*node
	any     *node
	slashed *node
	here    []ending // rules that end here
	tail    []ending // rules that end in ** here
}

// ending is what a rule says where its path ends.
type ending struct {
	methods methodSet
	scope   int
	route   string
	slashes bool // its ** covers segments with encoded slashes
	when    *conditions
}

// asked is what a request asks for, as rules see it.
type asked struct {
	method   methodSet
	segments []string
	slashed  bool // see target
	query    string
	types    []string // the Content-Type headers
	length   int64    // of the body; -1 when it is not known
	upgrade  bool     // to WebSocket
	held     *scopeSet
}

// match gathers what the rules say of one request.
type match struct {
	denied scopeSet // scopes whose allowing rules do not count
	scopes scopeSet
	route  string // of the first rule found, which is the most exact one
	unmet  bool   // a rule speaks of method and path, but not of such a query or body
	room   int64  // bytes of a body that the held scopes allow
}

func (n *node) empty() bool {
	return n.plain == nil && n.any == nil && n.here == nil && n.tail == nil
}

// add puts a rule into the tree, its plain segments as spell writes them.
func (n *node) add(segments []string, spell func(string) string, e ending) {
	if len(segments) == 0 {
		n.here = append(n.here, e)
		return
	}
	var next **node
	switch s := segments[0]; s {
	case anyTail:
		n.tail = append(n.tail, e)
		return
	case anySegment:
		next = &n.any
	case anySlashed:
		next = &n.slashed
	default:
		n.addPlain(spell(s)).add(segments[1:], spell, e)
		return
	}
	if *next == nil {
		*next = &node{}
	}
	(*next).add(segments[1:], spell, e)
}

func (n *node) addPlain(s string) *node {
	if n.plain == nil {
		n.plain = map[string]*node{}
	}
	if n.plain[s] == nil {
		n.plain[s] = &node{}
	}
	return n.plain[s]
}

// find visits every allowing rule that matches, plain segments before {x}
// before **.
func (n *node) find(a *asked, segments []string, m *match) {
	if len(segments) == 0 {
		m.take(a, n.here)
	} else {
		s, rest := segments[0], segments[1:]
		if next := n.plain[s]; next != nil {
			next.find(a, rest, m)
		}
		if n.any != nil && s != "" && !(a.slashed && hasSlash(s)) {
			n.any.find(a, rest, m)
		}
		if n.slashed != nil && s != "" {
			n.slashed.find(a, rest, m)
		}
	}
	if len(n.tail) > 0 {
		m.takeTail(a, n.tail, segments)
	}
}

func (m *match) take(a *asked, endings []ending) {
	for i := range endings {
		if e := &endings[i]; e.methods&a.method != 0 {
			m.allow(a, e)
		}
	}
}

func (m *match) takeTail(a *asked, endings []ending, rest []string) {
	for i := range endings {
		e := &endings[i]
		if e.methods&a.method == 0 || a.slashed && !e.slashes && slices.ContainsFunc(rest, hasSlash) {
			continue
		}
		m.allow(a, e)
	}
}

func (m *match) allow(a *asked, e *ending) {
	if m.route == "" {
		m.route = e.route
	}
	if m.denied.has(e.scope) {
		return
	}
	if !e.when.hold(a) {
		m.unmet = true
		return
	}
	m.scopes.add(e.scope)
	if a.held.has(e.scope) {
		m.room = max(m.room, e.when.room())
	}
}

// findDenied adds the scopes of every denying rule that matches one of the
// readings of a path.
func (n *node) findDenied(a *asked, segments []string, denied *scopeSet) {
	if len(segments) == 0 {
		a.deny(n.here, denied)
	} else {
		if next := n.plain[fold(segments[0])]; next != nil {
			next.findDenied(a, segments[1:], denied)
		}
		if n.any != nil && segments[0] != "" {
			n.any.findDenied(a, segments[1:], denied)
		}
	}
	a.deny(n.tail, denied)
}

func (a *asked) deny(endings []ending, denied *scopeSet) {
	for i := range endings {
		if e := &endings[i]; e.methods&a.method != 0 && e.when.mayHold(a) {
			denied.add(e.scope)
		}
	}
}

// findInner visits the allowing rules that match a flattened path and know one
// of its inner segments by name: to them what one segment says is the way to
// another endpoint.
func (n *node) findInner(a *asked, segments []string, inner []bool, known bool, speak, allow *scopeSet) {
	if len(segments) > 0 {
		if next := n.plain[segments[0]]; next != nil {
			next.findInner(a, segments[1:], inner[1:], known || inner[0], speak, allow)
		}
		for _, next := range []*node{n.any, n.slashed} {
			if next != nil && segments[0] != "" {
				next.findInner(a, segments[1:], inner[1:], known, speak, allow)
			}
		}
	}
	endings := n.tail
	if len(segments) == 0 {
		endings = append(slices.Clip(endings), n.here...)
	}
	for i := range endings {
		e := &endings[i]
		if !known || e.methods&a.method == 0 {
			continue
		}
		speak.add(e.scope)
		if e.when.hold(a) {
			allow.add(e.scope)
		}
	}
}

// noBound is the room of a rule that does not speak of a body's size.
const noBound = math.MaxInt64
