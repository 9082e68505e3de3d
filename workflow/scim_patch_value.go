package workflow

import (
	"reflect"
	"slices"
	"strings"
)

// patch does an operation on one attribute of what holds it.
func (a SCIMAttribute) patch(holder map[string]any, o scimOperation) error {
	name := a.Name
	for have := range holder {
		if strings.EqualFold(have, name) {
			name = have
		}
	}
	v, err := a.patched(holder[name], o)
	if err != nil {
		return err
	}
	if v == nil && (a.Required || a.Name == "active" && a.Type == scimBoolean) {
		return scimRefuse(SCIMMutability, "%s can't be removed.", a.Name)
	}
	if v == nil {
		delete(holder, name)
		return nil
	}
	holder[name] = v
	return nil
}

// patched is the value of an attribute after an operation; nil is none.
func (a SCIMAttribute) patched(was any, o scimOperation) (any, error) {
	list, isList := was.([]any)
	several := a.Multi || isList
	switch {
	case o.path.filter != nil && !several && a.Type != "any":
		return nil, scimRefuse(SCIMInvalidPath, "%s has no values to choose from.", a.Name)
	case o.path.filter != nil:
		return a.patchSome(list, o)
	case o.path.sub != "" && several:
		return a.patchSome(list, o)
	case o.path.sub != "":
		return a.patchSub(was, o)
	case o.op == "remove" && several:
		return a.without(list, o.value)
	case o.op == "remove":
		return nil, nil
	}
	v, err := a.clean(o.value)
	if err != nil {
		return nil, err
	}
	switch {
	case several && o.op == "add":
		return a.with(list, scimList(v))
	case a.Type == scimComplex && !a.Multi:
		return a.merged(was, o.value)
	}
	return v, nil
}

// patchSub changes a part of a value that has parts.
func (a SCIMAttribute) patchSub(was any, o scimOperation) (any, error) {
	holder, ok := was.(map[string]any)
	if !ok {
		holder = map[string]any{}
	}
	if a.Type != scimComplex && a.Type != "any" || was != nil && !ok {
		return nil, scimRefuse(SCIMInvalidPath, "%s has no parts.", a.Name)
	}
	if err := a.setSub(holder, o.path.sub, o.op, o.value); err != nil {
		return nil, err
	}
	if len(holder) == 0 {
		return nil, nil
	}
	return holder, nil
}

// setSub sets one part of a value, or takes it away.
func (a SCIMAttribute) setSub(holder map[string]any, name, op string, value any) error {
	sub, known := a.sub(name)
	if !known {
		sub = SCIMAttribute{Name: name, Type: "any"}
	}
	if op == "remove" {
		value = nil
	}
	v, err := sub.clean(value)
	if err != nil || isPassword(name) {
		return err
	}
	if v == nil {
		delete(holder, sub.Name)
		return nil
	}
	holder[sub.Name] = v
	return nil
}

// merged puts parts of a value over those that it has.
func (a SCIMAttribute) merged(was, value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	parts, ok := value.(map[string]any)
	if !ok {
		return a.cleanComplex(value) // a plain string, or nothing
	}
	holder, ok := was.(map[string]any)
	if !ok {
		holder = map[string]any{}
	}
	for name, v := range parts {
		if err := a.setSub(holder, name, "replace", v); err != nil {
			return nil, err
		}
	}
	if len(holder) == 0 {
		return nil, nil
	}
	return holder, nil
}

// with adds values to a list that are not in it.
func (a SCIMAttribute) with(list, more []any) (any, error) {
	touched := map[int]bool{}
	for _, v := range more {
		same := slices.IndexFunc(list, func(have any) bool { return reflect.DeepEqual(have, v) })
		if same < 0 {
			list = append(list, v)
			same = len(list) - 1
		}
		touched[same] = true
	}
	return a.tidied(list, touched)
}

// without takes values from a list: those that are named, or all. Entra names
// the members of a group so.
func (a SCIMAttribute) without(list []any, named any) (any, error) {
	if named == nil {
		return nil, nil
	}
	cleaned, err := a.clean(named)
	if err != nil {
		return nil, err
	}
	gone := scimList(cleaned)
	list = slices.DeleteFunc(list, func(have any) bool {
		return slices.ContainsFunc(gone, func(v any) bool { return a.sameValue(have, v) })
	})
	return a.tidied(list, nil)
}

