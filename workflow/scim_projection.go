package workflow

import (
	"maps"
	"slices"
	"strings"
)

// SCIMProjection says what of a resource an answer holds (RFC 7644, 3.9).
type SCIMProjection struct {
	only, without []scimName
}

// ParseSCIMProjection reads the parameters attributes and excludedAttributes.
// What can't be read names no attribute, and so chooses none.
func ParseSCIMProjection(only, without []string) (SCIMProjection, error) {
	if len(only) > 0 && len(without) > 0 {
		return SCIMProjection{}, scimRefuse(SCIMInvalidValue, "Name either attributes or excludedAttributes.")
	}
	return SCIMProjection{scimNames(only), scimNames(without)}, nil
}

func scimNames(list []string) []scimName {
	var out []scimName
	for _, s := range list {
		for part := range strings.SplitSeq(s, ",") {
			if n, ok := parseSCIMName(strings.TrimSpace(part)); ok {
				out = append(out, n)
			} else {
				out = append(out, scimName{})
			}
		}
	}
	return out
}

// plain tells whether everything is asked for.
func (p SCIMProjection) plain() bool { return len(p.only) == 0 && len(p.without) == 0 }

// Leaves tells whether an attribute of the resource's own schema is not asked
// for, so that it need not be read.
func (p SCIMProjection) Leaves(attr string) bool {
	names := func(n scimName) bool { return strings.EqualFold(n.attr, attr) }
	if len(p.only) > 0 {
		return !slices.ContainsFunc(p.only, names)
	}
	return slices.ContainsFunc(p.without, func(n scimName) bool { return names(n) && n.sub == "" })
}

// scimAlways are the attributes that every answer holds.
var scimAlways = []string{"id", "schemas"}

// Apply is a resource with what is asked for. The schemas stay those of the
// whole, so that it can be told what it is.
func (p SCIMProjection) Apply(body map[string]any) map[string]any {
	switch {
	case p.plain():
		return body
	case len(p.only) > 0:
		out := map[string]any{}
		for _, name := range scimAlways {
			out[name] = body[name]
		}
		for _, n := range p.only {
			pick(out, body, n)
		}
		return out
	}
	out, _ := copySCIM(body).(map[string]any)
	for _, n := range p.without {
		if !slices.Contains(scimAlways, strings.ToLower(n.attr)) || n.urn != "" {
			drop(out, n)
		}
	}
	return out
}

// pick copies an attribute into out.
func pick(out, body map[string]any, n scimName) {
	if urn, ext := extensionOf(body, n.urn); ext != nil {
		if n.attr == "" {
			out[urn] = ext
			return
		}
		inner, ok := out[urn].(map[string]any)
		if !ok {
			inner = map[string]any{}
		}
		pick(inner, ext, scimName{attr: n.attr, sub: n.sub})
		if len(inner) > 0 {
			out[urn] = inner
		}
		return
	}
	if n.urn != "" && !isCoreSchema(n.urn) {
		return
	}
	if n.urn != "" && n.attr == "" {
		maps.Copy(out, body)
		return
	}
	for key, v := range body {
		if !strings.EqualFold(key, n.attr) {
			continue
		}
		if n.sub == "" {
			out[key] = v
		} else if part := pickSub(v, out[key], n.sub); part != nil {
			out[key] = part
		}
	}
}

// pickSub is a value with one of its parts, besides those that were picked.
func pickSub(v, picked any, sub string) any {
	switch v := v.(type) {
	case map[string]any:
		into, ok := picked.(map[string]any)
		if !ok {
			into = map[string]any{}
		}
		pick(into, v, scimName{attr: sub})
		if len(into) > 0 {
			return into
		}
	case []any:
		before, _ := picked.([]any)
		out := make([]any, 0, len(v))
		for i, one := range v {
			var had any
			if i < len(before) {
				had = before[i]
			}
			if part := pickSub(one, had, sub); part != nil {
				out = append(out, part)
			} else {
				out = append(out, map[string]any{})
			}
		}
		return out
	}
	return nil
}

// drop takes an attribute out of a copy.
func drop(out map[string]any, n scimName) {
	if urn, ext := extensionOf(out, n.urn); ext != nil {
		if n.attr == "" {
			delete(out, urn)
			return
		}
		drop(ext, scimName{attr: n.attr, sub: n.sub})
		if len(ext) == 0 {
			delete(out, urn)
		}
		return
	}
	if n.urn != "" && !isCoreSchema(n.urn) {
		return
	}
	for key, v := range out {
		if !strings.EqualFold(key, n.attr) {
			continue
		}
		if n.sub == "" {
			delete(out, key)
			continue
		}
		for _, one := range scimList(v) {
			if object, ok := one.(map[string]any); ok {
				drop(object, scimName{attr: n.sub})
			}
		}
	}
}

// extensionOf finds the part of a resource that is of an extension.
func extensionOf(body map[string]any, urn string) (string, map[string]any) {
	if urn == "" {
		return "", nil
	}
	for key, v := range body {
		if ext, ok := v.(map[string]any); ok && strings.EqualFold(key, urn) {
			return key, ext
		}
	}
	return "", nil
}

func isCoreSchema(urn string) bool { return urn == SCIMUserSchema || urn == SCIMGroupSchema }
