package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSCIMFiltersReadBack: what a filter is printed as is the same filter.
func TestSCIMFiltersReadBack(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		`userName eq "bjensen"`:         ``,
		`name.familyName co "O'Malley"`: ``,
		`USERNAME Sw "J"`:               `USERNAME sw "J"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: ``,
		`URN:ietf:params:scim:schemas:core:2.0:user:userName sw "J"`: `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
		`title pr`:  ``,
		`title  PR`: `title pr`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                           ``,
		`title pr and userType eq "Employee"`:                                                   ``,
		`title pr or userType eq "Intern" and x pr`:                                             `title pr or (userType eq "Intern" and x pr)`,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`: ``,
		`userType ne "Employee" and not (emails co "example.com")`:                              ``,
		`emails[type eq "work" and value co "@example.com"]`:                                    ``,
		`emails[type eq "work"].value eq "x"`:                                                   `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "work" or a pr].value eq "x"`:                                           `emails[(type eq "work" or a pr) and value eq "x"]`,
		`not (not (a pr))`:                       ``,
		`((a pr))`:                               `a pr`,
		`a eq True and b eq FALSE and c eq null`: `a eq true and b eq false and c eq null`,
		`a gt -1.5e+3`:                           `a gt -1.5e+3`,
		`a eq "q\"\\\/\u00e9"`:                   `a eq "q\"\\/é"`,
		`members.$ref ew "/x"`:                   ``,
		`not pr`:                                 ``,
		`and eq "or" or or pr`:                   ``,
	} {
		f, err := parseSCIMFilter(give)
		if err != nil {
			t.Errorf("%s: %v", give, err)
			continue
		}
		if want == "" {
			want = give
		}
		if f.String() != want {
			t.Errorf("%s is printed as %s, want %s", give, f, want)
		}
		again, err := parseSCIMFilter(f.String())
		if err != nil || !reflect.DeepEqual(f, again) {
			t.Errorf("%s reads back as %v, %v", f, again, err)
		}
	}
}

func FuzzSCIMFilter(f *testing.F) {
	for _, seed := range []string{`userName eq "a"`, `emails[type eq "work"].value eq "x" and not (a.b pr)`, `a eq 1e3 or (b lt "x" and c ne null)`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName co "é\u0041"`, `((((a pr))))`, `members[value eq "x" or display sw "y"]`, `urn:a:b:c[d pr]`} {
		f.Add(seed)
	}
	resource := map[string]any{"userName": "a", "active": true, "emails": []any{map[string]any{"type": "work", "value": "x"}, "plain"}, "n": json.Number("3"),
		"name": map[string]any{"familyName": "é"}, SCIMEnterpriseSchema: map[string]any{"department": "d"}}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseSCIMFilter(text)
		if refused, ok := err.(SCIMError); err != nil && (!ok || refused.Type != SCIMInvalidFilter) { //nolint:errorlint // it has to be the error itself
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil || parsed == nil {
			return
		}
		again, err := parseSCIMFilter(parsed.String())
		if len(parsed.String()) > maxSCIMFilter {
			return // what is written longer than it came may be too long
		}
		if err != nil || !reflect.DeepEqual(parsed, again) {
			t.Fatalf("%q is printed as %q, which reads as %v, %v", text, parsed, again, err)
		}
		if parsed.match(scimUserType.viewOf(resource)) == (scimNot{parsed}).match(scimUserType.viewOf(resource)) {
			t.Fatalf("%q matches and does not", text)
		}
		_ = parsed.check(scimUserType.viewOf(nil))
		scimUserType.narrow(parsed)
		scimGroupType.narrow(parsed)
	})
}

func FuzzSCIMPath(f *testing.F) {
	for _, seed := range []string{"active", "name.givenName", `emails[type eq "work"].value`, SCIMEnterpriseSchema + ":manager", SCIMUserSchema, `urn:a:b:c[d pr].e`, `addresses[type eq "work" and not (x pr)]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseSCIMPath(text)
		if err != nil {
			return
		}
		again, err := parseSCIMPath(p.String())
		if len(p.String()) > maxSCIMFilter {
			return
		}
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%q is printed as %q, which reads as %v, %v", text, p, again, err)
		}
	})
}

// TestSCIMLookUpMissesNothing compares what the database finds for a filter
// with what the filter matches.
func TestSCIMLookUpMissesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	by := h.people["alice"]
	names := []string{"ann", "Bea", "cem"}
	for i, name := range names {
		_, err := h.CreateSCIMUser(ctx, by, map[string]any{"userName": name, "externalId": strings.ToUpper(name), "displayName": names[(i+1)%3], "active": i != 1,
			"emails": []any{map[string]any{"value": name + "@x.example", "type": []string{"work", "home", "work"}[i]}, map[string]any{"value": "shared@x.example", "type": "home"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	all, err := h.SCIMUsers(ctx, SCIMQuery{Count: 10})
	if err != nil || all.Total != 3 {
		t.Fatalf("%d users, %v", all.Total, err)
	}
	values := []string{"ann", "ANN", "bea", "Bea", "x", "ann@x.example", "shared@x.example", "work", "home", fmt.Sprint(all.Resources[1]["id"])}
	attributes := []string{"userName", "externalId", "displayName", "id", "emails", "emails.value", "emails.type", SCIMUserSchema + ":userName", "title"}
	var term func(depth int) *rapid.Generator[string]
	term = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			value := rapid.SampledFrom(values).Draw(t, "value")
			kind := rapid.IntRange(0, 7).Draw(t, "kind")
			switch {
			case depth > 0 && kind == 0:
				return "(" + term(depth-1).Draw(t, "left") + " and " + term(depth-1).Draw(t, "right") + ")"
			case depth > 0 && kind == 1:
				return "(" + term(depth-1).Draw(t, "left") + " or " + term(depth-1).Draw(t, "right") + ")"
			case depth > 0 && kind == 2:
				return "not (" + term(depth-1).Draw(t, "inner") + ")"
			case kind == 3:
				return rapid.SampledFrom([]string{"active eq true", "active eq false", `active ne "True"`}).Draw(t, "active")
			case kind == 4:
				return fmt.Sprintf(`emails[type eq %q and value eq %q]`, rapid.SampledFrom([]string{"work", "home"}).Draw(t, "type"), value)
			case kind == 5:
				return fmt.Sprintf(`emails[type eq "work" or value %s %q]`, rapid.SampledFrom([]string{"eq", "ne", "sw"}).Draw(t, "op"), value)
			}
			op := rapid.SampledFrom([]string{"eq", "eq", "eq", "ne", "sw"}).Draw(t, "op")
			return fmt.Sprintf("%s %s %q", rapid.SampledFrom(attributes).Draw(t, "attribute"), op, value)
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		text := term(3).Draw(t, "filter")
		got, err := h.SCIMUsers(ctx, SCIMQuery{Filter: text, Count: 10})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		f, err := parseSCIMFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		var want []any
		for _, r := range all.Resources {
			if f.match(scimUserType.viewOf(r)) {
				want = append(want, r["userName"])
			}
		}
		var found []any
		for _, r := range got.Resources {
			found = append(found, r["userName"])
		}
		if diff := cmp.Diff(want, found); diff != "" || got.Total != len(want) {
			t.Fatalf("%s finds %v of %d, want %v", text, found, got.Total, want)
		}
	})
}
