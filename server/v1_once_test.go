package server

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

func TestAWriteIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	file := map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400, "reason": "month-end report"}
	first := b.call(t, b.all, http.MethodPost, "/v1/requests", file, idempotencyHeader, "one")
	if first.status != http.StatusOK || first.header.Get(replayHeader) != "" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	before := b.rows(t)
	again := b.call(t, b.all, http.MethodPost, "/v1/requests", file, idempotencyHeader, "one")
	if again.status != first.status || again.body != first.body || again.header.Get(replayHeader) != "true" ||
		again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("again = %d %v %s, want %s", again.status, again.header, again.body, first.body)
	}
	b.call(t, b.all, http.MethodPost, "/v1/requests", changed(file, "reason", "another report"), idempotencyHeader, "one").want(t, 422, "same_request", "")
	b.call(t, b.all, http.MethodPost, "/v1/leaks", map[string]any{"leaks": []any{map[string]any{"token": "x"}}}, idempotencyHeader, "one").want(t, 422, "same_request", "")
	if b.rows(t) != before {
		t.Error("something was done again")
	}
	_, other := b.ownKey(t, b.alice, allScopes...)
	if theirs := b.call(t, other, http.MethodPost, "/v1/requests", file, idempotencyHeader, "one"); theirs.status != http.StatusOK || theirs.body == first.body {
		t.Errorf("another key's request of that name = %d %s", theirs.status, theirs.body)
	}
	for name, given := range map[string]string{"none": "", "long": strings.Repeat("x", maxIdempotencyKey+1), "unprintable": "schlüssel"} {
		if got := b.call(t, b.all, http.MethodPost, "/v1/requests", file, idempotencyHeader, given); got.status != http.StatusBadRequest || got.problem(t).Code != "idempotency_key" {
			t.Errorf("%s = %d %s", name, got.status, got.body)
		}
	}
}

