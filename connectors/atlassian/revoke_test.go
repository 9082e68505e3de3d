package atlassian_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
)

// verify must succeed.
func (b bundle) verify(t *testing.T, r connectors.Ref) connectors.Liveness {
	t.Helper()
	l, err := b.c.Verify(t.Context(), r)
	if err != nil {
		t.Fatalf("verify %s: %v", r.ID, err)
	}
	return l
}

func TestRevokeOrganisationKey(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		b := setup(t)
		b.Set(atlassiantest.Knobs{KeepRevoked: keep})
		made, other := b.AddOrgKey(atlassiantest.OrgKey{Label: "x"}), b.AddOrgKey(atlassiantest.OrgKey{Label: "y"})
		ref := connectors.Ref{ID: "org-key/" + made.ID}
		if l := b.verify(t, ref); l != connectors.Live {
			t.Errorf("before: %s", l)
		}
		for range 2 {
			if err := b.c.Revoke(t.Context(), ref); err != nil {
				t.Errorf("revoke: %v", err)
			}
		}
		if b.Works(made.Secret) || !b.Works(other.Secret) || b.verify(t, ref) != connectors.Dead {
			t.Errorf("revoked keys listed %t: works %t, the other %t, verified %s",
				keep, b.Works(made.Secret), b.Works(other.Secret), b.verify(t, ref))
		}
	}
}

// The vendor has no call for it, so a person does it, and then it is gone.
func TestServiceAccountTokensAreRevokedByHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddServiceAccount("build robot")
	made := b.AddServiceAccountToken(atlassiantest.Token{Owner: robot, Label: "deploy", Scopes: []string{"read:jira-work"}})
	ref := connectors.Ref{ID: "service-account-token/" + made.ID, Owner: connectors.AccountRef{Name: "build robot", Service: true}}

	if err := b.c.Revoke(t.Context(), ref); !errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("revoke: %v", err)
	}
	if l := b.verify(t, ref); l != connectors.Live || !b.Works(made.Secret) {
		t.Errorf("verified %s, works %t", l, b.Works(made.Secret))
	}
	task := b.c.GuideRevoke(ref)
	if task.URL == "" || !strings.Contains(strings.Join(task.Steps, "\n"), "build robot") {
		t.Errorf("task %+v", task)
	}
	b.Remove(made.ID)
	if err := b.c.Revoke(t.Context(), ref); err != nil {
		t.Errorf("revoke afterwards: %v", err)
	}
	if l := b.verify(t, ref); l != connectors.Dead {
		t.Errorf("afterwards: %s", l)
	}
}

func TestGuideRevokeNamesWhatToEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := connectors.AccountRef{Name: "Frank Fox", Email: "frank@example.com"}
	for id, want := range map[string]string{
		"user-token/a/b":          "Frank Fox (frank@example.com)",
		"org-key/b":               "API keys",
		"service-account-token/b": "Frank Fox",
	} {
		task := b.c.GuideRevoke(connectors.Ref{ID: id, Owner: owner})
		if !strings.Contains(strings.Join(task.Steps, "\n"), want) {
			t.Errorf("%s: %q", id, task.Steps)
		}
	}
	if task := b.c.GuideRevoke(connectors.Ref{ID: "nonsense"}); len(task.Steps) != 0 {
		t.Errorf("nonsense: %+v", task)
	}
}

// A lie is taken for a success, and only Verify finds it out.
func TestLyingAnswersAreNoReceipts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, value := b.token("x")
	key := connectors.Ref{ID: "org-key/" + b.AddOrgKey(atlassiantest.OrgKey{Label: "x"}).ID}
	b.Set(atlassiantest.Knobs{Lie: true})
	for _, r := range []connectors.Ref{ref, key} {
		if err := b.c.Revoke(t.Context(), r); err != nil {
			t.Errorf("revoke %s: %v", r.ID, err)
		}
		if l := b.verify(t, r); l != connectors.Live {
			t.Errorf("%s is %s", r.ID, l)
		}
	}
	if !b.Works(value) {
		t.Error("the double did not lie")
	}
}

