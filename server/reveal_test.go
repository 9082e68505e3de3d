package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

func TestRevealShowsTheKeyOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)

	for range 100 {
		page := b.do(t, http.MethodGet, path)
		if page.status != http.StatusOK || !strings.Contains(page.body, `<form method="post">`) {
			t.Fatalf("GET = %d, want a page with a button:\n%s", page.status, page.body)
		}
		if page.shownKey() != "" || strings.Contains(page.body, "lk_live_") {
			t.Fatal("GET shows the key")
		}
		if head := b.do(t, http.MethodHead, path); head.status != http.StatusOK || head.body != "" {
			t.Fatalf("HEAD = %d %q, want 200 without a body", head.status, head.body)
		}
	}

	shown := b.do(t, http.MethodPost, path)
	key := shown.shownKey()
	if shown.status != http.StatusOK || secret.CheckKey(key) != nil {
		t.Fatalf("POST = %d, want a key of ours", shown.status)
	}
	if n := strings.Count(shown.body, key); n != 1 {
		t.Errorf("the key is on the page %d times, want once", n)
	}
	for _, want := range []string{
		"This page can’t be opened again", `curl -H "Authorization: Bearer $LATCHKEY_KEY"`, `https://api.example.com/tempo/4/worklogs<`, id.String(),
	} {
		if !strings.Contains(shown.body, want) {
			t.Errorf("page lacks %q:\n%s", want, shown.body)
		}
	}

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		again := b.do(t, method, path)
		if again.status != http.StatusGone || again.shownKey() != "" || !strings.Contains(again.body, "already shown") {
			t.Errorf("%s afterwards = %d, want 410 that says it was shown:\n%s", method, again.status, again.body)
		}
	}
	if got := b.stateOf(t, id); got != storage.CredentialActive {
		t.Errorf("state = %s, want active", got)
	}
}

func TestRevealSaysWhatTheKeyIsFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	page := b.do(t, http.MethodGet, path)
	for _, want := range []string{
		"Your tempo key is ready", "2 scopes", "Worklogs: see", "<code>worklogs:manage</code>", "can change things", "30 days, until <time", "You have until <strong><time", "What it allows",
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("page lacks %q:\n%s", want, page.body)
		}
	}
	if strings.Contains(page.body, strings.TrimPrefix(path, "/reveal/")) {
		t.Error("the page repeats its ticket")
	}
}

func TestRevealOfNativeKeyGivesNoGatewayExample(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issue(t, "wiki", "pages:read")
	page := b.do(t, http.MethodPost, path)
	if !strings.HasPrefix(page.shownKey(), "wiki_") {
		t.Fatalf("POST = %d, want the vendor's key", page.status)
	}
	if strings.Contains(page.body, "curl") || !strings.Contains(page.body, "own key") {
		t.Errorf("page sends a native key to the gateway:\n%s", page.body)
	}
}

func TestRevealWithoutGatewayAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	b.server.gateway = ""
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
	b.guard(reply{body: w.Body.String()}.shownKey())
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "curl") || !strings.Contains(w.Body.String(), "An admin can tell you the address") {
		t.Errorf("%d, want a page that sends people to an admin for the address", w.Code)
	}
}

func TestRevealConcurrently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, n := range []int{2, 2, 2, 12} {
		_, path := b.issueTempo(t)
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[int]int{}
		keys := 0
		for range n {
			wg.Go(func() {
				page := b.do(t, http.MethodPost, path)
				mu.Lock()
				defer mu.Unlock()
				got[page.status]++
				if page.shownKey() != "" {
					keys++
				}
			})
		}
		wg.Wait()
		if keys != 1 || got[http.StatusOK] != 1 || got[http.StatusGone] != n-1 {
			t.Errorf("%d at once: %d keys, statuses %v; want one key and the rest 410", n, keys, got)
		}
	}
}

func TestTicketEndsFifteenMinutesAfterFirstLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)
	b.moveClock(t, 23*time.Hour)
	b.do(t, http.MethodGet, path)
	b.moveClock(t, 23*time.Hour+14*time.Minute)
	if page := b.do(t, http.MethodGet, path); page.status != http.StatusOK {
		t.Fatalf("after 14 minutes: %d, want 200", page.status)
	}
	b.moveClock(t, 23*time.Hour+15*time.Minute+time.Second)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		page := b.do(t, method, path)
		if page.status != http.StatusGone || page.shownKey() != "" || !strings.Contains(page.body, "This link is over") {
			t.Errorf("%s after 15 minutes = %d, want 410:\n%s", method, page.status, page.body)
		}
	}
	b.sweepAndFinish(t, id)
	if page := b.do(t, http.MethodGet, path); page.status != http.StatusGone || !strings.Contains(page.body, "was revoked") {
		t.Errorf("after the sweep = %d, want 410 that says it was revoked:\n%s", page.status, page.body)
	}
}

func TestTicketEndsUnopenedAfterADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)
	b.do(t, http.MethodHead, path)                                     // no look
	b.do(t, http.MethodGet, path, "Sec-Purpose", "prefetch;prerender") // no look either
	b.do(t, http.MethodPost, path, "Sec-Fetch-Site", "cross-site")     // refused
	b.moveClock(t, 24*time.Hour-time.Minute)
	if _, spoiled := b.openedAt(t, id); spoiled {
		t.Fatal("the short clock started without a look at the page")
	}
	b.moveClock(t, 24*time.Hour)
	if page := b.do(t, http.MethodPost, path); page.status != http.StatusGone || page.shownKey() != "" {
		t.Errorf("after a day = %d, want 410", page.status)
	}
	b.sweepAndFinish(t, id)
	if got := b.stateOf(t, id); got != storage.CredentialRevoked {
		t.Errorf("state = %s, want revoked", got)
	}
}

func TestTicketOfRevokedKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)
	if page := b.do(t, http.MethodGet, path); page.status != http.StatusOK {
		t.Fatalf("GET = %d", page.status)
	}
	if _, err := b.service.Revoke(t.Context(), b.alice, id, ""); err != nil {
		t.Fatal(err)
	}
	page := b.do(t, http.MethodPost, path)
	if page.status != http.StatusGone || page.shownKey() != "" || !strings.Contains(page.body, "was revoked") {
		t.Errorf("POST = %d, want 410 that says it was revoked:\n%s", page.status, page.body)
	}
}

func TestTicketOfExpiredKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)
	b.moveClock(t, 31*24*time.Hour)
	b.sweepAndFinish(t, id)
	page := b.do(t, http.MethodGet, path)
	if page.status != http.StatusGone || !strings.Contains(page.body, "has expired") {
		t.Errorf("GET = %d, want 410 that says it has expired:\n%s", page.status, page.body)
	}
}

func TestEveryEndedTicketSaysWhyAndWhatNext(t *testing.T) {
	t.Parallel()
	titles := map[string]bool{}
	for _, state := range []storage.CredentialState{
		storage.CredentialActive, storage.CredentialSuspended, storage.CredentialExpired, storage.CredentialRevoking,
		storage.CredentialRevokeFailed, storage.CredentialRevoked, storage.CredentialIssuing, storage.CredentialIssueFailed,
	} {
		for _, ticket := range []workflow.TicketState{workflow.TicketOver, workflow.TicketSpent} {
			n := endedNotice(workflow.Ticket{Credential: storage.Credential{ID: 7, State: state}, State: ticket})
			if n.Status != http.StatusGone || n.Title == "" || n.Says == "" || n.Next == "" {
				t.Errorf("%s ticket of a key that is %s: %+v", ticket, state, n)
			}
			titles[n.Title] = true
		}
	}
	if len(titles) != 5 {
		t.Errorf("%d different titles, want 5: %v", len(titles), titles)
	}
}

func TestUnknownTickets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, ticket := range []string{secret.Token(32).Expose(), "short", strings.Repeat("x", 4000), "%00", "%2e%2e", "<script>", "ünknown"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			page := b.do(t, method, "/reveal/"+ticket)
			if page.status != http.StatusNotFound || !strings.Contains(page.body, "Slack") {
				t.Errorf("%s of an unknown ticket = %d, want 404 that says what to do:\n%s", method, page.status, page.body)
			}
		}
	}
}

func TestCrossSitePostIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", b.http.URL, "Sec-Fetch-Site", "cross-site"},
	} {
		page := b.do(t, http.MethodPost, path, headers...)
		if page.status != http.StatusForbidden || page.shownKey() != "" {
			t.Errorf("POST with %v = %d, want 403", headers, page.status)
		}
	}
	if page := b.do(t, http.MethodPost, path, "Sec-Fetch-Site", "same-origin", "Origin", "null"); page.shownKey() == "" {
		t.Errorf("POST from our own page = %d, want the key", page.status)
	}
}

func TestFailureNamesItsReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	if _, err := b.db.Pool().Exec(t.Context(), `ALTER TABLE ticket RENAME TO lost`); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		page := b.do(t, method, path)
		if page.status != http.StatusInternalServerError {
			t.Fatalf("%s = %d, want 500", method, page.status)
		}
		_, rest, _ := strings.Cut(page.body, "Reference: <code>")
		ref, _, _ := strings.Cut(rest, "</code>")
		if ref == "" || !strings.Contains(b.log.String(), ref) {
			t.Errorf("reference %q is not in the log", ref)
		}
		if strings.Contains(page.body, "relation") {
			t.Error("the page shows the cause")
		}
	}
}

func (b *testBundle) openedAt(t *testing.T, id storage.CredentialID) (time.Time, bool) {
	t.Helper()
	k, err := b.db.TicketOf(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return k.OpenedAt, k.OpenedAt.Year() > 1
}

// sweepAndFinish does what the background does about what is due.
func (b *testBundle) sweepAndFinish(t *testing.T, id storage.CredentialID) {
	t.Helper()
	if err := b.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.stateOf(t, id) != storage.CredentialRevoking {
		return
	}
	if err := b.service.FinishRevoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}