func TestManyAtOnceAreOne(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	file := map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400, "reason": "month-end report"}
	answers := make([]reply, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = b.call(t, b.all, http.MethodPost, "/v1/requests", file, idempotencyHeader, "one") })
	}
	wg.Wait()
	said := map[string]bool{}
	for _, a := range answers {
		switch a.status {
		case http.StatusOK:
			said[a.body] = true
		case http.StatusConflict:
			if a.problem(t).Code != "in_progress" || a.header.Get("Retry-After") == "" {
				t.Errorf("%s", a.body)
			}
		default:
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	var filed int
	if err := b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM request WHERE requester_id = $1`, b.bob.Account.PersonID).Scan(&filed); err != nil {
		t.Fatal(err)
	}
	if filed != 1 || len(said) != 1 {
		t.Errorf("%d requests, %d different answers", filed, len(said))
	}
}

// What was refused was not done, so its name is free for a better request.
func TestARefusalFreesItsName(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	path := at("/v1/credentials/%s/resume", key.ID)
	if _, err := b.service.Revoke(t.Context(), b.bob, key.ID, "done"); err != nil {
		t.Fatal(err)
	}
	b.call(t, b.all, http.MethodPost, path, because("again"), idempotencyHeader, "one").want(t, 409, "already_decided", "")
	if got := b.call(t, b.all, http.MethodPost, "/v1/leaks", map[string]any{"leaks": []any{map[string]any{"token": "x"}}}, idempotencyHeader, "one"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Who crashed in the middle is followed by whoever asks again, once the time it
// had is over; until then the same request waits.
func TestAnAnswerThatNobodyGaveIsGivenLater(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	path := at("/v1/credentials/%s/suspend", key.ID)
	suspend := func() reply {
		return b.call(t, b.all, http.MethodPost, path, because("lunch"), idempotencyHeader, "one")
	}
	if got := suspend(); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := b.db.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE api_answer SET status = NULL, body = '', held_until = clock_timestamp() + interval '1 minute'`)
	suspend().want(t, 409, "in_progress", "")
	exec(`UPDATE api_answer SET held_until = clock_timestamp()`)
	if got := suspend(); got.status != http.StatusOK || got.header.Get(replayHeader) != "true" || b.stateOf(t, key.ID) != storage.CredentialSuspended {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A rotation's answer holds a key, if sealed: nothing of it is kept.
func TestNoAnswerWithAKeyIsKept(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	old := b.bobs(t)
	ask := body(old.ExpiresAt)
	path := at("/v1/credentials/%s/rotate", old.ID)
	first := b.call(t, b.all, http.MethodPost, path, ask, idempotencyHeader, "one")
	fresh := b.unsealed(t, first.data(t))
	if first.status != http.StatusOK || !strings.HasPrefix(fresh, "lk_live_") {
		t.Fatalf("%d %s", first.status, first.body)
	}
	b.call(t, b.all, http.MethodPost, path, ask, idempotencyHeader, "one").want(t, 409, "already_decided", "")
	b.call(t, b.all, http.MethodPost, path, changed(ask, "rotateReason", "another"), idempotencyHeader, "one").want(t, 422, "same_request", "")
	leaked := "glpat-" + strings.Repeat("a1B2", 10)
	b.guard(leaked)
	if got := b.call(t, b.all, http.MethodPost, "/v1/leaks", map[string]any{"leaks": []any{map[string]any{"token": leaked, "source": "commit"}}}, idempotencyHeader, "two"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var kept string
	if err := b.db.Pool().QueryRow(t.Context(), `SELECT string_agg(concat(a::text, convert_from(body, 'UTF8')), ' ') FROM api_answer a`).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{fresh, first.data(t).EncryptedSecret, leaked, "one", "two"} {
		if strings.Contains(kept, never) {
			t.Errorf("what is kept holds %d characters that it must not", len(never))
		}
	}
}

func TestAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	report := map[string]any{"leaks": []any{map[string]any{"token": "x"}}}
	b.call(t, b.all, http.MethodPost, "/v1/leaks", report, idempotencyHeader, "one")
	left := func() (n int) {
		t.Helper()
		if err := b.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM api_answer`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := left(); n != 1 {
		t.Errorf("%d answers are kept, want 1", n)
	}
	b.moveClock(t, 25*time.Hour)
	if n := left(); n != 0 {
		t.Errorf("%d answers are kept after a day", n)
	}
}

// A name that was forgotten stands for a new request: whoever leaves again
// under it is fenced again, and what is asked for again is asked for anew.
func TestAForgottenNameIsANewOne(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	const name = "leaver-of-the-week"
	leave := func() v1Leave {
		return read[v1Leave](t, b.call(t, b.all, http.MethodPost, at("/v1/people/%d/offboard", b.bob.Account.PersonID), because("left on Friday"), idempotencyHeader, name))
	}
	file := func() Request {
		return read[Request](t, b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "alice@example.com", "system": "tempo",
			"scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400, "reason": "month-end report"}, idempotencyHeader, name+"-asks"))
	}
	filed, left := file(), leave()
	undone, err := b.service.Return(t.Context(), workflow.Leave{Person: b.bob.Account.PersonID, Source: workflow.SourceAdmin, By: storage.System("test"), Reason: "it was another Bob"})
	if err != nil || !undone {
		t.Fatalf("undone %v, %v", undone, err)
	}
	if again := leave(); again.Case.ID != left.Case.ID {
		t.Errorf("within the day it is case %d, want %d", again.Case.ID, left.Case.ID)
	}
	b.moveClock(t, 25*time.Hour)
	if err := b.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := leave(); again.Case.ID == left.Case.ID || again.Case.State != "open" {
		t.Errorf("a day later it is case %d, which is %s", again.Case.ID, again.Case.State)
	}
	if who := read[Person](t, b.call(t, b.all, http.MethodGet, at("/v1/people/%d", b.bob.Account.PersonID), nil)); who.Active {
		t.Error("who left again is not fenced")
	}
	if again := file(); again.ID == filed.ID {
		t.Errorf("a day later it is %s again", again.ID)
	}
}

// A crash in the middle leaves what was done, and who takes the claim up finds
// it there.
func TestAClaimThatIsTakenUpDoesNotDoItAgain(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	file := func() Request {
		return read[Request](t, b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo",
			"scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400, "reason": "month-end report"}, idempotencyHeader, "one"))
	}
	filed := file()
	if _, err := b.db.Pool().Exec(t.Context(), `UPDATE api_answer SET status = NULL, body = '', held_until = clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	if again := file(); again.ID != filed.ID {
		t.Errorf("it is %s, want %s", again.ID, filed.ID)
	}
}

// An Idempotency-Key may say more than its owner knows: no row holds one.
func TestNoRowHoldsAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	const name = "glpat-looks-like-a-token"
	first, second := b.bobs(t), b.bobs(t)
	b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"},
		"lifetime_seconds": 86400, "reason": "month-end report"}, idempotencyHeader, name+"-1")
	b.call(t, b.all, http.MethodPost, at("/v1/credentials/%s/rotate", first.ID), body(first.ExpiresAt), idempotencyHeader, name+"-2")
	if got := b.patch(t, b.all, rotatePath(second), body(second.ExpiresAt), idempotencyHeader, name+"-3"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	b.call(t, b.all, http.MethodPost, at("/v1/people/%d/offboard", b.bob.Account.PersonID), because("left on Friday"), idempotencyHeader, name+"-4")
	var sources int
	var kept string
	err := b.db.Pool().QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE said LIKE '%api:%'), string_agg(said, ' ')
		FROM (SELECT source_key FROM request
		      UNION ALL SELECT source_key FROM rotation
		      UNION ALL SELECT source_key FROM offboarding
		      UNION ALL SELECT a::text FROM api_answer a
		      UNION ALL SELECT e::text FROM audit_event e) AS all_rows (said)`).Scan(&sources, &kept)
	if err != nil || sources < 4 {
		t.Fatalf("%d sources: %v", sources, err)
	}
	if strings.Contains(kept, name) {
		t.Error("a row holds it")
	}
}
