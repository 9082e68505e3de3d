package server

import (
	"fmt"
	"net/http"
	"testing"

	"latchkey/workflow"
)

func patchOf(operations string) string {
	return fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, workflow.SCIMPatchSchema, operations)
}

// TestSCIMEveryWordForLeaving sends each way in which a directory says that a
// person left, twice: it is one case. Then the person is active again, and the
// case is undone; and leaves again, which is another case.
func TestSCIMEveryWordForLeaving(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	whole := func(active string) string {
		return fmt.Sprintf(`{"schemas":[%q],"userName":"NAME","active":%s}`, workflow.SCIMUserSchema, active)
	}
	for i, tc := range []struct{ name, method, body string }{
		{"RFC 7644 3.5.2.3: path and boolean", http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false}`)},
		{"Okta OIN: no path", http.MethodPatch, patchOf(`{"op":"replace","value":{"active":false}}`)},
		{"Okta AIW: PUT", http.MethodPut, whole(`false`)},
		{"PUT with text", http.MethodPut, whole(`"False"`)},
		{"Entra: Replace and False as text", http.MethodPatch, patchOf(`{"op":"Replace","path":"active","value":"False"}`)},
		{"Entra: aadOptscim062020", http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false}`)},
		{"Entra: Replace and boolean", http.MethodPatch, patchOf(`{"op":"Replace","path":"active","value":false}`)},
		{"Entra: Add", http.MethodPatch, patchOf(`{"op":"Add","path":"active","value":"False"}`)},
		{"text in lower case", http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":"false"}`)},
		{"text in upper case", http.MethodPatch, patchOf(`{"op":"REPLACE","path":"Active","value":"FALSE"}`)},
		{"no path and text", http.MethodPatch, patchOf(`{"op":"Replace","value":{"active":"False"}}`)},
		{"no path and add", http.MethodPatch, patchOf(`{"op":"add","value":{"ACTIVE":false}}`)},
		{"empty path", http.MethodPatch, patchOf(`{"op":"replace","path":"","value":{"active":false}}`)},
		{"path with the schema's name", http.MethodPatch, patchOf(`{"op":"replace","path":"` + workflow.SCIMUserSchema + `:active","value":false}`)},
		{"no path and the schema's name", http.MethodPatch, patchOf(`{"op":"replace","value":{"` + workflow.SCIMUserSchema + `:active":false}}`)},
		{"the schema as an object", http.MethodPatch, patchOf(`{"op":"replace","value":{"` + workflow.SCIMUserSchema + `":{"active":false}}}`)},
		{"the schema as a path", http.MethodPatch, patchOf(`{"op":"replace","path":"` + workflow.SCIMUserSchema + `","value":{"active":"False"}}`)},
		{"among other operations", http.MethodPatch, patchOf(`{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"active","value":false},{"op":"remove","path":"nickName"}`)},
		{"twice in one request", http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false},{"op":"replace","value":{"active":"False"}}`)},
		{"there and back and there", http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false},{"op":"replace","path":"active","value":true},{"op":"replace","path":"active","value":false}`)},
		{"no schemas", http.MethodPatch, `{"Operations":[{"op":"replace","path":"active","value":false}]}`},
		{"operations in lower case", http.MethodPatch, `{"schemas":["` + workflow.SCIMPatchSchema + `"],"operations":[{"op":"replace","path":"active","value":false}]}`},
		{"with what is not known", http.MethodPatch, patchOf(`{"op":"replace","value":{"active":false,"custom":{"a":[1]},"urn:x:y:User":{"b":true}}}`)},
		{"DELETE", http.MethodDelete, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name := fmt.Sprintf("leaver%d@example.com", i)
			d.hire(t, name)
			id := d.newUser(t, name)
			want := func(when string, cases, undone int, active bool) {
				t.Helper()
				all := d.count(t, `SELECT count(*) FROM offboarding o JOIN person p ON p.id = o.person_id WHERE p.email = $1`, name)
				ended := d.count(t, `SELECT count(*) FROM offboarding o JOIN person p ON p.id = o.person_id WHERE p.email = $1 AND state = 'undone'`, name)
				here := d.count(t, `SELECT count(*) FROM person WHERE email = $1 AND active`, name) == 1
				if all != cases || ended != undone || here != active {
					t.Errorf("%s: %d cases, %d undone, active %t; want %d, %d, %t", when, all, ended, here, cases, undone, active)
				}
			}
			want("before", 0, 0, true)
			say := func() {
				t.Helper()
				r := d.send(t, tc.method, "/Users/"+id, replaced(tc.body, "NAME", name))
				if r.status != http.StatusOK && r.status != http.StatusNoContent && (r.status != http.StatusNotFound || tc.method != http.MethodDelete) {
					t.Fatalf("%d: %s", r.status, r.body)
				}
			}
			say()
			want("told", 1, 0, false)
			say()
			want("told again", 1, 0, false)
			if tc.method == http.MethodDelete {
				id = d.newUser(t, name)
			} else {
				d.must(t, http.StatusOK, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"Replace","path":"active","value":"True"}`))
			}
			want("back", 1, 1, true)
			d.must(t, http.StatusOK, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"replace","path":"active","value":true}`))
			want("back again", 1, 1, true)
			say()
			want("left again", 2, 1, false)
		})
	}
}

// TestSCIMStaysActive: what looks like leaving, and is not.
func TestSCIMStaysActive(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	id := d.newUser(t, "alice@example.com")
	for name, tc := range map[string]struct {
		method, body string
		status       int
	}{
		"there and back in one request":  {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false},{"op":"replace","path":"active","value":true}`), 200},
		"a later operation fails":        {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":false},{"op":"remove","path":"userName"}`), 400},
		"nothing":                        {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":null}`), 400},
		"a number":                       {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":0}`), 400},
		"an empty text":                  {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":""}`), 400},
		"a list":                         {http.MethodPatch, patchOf(`{"op":"replace","path":"active","value":[false]}`), 400},
		"removed":                        {http.MethodPatch, patchOf(`{"op":"remove","path":"active"}`), 400},
		"another attribute of that name": {http.MethodPatch, patchOf(`{"op":"replace","path":"urn:example:custom:2.0:User:active","value":false}`), 200},
		"PUT without active":             {http.MethodPut, `{"userName":"alice@example.com"}`, 200},
		"PUT with null":                  {http.MethodPut, `{"userName":"alice@example.com","active":null}`, 200},
		"another message":                {http.MethodPatch, `{"schemas":["urn:x"],"Operations":[{"op":"replace","path":"active","value":false}]}`, 400},
	} {
		d.must(t, tc.status, tc.method, "/Users/"+id, tc.body)
		if d.count(t, `SELECT count(*) FROM person WHERE email = 'alice@example.com' AND active`) != 1 {
			t.Errorf("%s: the person left", name)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM offboarding`); n > 0 {
		t.Errorf("%d cases, want none", n)
	}
}
