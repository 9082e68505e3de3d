package storage

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func vote(ctx context.Context, tx Tx, r *Request, by Account, d Decision) error {
	return tx.InsertReview(ctx, r, Review{RequestID: r.ID, ReviewerID: by.PersonID, AccountID: by.ID, Decision: d, Reason: "because",
		Scopes: r.GrantedScopes, LifetimeS: r.GrantedS, SourceKey: "click"}, actorOf(by))
}

func TestInsertReviewCountsOncePerPerson(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "carol")
	r := h.request(t, alice, "k", bob.PersonID, carol.PersonID)
	r.GrantedScopes, r.GrantedS = []string{"files:read"}, 60
	h.in(t, func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &r, bob, Approve) })
	if r.Version != 2 {
		t.Errorf("version %d after a vote", r.Version)
	}
	bobToo := h.person(t, "bob2") // a second account of the same person
	h.exec(t, `UPDATE account SET person_id = $1 WHERE id = $2`, bob.PersonID, bobToo.ID)
	bobToo.PersonID = bob.PersonID
	for _, again := range []Account{bob, bobToo} {
		err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &r, again, Deny) })
		if !errors.Is(err, ErrDuplicate) {
			t.Errorf("a second vote by %s: %v", again.Name, err)
		}
	}
	stored, _, reviews, err := h.Request(t.Context(), r.ID)
	if err != nil || len(reviews) != 1 || stored.Version != 2 {
		t.Fatalf("%d reviews, version %d, %v", len(reviews), stored.Version, err)
	}
	if diff := cmp.Diff([]string{"files:read"}, stored.GrantedScopes); diff != "" || stored.GrantedS != 60 {
		t.Errorf("what is left is not stored: %s, %d", diff, stored.GrantedS)
	}
	want := []string{"request.pending >pending by alice: for the report", "review.approve >approve by bob: because"}
	if diff := cmp.Diff(want, h.story(t, SubjectRequest, int64(r.ID))); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestInsertReviewNeedsAPendingRequest(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	r := h.request(t, alice, "k", bob.PersonID)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveRequest(ctx, &r, RequestCanceled, System("x"), "")
	})
	err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &r, bob, Approve) })
	if !errors.Is(err, ErrConflict) {
		t.Errorf("a vote on a canceled request: %v", err)
	}
	if n := h.count(t, `SELECT count(*) FROM review`) + len(h.story(t, SubjectRequest, int64(r.ID))); n != 2 {
		t.Errorf("%d rows, want the 2 of filing and canceling", n)
	}
}

func TestReviewsByManyAtOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	r := h.request(t, alice, "k", bob.PersonID)
	const clicks = 8
	results := make(chan error, clicks)
	for range clicks {
		mine := r
		go func() {
			results <- h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &mine, bob, Approve) })
		}()
	}
	counted := 0
	for range clicks {
		err := <-results
		switch {
		case err == nil:
			counted++
		case !errors.Is(err, ErrDuplicate):
			t.Error(err)
		}
	}
	if n := h.count(t, `SELECT count(*) FROM review`); counted != 1 || n != 1 {
		t.Errorf("%d votes counted, %d stored", counted, n)
	}
}

func TestAVoidedVoteFreesTheVoter(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "carol")
	r := h.request(t, alice, "k", bob.PersonID, carol.PersonID)
	for _, by := range []Account{bob, carol} {
		h.in(t, func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &r, by, Approve) })
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.VoidReviews(ctx, &r, []PersonID{bob.PersonID}, System("review"), "left")
	})
	_, _, reviews, err := h.Request(t.Context(), r.ID)
	if err != nil || len(reviews) != 1 || reviews[0].ReviewerID != carol.PersonID || r.Version != 4 {
		t.Errorf("standing %+v, version %d, %v", reviews, r.Version, err)
	}
	h.in(t, func(ctx context.Context, tx Tx) error { return vote(ctx, tx, &r, bob, Approve) })
	if n := h.count(t, `SELECT count(*) FROM review WHERE voided_at IS NULL`); n != 2 {
		t.Errorf("%d standing votes", n)
	}
	story := h.story(t, SubjectRequest, int64(r.ID))
	if len(story) != 5 || story[3] != "review.voided vote of person 2> by system: review: left" {
		t.Errorf("audit: %q", story)
	}
}

// Two persons who decide about each other's request at the same time hold
// their own person by voting and then the other's to count its keys.
func TestCrossApprovalsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	byAlice, byBob := h.request(t, alice, "a", bob.PersonID), h.request(t, bob, "b", alice.PersonID)
	var voted sync.WaitGroup
	voted.Add(2)
	approve := func(r Request, by Account) error {
		return h.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
			err := vote(ctx, tx, &r, by, Approve)
			voted.Done()
			voted.Wait()
			if err != nil {
				return err
			}
			_, err = tx.CountPending(ctx, r.RequesterID)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- approve(byAlice, bob) }()
	go func() { results <- approve(byBob, alice) }()
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
