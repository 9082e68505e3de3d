package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// shape is what a node is.
type shape int

const (
	nothing shape = iota // null, or something that was refused
	text
	number
	truth
	list
	mapping
)

// node is a value of the file, and where it is.
type node struct {
	shape  shape
	path   string // "policies[1].when"
	parent *node
	at     place // where the value begins
	key    place // where its key begins; zero for entries of a list and for the top
	bad    bool  // a problem was reported here

	text   string  // of a text, expanded
	raw    string  // of a text, as the file has it
	number any     // int64, uint64 or float64
	truth  bool    //
	fields []field // of a mapping, in the order of the file
	items  []*node // of a list
	vars   []variable
}

type field struct {
	name string
	node *node
}

// position is where an editor should go: to a plain value, or to the key of a
// collection.
func (n *node) position() place {
	if n.key.line > 0 && n.shape != text && n.shape != number && n.shape != truth {
		return n.key
	}
	return n.at
}

// hopeless says that a problem was reported at n or above it.
func (n *node) hopeless() bool {
	for ; n != nil; n = n.parent {
		if n.bad {
			return true
		}
	}
	return false
}

// flawed says that a problem was reported at n or below it.
func (n *node) flawed() bool {
	return n.bad || slices.ContainsFunc(n.children(), (*node).flawed)
}

// variables are what was read from the environment at n and below it.
func (n *node) variables() []variable {
	all := slices.Clone(n.vars)
	for _, child := range n.children() {
		all = append(all, child.variables()...)
	}
	return all
}

func (n *node) children() []*node {
	all := slices.Clone(n.items)
	for _, f := range n.fields {
		all = append(all, f.node)
	}
	return all
}

func (n *node) field(name string) *node {
	for _, f := range n.fields {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

func (n *node) names() []string {
	out := make([]string, 0, len(n.fields))
	for _, f := range n.fields {
		out = append(out, f.name)
	}
	return out
}

// shown writes a text into a message: as the file has it, so that nothing
// from the environment shows.
func (n *node) shown() string { return shown(n.raw) }

func shown(s string) string {
	const limit = 60
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit-1]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// tree is the file as nodes.
type tree struct {
	root  *node
	nodes map[string]*node // by path
	lines []string         // of the file
}

// near finds the node at a path, or the nearest one around it.
func (t *tree) near(path string) *node {
	for {
		if n, ok := t.nodes[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// builder makes a tree of the YAML library's.
type builder struct {
	report *report
	tree   *tree
}

func (b *builder) node(parent *node, path string, key place, from ast.Node) *node {
	n := &node{parent: parent, path: path, key: key, at: placeOf(from.GetToken())}
	b.tree.nodes[path] = n
	switch v := from.(type) {
	case *ast.StringNode:
		n.shape, n.text, n.raw = text, v.Value, v.Value
	case *ast.LiteralNode:
		n.shape, n.text, n.raw = text, v.Value.Value, v.Value.Value
	case *ast.InfinityNode, *ast.NanNode:
		n.shape, n.text = text, from.GetToken().Value
		n.raw = n.text
	case *ast.IntegerNode:
		n.shape, n.number = number, v.Value
	case *ast.FloatNode:
		n.shape, n.number = number, v.Value
	case *ast.BoolNode:
		n.shape, n.truth = truth, v.Value
	case *ast.NullNode:
		n.shape = nothing
	case *ast.SequenceNode:
		n.shape = list
		for i, item := range v.Values {
			n.items = append(n.items, b.node(n, fmt.Sprintf("%s[%d]", path, i), place{}, item))
		}
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			n.at = placeOf(v.Values[0].Key.GetToken()) // the library's own is the colon
		}
		b.mapping(n, v.Values)
	case *ast.MappingValueNode:
		b.mapping(n, []*ast.MappingValueNode{v})
	case *ast.AliasNode:
		b.report.addNode(n, "aliases (*name) are not read here: write the value out, or put a value that begins with * in quotes")
	case *ast.AnchorNode:
		b.report.addNode(n, "anchors (&name) are not read here: write the value out, or put a value that begins with & in quotes")
	case *ast.TagNode:
		b.report.addNode(n, "tags (!name) are not read here: write the plain value, or put a value that begins with ! in quotes")
	default:
		b.report.addNode(n, "this kind of YAML is not read here: write a plain value, a list or a mapping")
	}
	return n
}

func (b *builder) mapping(n *node, values []*ast.MappingValueNode) {
	n.shape = mapping
	for _, v := range values {
		at := placeOf(v.Key.GetToken())
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			b.report.add(at, n.path, "merge keys (<<) are not read here: write the fields out")
			continue
		}
		name, ok := keyName(v.Key)
		if !ok {
			b.report.add(at, n.path, "write a plain word as the key")
			continue
		}
		if i := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name }); i >= 0 {
			b.report.add(at, n.path, "%s is here twice, first on line %d: keep one", shown(name), n.fields[i].node.key.line)
			continue
		}
		n.fields = append(n.fields, field{name, b.node(n, join(n.path, name), at, v.Value)})
	}
}

// keyName reads a key; anything but a single word is refused.
func keyName(key ast.MapKeyNode) (string, bool) {
	switch v := key.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return key.GetToken().Value, true
	default:
		return "", false
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// rest is what a line has from a place on.
func rest(lines []string, at place) string {
	if at.line < 1 || at.line > len(lines) {
		return ""
	}
	r := []rune(lines[at.line-1])
	return string(r[min(max(at.column-1, 0), len(r)):])
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}
