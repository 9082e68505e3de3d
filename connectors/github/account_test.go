package github_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
)

func TestCloseAccountEndsWhatItHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "frank_corp", Name: "x"})
	b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "stays"})
	if err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: "frank_corp"}); err != nil {
		t.Fatal(err)
	}
	if b.d.Works(pat.Secret) {
		t.Error("the leaver's token works")
	}
	if l, err := b.Verify(t.Context(), patRef(pat)); l != connectors.Dead || err != nil {
		t.Errorf("verify: %s, %v", l, err)
	}
}

func TestCloseAccountRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, ref := range map[string]connectors.AccountRef{
		"the organisation": {ID: "octo-org", Service: true},
		"no login":         {},
		"dots":             {ID: ".."},
		"a path":           {ID: "alice/../bob"},
		"an escape":        {ID: "alice%2f"},
		"a query":          {ID: "alice?x"},
	} {
		err := b.CloseAccount(t.Context(), ref)
		if !errors.Is(err, connectors.ErrUnrecoverable) && !errors.Is(err, connectors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls = %v", calls)
	}
}

// Only the vendor's word that there is no membership closes an account.
func TestCloseAccountBelievesTheMembership(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		remove, membership http.HandlerFunc
		want               string // part of the error
		refused            bool
	}{
		"left through a team": {answer(204, ""), answer(200, `{"state":"active"}`), "membership is left", false},
		"404 of a member":     {answer(404, `{}`), answer(200, `{"state":"active"}`), "permission may be missing", true},
		"invited":             {answer(404, `{}`), answer(200, `{"state":"pending"}`), "invitation", true},
		"refused":             {answer(403, `{}`), nil, "403", true},
		"can't ask":           {answer(204, ""), answer(403, `{}`), "403", true},
		"down":                {answer(204, ""), answer(500, `{}`), "500", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.d.AddMember("frank")
			b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.Method == http.MethodDelete:
					tt.remove(w, r)
				case strings.Contains(r.URL.Path, "/memberships/"):
					tt.membership(w, r)
				default:
					return false
				}
				return true
			})
			err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: "frank"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrUnrecoverable) != tt.refused {
				t.Errorf("err = %v, want %q, refused: %t", err, tt.want, tt.refused)
			}
		})
	}
}

// A login can be changed. One that GitHub does not know names nobody, and who
// it was may well be a member under another one.
func TestCloseAccountOfARenamedUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.AddMember("frank")
	b.d.Rename("frank", "franklin")
	err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: "frank"})
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "no such account") {
		t.Errorf("under the old login: %v", err)
	}
	if !b.d.Member("franklin") {
		t.Error("somebody was removed")
	}
	for range 2 {
		if err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: "franklin"}); err != nil || b.d.Member("franklin") {
			t.Errorf("under the new login: %v", err)
		}
	}
}

// With the wrong organisation nobody is a member, and nobody was removed.
func TestCloseAccountAtTheWrongOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.AddMember("frank")
	s := b.s
	s.OrgID = "octo-orb"
	if err := open(t, s).CloseAccount(t.Context(), connectors.AccountRef{ID: "frank"}); err == nil {
		t.Error("closed")
	}
}
