package workflow

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// FuzzSCIMPatch holds whatever is sent as a PATCH to what checkPatched says.
func FuzzSCIMPatch(f *testing.F) {
	for _, seed := range []string{
		`{"Operations":[{"op":"replace","value":{"active":false}}]}`,
		`{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
		`{"Operations":[{"op":"add","path":"emails[type eq \"home\"].value","value":"x"},{"op":"remove","path":"emails[type eq \"work\"]"}]}`,
		`{"Operations":[{"op":"add","value":{"name.givenName":"x","` + SCIMEnterpriseSchema + `":{"manager":"y"},"urn:a:b:c":{"d":[{"e":null}]}}}]}`,
		`{"Operations":[{"op":"remove","path":"emails","value":[{"value":"a@example.com"}]},{"op":"add","path":"custom[a eq 1].b.c","value":1}]}`,
		`{"schemas":["` + SCIMPatchSchema + `"],"operations":[{"op":"replace","path":"emails[primary eq true].primary","value":"True"}]}`,
		`{"Operations":[{"op":"replace","path":"password","value":"secret-canary"},{"op":"add","value":{"x":{"passWord":"secret-canary"}}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkPatched(t, text) })
}

// checkPatched: a PATCH is refused, or leaves a resource that is as clean as a
// new one; and the resource it began with is untouched.
func checkPatched(t interface{ Fatalf(string, ...any) }, text string) {
	before := map[string]any{"userName": "a", "active": true, "title": "t", "custom": []any{map[string]any{"a": json.Number("1")}},
		"emails": []any{map[string]any{"type": "work", "value": "a@example.com", "primary": true}, map[string]any{"type": "home", "value": "b@example.com"}},
		"name":   map[string]any{"familyName": "f"}, SCIMEnterpriseSchema: map[string]any{"department": "d"}}
	message, err := DecodeSCIM([]byte(text))
	if err != nil {
		return
	}
	ops, err := parseSCIMPatch(message)
	if err != nil {
		return
	}
	was := copySCIM(before)
	after, err := scimUserType.patch("id", before, ops)
	if diff := cmp.Diff(was, any(before)); diff != "" {
		t.Fatalf("%s changed what it began with:\n%s", text, diff)
	}
	if err != nil {
		return
	}
	if _, isBool := after["active"].(bool); !isBool || after["userName"] == nil {
		t.Fatalf("%s leaves active %v and userName %v", text, after["active"], after["userName"])
	}
	if hasPart(after, func(name string, v any) bool { return v == nil || isPassword(name) }) {
		t.Fatalf("%s leaves a null or a password: %v", text, after)
	}
	if clean, err := scimUserType.clean(after); err != nil || !reflect.DeepEqual(clean, after) {
		t.Fatalf("%s leaves what is not clean: %v; clean is %v, %v", text, after, clean, err)
	}
}

// hasPart tells whether some part of a value is such that bad is true of it.
func hasPart(v any, bad func(name string, v any) bool) bool {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			if bad("", one) || hasPart(one, bad) {
				return true
			}
		}
	case map[string]any:
		for name, one := range v {
			if bad(name, one) || hasPart(one, bad) {
				return true
			}
		}
	}
	return false
}

// TestSCIMPatchLeavesWhatIsClean is FuzzSCIMPatch with messages that are more
// often understood.
func TestSCIMPatchLeavesWhatIsClean(t *testing.T) {
	t.Parallel()
	paths := []string{"", "active", "userName", "title", "name", "name.givenName", "name.familyName", "emails", "emails.value", "emails.primary", "emails.type",
		`emails[type eq "work"]`, `emails[type eq "home"].value`, `emails[type eq "new"].value`, `emails[primary eq true].primary`, `emails[value pr].primary`,
		`emails[type eq "work" and value sw "a"].display`, `emails[type ne "work"]`, "roles", "roles[value eq \"x\"].display", "custom", "custom.a", "custom[a eq 1]",
		"custom[a eq 1].b", "custom[b eq 2].c", "other", "other.part", "Other", "password", "name.password", "emails.password", "id", "meta", "externalId",
		SCIMEnterpriseSchema, SCIMEnterpriseSchema + ":manager", SCIMEnterpriseSchema + ":manager.value", SCIMEnterpriseSchema + ":department", SCIMUserSchema,
		SCIMUserSchema + ":title", "urn:a:b:User", "urn:a:b:User:c", "urn:a:b:User:c.d", "phoneNumbers[type eq \"work\" or type eq \"x\"].value"}
	leaf := rapid.SampledFrom([]any{nil, "", "x", "False", "true", true, false, 7, 1.5, []any{}, map[string]any{}, "a@example.com"})
	names := rapid.SampledFrom([]string{"value", "type", "primary", "display", "a", "b", "givenName", "familyName", "title", "active", "manager", "password", "emails",
		"name.givenName", `emails[type eq "work"].value`, SCIMEnterpriseSchema, SCIMEnterpriseSchema + ":department", "urn:a:b:User", "Value", "id"})
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			kind := rapid.IntRange(0, 5).Draw(t, "kind")
			switch {
			case depth > 0 && kind < 2:
				return rapid.MapOfN(names, value(depth-1), 0, 3).Draw(t, "object")
			case depth > 0 && kind == 2:
				return rapid.SliceOfN(value(depth-1), 0, 3).Draw(t, "list")
			}
			return leaf.Draw(t, "leaf")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		var ops []any
		for range rapid.IntRange(1, 4).Draw(t, "operations") {
			o := map[string]any{"op": rapid.SampledFrom([]string{"add", "Remove", "replace"}).Draw(t, "op"), "value": value(3).Draw(t, "value")}
			if path := rapid.SampledFrom(paths).Draw(t, "path"); path != "" {
				o["path"] = path
			}
			ops = append(ops, o)
		}
		text, err := json.Marshal(map[string]any{"Operations": ops})
		if err != nil {
			t.Fatal(err)
		}
		checkPatched(t, string(text))
	})
}
