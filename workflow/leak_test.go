package workflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// collected has somebody get a key of the system acme, or tempo, and see it.
func (h *house) collected(t testing.TB, who string) (secret.Value, storage.Credential) {
	t.Helper()
	c := h.active(t, who)
	url, err := h.RevealURL(context.Background(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := h.Reveal(context.Background(), url[strings.LastIndex(url, "/")+1:], "test")
	if err != nil {
		t.Fatal(err)
	}
	return key, c
}

func (h *house) leaks(t testing.TB, a Actor, tokens ...secret.Value) []LeakOutcome {
	t.Helper()
	reports := make([]LeakReport, len(tokens))
	for i, token := range tokens {
		reports[i] = LeakReport{Token: token, Type: "latchkey_key", Source: "Commit", URL: "https://git.example/a/b?token=x#L10"}
	}
	out, err := h.ReportLeak(context.Background(), a, reports)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A key of our own and one that a vendor made are known by their secrets and
// ended; of the others nothing is kept.
func TestLeakedKeysEnd(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "erin", ScopeReportLeaks)
	own, ownRow := h.ownKey(t, "carol", ScopeRead)
	native, nativeRow := h.collected(t, "alice")
	if nativeRow.Brokered {
		t.Fatal("the test wants a key that the vendor made")
	}
	stranger := secret.New("ghp_strangers-own-0123456789")
	got := h.leaks(t, robot, own, stranger, native)
	if !got[0].Known || got[0].Credential != ownRow.ID || got[1] != (LeakOutcome{}) || !got[2].Known || got[2].Credential != nativeRow.ID {
		t.Fatalf("outcomes = %+v", got)
	}
	for _, id := range []storage.CredentialID{ownRow.ID, nativeRow.ID} {
		c := h.credential(t, id)
		if c.State != storage.CredentialRevoking || !strings.Contains(c.StateReason, "(commit): https://git.example/a/b#L10") {
			t.Errorf("%s is %s: %s", id, c.State, c.StateReason)
		}
		events, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(id))
		if err != nil || !slices.ContainsFunc(events, func(e storage.Event) bool { return e.Action == "credential.leaked" && e.Before == "active" }) {
			t.Errorf("%s: no event of the leak in %+v, %v", id, events, err)
		}
	}
	if _, err := h.Authenticate(t.Context(), own, "http:9"); err == nil {
		t.Error("a leaked key is honoured")
	}
	h.settle(t)
	if c := h.credential(t, nativeRow.ID); c.State != storage.CredentialRevoked {
		t.Errorf("at the vendor it is %s", c.State)
	}
	var kept string
	if err := h.DB.Pool().QueryRow(t.Context(), `SELECT string_agg(l::text, ' ') || (SELECT string_agg(e::text, ' ') FROM audit_event e) FROM leak l`).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	for _, token := range []secret.Value{own, native, stranger} {
		if strings.Contains(kept, token.Expose()) {
			t.Error("a token is stored in clear")
		}
	}
}

// A second report changes nothing and tells nobody again, and a key that is
// dead already is told of once.
func TestLeaksAreReportedOnce(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "erin", ScopeReportLeaks)
	key, c := h.ownKey(t, "carol", ScopeRead)
	dead, deadRow := h.ownKey(t, "carol", ScopeRead)
	if _, err := h.Revoke(t.Context(), h.people["carol"], deadRow.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	for range 3 {
		got := h.leaks(t, robot, key, dead, key)
		if got[0].Credential != c.ID || got[1].Credential != deadRow.ID || got[2].Credential != c.ID {
			t.Fatalf("outcomes = %+v", got)
		}
		h.settle(t)
	}
	for _, id := range []storage.CredentialID{c.ID, deadRow.ID} {
		rows, err := h.DB.SearchAudit(t.Context(), storage.AuditFilter{Subject: storage.SubjectCredential, SubjectID: int64(id), Action: "credential.leaked"})
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d events of the leak, %v", id, len(rows), err)
		}
		if now := h.credential(t, id); now.State != storage.CredentialRevoked {
			t.Errorf("%s is %s", id, now.State)
		}
	}
}

func TestWhoMayReportLeaks(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	key, c := h.ownKey(t, "carol", ScopeRead)
	report := []LeakReport{{Token: key}}
	_, err := h.ReportLeak(t.Context(), h.keyed(t, "erin", ScopeRead), report)
	refused(t, "a key without the scope", err, RuleScope)
	_, err = h.ReportLeak(t.Context(), h.people["alice"], report)
	refused(t, "a person who is no admin", err, RuleAdminOnly)
	robot := h.keyed(t, "erin", ScopeReportLeaks)
	for name, bad := range map[string][]LeakReport{
		"none": nil, "an empty one": {{Token: key}, {}}, "too many": make([]LeakReport, maxLeaks+1), "a long one": {{Token: secret.New(strings.Repeat("x", maxLeakToken+1))}},
	} {
		_, err := h.ReportLeak(t.Context(), robot, bad)
		refused(t, name, err, RuleLeak)
	}
	if now := h.credential(t, c.ID); now.State != storage.CredentialActive {
		t.Errorf("refused reports left it %s", now.State)
	}
}

