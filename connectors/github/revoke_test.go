package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
)

// Revoking takes the access to the organisation: the token stays its owner's.
func TestRevokeEndsAccessAndNotTheToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	if err := b.Revoke(t.Context(), patRef(pat)); err != nil {
		t.Fatal(err)
	}
	if b.d.Works(pat.Secret) || !b.d.Alive(pat.Secret) {
		t.Errorf("works: %t, alive: %t", b.d.Works(pat.Secret), b.d.Alive(pat.Secret))
	}
}

// The numbers of grants and tokens are different things.
func TestRevokeNamesTheGrant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	swapped := connectors.Ref{ID: fmt.Sprintf("pat/%d/%d", pat.ID, pat.Grant)}
	if err := b.Revoke(t.Context(), swapped); err != nil {
		t.Errorf("revoke of a grant that is none: %v", err)
	}
	if !b.d.Works(pat.Secret) {
		t.Error("the token's number revoked a grant")
	}
	if b.d.Calls()[fmt.Sprintf("POST /orgs/octo-org/personal-access-tokens/%d", pat.ID)] != 1 {
		t.Error("the call did not name the first number")
	}
}

// What is accepted (202) is not done: it is live until the listing lacks it.
func TestAcceptedIsNotDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	saml, v := b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.ClassicPAT})
	refs := []connectors.Ref{patRef(pat), {ID: fmt.Sprintf("saml/%d", saml)}}
	b.d.AddPAT(githubtest.PAT{Owner: "bob", Name: "stays"})
	b.d.AddAuthorization(githubtest.Authorization{Owner: "bob", Type: githubtest.SSHKey})
	b.d.Set(githubtest.Knobs{Later: true})
	for _, want := range []connectors.Liveness{connectors.Live, connectors.Dead} {
		for _, ref := range refs {
			if err := b.Revoke(t.Context(), ref); err != nil {
				t.Errorf("revoke %s: %v", ref.ID, err)
			}
			if l, err := b.Verify(t.Context(), ref); l != want || err != nil {
				t.Errorf("%s is %s, %v, want %s", ref.ID, l, err, want)
			}
		}
		b.d.Settle()
	}
	if b.d.Works(pat.Secret) || b.d.Works(v) {
		t.Error("settled, and yet one works")
	}
}

// Answers that do not say what is so.
func TestLyingAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		h       http.HandlerFunc
		refused bool
	}{
		"done, and is not":      {answer(204, ""), false},
		"not found, and is":     {answer(404, `{"message":"Not Found"}`), true},
		"done, in other words":  {answer(200, `{"message":"ok"}`), false},
		"done, without reading": {answer(202, `<html>`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
			saml, _ := b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.OAuthApp})
			b.d.Intercept(writes(tt.h))
			for _, ref := range []connectors.Ref{patRef(pat), {ID: fmt.Sprintf("saml/%d", saml)}} {
				err := b.Revoke(t.Context(), ref)
				if errors.Is(err, connectors.ErrUnrecoverable) != tt.refused || (err != nil) != tt.refused {
					t.Errorf("revoke %s: %v", ref.ID, err)
				}
				if l, err := b.Verify(t.Context(), ref); l != connectors.Live || err != nil {
					t.Errorf("verify %s: %s, %v", ref.ID, l, err)
				}
			}
		})
	}
}

// writes intercepts what changes something in the organisation.
func writes(h http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/orgs/") {
			return false
		}
		h(w, r)
		return true
	}
}

// A receipt needs a whole listing.
func TestVerifyOfABrokenListingIsUnknown(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"null": answer(200, "null"), "accepted": answer(202, "{}"), "not found": answer(404, "{}"),
		"malformed": answer(200, `[{}]`), "linked": linked(`<http://x/?page=1>; rel="next"`),
	} {
		b := setup(t)
		pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
		b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet {
				return false
			}
			h(w, r)
			return true
		})
		for _, ref := range []connectors.Ref{patRef(pat), {ID: "saml/1"}, {ID: "installation/1"}} {
			if l, err := b.Verify(t.Context(), ref); l != connectors.Unknown || err == nil {
				t.Errorf("%s: %s is %s, %v", name, ref.ID, l, err)
			}
		}
	}
}

// What is past its end does not work. It is not gone: its owner can renew it,
// so that a 404 on its revocation is no success.
func TestAnExpiredTokenIsDeadAndNotGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x", ExpiresAt: ended})
	over, _ := b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.ClassicPAT, ExpiresAt: ended})
	still, _ := b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.ClassicPAT, ExpiresAt: ends})
	for id, want := range map[string]connectors.Liveness{
		patRef(pat).ID: connectors.Dead, fmt.Sprintf("saml/%d", over): connectors.Dead, fmt.Sprintf("saml/%d", still): connectors.Live,
	} {
		if l, err := b.Verify(t.Context(), connectors.Ref{ID: id}); l != want || err != nil {
			t.Errorf("%s is %s, %v, want %s", id, l, err, want)
		}
	}
	b.d.Intercept(writes(answer(404, `{"message":"Not Found"}`)))
	for _, ref := range []connectors.Ref{patRef(pat), {ID: fmt.Sprintf("saml/%d", over)}} {
		if err := b.Revoke(t.Context(), ref); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "listed") {
			t.Errorf("revoke %s: %v", ref.ID, err)
		}
	}
}

