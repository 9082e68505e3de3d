package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// Who comes without a key that works learns only that.
func TestNobodyComesInWithoutALiveKey(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	old := b.bobs(t)
	path := rotatePath(old)
	stopped := func(how string) string {
		t.Helper()
		id, key := b.ownKey(t, b.alice, workflow.ScopeRotate)
		if _, err := b.db.Pool().Exec(t.Context(), how+` WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		return key
	}
	gateway := b.collect(t, b.made(t, b.alice, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}}).ID)
	leaver := b.hire(t, "frank")
	_, left := b.ownKey(t, leaver, workflow.ScopeRotate)
	if _, err := b.db.Pool().Exec(t.Context(), `UPDATE person SET active = false WHERE id = $1`, leaver.Account.PersonID); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{
		"unknown":           secret.NewKey().Expose(),
		"mistyped":          b.key[:len(b.key)-1] + "~",
		"of the gateway":    gateway,
		"of a leaver":       left,
		"suspended":         stopped(`UPDATE credential SET state = 'suspended'`),
		"revoking":          stopped(`UPDATE credential SET state = 'revoking'`),
		"revoked":           stopped(`UPDATE credential SET state = 'revoked', ended_at = latchkey_now()`),
		"expired":           stopped(`UPDATE credential SET state = 'expired', ended_at = latchkey_now()`),
		"expired but alive": stopped(`UPDATE credential SET expires_at = latchkey_now()`),
	}
	before := b.rows(t)
	var first problem
	for name, key := range wrong {
		b.server.keyGuesses = newGuesses(time.Now) // this is not about how many
		answer := b.patch(t, key, path, body(old.ExpiresAt))
		p := answer.problem(t)
		if answer.status != http.StatusUnauthorized || answer.header.Get("WWW-Authenticate") != realm+`, error="invalid_token"` {
			t.Errorf("%s: %d %q %s", name, answer.status, answer.header.Get("WWW-Authenticate"), answer.body)
		}
		p.Instance = ""
		if first.Code == "" {
			first = p
		}
		if diff := cmp.Diff(first, p, cmp.AllowUnexported(problem{})); diff != "" {
			t.Errorf("%s can be told from others:\n%s", name, diff)
		}
	}
	for name, header := range map[string]string{
		"no scheme": b.key, "another scheme": "Basic " + b.key, "no key": "Bearer ", "nothing": "",
	} {
		answer := b.patch(t, "", path, body(old.ExpiresAt), "Authorization", header)
		if answer.status != http.StatusUnauthorized || answer.header.Get("WWW-Authenticate") != realm || answer.problem(t).Code != "no_key" {
			t.Errorf("%s: %d %q %s", name, answer.status, answer.header.Get("WWW-Authenticate"), answer.body)
		}
	}
	if b.rows(t) != before {
		t.Error("something changed")
	}
	if c := b.credential(t, b.own); !c.LastUsedAt.IsZero() {
		t.Error("a key that was not used counts as used")
	}
	if answer := b.patch(t, "", path, "", "Authorization", "bearer  "+b.key); answer.status != http.StatusBadRequest {
		t.Errorf("a key that works = %d %s", answer.status, answer.body)
	}
	if c := b.credential(t, b.own); c.LastUsedAt.IsZero() {
		t.Error("the use of a key is not noted")
	}
}

func TestTwoKeysAtOnceAreNone(t *testing.T) {
	t.Parallel()
	r := &http.Request{Header: http.Header{"Authorization": {"Bearer a", "Bearer b"}}}
	if key, ok := bearer(r); ok || !key.Empty() {
		t.Error("one of two keys was taken")
	}
}

func TestAKeyDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	old := b.bobs(t)
	_, reader := b.ownKey(t, b.alice, "credentials:read", "audit:read")
	before := b.rows(t)
	answer := b.patch(t, reader, rotatePath(old), "no JSON at all")
	if answer.status != http.StatusForbidden || answer.problem(t).Code != workflow.RuleScope ||
		answer.header.Get("WWW-Authenticate") != realm+`, error="insufficient_scope", scope="credentials:rotate"` {
		t.Errorf("%d %q %s", answer.status, answer.header.Get("WWW-Authenticate"), answer.body)
	}
	if b.rows(t) != before {
		t.Error("something changed")
	}
}

func TestWrongKeysAreLimitedPerClient(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	now := time.Now()
	b.server.keyGuesses = newGuesses(func() time.Time { return now })
	path := "/v1/orgs/tempo/api-keys/rotate/TK-7F3K"
	const guesser, other = "203.0.113.7", "198.51.100.9"
	for i := range guessBurst {
		if answer := b.patch(t, secret.NewKey().Expose(), path, "{}", "X-Forwarded-For", guesser); answer.status != http.StatusUnauthorized {
			t.Fatalf("guess %d = %d", i+1, answer.status)
		}
	}
	answer := b.patch(t, b.key, path, "{}", "X-Forwarded-For", guesser)
	if answer.status != http.StatusTooManyRequests || answer.header.Get("Retry-After") == "" || answer.problem(t).Code != "too_many_wrong_keys" {
		t.Errorf("after too many = %d %s", answer.status, answer.body)
	}
	if answer := b.patch(t, b.key, path, "{}", "X-Forwarded-For", other); answer.status != http.StatusUnprocessableEntity {
		t.Errorf("another client = %d %s", answer.status, answer.body)
	}
	if page := b.do(t, http.MethodGet, "/reveal/"+secret.Token(32).Expose(), "X-Forwarded-For", guesser); page.status != http.StatusNotFound {
		t.Errorf("a link of the same client = %d", page.status)
	}
}

func TestEachKeyHasItsPace(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	now := time.Now()
	b.server.paces = newPaces(func() time.Time { return now })
	_, other := b.ownKey(t, b.bob, workflow.ScopeRotate)
	call := func(key string) reply { return b.patch(t, key, "/v1/orgs/tempo/api-keys/rotate/TK-7F3K", "{}") }
	for i := range callsAtOnce {
		if answer := call(b.key); answer.status != http.StatusUnprocessableEntity {
			t.Fatalf("call %d = %d %s", i+1, answer.status, answer.body)
		}
	}
	if answer := call(b.key); answer.status != http.StatusTooManyRequests || answer.header.Get("Retry-After") != "1" || answer.problem(t).Code != "too_fast" {
		t.Errorf("one more = %d %s", answer.status, answer.body)
	}
	if answer := call(other); answer.status != http.StatusUnprocessableEntity {
		t.Errorf("another key = %d %s", answer.status, answer.body)
	}
	now = now.Add(time.Second / callsEachSecond)
	if answer := call(b.key); answer.status != http.StatusUnprocessableEntity {
		t.Errorf("a moment later = %d %s", answer.status, answer.body)
	}
}

func TestPacesForgetNothingTheyNeed(t *testing.T) {
	t.Parallel()
	p := newPaces(func() time.Time { return time.Time{} })
	for i := range 3 * maxPaces {
		p.take(storage.CredentialID(i))
	}
	if len(p.byKey) > maxPaces {
		t.Errorf("%d keys are remembered", len(p.byKey))
	}
}

func TestTheAPIAnswersProgramsInJSON(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "/v1/", 404, ""}, {http.MethodPost, "/v1/nothing", 404, ""},
		{http.MethodGet, "/v1/orgs/tempo/api-keys/rotate/TK-7F3K", 405, "PATCH"}, {http.MethodPost, "/v1/orgs/tempo/api-keys/rotate/TK-7F3K", 405, "PATCH"},
		{http.MethodOptions, "/v1/orgs/tempo/api-keys/rotate/TK-7F3K", 405, "PATCH"},
	} {
		answer := b.do(t, tt.method, tt.path)
		if p := answer.problem(t); p.Status != tt.status || answer.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, Allow %q", tt.method, tt.path, answer.status, answer.header.Get("Allow"))
		}
	}
}

// A key of Latchkey's own is used here, and its page says so.
func TestThePageOfAnOwnKeySaysWhereItWorks(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	_, path := b.issue(t, "latchkey", "audit:read")
	page := b.do(t, http.MethodPost, path, "Sec-Fetch-Site", "same-origin")
	if page.status != http.StatusOK || secret.CheckKey(page.shownKey()) != nil ||
		!strings.Contains(page.body, "https://latchkey.example.com/v1/") || strings.Contains(page.body, "gateway") {
		t.Errorf("%d, page:\n%s", page.status, strings.ReplaceAll(page.body, page.shownKey(), "the key"))
	}
}

func TestRefusalsHaveAStatusEach(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]int{
		workflow.RuleLiveKey: 401, workflow.RuleScope: 403, workflow.RuleKeyOnly: 403, workflow.RuleAdminOnly: 403, workflow.RuleOutsider: 403,
		workflow.RuleGuest: 403, workflow.RuleBot: 403, workflow.RuleInactive: 403, workflow.RuleUnlinked: 403, workflow.RuleNoPolicy: 422,
		workflow.RuleSelfReview: 403, workflow.RuleNotReviewer: 403, workflow.RuleUnknown: 404, workflow.RuleNotPossible: 409, workflow.RuleDecided: 409,
		workflow.RuleLapsed: 409, workflow.RuleNotYourTurn: 409, workflow.RuleSecondVote: 409, workflow.RuleQuota: 409, workflow.RuleGroupEmpty: 409,
		workflow.RuleCeiling: 422, workflow.RuleReason: 422, workflow.RuleReplay: 422, workflow.RuleSpan: 422, workflow.RuleLeak: 422,
		workflow.RuleChanged: 412, workflow.RuleGroupUnknown: 503, workflow.RuleQuarantine: 503,
	} {
		p := problemOf(fmt.Errorf("rotate: %w", workflow.Refusal{Rule: rule, Reason: "A sentence."}))
		if p.Status != want || p.Code != rule || p.Detail != "A sentence." || (p.after > 0) != (want == 503) {
			t.Errorf("%s = %+v, want %d", rule, p, want)
		}
	}
	for rule, want := range map[string]int{workflow.RuleUnknown: 422, workflow.RuleNotPossible: 422} {
		if p := problemOf(workflow.Refusal{Rule: rule, Field: "contacts"}); p.Status != want || p.Field != "contacts" {
			t.Errorf("%s on a field = %+v, want %d", rule, p, want)
		}
	}
}