// What a finder says goes before people's eyes, so no secret and no trick may
// be in it.
func TestWhereALeakWas(t *testing.T) {
	t.Parallel()
	const token = "lk_live_secret"
	for given, want := range map[string]string{
		"https://git.example/a/b.txt#L3":                   "https://git.example/a/b.txt#L3",
		"https://u:p@git.example/a?key=x":                  "https://git.example/a",
		"https://git.example/" + token:                     "",
		"https://git.example/lk_test_another":              "",
		"javascript:alert(1)":                              "",
		"git.example/a":                                    "",
		"https://git.example/" + strings.Repeat("a", 1000): "",
		"": "",
	} {
		if got := leakURL(LeakReport{Token: secret.New(token), URL: given}); got != want {
			t.Errorf("leakURL(%q) = %q, want %q", given, got, want)
		}
	}
	for given, want := range map[string]string{"Pull_Request_Title": "pull_request_title", "<!channel>": "", strings.Repeat("a", 101): "", " npm ": "npm"} {
		if got := leakWord(given); got != want {
			t.Errorf("leakWord(%q) = %q, want %q", given, got, want)
		}
	}
}

// leakyAcme is a vendor that reports leaks without their secrets.
type leakyAcme struct {
	connectors.Connector

	asked  []string
	answer func(ref string) (connectors.Leak, error)
}

// Leaks implements connectors.LeakSource.
func (*leakyAcme) Leaks(_ *http.Request, body []byte) ([]connectors.Leak, error) {
	return []connectors.Leak{{Ref: string(body)}}, nil
}

// FetchLeak implements connectors.LeakFetcher.
func (l *leakyAcme) FetchLeak(_ context.Context, ref string) (connectors.Leak, error) {
	l.asked = append(l.asked, ref)
	return l.answer(ref)
}

// A secret that a report leaves out is fetched by a job, which a source that is
// down does not lose. What the source hides ends nothing.
func TestLeaksAreFetched(t *testing.T) {
	t.Parallel()
	source := &leakyAcme{}
	h := openWith(t, houseDocument(), func(d *Deps) { d.Connectors["scanner"] = source })
	key, c := h.collected(t, "alice")
	hidden := true
	source.answer = func(string) (connectors.Leak, error) {
		if hidden {
			return connectors.Leak{}, nil
		}
		return connectors.Leak{Secret: key, Source: "repository"}, nil
	}
	if n, err := h.TakeLeaks(t.Context(), "scanner", nil, []byte("shop/1")); n != 0 || err != nil || len(source.asked) != 0 {
		t.Fatalf("%d ended, asked %v, %v", n, source.asked, err)
	}
	if jobs := h.jobs(t, FetchLeakArgs{}.Kind()); len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	for _, hides := range []bool{true, false} {
		hidden = hides
		if err := h.FetchLeak(t.Context(), "scanner", "shop/1"); err != nil {
			t.Fatal(err)
		}
		if now := h.credential(t, c.ID); (now.State == storage.CredentialActive) != hides {
			t.Errorf("hidden %t: it is %s", hides, now.State)
		}
	}
	source.answer = func(string) (connectors.Leak, error) { return connectors.Leak{}, errors.New("down") }
	if err := h.FetchLeak(t.Context(), "scanner", "shop/1"); err == nil {
		t.Error("a source that is down is taken for an answer")
	}
}

// One token that is none, or too many of them, do not spare the others.
func TestBadLinesOfAReportAreLeftOut(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	key, c := h.ownKey(t, "carol", ScopeRead)
	leaks := []connectors.Leak{{}, {Secret: secret.New(strings.Repeat("x", maxLeakToken+1))}}
	for i := range maxLeaks {
		leaks = append(leaks, connectors.Leak{Secret: secret.New(fmt.Sprint("token-", i))})
	}
	ended, err := h.takeFound(t.Context(), "hub", append(leaks, connectors.Leak{Secret: key}))
	if ended != 1 || err != nil || h.credential(t, c.ID).State != storage.CredentialRevoking {
		t.Errorf("%d ended, %v", ended, err)
	}
}

// While the database is in quarantine a key may be one that was revoked since:
// it stops things, and does nothing else.
func TestKeysInQuarantineOnlyStop(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	key, _ := h.ownKey(t, "erin", ScopeRead, ScopeRevoke, ScopeRotate)
	h.exec(t, `INSERT INTO audit_quarantine (token, why, size, checkpoint, have) VALUES ('drill', 'a drill', 1, '', 0)`)
	a, err := h.Authenticate(t.Context(), key, "http:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{ScopeRead, ScopeRotate} {
		refused(t, scope, a.May(scope), RuleQuarantine)
	}
	if err := a.May(ScopeRevoke); err != nil {
		t.Errorf("May(%s) = %v", ScopeRevoke, err)
	}
}
