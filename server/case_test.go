package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// hostile is what somebody could write into a name, a label or an answer.
const hostile = `<script>alert(1)</script>"' onload=x <b>&amp;` + "\u202etxt"

// reportNoon is the moment everything in the fixture is counted from.
func reportNoon() time.Time { return time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC) }

// reportFixture is a case with everything there can be in one.
func reportFixture() workflow.OffboardingView {
	at := reportNoon()
	key := func(id storage.CredentialID, state storage.CredentialState, brokered bool) workflow.ItemView {
		c := storage.Credential{ID: id, Connection: "jira", Kind: "api_key", Class: "user token", Label: "ci " + hostile, Brokered: brokered, State: state}
		if brokered {
			c.Connection, c.Class, c.Label = "tempo", "", ""
		}
		if !c.Live() {
			c.EndedAt = at.Add(time.Minute)
		}
		return workflow.ItemView{OffboardingItem: storage.OffboardingItem{CredentialID: id, Sort: storage.ItemOwn}, Key: workflow.CredentialView{Credential: c}}
	}
	ended, fenced, failed, waived, kept, shared := key(1, storage.CredentialRevoked, false), key(2, storage.CredentialActive, true), key(3, storage.CredentialRevokeFailed, false),
		key(4, storage.CredentialRevokeFailed, false), key(5, storage.CredentialActive, true), key(6, storage.CredentialActive, true)
	ended.Done, ended.Receipts = true, []storage.Receipt{
		{CredentialID: 1, At: at.Add(time.Minute), Verb: "revoke", Answer: "DELETE /tokens/7: 204 No Content\nGET /tokens/7: 404 Not Found " + hostile, Liveness: "dead", Attempts: 3}}
	fenced.Done, fenced.Receipts = true, []storage.Receipt{{CredentialID: 2, At: at, Verb: "fence", Answer: "The gateway refuses it since its owner left.", Liveness: "dead", Attempts: 1}}
	failed.Key.Credential.StateReason = "the system answers 503"
	waived.Done, waived.WaivedName, waived.WaivedReason, waived.WaivedAt = true, "Erin "+hostile, "Their support confirmed it. "+hostile, at.Add(time.Hour)
	kept.Done, kept.Sort, kept.HandedTo, kept.To = true, storage.ItemShared, 3, workflow.Person{ID: 3, Name: "Carol " + hostile}
	shared.Sort, shared.DecideBy = storage.ItemShared, at.Add(7*24*time.Hour)
	return workflow.OffboardingView{
		Case: storage.Offboarding{ID: 12, PersonID: 6, State: storage.OffboardingOpen, Source: "hr", Actor: storage.System("events of hr"),
			Reason: "hr says the person left " + hostile, BeganAt: at, Listed: true, GraceUntil: at.Add(24 * time.Hour)},
		Person: workflow.Person{ID: 6, Name: "Frank " + hostile}, Email: "frank@example.com", Now: at.Add(2 * time.Hour), Undo: true, Paged: true, Lost: 3, Left: 4,
		Items: []workflow.ItemView{ended, fenced, failed, waived, kept, shared},
		Systems: []storage.OffboardingSystem{
			{Connection: "github", Passes: 2, CleanAt: at.Add(5 * time.Minute)},
			{Connection: "gitlab", WaivedName: "Erin Evans", WaivedReason: "It was shut down.", WaivedAt: at.Add(time.Hour)},
			{Connection: "jira", Passes: 1},
			{Connection: "wiki", Problem: "503 " + hostile},
		},
		Events: []storage.Event{
			{At: at, Action: "offboarding.open", Actor: "system: events of hr", After: "open", Reason: "hr says the person left " + hostile},
			{At: at.Add(time.Hour), Action: "offboarding.waived", ActorID: 5, Actor: "Erin Evans", After: "TK-0004", Reason: "Their support confirmed it."},
		},
	}
}

// TestReportGolden writes down the report for programs, which is documented by
// this file, and the one for people.
func TestReportGolden(t *testing.T) {
	t.Parallel()
	s := New(Deps{})
	program, page := httptest.NewRecorder(), httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/offboarding/x", nil)
	report := reportOf(reportFixture())
	s.writeReport(program, r, report)
	golden(t, "case.json", program.Body.String())
	s.write(page, r, http.StatusOK, "case.html", casePage{Report: report, JSON: "12-token.json"})
	golden(t, "case.html", page.Body.String())

	body := page.Body.String()
	for _, bad := range []string{"<script", "onload=x <b>", "<b>"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q unescaped", bad)
		}
	}
	if got := strings.Count(body, "<script"); got != 0 {
		t.Errorf("the page has %d scripts", got)
	}
	for _, table := range regexp.MustCompile(`(?s)<table>.*?</table>`).FindAllString(body, -1) {
		if !strings.Contains(table, "<caption>") || regexp.MustCompile(`<th[^>]*>`).FindString(strings.ReplaceAll(strings.ReplaceAll(table, `<th scope="col">`, ""), `<th scope="row">`, "")) != "<thead>" {
			t.Errorf("a table lacks its caption, or a header its scope:\n%.300s", table)
		}
	}
	var back map[string]any
	if err := json.Unmarshal(program.Body.Bytes(), &back); err != nil || back["format"] != reportFormat {
		t.Errorf("the report for programs is %v, %v", back["format"], err)
	}
}