// 404 on something that is still listed is not gone, and worth another try.
func TestNotFoundIsNotGoneWhileItIsListed(t *testing.T) {
	t.Parallel()
	for _, body := range []atlassiantest.ErrorBody{atlassiantest.JSONBody, atlassiantest.EmptyBody, atlassiantest.HTMLBody} {
		b := setup(t)
		ref, value := b.token("x")
		key := connectors.Ref{ID: "org-key/" + b.AddOrgKey(atlassiantest.OrgKey{Label: "x"}).ID}
		b.Set(atlassiantest.Knobs{Hide: true, Errors: body})
		for _, r := range []connectors.Ref{ref, key} {
			if err := b.c.Revoke(t.Context(), r); !ambiguous(err) {
				t.Errorf("revoke %s: %v", r.ID, err)
			}
		}
		b.Set(atlassiantest.Knobs{})
		if err := b.c.Revoke(t.Context(), ref); err != nil || b.Works(value) {
			t.Errorf("afterwards: %v, works %t", err, b.Works(value))
		}
	}
}

// An account that leaves the organisation takes its tokens along, alive: its
// absence from every list proves nothing.
func TestALostAccountIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, value := b.token("x")
	b.Unmanage(b.frank)
	if l, err := b.c.Verify(t.Context(), ref); l != connectors.Unknown || err == nil {
		t.Errorf("verify: %s, %v", l, err)
	}
	if err := b.c.Revoke(t.Context(), ref); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("revoke: %v", err)
	}
	if !b.Works(value) {
		t.Error("the token stopped working by itself")
	}
}

// Two lists must be silent before a token counts as dead, and a list that
// breaks off is not silent.
func TestABrokenListIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone, _ := b.token("gone")
	for range 6 {
		b.token("x")
	}
	if err := b.c.Revoke(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	for _, knobs := range []atlassiantest.Knobs{
		{FailPage: 2},
		{FailPage: 2, FailStatus: http.StatusTooManyRequests},
		{FailPage: 1, Errors: atlassiantest.HTMLBody, FailStatus: http.StatusOK},
		{Links: atlassiantest.Stuck},
		{NoLinks: true},
		{EmptyData: true},
		{Down: true},
	} {
		b.Set(knobs)
		if l, err := b.c.Verify(t.Context(), gone); l != connectors.Unknown || err == nil {
			t.Errorf("%+v: %s, %v", knobs, l, err)
		}
		if err := b.c.Revoke(t.Context(), gone); err == nil {
			t.Errorf("%+v: revoking again succeeds without proof", knobs)
		}
	}
	b.Set(atlassiantest.Knobs{})
	if l := b.verify(t, gone); l != connectors.Dead {
		t.Errorf("healthy: %s", l)
	}
}

// A token that only the organisation's list has is alive: nothing proves that
// the two lists number alike.
func TestTheOrganisationsListHasTheLastWord(t *testing.T) {
	t.Parallel()
	c := script(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNotFound)
		case strings.HasPrefix(r.URL.Path, "/users/"):
			_, _ = w.Write([]byte(`[{"id":"another-number"}]`))
		default:
			_, _ = w.Write([]byte(`{"data":[{"id":"t1","user":{"id":"a1"}}],"links":{"next":null}}`))
		}
	})
	ref := connectors.Ref{ID: "user-token/a1/t1"}
	if l, err := c.Verify(t.Context(), ref); l != connectors.Live || err != nil {
		t.Errorf("verify: %s, %v", l, err)
	}
	if err := c.Revoke(t.Context(), ref); !ambiguous(err) {
		t.Errorf("revoke: %v", err)
	}
}

// A key with scopes may see tokens and not end them: it is said what is
// missing, and the organisation's list still says that they live.
func TestAKeyWithScopesMayNotRevoke(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, value := b.token("x")
	key := connectors.Ref{ID: "org-key/" + b.AddOrgKey(atlassiantest.OrgKey{Label: "x"}).ID}
	narrow := b.AddOrgKey(atlassiantest.OrgKey{Label: "narrow", Scopes: []string{"read:tokens:admin", "read:keys:admin"}})
	b.c = b.open(t, narrow.Secret)
	if err := b.c.Revoke(t.Context(), ref); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "without scopes") {
		t.Errorf("revoke token: %v", err)
	}
	if err := b.c.Revoke(t.Context(), key); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "delete:keys:admin") {
		t.Errorf("revoke key: %v", err)
	}
	if l := b.verify(t, ref); l != connectors.Live || !b.Works(value) {
		t.Errorf("verified %s, works %t", l, b.Works(value))
	}
	b.Remove(ref.ID[strings.LastIndex(ref.ID, "/")+1:])
	if l, err := b.c.Verify(t.Context(), ref); l != connectors.Unknown || err == nil {
		t.Errorf("gone, seen by one list only: %s, %v", l, err)
	}
}
