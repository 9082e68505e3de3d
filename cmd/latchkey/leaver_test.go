package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/connectors/timepiece/timepiecetest"
)

var reportURLs = regexp.MustCompile(`https?://[^\s"\\<>]+/offboarding/[0-9]+-[0-9A-Za-z]{32}`)

// HR says on the control panel that Frank left: the gateway refuses him, what
// he has at every vendor ends, people end what only people can, and the case
// closes with a report that anybody can check against the vendors' own books.
func TestLeaver(t *testing.T) {
	t.Parallel()
	w := newLivedInWorld(t)
	w.sync("jira", "github", "gitlab", "timepiece", "acme")
	w.request("U0FRANK", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0FRANK")
	if got, body := w.use(key, "/4/accounts"); got != http.StatusOK {
		t.Fatalf("before: %d %s", got, body)
	}
	had := w.worksForFrank()
	if len(had) < 5 {
		t.Fatalf("Frank has only %q", had)
	}

	page := w.panel(http.MethodPost, "/hr", url.Values{"id": {"6"}, "what": {"leave"}}, http.StatusOK)
	w.says(page, "Frank left today", "has left")
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	channel := func() string { return w.transcript("U0ERIN", "C0APPROVALS") }
	w.await("the card", func() bool { return strings.Contains(channel(), "Frank Fisher") && reportURLs.MatchString(channel()) })
	w.eventually("everything that we can end to end", func() bool {
		return !slices.ContainsFunc(w.worksForFrank(), func(h string) bool { return !strings.HasPrefix(h, "timepiece") })
	})
	if n := w.count(`SELECT count(*) FROM offboarding WHERE state = 'open'`); n != 1 {
		t.Fatalf("%d open cases while a key of Frank's works at Timepiece", n)
	}
	for _, h := range w.holdingsOf("timepiece") {
		if isFranks(h) {
			w.says(w.panel(http.MethodPost, "/at/timepiece/remove", url.Values{"id": {h.ID}}, http.StatusOK), "It is gone there")
		}
	}
	w.eventually("the case to close", func() bool {
		if w.count(`SELECT count(*) FROM offboarding WHERE state = 'closed'`) == 1 {
			return true
		}
		w.slash("U0ERIN", "/tokens sync timepiece")
		return false
	})
	if left := w.worksForFrank(); len(left) > 0 {
		t.Fatalf("the case is closed and these work: %q", left)
	}
	w.await("the card to say so", func() bool { return strings.Contains(channel(), "everything is accounted for") })
	w.report(reportURLs.FindString(channel()), token)
	w.says(w.slash("U0ERIN", "/tokens offboarding <@U0FRANK>"), "Frank Fisher")
	if n := w.count(`SELECT count(*) FROM credential c WHERE owner_id = (SELECT id FROM person WHERE email = 'frank@example.com')
		AND NOT EXISTS (SELECT FROM receipt WHERE credential_id = c.id)`); n != 0 {
		t.Errorf("%d of Frank's keys have no receipt", n)
	}
}

// A mistaken leave is undone: what the gateway honours works again.
func TestLeaverReturns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0FRANK", "tempo", "read", "7d", "A report for the team")
	key, _ := w.reveal("U0FRANK")
	w.panel(http.MethodPost, "/hr", url.Values{"id": {"6"}, "what": {"leave"}}, http.StatusOK)
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	w.says(w.panel(http.MethodPost, "/hr", url.Values{"id": {"6"}, "what": {"return"}}, http.StatusOK), "Frank works here")
	w.until(key, "/4/accounts", http.StatusOK)
	// One that is to come waits for its day.
	w.panel(http.MethodPost, "/hr", url.Values{"id": {"6"}, "what": {"later"}}, http.StatusOK)
	if got, _ := w.use(key, "/4/accounts"); got != http.StatusOK {
		t.Fatalf("before he leaves: %d", got)
	}
	w.must(w.jumpClock(w.ctx, jumps["week"]+jumps["day"]))
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	w.panel(http.MethodPost, "/hr", url.Values{"id": {"9"}, "what": {"leave"}}, http.StatusBadRequest)
	w.panel(http.MethodPost, "/hr", url.Values{"id": {"1"}, "what": {"promote"}}, http.StatusBadRequest)
}

// Somebody whose Slack account is deactivated has left.
func TestDeactivatedInSlack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0FRANK", "tempo", "read", "7d", "A report for the team")
	key, _ := w.reveal("U0FRANK")
	w.sim.Deactivate("U0FRANK")
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	w.count1(`SELECT count(*) FROM offboarding WHERE source = 'slack'`)
}

// worksForFrank lists what works for him at the vendors, by their own books.
func (w *world) worksForFrank() []string {
	var out []string
	for _, s := range w.systems() {
		for _, h := range s.holdings() {
			if h.Works && isFranks(h) {
				out = append(out, s.Name+" "+h.Label)
			}
		}
	}
	return out
}

// isFranks knows Frank by all of his names.
func isFranks(h holding) bool {
	return strings.Contains(strings.ToLower(h.Owner), "frank") || h.Owner == timepiecetest.Frank
}

func (w *world) holdingsOf(system string) []holding {
	for _, s := range w.systems() {
		if s.Name == system {
			return s.holdings()
		}
	}
	return nil
}

// report reads the case's report as a page and as JSON.
func (w *world) report(address, token string) {
	w.t.Helper()
	for suffix, parts := range map[string][]string{"": {"Frank Fisher", token, "DELETE"}, ".json": {`"frank@example.com"`, token}} {
		r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, address+suffix, nil)
		w.must(err)
		answer, err := http.DefaultClient.Do(r)
		w.must(err)
		body, err := io.ReadAll(answer.Body)
		w.must(err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			w.t.Fatalf("%s: %d", address+suffix, answer.StatusCode)
		}
		w.says(string(body), parts...)
		if suffix != "" && !json.Valid(body) {
			w.t.Error("the report is no JSON")
		}
	}
}
