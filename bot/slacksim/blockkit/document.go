package blockkit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxNumber is the longest number literal that is read; none that Slack uses comes near.
const maxNumber = 40

// document is a parsed body and, in document order, every object in it.
type document struct {
	root  map[string]any
	nodes []node
}

// node is one JSON object and where it stands.
type node struct {
	pointer string
	object  map[string]any
}

// kind is the object's type, or empty.
func (n node) kind() string {
	kind, _ := n.object["type"].(string)
	return kind
}

// at is the pointer of a property of the object.
func (n node) at(property string) string {
	return n.pointer + "/" + escape(property)
}

func parse(doc []byte) (any, *Problem) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, &Problem{Message: fmt.Sprintf("The document is not JSON: %v.", err)}
	}
	if number, found := outlandish(value); found {
		return nil, &Problem{Message: fmt.Sprintf("The number %.40s is out of range.", number)}
	}
	return value, nil
}

// outlandish finds a number beyond any use, of over 40 characters or from 1e100
// on: the schema engine computes exactly, which takes long for 1e999999 and
// panics for 1e9999999.
func outlandish(value any) (json.Number, bool) {
	switch value := value.(type) {
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(value.String()), "e")
		digits := strings.TrimLeft(exponent, "+-0")
		return value, len(value) > maxNumber || len(digits) > 2
	case map[string]any:
		for _, child := range value {
			if number, found := outlandish(child); found {
				return number, true
			}
		}
	case []any:
		for _, child := range value {
			if number, found := outlandish(child); found {
				return number, true
			}
		}
	}
	return "", false
}

// flatten lists the objects in a stable order, so that the second of two equal
// IDs is always the one that is named.
func flatten(root map[string]any) []node {
	var nodes []node
	var walk func(value any, pointer string)
	walk = func(value any, pointer string) {
		switch value := value.(type) {
		case map[string]any:
			nodes = append(nodes, node{pointer: pointer, object: value})
			for _, key := range slices.Sorted(maps.Keys(value)) {
				if isContainer(value[key]) {
					walk(value[key], pointer+"/"+escape(key))
				}
			}
		case []any:
			for i, item := range value {
				if isContainer(item) {
					walk(item, pointer+"/"+strconv.Itoa(i))
				}
			}
		}
	}
	walk(root, "")
	return nodes
}

func isContainer(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	default:
		return false
	}
}

// items lists the objects of an array property.
func items(n node, property string) []node {
	list, _ := n.object[property].([]any)
	nodes := make([]node, 0, len(list))
	for i, item := range list {
		if object, ok := item.(map[string]any); ok {
			nodes = append(nodes, node{pointer: n.at(property) + "/" + strconv.Itoa(i), object: object})
		}
	}
	return nodes
}

func escape(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// sorted orders problems by place and drops repetitions.
func sorted(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}
