package blockkit

import "fmt"

// uniqueBlockIDs: Slack refuses a message or view in which two blocks share a block_id.
func uniqueBlockIDs(d document) []Problem {
	return unique(d.nodes, "block_id", "this surface")
}

// uniqueActionIDs: Slack refuses a block in which two elements share an
// action_id. The same action_id in two blocks is allowed and usual: the block
// tells the rows of a list apart.
func uniqueActionIDs(d document) []Problem {
	var problems []Problem
	for _, n := range d.nodes {
		problems = append(problems, unique(items(n, "elements"), "action_id", "this block")...)
		problems = append(problems, unique(items(n, "actions"), "action_id", "this card")...)
	}
	return problems
}

func unique(nodes []node, property, scope string) []Problem {
	var problems []Problem
	first := make(map[string]string, len(nodes))
	for _, n := range nodes {
		id, ok := n.object[property].(string)
		if !ok {
			continue
		}
		if earlier, taken := first[id]; taken {
			problems = append(problems, Problem{n.at(property), fmt.Sprintf("The %s %q is taken in %s by %s.", property, id, scope, earlier)})
			continue
		}
		first[id] = n.pointer
	}
	return problems
}