// A listing without a single row is what a lost permission looks like, too.
func TestAnEmptyListingIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	saml, _ := b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.OAuthApp})
	app := b.d.AddInstallation("deploy-bot", nil)
	b.d.Set(githubtest.Knobs{EmptyLists: true})
	for _, id := range []string{patRef(pat).ID, fmt.Sprintf("saml/%d", saml), fmt.Sprintf("installation/%d", app)} {
		if l, err := b.Verify(t.Context(), connectors.Ref{ID: id}); l != connectors.Unknown || err == nil || !strings.Contains(err.Error(), "proves nothing") {
			t.Errorf("%s is %s, %v", id, l, err)
		}
	}
	b.d.Intercept(writes(answer(404, `{"message":"Not Found"}`)))
	for _, id := range []string{patRef(pat).ID, fmt.Sprintf("saml/%d", saml)} {
		if err := b.Revoke(t.Context(), connectors.Ref{ID: id}); err == nil {
			t.Errorf("revoke %s: an empty listing made a 404 a success", id)
		}
	}
}

// The token we ask with is authorised like any other, and told by its end.
func TestOurOwnTokenIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := b.d.AuthorizeOwner(githubtest.Authorization{Owner: "erin", Type: githubtest.ClassicPAT, Label: "latchkey", Scopes: []string{"admin:org"}})
	other, value := b.d.AddAuthorization(githubtest.Authorization{Owner: "erin", Type: githubtest.ClassicPAT})
	for _, c := range all(t, b.Credentials(t.Context())) {
		ours := c.Ref.ID == fmt.Sprintf("saml/%d", own)
		want := "personal access token (classic)"
		if ours {
			want += " of Latchkey's own administrator"
		}
		if c.Owner.Service != ours || c.Owner != c.Ref.Owner || c.Class != want || c.Owner.ID != "erin" {
			t.Errorf("%+v", c)
		}
	}
	for range 2 {
		for _, err := range []error{
			b.Revoke(t.Context(), connectors.Ref{ID: fmt.Sprintf("saml/%d", own)}),
			b.RevokeGrant(t.Context(), connectors.GrantRef{ID: fmt.Sprintf("saml/%d", own)}),
		} {
			if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "own administrator") || !b.d.Authorized(own) {
				t.Errorf("revoke of our own: %v", err)
			}
		}
	}
	if err := b.Revoke(t.Context(), connectors.Ref{ID: fmt.Sprintf("saml/%d", other)}); err != nil || b.d.Works(value) {
		t.Errorf("revoke of another: %v", err)
	}
	b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		down := r.Method == http.MethodGet
		if down {
			answer(500, `{}`)(w, r)
		}
		return down
	})
	if err := b.Revoke(t.Context(), connectors.Ref{ID: fmt.Sprintf("saml/%d", own)}); err == nil || !b.d.Authorized(own) {
		t.Errorf("without knowing which is ours: %v", err)
	}
	b.d.Intercept(nil)
	b.d.Set(githubtest.Knobs{EmptyLists: true})
	if err := b.Revoke(t.Context(), connectors.Ref{ID: fmt.Sprintf("saml/%d", own)}); err == nil || !b.d.Authorized(own) {
		t.Errorf("with an empty listing: %v", err)
	}
}

func TestGuideRevokeOfOurOwnApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := fmt.Sprintf("installation/%d", b.d.AddInstallation("deploy-bot", nil))
	for id, own := range map[string]bool{"installation/42": true, other: false} {
		task := b.GuideRevoke(connectors.Ref{ID: id})
		if len(task.Steps) == 0 || strings.Contains(task.Steps[0], "Latchkey's own App") != own {
			t.Errorf("%s: %q", id, task.Steps)
		}
	}
}

func TestInstalledAppsAreRemovedByPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.d.AddInstallation("deploy-bot", map[string]string{"contents": "write"})
	ref := connectors.GrantRef{ID: fmt.Sprintf("installation/%d", id)}
	if err := b.RevokeGrant(t.Context(), ref); !errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("revoke: %v, want ErrUnsupported", err)
	}
	if task := b.GuideRevoke(connectors.Ref{ID: ref.ID}); !strings.HasSuffix(task.URL, fmt.Sprintf("/settings/installations/%d", id)) {
		t.Errorf("task = %+v", task)
	}
	if l, err := b.Verify(t.Context(), connectors.Ref{ID: ref.ID}); l != connectors.Live || err != nil {
		t.Errorf("before: %s, %v", l, err)
	}
	b.d.Uninstall(id)
	if l, err := b.Verify(t.Context(), connectors.Ref{ID: ref.ID}); l != connectors.Dead || err != nil {
		t.Errorf("after: %s, %v", l, err)
	}
}

// IDs that are not ours address nothing, and reach no path.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{
		"", "pat", "pat/1", "pat/1/", "pat/01/2", "pat/+1/2", "pat/-1/2", "pat/0/1", "pat/1/2/3", "pat/1/x", "saml/1/2", "saml/", "saml/ 1",
		"saml/99999999999999999999", "pat/1/..", "../members/alice", "other/1", "pat/1%2F2", "installation/1/2",
	} {
		if err := b.Revoke(t.Context(), connectors.Ref{ID: id}); err != nil {
			t.Errorf("revoke %q: %v", id, err)
		}
		if l, err := b.Verify(t.Context(), connectors.Ref{ID: id}); l != connectors.Unknown || err != nil {
			t.Errorf("verify %q: %s, %v", id, l, err)
		}
		if err := b.Decide(t.Context(), connectors.Decision{ID: id, Approve: true}); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("decide %q: %v", id, err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls = %v", calls)
	}
}
