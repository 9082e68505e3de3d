package workflow

import (
	"context"
	"strings"

	"latchkey/storage"
)

// memberChange is a change of who is in a group.
type memberChange struct {
	replace bool // nobody stays but who is added
	add     []string
	remove  []string
}

// memberStep is what one operation of a PATCH does to the members. With a
// filter it is about those that match it then.
type memberStep struct {
	change memberChange
	filter scimFilter
}

// readMemberStep reads an operation on the members of a group.
func readMemberStep(o scimOperation) (memberStep, error) {
	var step memberStep
	if o.path.sub != "" {
		return step, scimRefuse(SCIMMutability, "A member is added or removed, not changed.")
	}
	if o.path.filter != nil {
		return readChosenMembers(o)
	}
	ids, err := memberIDs(o.value)
	if err != nil {
		return step, err
	}
	switch o.op {
	case "add":
		step.change.add = ids
	case "replace":
		step.change = memberChange{replace: true, add: ids}
	case "remove":
		step.change = memberChange{replace: o.value == nil, remove: ids}
	}
	return step, nil
}

// readChosenMembers reads members[value eq "x"] without asking who is a member,
// and anything else for those who are.
func readChosenMembers(o scimOperation) (memberStep, error) {
	var step memberStep
	if o.op != "remove" {
		return step, scimRefuse(SCIMMutability, "A member is added or removed, not changed.")
	}
	members, _ := scimGroupType.attribute("", "members")
	if err := o.path.filter.check(members.viewOfValue(nil)); err != nil {
		return step, err
	}
	if ids, plain := namedMembers(o.path.filter); plain {
		step.change.remove = ids
		return step, nil
	}
	step.filter = o.path.filter
	return step, nil
}

// namedMembers reads a filter that does nothing but name users.
func namedMembers(f scimFilter) ([]string, bool) {
	switch f := f.(type) {
	case scimLogic:
		var out []string
		for _, part := range f.parts {
			ids, plain := namedMembers(part)
			if !plain || f.and {
				return nil, false
			}
			out = append(out, ids...)
		}
		return out, true
	case scimCompare:
		id, ok := f.value.(string)
		return []string{id}, ok && f.op == "eq" && strings.EqualFold(f.name.attr, "value")
	}
	return nil, false
}

// memberIDs reads users named as members.
func memberIDs(v any) ([]string, error) {
	var out []string
	for _, one := range scimList(v) {
		id, isText := one.(string)
		object, isObject := one.(map[string]any)
		if isObject {
			id, _ = foldGet(object, "value").(string)
			if kind, _ := foldGet(object, "type").(string); kind != "" && !strings.EqualFold(kind, "User") {
				return nil, scimRefuse(SCIMInvalidValue, "Only users can be members; groups in groups are not kept.")
			}
		}
		if one == nil {
			continue
		}
		if !isText && !isObject || id == "" {
			return nil, scimRefuse(SCIMInvalidValue, "A member has to have the id of a user as its value.")
		}
		out = append(out, id)
	}
	return out, nil
}

// joinSteps puts a step behind others. Steps of one sort become one.
func joinSteps(steps []memberStep, step memberStep) []memberStep {
	if len(steps) > 0 {
		last := &steps[len(steps)-1]
		plain := last.filter == nil && step.filter == nil && !step.change.replace
		switch {
		case plain && len(step.change.remove) == 0 && len(last.change.remove) == 0:
			last.change.add = append(last.change.add, step.change.add...)
			return steps
		case plain && len(step.change.add) == 0 && len(last.change.add) == 0 && !last.change.replace:
			last.change.remove = append(last.change.remove, step.change.remove...)
			return steps
		}
	}
	return append(steps, step)
}

// doMemberStep does one step and says whether anything is another way after it.
func (s *Service) doMemberStep(ctx context.Context, tx storage.Tx, by storage.Actor, g storage.SCIMGroup, step memberStep) (bool, error) {
	if step.filter == nil {
		return s.changeMembers(ctx, tx, by, g, step.change)
	}
	all, err := tx.SCIMMembers(ctx, g)
	if err != nil {
		return false, err
	}
	members, _ := scimGroupType.attribute("", "members")
	var chosen []string
	for i, v := range s.showMembers(all) {
		if step.filter.match(members.viewOfValue(v)) {
			chosen = append(chosen, all[i].Resource)
		}
	}
	return s.changeMembers(ctx, tx, by, g, memberChange{remove: chosen})
}

// changeMembers adds and removes members, in statements about those alone, and
// has the keys of those looked at who lost the group.
func (s *Service) changeMembers(ctx context.Context, tx storage.Tx, by storage.Actor, g storage.SCIMGroup, c memberChange) (bool, error) {
	removed, added := 0, 0
	if c.replace || len(c.remove) > 0 {
		users := c.remove
		if c.replace {
			users = c.add
		}
		n, lost, err := tx.RemoveSCIMMembers(ctx, g, users, c.replace, by)
		if err != nil {
			return false, err
		}
		removed = n
		if err := s.lostGroup(ctx, tx, lost); err != nil {
			return false, err
		}
	}
	if len(c.add) > 0 {
		n, unknown, err := tx.AddSCIMMembers(ctx, g, c.add, by)
		if err != nil {
			return false, err
		}
		if unknown > 0 {
			return false, scimRefuse(SCIMInvalidValue, "%d of the members are no users here.", unknown)
		}
		added = n
	}
	return removed+added > 0, nil
}

// showMembers are members as directories see them.
func (s *Service) showMembers(members []storage.SCIMMember) []any {
	out := make([]any, len(members))
	for i, m := range members {
		v := map[string]any{"value": m.Resource, "$ref": s.PublicURL + "/scim/v2/Users/" + m.Resource, "type": "User"}
		if m.Display != "" {
			v["display"] = m.Display
		}
		out[i] = v
	}
	return out
}