func TestReportOfCasesThatEnded(t *testing.T) {
	t.Parallel()
	for state, want := range map[storage.OffboardingState]string{
		storage.OffboardingClosed: "The case is closed: everything is accounted for.", storage.OffboardingUndone: "The offboarding was undone.",
		storage.OffboardingHeld: "The case is on hold", storage.OffboardingOpen: "4 of 10 are not accounted for yet",
	} {
		v := reportFixture()
		v.Case.State, v.Case.ClosedAt, v.Case.Final = state, reportNoon(), true
		w := httptest.NewRecorder()
		New(Deps{}).write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "case.html", casePage{Report: reportOf(v)})
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page of a case that is %s lacks %q", state, want)
		}
	}
	v := reportFixture()
	v.Items, v.Systems, v.Events, v.Person.Name, v.Email = nil, nil, nil, "", ""
	w := httptest.NewRecorder()
	New(Deps{}).write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "case.html", casePage{Report: reportOf(v)})
	for _, want := range []string{"<bdi>somebody</bdi>", "No connected system can be listed.", "held no credentials"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page of an empty case lacks %q", want)
		}
	}
}

// leave has Alice leave, and returns the path of the report.
func (b *testBundle) leave(t *testing.T) string {
	t.Helper()
	o, err := b.service.Offboard(t.Context(), workflow.Leave{Person: b.alice.Account.PersonID, Source: "scim", SourceKey: "1", By: storage.System("scim"), Reason: "deactivated"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.RunOffboarding(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(b.service.ReportURL(o.ID), b.service.PublicURL)
	b.guard(path[strings.Index(path, "-")+1:])
	return path
}

func TestReportOverHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.issueTempo(t)
	path := b.leave(t)
	if m := regexp.MustCompile(`^/offboarding/[1-9][0-9]*-[0-9A-Za-z]{32}$`); !m.MatchString(path) {
		t.Fatalf("the report is at %s", path)
	}
	page := b.do(t, http.MethodGet, path)
	if page.status != http.StatusOK || page.header.Get("Cache-Control") != "no-store" || page.header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("GET = %d, %v", page.status, page.header)
	}
	for _, want := range []string{"<bdi>Alice</bdi>", "alice@example.com", id.String(), "refused by the gateway", "The gateway refuses it since its owner left.", "the identity provider (SCIM)"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q:\n%s", want, page.body)
		}
	}
	program := b.do(t, http.MethodGet, path+".json")
	var report offboardingReport
	if err := json.Unmarshal([]byte(program.body), &report); err != nil || program.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%v, %v", program.header, err)
	}
	if len(report.Credentials) != 1 || report.Credentials[0].ID != id.String() || !report.Credentials[0].Accounted || report.Credentials[0].Receipts[0].Verb != "fence" {
		t.Errorf("credentials %+v", report.Credentials)
	}
	if head := b.do(t, http.MethodHead, path); head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD = %d", head.status)
	}
	if post := b.do(t, http.MethodPost, path); post.status != http.StatusMethodNotAllowed {
		t.Errorf("POST = %d", post.status)
	}
	if style := b.do(t, http.MethodGet, "/assets/case.css"); style.status != http.StatusOK || !strings.Contains(style.body, "@media print") {
		t.Errorf("the style is answered with %d", style.status)
	}
}

// Every link that is not one to a report is answered alike, and costs a guess.
func TestWrongReportLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.leave(t)
	number, token, _ := strings.Cut(strings.TrimPrefix(path, "/offboarding/"), "-")
	other := strings.TrimPrefix(b.service.ReportURL(99), b.service.PublicURL) // of no case, with its right token
	b.guard(other[strings.Index(other, "-")+1:])
	var first string
	for i, wrong := range []string{
		"/offboarding/" + number + "-" + secret.Token(32).Expose(), "/offboarding/" + number + "-" + token[:31], "/offboarding/" + number + "-" + token + "0",
		"/offboarding/0" + number + "-" + token, "/offboarding/+" + number + "-" + token, "/offboarding/" + number, "/offboarding/-" + token, "/offboarding/x-" + token, other,
		"/offboarding/" + number + "-" + strings.ToUpper(token), "/offboarding/99999999999999999999-" + token, "/offboarding/" + number + "-" + token + ".json.json",
		"/offboarding/" + number + "-" + token + ".JSON", "/offboarding/%00", "/offboarding/2-" + token,
	} {
		got := b.do(t, http.MethodGet, wrong, "X-Forwarded-For", "203.0.113.9")
		if got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", strings.ReplaceAll(wrong, token, "TOKEN"), got.status)
		}
		if i == 0 {
			first = got.body
		}
		if got.body != first {
			t.Errorf("%s is answered otherwise than the first", strings.ReplaceAll(wrong, token, "TOKEN"))
		}
	}
	for range guessBurst {
		b.do(t, http.MethodGet, "/offboarding/1-"+secret.Token(32).Expose(), "X-Forwarded-For", "203.0.113.9")
	}
	if got := b.do(t, http.MethodGet, path, "X-Forwarded-For", "203.0.113.9"); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("after too many guesses = %d, want 429", got.status)
	}
	if got := b.do(t, http.MethodGet, path, "X-Forwarded-For", "198.51.100.9"); got.status != http.StatusOK {
		t.Errorf("somebody else = %d, want 200", got.status)
	}
}

// What a key of Latchkey's own said is told by its name and whose it is.
func TestACaseSaysWhoSaidIt(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{workflow.SourceAdmin: "Erin by key TK-7F3K", workflow.SourceAPI: "Erin by key TK-7F3K", workflow.SourceSlack: "Slack", "hr": "hr"} {
		page := casePage{Report: offboardingReport{SaidBy: reportSource{Source: source, By: "Erin by key TK-7F3K"}}}
		if got := page.Source(); got != want {
			t.Errorf("%s = %q, want %q", source, got, want)
		}
	}
}
