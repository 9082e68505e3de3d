package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/workflow"
)

// open tells whether the console lets a browser in.
func (v desk) open() bool {
	v.t.Helper()
	return v.get("/console/sessions").status == http.StatusOK
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	t.Run("without use", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		v := b.signedIn(t, erin)
		b.moveClock(t, 29*time.Minute)
		if !v.open() {
			t.Fatal("it ends before half an hour")
		}
		b.moveClock(t, 29*time.Minute+31*time.Minute)
		if v.open() {
			t.Error("half an hour without use does not end it")
		}
	})
	t.Run("however it is used", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		v := b.signedIn(t, erin)
		for after := 25 * time.Minute; after < workflow.SessionLimits.Longest; after += 25 * time.Minute {
			b.moveClock(t, after)
			if !v.open() {
				t.Fatalf("it ends after %s", after)
			}
		}
		b.moveClock(t, workflow.SessionLimits.Longest)
		if v.open() {
			t.Error("eight hours do not end it")
		}
	})
	t.Run("by signing out", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		v := b.signedIn(t, erin)
		token := v.session()
		if got := v.send("/console/sign-out", url.Values{"form": {b.service.FormToken(tokenOf(token)).Expose()}}); got.status != http.StatusSeeOther {
			t.Fatalf("signing out = %d %s", got.status, got.title())
		}
		if v.session() != "" || b.withSession(t, token).open() || b.events(t, "person.signed_out") != 1 {
			t.Error("the session lives on, or nothing tells of its end")
		}
	})
	t.Run("when the person leaves", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		v := b.signedIn(t, erin)
		if _, err := b.service.Offboard(t.Context(), workflow.Leave{Person: b.people[erin].Account.PersonID, Source: "hr", SourceKey: "1", Reason: "left"}); err != nil {
			t.Fatal(err)
		}
		if b.events(t, "person.signed_out") != 1 || v.open() {
			t.Error("who left is still signed in")
		}
	})
	t.Run("when the person is no admin any more", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		v := b.signedIn(t, erin)
		before := b.service
		after := b.newService(t, before.Logger, before.Keys.Box, "dana@example.com")
		after.PublicURL = before.PublicURL
		b.server.workflow = after
		if got := v.get("/console/credentials"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Only an admin") {
			t.Errorf("no admin any more: %d %s", got.status, got.title())
		}
		b.server.workflow = before
		if v.open() || b.events(t, "person.signed_out") != 1 {
			t.Error("the session lives on")
		}
	})
	t.Run("by another admin", func(t *testing.T) {
		t.Parallel()
		b := setupConsole(t)
		first, second := b.signedIn(t, erin), b.signedIn(t, erin)
		page := second.get("/console/sessions")
		if n := strings.Count(page.body, "End the session of Erin Evans"); n != 2 {
			t.Fatalf("%d sessions are listed, want two", n)
		}
		got := second.send("/console/sessions/1/end", second.fields("/console/sessions"))
		if got.status != http.StatusSeeOther || first.open() || !second.open() {
			t.Errorf("ending a session = %d; the first is open: %t", got.status, first.open())
		}
	})
}

// TestConsoleNeedsSession goes to every page without one.
func TestConsoleNeedsSession(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.desk(t)
	for _, path := range b.everyPage(t, id.String()) {
		got := v.get(path)
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/console/sign-in") || strings.Contains(got.body, "<main") {
			t.Errorf("%s without a session = %d to %q", path, got.status, got.header.Get("Location"))
		}
	}
	for _, path := range []string{"/console/credentials/" + id.String() + "/revoke", "/console/people/1/offboard", "/console/sign-out"} {
		if got := v.send(path, url.Values{"form": {"x"}}); got.status != http.StatusSeeOther {
			t.Errorf("a form to %s without a session = %d", path, got.status)
		}
	}
	if b.stateOf(t, id) != "active" {
		t.Error("something was done all the same")
	}
}

// TestConsoleForms sends forms that do not come from the session's own page.
func TestConsoleForms(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	path := "/console/credentials/" + id.String() + "/revoke"
	v, other := b.signedIn(t, erin), b.signedIn(t, erin)
	good := filled(v.fields(path), "reason", "leaked")
	for name, form := range map[string]url.Values{
		"no mark of the session": filled(good, "form", ""),
		"another session's":      filled(good, "form", other.fields(path).Get("form")),
		"nothing at all":         {},
	} {
		if got := v.send(path, form); got.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, got.status, got.title())
		}
	}
	for name, header := range map[string][]string{
		"another site":           {"Sec-Fetch-Site", "cross-site"},
		"another of our domain":  {"Sec-Fetch-Site", "same-site"},
		"an origin of elsewhere": {"Origin", "https://evil.example"},
		"no origin to speak of":  {"Origin", "null"},
	} {
		if got := v.send(path, good, header...); got.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, got.status, got.title())
		}
	}
	if got := v.send(path, filled(good, "key", "short")); got.status != http.StatusConflict {
		t.Errorf("a form without its key: %d %s", got.status, got.title())
	}
	if got := v.get(path + "?" + good.Encode()); got.status != http.StatusOK || b.stateOf(t, id) != "active" {
		t.Errorf("a link did something: %d", got.status)
	}
	if got := v.send(path, good, "Sec-Fetch-Site", "same-origin"); got.status != http.StatusSeeOther || b.stateOf(t, id) != "revoking" {
		t.Errorf("the right form = %d %s; the key is %s", got.status, got.title(), b.stateOf(t, id))
	}
}

// TestConsoleHeaders: no page can be framed, none is stored or told elsewhere.
func TestConsoleHeaders(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.signedIn(t, erin)
	for _, path := range b.everyPage(t, id.String()) {
		got := v.get(path)
		if got.status != http.StatusOK {
			t.Errorf("%s = %d %s", path, got.status, got.title())
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "Content-Security-Policy": contentPolicy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.header.Get(name))
			}
		}
	}
	for path, want := range map[string]int{
		"/console/credentials/TK-0000": http.StatusNotFound, "/console/credentials/RQ-7F3K": http.StatusNotFound, "/console/requests/x": http.StatusNotFound,
		"/console/systems/none": http.StatusNotFound, "/console/people/999": http.StatusNotFound, "/console/people/x": http.StatusNotFound,
		"/console/offboardings/9": http.StatusNotFound, "/console/audit/99999": http.StatusNotFound, "/console/nothing": http.StatusNotFound,
		"/console/credentials/" + id.String() + "/approve": http.StatusNotFound, "/console/credentials?before=x": http.StatusOK,
		"/console/credentials?flag=x": http.StatusOK, "/console/credentials?q=%00": http.StatusOK, "/console/audit?about=x": http.StatusOK,
		"/console/audit?from=x": http.StatusOK, "/console/audit?person=%00": http.StatusOK, "/console/people?email=%00%ff": http.StatusOK,
		"/console/credentials?system=%00": http.StatusOK, "/console/access?days=-1&system=%00": http.StatusOK, "/console/credentials?kind=%00": http.StatusOK,
		"/console/credentials?owner=%00": http.StatusOK, "/console/requests?before=x&state=x": http.StatusOK, "/console/audit?subject=%00": http.StatusOK,
	} {
		if got := v.get(path); got.status != want {
			t.Errorf("%s = %d %s, want %d", path, got.status, got.title(), want)
		}
	}
}
