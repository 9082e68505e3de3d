package github

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
)

func TestNamesComeBack(t *testing.T) {
	t.Parallel()
	for _, want := range []name{
		{class: classPAT, id: 1, token: 2}, {class: classSAML, id: 161195}, {class: classInstallation, id: 1 << 62}, {classRequest, 25381, 98716, 1771000000},
	} {
		got, ok := parse(want.String())
		if !ok || got != want {
			t.Errorf("%s comes back as %+v, %t", want, got, ok)
		}
	}
}

func TestOAuthScopes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]connectors.Access{
		"": connectors.Read, "read:org": connectors.Read, "user:email": connectors.Read, "read:org gist": connectors.Write,
		"public_repo": connectors.Write, "workflow": connectors.Write, "repo": connectors.Admin, "gist admin:org": connectors.Admin,
		"delete_repo read:user": connectors.Admin, "something_new": connectors.Write,
	} {
		scopes, access := oauthScopes(strings.Fields(text))
		if access != want || len(scopes) != len(strings.Fields(text)) {
			t.Errorf("%q: %v, %s, want %s", text, scopes, access, want)
		}
	}
	if scopes, access := oauthScopes(nil); scopes != nil || access != "" {
		t.Errorf("not said: %v, %q", scopes, access)
	}
}

// A level that the vendor adds later counts as the most.
func TestPermissionsWithNewLevels(t *testing.T) {
	t.Parallel()
	scopes, access := permissions{
		Repository: map[string]string{"contents": "maintain"}, Other: map[string]string{"gists": "write"},
	}.scopes()
	if diff := cmp.Diff([]string{"other-gists:write", "repo-contents:maintain"}, scopes); diff != "" || access != connectors.Admin {
		t.Errorf("access %s, scopes (-want +got):\n%s", access, diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pat/25381/98716")
	f.Add("saml/161195")
	f.Add("pat/../1")
	f.Fuzz(func(t *testing.T, id string) {
		n, ok := parse(id)
		if ok && (n.String() != id || n.id <= 0) {
			t.Errorf("%q is %+v", id, n)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte(`[{"id":1,"owner":{"login":"a"},"permissions":{"repository":{"contents":"read"}},"token_id":2,"token_last_used_at":null}]`))
	f.Add([]byte(`[{"login":"a","credential_id":1,"credential_type":"SSH key","credential_accessed_at":"2011-01-26T19:06:43Z"}]`))
	f.Add([]byte(`[{"id":1,"app_id":2,"app_slug":"x","permissions":{}}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if !json.Valid(answer) {
			return
		}
		pats, _ := rowsOf[pat](answer, "")
		for _, p := range pats {
			if !p.whole() {
				continue
			}
			check(t, p.credential().Ref.ID, p.credential().Owner, p.credential().Access)
			if p.asks() {
				check(t, p.request().ID, p.request().Owner, p.request().Access)
			}
		}
		authorizations, _ := rowsOf[authorization](answer, "")
		for _, a := range authorizations {
			if a.whole() {
				check(t, a.credential("").Ref.ID, a.credential("").Owner, connectors.Read)
				check(t, a.grant("").Ref.ID, a.grant("").Ref.Owner, connectors.Read)
			}
		}
		apps, _ := rowsOf[appInstallation](answer, "")
		for _, i := range apps {
			if i.whole() {
				check(t, i.grant("octo-org").Ref.ID, i.grant("octo-org").Ref.Owner, i.grant("octo-org").Access)
			}
		}
	})
}

func check(t *testing.T, id string, owner connectors.AccountRef, access connectors.Access) {
	t.Helper()
	if _, ok := parse(id); !ok || !isLogin(owner.ID) || access == "" {
		t.Errorf("%q of %q with access %q", id, owner.ID, access)
	}
}
