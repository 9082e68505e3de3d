package workflow

import (
	"fmt"
	"sync"
	"testing"

	"latchkey/storage"
)

// What a leaver said about undecided requests does not count any more, their
// own requests end, and they decide about nothing.
func TestALeaversWordCountsNoMore(t *testing.T) {
	t.Parallel()
	h := open(t)
	two := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: 10 * day, Reason: "for the yearly report"}
	r := h.submit(t, "alice", two) // it-admins, then security
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	decided := h.submit(t, "alice", write())
	h.mustVote(t, "bob", decided.ID, Vote{Decision: storage.Approve})
	own := h.submit(t, "bob", two)
	_ = h.told(t)
	h.gone(t, "bob")
	told := h.told(t)
	for _, id := range []storage.RequestID{r.ID, own.ID} {
		if told[subjectOf(id)] == 0 {
			t.Errorf("nobody hears of %s: %v", id, told)
		}
	}
	_, err := h.vote("dana", r.ID, Vote{Decision: storage.Approve})
	refused(t, "the second step, with the first one open again", err, RuleNotYourTurn)
	_, err = h.vote("bob", r.ID, Vote{Decision: storage.Approve})
	refused(t, "the leaver", err, RuleInactive)
	if got := h.request(t, own.ID); got.State != storage.RequestCanceled || got.LapsesAt.Year() > 1 {
		t.Errorf("their own request is %s", got.State)
	}
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	if got := h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve}); got.State != storage.RequestApproved {
		t.Errorf("%s", got.State)
	}
	h.settle(t)
	if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive {
		t.Errorf("%s", got.State)
	}
	// Decided before the leave, but not made: it rests on the leaver alone.
	if got := h.keyOf(t, decided.ID); got.State != storage.CredentialIssueFailed {
		t.Errorf("a key that only a leaver approved is %s", got.State)
	}
	if a := h.auditOf(t, storage.SubjectRequest, int64(r.ID)); a["review.voided"] != 1 {
		t.Errorf("%v", a)
	}
	h.check(t)
}

// Votes, decisions and new requests that meet a leave come out one way or the
// other, with nothing in between and nobody waiting for each other for ever.
func TestALeaveAmongVotes(t *testing.T) {
	t.Parallel()
	for range 8 {
		h := open(t)
		two := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: 10 * day, Reason: "for the yearly report"}
		var rs []storage.Request
		for range 3 {
			rs = append(rs, h.submit(t, "alice", two), h.submit(t, "frank", two))
		}
		var wg sync.WaitGroup
		for _, r := range rs {
			for _, who := range []string{"bob", "carol", "dana"} {
				wg.Go(func() { _, _ = h.vote(who, r.ID, Vote{Decision: storage.Approve}) })
			}
		}
		wg.Go(func() { h.gone(t, "bob") })
		wg.Go(func() { h.gone(t, "alice") })
		wg.Go(func() { _, _ = h.Submit(t.Context(), h.people["alice"], write(), fresh()) })
		wg.Wait()
		h.finish(t)
		all, err := h.DB.Requests(t.Context(), storage.RequestFilter{RequesterID: h.person("alice"), Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.State == storage.RequestPending || r.State == storage.RequestApproved {
				t.Errorf("%s of a leaver is %s", r.ID, r.State)
			}
		}
		for _, k := range h.vendor.Live() {
			if k.Owner.Email == "alice@example.com" {
				t.Errorf("%s of a leaver lives", k.Label)
			}
		}
		h.isClosed(t, h.cases(t, "alice")[0].ID)
		h.check(t)
	}
}

// Keys of Latchkey's own refuse with the leave and serve again with its undo.
func TestALeaversOwnKeysRefuse(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	key, c := h.ownKey(t, "alice", "credentials:read")
	if _, err := h.Authenticate(t.Context(), key, ""); err != nil {
		t.Fatal(err)
	}
	o := h.gone(t, "alice")
	_, err := h.Authenticate(t.Context(), key, "")
	refused(t, "a leaver's key", err, RuleLiveKey)
	h.finish(t)
	if v := h.isClosed(t, o.ID); len(v.Items) != 1 || v.Items[0].Receipts[0].Verb != "fence" {
		t.Errorf("%+v", states(v))
	}
	if err := h.UndoLeave(t.Context(), h.people["erin"], o.ID, "HR was wrong"); err != nil {
		t.Fatal(err)
	}
	if a, err := h.Authenticate(t.Context(), key, ""); err != nil || a.Key != c.ID {
		t.Error(err)
	}
}

func subjectOf(id storage.RequestID) string {
	return fmt.Sprintf("%s %d", storage.SubjectRequest, int64(id))
}
