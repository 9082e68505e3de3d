package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
)

func tokenOf(s string) secret.Value { return secret.New(s) }

// withSession is a browser that has somebody's session.
func (b *consoleBundle) withSession(t *testing.T, token string) desk {
	t.Helper()
	v := b.desk(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.http.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	v.http.Jar.SetCookies(r.URL, []*http.Cookie{{Name: sessionCookie, Value: token, Path: "/"}})
	return v
}

func TestConsoleSuspendsAndResumes(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.signedIn(t, erin)
	page := "/console/credentials/" + id.String()
	suspend := filled(v.fields(page+"/suspend"), "reason", "")
	got := v.send(page+"/suspend", suspend)
	if got.status != http.StatusConflict {
		t.Fatalf("without a reason = %d", got.status)
	}
	mustContain(t, got, "Say why: the owner of the key will read it.", "Suspend "+id.String())
	suspend = filled(suspend, "reason", "a look at the logs")
	for range 2 {
		got := v.send(page+"/suspend", suspend)
		if got.status != http.StatusSeeOther || got.header.Get("Location") != page+"?done=suspend" || b.stateOf(t, id) != storage.CredentialSuspended {
			t.Fatalf("suspending = %d to %q; the key is %s", got.status, got.header.Get("Location"), b.stateOf(t, id))
		}
	}
	mustContain(t, v.get(page+"?done=suspend"), "It is suspended.", "a look at the logs", "Erin Evans")
	if got := v.send(page+"/resume", filled(v.fields(page+"/resume"), "reason", "all is well")); got.status != http.StatusSeeOther || b.stateOf(t, id) != storage.CredentialActive {
		t.Fatalf("resuming = %d %s", got.status, got.title())
	}
	// The browser sends the first form again, as browsers do when they restore a
	// tab: it did its work, and does not do it a second time.
	if got := v.send(page+"/suspend", suspend); got.status != http.StatusSeeOther || b.stateOf(t, id) != storage.CredentialActive {
		t.Errorf("an old form = %d; the key is %s", got.status, b.stateOf(t, id))
	}
	if n := b.events(t, "credential.suspended"); n != 1 {
		t.Errorf("%d events of the suspension, want one", n)
	}
}

func TestConsoleEdits(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.signedIn(t, erin)
	page := "/console/credentials/" + id.String()
	c, err := b.db.Credential(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sooner := c.ExpiresAt.Add(-48 * time.Hour).UTC().Format(endForm)
	form := filled(v.fields(page+"/edit"), "label", "month-end", "note", "of payroll\r\nand of nobody else", "ends", sooner, "reason", "the quarter is over")
	for range 2 {
		if got := v.send(page+"/edit", form); got.status != http.StatusSeeOther {
			t.Fatalf("editing = %d: %s", got.status, got.body)
		}
	}
	if c, err = b.db.Credential(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if c.Label != "month-end" || c.Note != "of payroll\nand of nobody else" || c.ExpiresAt.UTC().Format(endForm) != sooner {
		t.Errorf("the key is now %q, %q, until %s", c.Label, c.Note, c.ExpiresAt)
	}
	mustContain(t, v.get(page), "month-end", "of payroll and of nobody else", "the quarter is over")
	stale := filled(form, "key", strings.Repeat("a", 24), "label", "another")
	got := v.send(page+"/edit", stale)
	if got.status != http.StatusConflict {
		t.Fatalf("editing what changed meanwhile = %d", got.status)
	}
	mustContain(t, got, "has changed since you looked at it", `value="another"`)
	beyond := filled(v.fields(page+"/edit"), "label", "month-end", "ends", "2199-01-01T00:00", "reason", "for ever")
	if got := v.send(page+"/edit", beyond); got.status != http.StatusConflict {
		t.Errorf("an end beyond the ceiling = %d", got.status)
	}
}

func TestConsoleOffboards(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.signedIn(t, erin)
	person := fmt.Sprintf("/console/people/%d", b.alice.Account.PersonID)
	confirm := v.get(person + "/offboard")
	mustContain(t, confirm, "1 credential of theirs will end", "Offboard Alice Archer", "wiki")
	form := v.fields(person + "/offboard")
	if got := v.send(person+"/offboard", form); got.status != http.StatusConflict || !strings.Contains(got.body, "Say why") {
		t.Fatalf("without a reason = %d %s", got.status, got.title())
	}
	form = filled(form, "reason", "last day")
	for range 2 {
		got := v.send(person+"/offboard", form)
		if got.status != http.StatusSeeOther || got.header.Get("Location") != "/console/offboardings/1?done=offboard" {
			t.Fatalf("offboarding = %d to %q", got.status, got.header.Get("Location"))
		}
	}
	if err := b.service.RunOffboarding(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	mustContain(t, v.get("/console/offboardings/1"), id.String(), "last day", b.service.ReportURL(1))
	mustContain(t, v.get(person), "left")
	self := fmt.Sprintf("/console/people/%d/offboard", b.people[erin].Account.PersonID)
	if got := v.send(self, filled(v.fields(self), "reason", "enough")); got.status != http.StatusConflict || !strings.Contains(got.body, "can&#39;t offboard yourself") {
		t.Errorf("offboarding oneself = %d", got.status)
	}
}

// The console decides about no request, and shows no key.
func TestConsoleApprovesNothing(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	r := b.ask(t, "worklogs:manage")
	v := b.signedIn(t, erin)
	page := v.get("/console/requests/" + r.ID.String())
	mustContain(t, page, "Requests are decided in Slack and nowhere else", "Bob Baker", "Carol Chen")
	if _, rest, _ := strings.Cut(page.body, "<main"); strings.Contains(rest, "<form") || strings.Contains(rest, "<button") {
		t.Error("there is something to press")
	}
	if got := v.send("/console/requests/"+r.ID.String(), filled(v.fields("/console/sessions"), "decision", "approve")); got.status != http.StatusNotFound {
		t.Errorf("a form to a request = %d", got.status)
	}
}

func TestConsoleLists(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	var ids []string
	for range pageRows/20 + 18 { // of one person, at most 20
		id, _ := b.issue(t, "tempo", "worklogs:view")
		ids = append(ids, id.String())
	}
	v := b.signedIn(t, erin)
	all := v.get("/console/credentials?owner=alice@example.com&system=tempo&state=active&kind=api_key")
	for _, id := range ids {
		mustContain(t, all, id)
	}
	if got := v.get("/console/credentials?q=" + strings.ToLower(ids[0])); got.header.Get("Location") != "/console/credentials/"+ids[0] {
		t.Errorf("an ID leads to %q", got.header.Get("Location"))
	}
	mustContain(t, v.get("/console/credentials?q=ARCHER"), ids[0])
	mustContain(t, v.get("/console/credentials?q=nobody"), "Nothing fits.")
	mustContain(t, v.get("/console/credentials?owner=nobody@example.com"), "Nobody here has the e-mail address")
	before := v.get("/console/credentials?before=" + ids[1])
	if !strings.Contains(before.body, ids[0]) || strings.Contains(before.body, ids[2]) {
		t.Error("a page of the list does not begin where the one before it ended")
	}
	csv := v.get("/console/credentials.csv?system=tempo")
	if csv.header.Get("Content-Type") != "text/csv; charset=utf-8" || strings.Count(csv.body, "\n") != len(ids)+1 || !strings.HasPrefix(csv.body, "id,system,") {
		t.Errorf("the file has %d lines", strings.Count(csv.body, "\n"))
	}
	mustContain(t, v.get("/console/audit?about="+ids[0]), "credential.active")
	mustContain(t, v.get("/console/audit?person=alice@example.com&action=credential.iss"), "credential.issuing")
}
