package gateway

// The segments of a rule that stand for others. No request segment decodes to
// them, because the slash can't be part of one.
const (
	anySegment = "/{}" // one segment, not empty
	anyTail    = "/**" // any number of further segments
)

// node is a tree of rule paths, one level per segment.
type node struct {
	plain map[string]*node
	any   *node
	here  []ending // rules that end here
	tail  []ending // rules that end in ** here
}

// ending is what a rule says where its path ends.
type ending struct {
	methods methodSet
	scope   int
	route   string
}

// match gathers what the rules say of one request.
type match struct {
	scopes scopeSet
	route  string // of the first rule found, which is the most exact one
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
	var next *node
	switch s := segments[0]; s {
	case anyTail:
		n.tail = append(n.tail, e)
		return
	case anySegment:
		if n.any == nil {
			n.any = &node{}
		}
		next = n.any
	default:
		s = spell(s)
		if n.plain == nil {
			n.plain = map[string]*node{}
		}
		if n.plain[s] == nil {
			n.plain[s] = &node{}
		}
		next = n.plain[s]
	}
	next.add(segments[1:], spell, e)
}

// find visits every rule that matches, plain segments before {x} before **.
func (n *node) find(method methodSet, segments []string, spell func(string) string, m *match) {
	if len(segments) == 0 {
		m.take(method, n.here)
	} else {
		if next := n.plain[spell(segments[0])]; next != nil {
			next.find(method, segments[1:], spell, m)
		}
		if n.any != nil && segments[0] != "" {
			n.any.find(method, segments[1:], spell, m)
		}
	}
	m.take(method, n.tail)
}

func (m *match) take(method methodSet, endings []ending) {
	for _, e := range endings {
		if e.methods&method == 0 {
			continue
		}
		m.scopes.add(e.scope)
		if m.route == "" {
			m.route = e.route
		}
	}
}
