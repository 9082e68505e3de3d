package workflow

import (
	"maps"
	"slices"
	"strings"
)

// maxSCIMOperations bounds one PATCH.
const maxSCIMOperations = 1000

// scimOperation is one step of a PATCH (RFC 7644, 3.5.2). Each has a path:
// those that came without are several, one for each member of their value.
type scimOperation struct {
	op    string // add, remove, replace
	path  scimPath
	value any
	loose bool // it came without a path, beside others
}

// parseSCIMPatch reads a PATCH in every form that directories send.
func parseSCIMPatch(body map[string]any) ([]scimOperation, error) {
	if err := checkSchemas(body, SCIMPatchSchema); err != nil {
		return nil, err
	}
	list, ok := foldGet(body, "Operations").([]any)
	if !ok || len(list) == 0 {
		return nil, scimRefuse(SCIMInvalidSyntax, "Operations has to be a list with at least one operation.")
	}
	if len(list) > maxSCIMOperations {
		return nil, scimRefuse(SCIMTooMany, "One request takes %d operations at most.", maxSCIMOperations)
	}
	var out []scimOperation
	for _, item := range list {
		ops, err := parseSCIMOperation(item)
		if err != nil {
			return nil, err
		}
		out = append(out, ops...)
	}
	return out, nil
}

func parseSCIMOperation(item any) ([]scimOperation, error) {
	object, ok := item.(map[string]any)
	if !ok {
		return nil, scimRefuse(SCIMInvalidSyntax, "An operation has to be an object.")
	}
	word, _ := foldGet(object, "op").(string)
	op := strings.ToLower(word)
	if op != "add" && op != "remove" && op != "replace" {
		return nil, scimRefuse(SCIMInvalidSyntax, "op has to be add, remove or replace.")
	}
	value := foldGet(object, "value")
	switch path := foldGet(object, "path").(type) {
	case nil:
		return parseLoose(op, value)
	case string:
		if path == "" {
			return parseLoose(op, value)
		}
		p, err := parseSCIMPath(path)
		if err != nil {
			return nil, err
		}
		return []scimOperation{{op: op, path: p, value: value}}, nil
	}
	return nil, scimRefuse(SCIMInvalidPath, "path has to be a string.")
}

// parseLoose reads an operation without a path: its value's members are names
// or paths of their own. The order of names makes a whole attribute come before
// a part of it.
func parseLoose(op string, value any) ([]scimOperation, error) {
	if op == "remove" {
		return nil, scimRefuse(SCIMNoTarget, "A remove has to have a path.")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, scimRefuse(SCIMInvalidValue, "The value of an operation without a path has to be an object.")
	}
	var out []scimOperation
	for _, key := range slices.Sorted(maps.Keys(object)) {
		inner, isObject := object[key].(map[string]any)
		if urn, whole := schemaOfKey(key); isObject && whole {
			ops, err := parseWhole(op, urn, inner)
			if err != nil {
				return nil, err
			}
			out = append(out, ops...)
			continue
		}
		p, err := parseSCIMPath(key)
		if err != nil {
			return nil, err
		}
		out = append(out, scimOperation{op, p, object[key], true})
	}
	return out, nil
}

// parseWhole reads a value whose members are attributes of one schema.
func parseWhole(op, urn string, object map[string]any) ([]scimOperation, error) {
	var out []scimOperation
	for _, name := range slices.Sorted(maps.Keys(object)) {
		p, err := parseSCIMPath(name)
		if err != nil {
			return nil, err
		}
		if p.urn != "" {
			return nil, scimRefuse(SCIMInvalidPath, "%s is not an attribute of %s.", cutSCIM(name), cutSCIM(urn))
		}
		p.urn = urn
		out = append(out, scimOperation{op, p, object[name], true})
	}
	return out, nil
}

// schemaOfKey tells whether a name stands for all of a schema, and not for one
// attribute of a schema that we have.
func schemaOfKey(key string) (string, bool) {
	n, ok := parseSCIMName(key)
	if ok && n.attr == "" {
		return n.urn, true
	}
	_, known := knownSCIMSchema(n.urn)
	return key, ok && n.urn != "" && n.sub == "" && !known
}

// patch does operations on a copy of a body, one after the other.
func (t scimType) patch(id string, body map[string]any, ops []scimOperation) (map[string]any, error) {
	out, _ := copySCIM(body).(map[string]any)
	for _, o := range ops {
		if err := t.patchOne(id, out, o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t scimType) patchOne(id string, body map[string]any, o scimOperation) error {
	n := o.path.scimName
	if n.urn == t.core.URN {
		n.urn = ""
	}
	if isPassword(n.attr) {
		return nil
	}
	if n.attr == "" {
		return t.patchSchema(id, body, n.urn, o)
	}
	a, known := t.attribute(n.urn, n.attr)
	if known && a.readOnly() {
		if o.loose && (a.Name != "id" || o.value == id) {
			return nil // Okta repeats the id of what it changes
		}
		return scimRefuse(SCIMMutability, "%s can't be changed.", a.Name)
	}
	if !known {
		a = SCIMAttribute{Name: n.attr, Type: "any"}
	}
	if n.urn == "" {
		return a.patch(body, o)
	}
	key := n.urn
	for have := range body {
		if strings.EqualFold(have, key) {
			key = have
		}
	}
	ext, ok := body[key].(map[string]any)
	if !ok {
		ext = map[string]any{}
	}
	if err := a.patch(ext, o); err != nil {
		return err
	}
	body[key] = ext
	if len(ext) == 0 {
		delete(body, key)
	}
	return nil
}

// patchSchema changes all that a resource has of one schema.
func (t scimType) patchSchema(id string, body map[string]any, urn string, o scimOperation) error {
	_, isExtension := t.extension(urn)
	if o.op == "remove" {
		if !isExtension {
			return scimRefuse(SCIMNoTarget, "The path has to name an attribute.")
		}
		delete(body, urn)
		return nil
	}
	object, ok := o.value.(map[string]any)
	if !ok {
		return invalidSCIM(o.path.String(), "an object")
	}
	ops, err := parseWhole(o.op, urn, object)
	if err != nil {
		return err
	}
	for _, one := range ops {
		if err := t.patchOne(id, body, one); err != nil {
			return err
		}
	}
	return nil
}
