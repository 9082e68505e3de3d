package storage

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInsertRequestFilesOncePerSourceKey(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	first := h.request(t, alice, "view-1:abc", bob.PersonID)
	again := newRequest(alice, "view-1:abc")
	again.Scopes, again.Reason, again.LifetimeS = []string{"people:admin"}, "another text", 99
	h.in(t, func(ctx context.Context, tx Tx) error {
		err := tx.InsertRequest(ctx, &again, []Step{{Group: "others", Quorum: 3, Eligible: []PersonID{1}}}, actorOf(alice))
		if !errors.Is(err, ErrDuplicate) {
			t.Errorf("the same click again: %v", err)
		}
		return nil
	})
	if diff := cmp.Diff(first, again, cmpopts.EquateApproxTime(time.Microsecond), cmpopts.IgnoreTypes(first.BaseModel)); diff != "" {
		t.Errorf("the stored request is not given back (-first +again):\n%s", diff)
	}
	stored, steps, reviews, err := h.Request(t.Context(), first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, stored, cmpopts.EquateApproxTime(time.Microsecond), cmpopts.IgnoreTypes(first.BaseModel), cmpopts.IgnoreFields(Request{}, "Now")); diff != "" {
		t.Errorf("stored (-inserted +stored):\n%s", diff)
	}
	want := []Step{{RequestID: first.ID, Group: "admins", Quorum: 1, Eligible: []PersonID{bob.PersonID}}}
	if diff := cmp.Diff(want, steps, cmpopts.IgnoreTypes(first.BaseModel)); diff != "" || len(reviews) != 0 {
		t.Errorf("steps (-want +got):\n%s, %d reviews", diff, len(reviews))
	}
	if diff := cmp.Diff([]string{"request.pending >pending by alice: for the report"}, h.story(t, SubjectRequest, int64(first.ID))); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if n := h.count(t, `SELECT count(*) FROM request`); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Two sockets may deliver one submission at the same time.
func TestInsertRequestAtOnceFilesOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	const clicks = 8
	results := make(chan error, clicks)
	ids := make(chan RequestID, clicks)
	for range clicks {
		go func() {
			r := newRequest(alice, "same")
			results <- h.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
				err := tx.InsertRequest(ctx, &r, nil, actorOf(alice))
				if errors.Is(err, ErrDuplicate) {
					return nil
				}
				return err
			})
			ids <- r.ID
		}()
	}
	seen := map[RequestID]bool{}
	for range clicks {
		if err := <-results; err != nil {
			t.Error(err)
		}
		seen[<-ids] = true
	}
	if n := h.count(t, `SELECT count(*) FROM request`); n != 1 || len(seen) != 1 {
		t.Errorf("%d requests, answers %v", n, seen)
	}
}

func TestMoveRequestIsGuardedAndAudited(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	r := h.request(t, alice, "k")
	stale := r
	move := func(r *Request, to RequestState, by Actor, reason string) error {
		return h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.MoveRequest(ctx, r, to, by, reason) })
	}
	if err := move(&r, RequestApproved, actorOf(bob), "looks right"); err != nil {
		t.Fatal(err)
	}
	if r.State != RequestApproved || r.Version != 2 || r.DecidedAt.IsZero() {
		t.Errorf("moved: %+v", r)
	}
	if err := move(&stale, RequestDenied, actorOf(bob), "too late"); !errors.Is(err, ErrConflict) {
		t.Errorf("a move from an old state: %v", err)
	}
	if stale.State != RequestPending {
		t.Errorf("the conflict changed the caller's row to %s", stale.State)
	}
	missing := Request{ID: 99, State: RequestPending, GrantedScopes: []string{"a"}, GrantedS: 1}
	if err := move(&missing, RequestDenied, System("x"), ""); !errors.Is(err, ErrConflict) {
		t.Errorf("a move of no row: %v", err)
	}
	decided := r.DecidedAt
	if err := move(&r, RequestFulfilled, System("issue"), ""); err != nil {
		t.Fatal(err)
	}
	stored, _, _, err := h.Request(t.Context(), r.ID)
	if err != nil || stored.State != RequestFulfilled || !stored.DecidedAt.Equal(decided) || !stored.LapsesAt.IsZero() {
		t.Errorf("stored: %+v, %v", stored, err)
	}
	want := []string{
		"request.pending >pending by alice: for the report",
		"request.approved pending>approved by bob: looks right",
		"request.fulfilled approved>fulfilled by system: issue: ",
	}
	if diff := cmp.Diff(want, h.story(t, SubjectRequest, int64(r.ID))); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if n := h.count(t, `SELECT count(*) FROM audit_event WHERE subject = 'request' AND subject_id = $1 AND policy_hash = $2`, r.ID, housePolicy); n != 3 {
		t.Errorf("%d events name the policy", n)
	}
}