// sameValue tells whether what is named stands for a value: by its "value"
// alone, or by all it says.
func (a SCIMAttribute) sameValue(have, named any) bool {
	object, ok := named.(map[string]any)
	inner, isObject := have.(map[string]any)
	if !ok || !isObject {
		return reflect.DeepEqual(have, named)
	}
	for name, v := range object {
		if !reflect.DeepEqual(foldGet(inner, name), v) {
			return false
		}
	}
	return len(object) > 0
}

// patchSome changes the values that a filter chooses, or all.
func (a SCIMAttribute) patchSome(list []any, o scimOperation) (any, error) {
	if o.path.filter != nil {
		if err := o.path.filter.check(a.viewOfValue(nil)); err != nil {
			return nil, err
		}
	}
	var chosen []int
	for i, v := range list {
		if o.path.filter == nil || o.path.filter.match(a.viewOfValue(v)) {
			chosen = append(chosen, i)
		}
	}
	if o.op == "remove" && o.path.sub == "" {
		return a.tidied(slices.DeleteFunc(slices.Clone(list), func(v any) bool { return o.path.filter.match(a.viewOfValue(v)) }), nil)
	}
	if len(chosen) == 0 {
		fresh, err := a.fresh(o)
		if err != nil || fresh == nil {
			return a.tidiedOr(list, err)
		}
		list, chosen = append(list, fresh), []int{len(list)}
	}
	touched := map[int]bool{}
	for _, i := range chosen {
		holder, ok := list[i].(map[string]any)
		if !ok {
			return nil, scimRefuse(SCIMInvalidPath, "The values of %s have no parts.", a.Name)
		}
		if err := a.patchChosen(holder, o); err != nil {
			return nil, err
		}
		touched[i] = true
	}
	return a.tidied(list, touched)
}

func (a SCIMAttribute) tidiedOr(list []any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return a.tidied(list, nil)
}

func (a SCIMAttribute) patchChosen(holder map[string]any, o scimOperation) error {
	if o.path.sub != "" {
		return a.setSub(holder, o.path.sub, o.op, o.value)
	}
	value := o.value
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	parts, ok := value.(map[string]any)
	if !ok {
		return invalidSCIM(a.Name, "an object")
	}
	for name, v := range parts {
		if err := a.setSub(holder, name, o.op, v); err != nil {
			return err
		}
	}
	return nil
}

// fresh is the value that an operation makes if its filter chose none. RFC
// 7644 has such a replace fail; Entra replaces parts of values that it never
// added, and then means to add them, so a part of what is described by plain
// equalities is made.
func (a SCIMAttribute) fresh(o scimOperation) (map[string]any, error) {
	if o.op == "remove" {
		return nil, nil
	}
	out := map[string]any{}
	plain := o.path.filter == nil || a.describe(o.path.filter, out)
	if plain && (o.op == "add" || o.path.sub != "") {
		return out, nil
	}
	return nil, scimRefuse(SCIMNoTarget, "%s chooses nothing.", o.path)
}

// describe fills in the parts that a filter of plain equalities asks for.
func (a SCIMAttribute) describe(f scimFilter, out map[string]any) bool {
	switch f := f.(type) {
	case scimLogic:
		for _, part := range f.parts {
			if !f.and || !a.describe(part, out) {
				return false
			}
		}
		return true
	case scimCompare:
		return f.op == "eq" && f.value != nil && a.setSub(out, f.name.attr, "add", f.value) == nil
	}
	return false
}

// tidied bounds a list, drops what became empty, and leaves one primary value:
// the one that was made so last (RFC 7644, 3.5.2).
func (a SCIMAttribute) tidied(list []any, touched map[int]bool) (any, error) {
	primaries := 0
	for i, v := range list {
		if touched[i] && isPrimary(v) {
			primaries++
		}
	}
	if primaries > 1 {
		return nil, scimRefuse(SCIMInvalidValue, "Only one value of %s can be the primary one.", a.Name)
	}
	var out []any
	for i, v := range list {
		object, ok := v.(map[string]any)
		if ok && len(object) == 0 {
			continue
		}
		if ok && primaries == 1 && !touched[i] && isPrimary(v) {
			object["primary"] = false
		}
		out = append(out, v)
	}
	if len(out) > maxSCIMValues {
		return nil, scimRefuse(SCIMInvalidValue, "%s has more than %d values.", a.Name, maxSCIMValues)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}
