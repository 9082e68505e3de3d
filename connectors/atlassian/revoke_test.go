package atlassian_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

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
	b.AddServiceAccountToken(atlassiantest.Token{Owner: robot, Label: "kept"})
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

// What the API ends is no task for a person.
func TestGuideRevokeIsForServiceAccountsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := connectors.AccountRef{Name: "build robot", Service: true}
	for id, want := range map[string][]string{
		"service-account-token/b": {"build robot", "ID b", "Don't choose anything that revokes all"},
		"user-token/a/b":          nil,
		"org-key/b":               nil,
		"nonsense":                nil,
	} {
		task := b.c.GuideRevoke(connectors.Ref{ID: id, Owner: owner})
		text := strings.Join(task.Steps, "\n")
		if len(want) == 0 && (text != "" || task.URL != "") {
			t.Errorf("%s: %+v", id, task)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", id, w, text)
			}
		}
	}
	task := b.c.GuideRevoke(connectors.Ref{ID: "service-account-token/b"})
	if text := strings.Join(task.Steps, "\n"); !strings.Contains(text, "the service account that holds the token") || !strings.Contains(text, "ID b") {
		t.Errorf("without an owner:\n%s", text)
	}
}

// A list without a single row is what a lost permission looks like, too. Of
// the organisation's keys ours must be there, and ours is not revoked.
func TestAnEmptyListIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, _ := b.token("x")
	key := connectors.Ref{ID: "org-key/" + b.AddOrgKey(atlassiantest.OrgKey{Label: "x"}).ID}
	service := connectors.Ref{ID: "service-account-token/" + b.AddServiceAccountToken(atlassiantest.Token{Owner: b.AddServiceAccount("robot")}).ID}
	refs := []connectors.Ref{token, key, service}
	doubt := func(when string) {
		t.Helper()
		for _, r := range refs {
			if l, err := b.c.Verify(t.Context(), r); l != connectors.Unknown || err == nil || !strings.Contains(err.Error(), "proves nothing") {
				t.Errorf("%s: %s is %s, %v", when, r.ID, l, err)
			}
		}
	}
	b.Set(atlassiantest.Knobs{EmptyLists: true})
	doubt("alive")
	b.Set(atlassiantest.Knobs{EmptyLists: true, Hide: true})
	for _, r := range refs {
		if err := b.c.Revoke(t.Context(), r); err == nil {
			t.Errorf("revoke %s: an empty list made a 404 a success", r.ID)
		}
	}
	b.Set(atlassiantest.Knobs{})
	for _, r := range refs {
		b.Remove(r.ID[strings.LastIndex(r.ID, "/")+1:])
	}
	if l := b.verify(t, key); l != connectors.Dead {
		t.Errorf("beside our own key: %s", l)
	}
	refs = []connectors.Ref{token, service} // the last of their sort
	doubt("gone")

	c := script(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":[{"id":"k1","revocationDate":"2026-01-01T00:00:00Z"}],"links":{"next":null}}`))
	})
	if l, err := c.Verify(t.Context(), connectors.Ref{ID: "org-key/k1"}); l != connectors.Unknown || err == nil {
		t.Errorf("a list of revoked keys alone: %s, %v", l, err)
	}
}

// What is listed and past its end does not work: that is the question.
func TestAnExpiredCredentialIsDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddServiceAccount("build robot")
	for name, tt := range map[string]struct {
		ends time.Time
		want connectors.Liveness
	}{
		"over":     {start, connectors.Dead},
		"not yet":  {start.Add(time.Second), connectors.Live},
		"no end":   {time.Time{}, connectors.Live},
		"long ago": {start.AddDate(-1, 0, 0), connectors.Dead},
	} {
		for _, id := range []string{
			"user-token/" + b.frank + "/" + b.AddUserToken(atlassiantest.Token{Owner: b.frank, ExpiresAt: tt.ends}).ID,
			"org-key/" + b.AddOrgKey(atlassiantest.OrgKey{ExpiresAt: tt.ends}).ID,
			"service-account-token/" + b.AddServiceAccountToken(atlassiantest.Token{Owner: robot, ExpiresAt: tt.ends}).ID,
		} {
			if l := b.verify(t, connectors.Ref{ID: id}); l != tt.want {
				t.Errorf("%s: %s is %s, want %s", name, id, l, tt.want)
			}
		}
	}
	for _, list := range []string{`[{"id":"t1","expiry":"soon"}]`, `[]`} { // the person's own, and then the organisation's
		c := script(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if strings.HasPrefix(r.URL.Path, "/users/") {
				_, _ = w.Write([]byte(list))
				return
			}
			_, _ = w.Write([]byte(`{"data":[{"id":"t1","user":{"id":"a1"},"expiresAt":"soon"}],"links":{"next":null}}`))
		})
		if l, err := c.Verify(t.Context(), connectors.Ref{ID: "user-token/a1/t1"}); l != connectors.Unknown || err == nil {
			t.Errorf("an end that is no time: %s, %v", l, err)
		}
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
	b.AddUserToken(atlassiantest.Token{Owner: b.alice, Label: "of somebody who stays"})
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
