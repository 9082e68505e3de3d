package server

import (
	"context"
	"net/http"
	"testing"
	"time"

	"latchkey/storage"
)

func TestAPersonIsOffboarded(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	id := b.bob.Account.PersonID
	path := at("/v1/people/%d/offboard", id)
	before := b.rows(t)
	plan := read[v1Leave](t, b.call(t, b.all, http.MethodPost, path, map[string]any{"dry_run": true}))
	if plan.Case != nil || plan.Preview == nil || plan.Preview.Own != 1 || plan.Preview.Fenced != 1 || !plan.Preview.Active || b.rows(t) != before {
		t.Fatalf("%+v", plan)
	}
	left := read[v1Leave](t, b.call(t, b.all, http.MethodPost, path, because("left on Friday")))
	again := read[v1Leave](t, b.call(t, b.all, http.MethodPost, path, because("left on Friday")))
	if left.Case == nil || left.Case.State != "open" || left.Case.Person == nil || left.Case.Person.ID != int64(id) || again.Case == nil || again.Case.ID != left.Case.ID {
		t.Fatalf("%+v, then %+v", left, again)
	}
	who := read[Person](t, b.call(t, b.all, http.MethodGet, at("/v1/people/%d", id), nil))
	if who.Active || who.Email != "bob@example.com" || len(who.Accounts) != 1 || who.Accounts[0].System != storage.SystemSlack {
		t.Errorf("%+v", who)
	}
	if gone := read[v1List[Person]](t, b.call(t, b.all, http.MethodGet, "/v1/people?active=false", nil)).Data; len(gone) != 1 || gone[0].ID != int64(id) {
		t.Errorf("%+v", gone)
	}
	if open := read[v1List[Offboarding]](t, b.call(t, b.all, http.MethodGet, "/v1/offboardings?open=true&person=bob@example.com", nil)).Data; len(open) != 1 || open[0].ID != left.Case.ID {
		t.Errorf("%+v", open)
	}
	b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400,
		"reason": "month-end report"}).want(t, 422, "active_person", "on_behalf_of")
	if held := read[v1CredentialDetail](t, b.call(t, b.all, http.MethodGet, at("/v1/credentials/%s", key.ID), nil)); held.ID != key.ID.String() {
		t.Errorf("%+v", held)
	}
}

// What is filed for somebody is theirs: they are the requester, the log says
// who filed it, and the key that did can neither collect the key nor rotate it
// into its own hands beyond its scope.
func TestARequestIsFiledForSomebody(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	got := b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "BOB@example.com", "system": "tempo", "scopes": []string{"worklogs:view"},
		"lifetime_seconds": 86400, "reason": "month-end report"})
	filed := read[Request](t, got)
	if got.header.Get("Location") != "/v1/requests/"+filed.ID || filed.State != "approved" || filed.LifetimeS != 86400 {
		t.Fatalf("%s", got.body)
	}
	v := read[v1RequestDetail](t, b.call(t, b.all, http.MethodGet, got.header.Get("Location"), nil))
	if v.Requester == nil || v.Requester.ID != int64(b.bob.Account.PersonID) || v.Credential == "" || v.Policy != "all" {
		t.Errorf("%+v", v)
	}
	events := read[v1List[v1Event]](t, b.call(t, b.all, http.MethodGet, "/v1/audit?subject_id="+filed.ID+"&limit=10", nil)).Data
	if first := events[len(events)-1]; first.Action != "request.pending" || first.ActorID != int64(b.alice.Account.PersonID) || first.Actor[:len("Alice by key TK-")] != "Alice by key TK-" {
		t.Errorf("%+v", first)
	}
	for query, want := range map[string]int{"requester=bob@example.com": 1, "requester=bob@example.com&state=pending": 0, "requester=bob@example.com&system=tempo&state=approved": 1, "system=wiki": 0} {
		b.unhurried()
		if rows := read[v1List[Request]](t, b.call(t, b.all, http.MethodGet, "/v1/requests?"+query, nil)).Data; len(rows) != want {
			t.Errorf("%s = %d requests, want %d", query, len(rows), want)
		}
	}
}

// Guests and bots can't be asked for: their account may do nothing here.
func TestNobodyAsksForAGuest(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	err := b.db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T0", ExternalID: "U0GUS", Email: "gus@example.com", Name: "Gus", IsGuest: true}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.call(t, b.all, http.MethodPost, "/v1/requests", map[string]any{"on_behalf_of": "gus@example.com", "system": "tempo", "scopes": []string{"worklogs:view"},
		"lifetime_seconds": int(time.Hour / time.Second), "reason": "month-end report"}).want(t, 422, "known_person", "on_behalf_of")
}