// Whoever moves it first wins; the others conflict and leave no trace.
func TestMoveRequestAtOnceHasOneWinner(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	r := h.request(t, alice, "k")
	const movers = 8
	results := make(chan error, movers)
	for i := range movers {
		mine, to := r, []RequestState{RequestApproved, RequestDenied, RequestLapsed, RequestCanceled}[i%4]
		go func() {
			results <- h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.MoveRequest(ctx, &mine, to, System("x"), "") })
		}()
	}
	won := 0
	for range movers {
		err := <-results
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrConflict):
			t.Error(err)
		}
	}
	if n := len(h.story(t, SubjectRequest, int64(r.ID))); won != 1 || n != 2 {
		t.Errorf("%d winners, %d audit rows", won, n)
	}
}

func TestARequestNeverGrantsMoreThanAsked(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	r := h.request(t, alice, "k")
	for name, widen := range map[string]func(*Request){
		"another scope": func(r *Request) { r.GrantedScopes = []string{"people:admin"} },
		"more time":     func(r *Request) { r.GrantedS = r.LifetimeS + 1 },
		"no scope":      func(r *Request) { r.GrantedScopes = []string{} },
		"no time":       func(r *Request) { r.GrantedS = 0 },
	} {
		mine := r
		widen(&mine)
		err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
			return tx.MoveRequest(ctx, &mine, RequestApproved, System("x"), "")
		})
		if err == nil || errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLapseDueIsHalfOpenAndOldestFirst(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT timestamptz '2026-03-01 12:00:00Z'$$`)
	alice := h.person(t, "alice")
	at := func(key, lapses string) Request {
		r := h.request(t, alice, key)
		h.exec(t, `UPDATE request SET lapses_at = $2 WHERE id = $1`, r.ID, lapses)
		return r
	}
	now := at("now", "2026-03-01 12:00:00Z")
	at("soon", "2026-03-01 12:00:00.000001Z")
	old := at("old", "2026-02-01 12:00:00Z")
	gone := at("gone", "2026-02-01 12:00:00Z")
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveRequest(ctx, &gone, RequestCanceled, System("x"), "")
	})
	var got []RequestID
	h.in(t, func(ctx context.Context, tx Tx) error {
		due, err := tx.LapseDue(ctx, 10)
		for _, r := range due {
			got = append(got, r.ID)
		}
		return err
	})
	if diff := cmp.Diff([]RequestID{old.ID, now.ID}, got); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

func TestRequestsFilter(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "carol")
	one := h.request(t, alice, "1", bob.PersonID, carol.PersonID)
	two := h.request(t, bob, "2", bob.PersonID, carol.PersonID)
	three := h.request(t, alice, "3", bob.PersonID)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveRequest(ctx, &three, RequestDenied, System("x"), "")
	})
	h.exec(t, `UPDATE step SET quorum = 2 WHERE request_id = $1`, one.ID)
	h.in(t, func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &one, carol, Approve) })
	for name, tt := range map[string]struct {
		filter RequestFilter
		want   []RequestID
	}{
		"all, newest first":                     {RequestFilter{}, []RequestID{three.ID, two.ID, one.ID}},
		"limit":                                 {RequestFilter{Limit: 1}, []RequestID{three.ID}},
		"requester":                             {RequestFilter{RequesterID: alice.PersonID}, []RequestID{three.ID, one.ID}},
		"state":                                 {RequestFilter{States: []RequestState{RequestPending}}, []RequestID{two.ID, one.ID}},
		"reviewer, not their own, oldest first": {RequestFilter{ReviewerID: bob.PersonID}, []RequestID{one.ID, three.ID}},
		"reviewer who waits":                    {RequestFilter{ReviewerID: bob.PersonID, States: []RequestState{RequestPending}}, []RequestID{one.ID}},
		"reviewer, not what they voted on":      {RequestFilter{ReviewerID: carol.PersonID}, []RequestID{two.ID}},
		"somebody who never asked or was asked": {RequestFilter{ReviewerID: alice.PersonID}, nil},
	} {
		rows, err := h.Requests(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []RequestID
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, _, _, err := h.Request(t.Context(), 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("a request that is not there: %v", err)
	}
}
