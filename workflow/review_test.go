package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// big asks for what two of it-admins, then one of security approve.
func big() Ask {
	return Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"people:read", "people:admin", "files:write"}, Lifetime: day, Reason: "for the move to the new office"}
}

func TestStepsAreAskedInOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", big())
	_, err := h.approves("dana", r.ID)
	refused(t, "security before it-admins", err, RuleNotYourTurn)
	r = h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	_, err = h.approves("bob", r.ID)
	refused(t, "a second vote", err, RuleSecondVote)
	_, err = h.approves("bob2", r.ID)
	refused(t, "a second vote by the other account", err, RuleSecondVote)
	if r.State != storage.RequestPending {
		t.Fatalf("one of two: %s", r.State)
	}
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	_, err = h.vote("carol", r.ID, Vote{Decision: storage.Deny, Reason: "changed my mind"})
	refused(t, "a changed mind", err, RuleSecondVote)
	r = h.mustVote(t, "erin", r.ID, Vote{Decision: storage.Approve}) // of both groups; the second is asked now
	if r.State != storage.RequestApproved {
		t.Fatalf("all asked: %s", r.State)
	}
	c := h.keyOf(t, r.ID)
	if c.State != storage.CredentialIssuing || len(h.vendor.Keys()) != 0 {
		t.Errorf("the intent comes first: %s, %d keys", c.State, len(h.vendor.Keys()))
	}
	_, err = h.vote("dana", r.ID, Vote{Decision: storage.Deny, Reason: "too late"})
	refused(t, "a deny after the decision", err, RuleDecided)
	h.settle(t)
	if got := h.request(t, r.ID); got.State != storage.RequestFulfilled {
		t.Errorf("the request is %s", got.State)
	}
	h.check(t)
}

func TestWhoMayNotReview(t *testing.T) {
	t.Parallel()
	h := open(t)
	deleted := h.people["carol"]
	deleted.Account.IsDeleted = true
	h.people["deleted"] = deleted
	r := h.submit(t, "bob", write()) // bob is of it-admins himself
	for who, rule := range map[string]string{
		"bob": RuleSelfReview, "bob2": RuleSelfReview, "olga": RuleOutsider, "guest": RuleGuest, "robot": RuleBot, "stranger": RuleUnlinked,
		"deleted": RuleInactive, "alice": RuleNotReviewer, "dana": RuleNotReviewer,
	} {
		for _, d := range []storage.Decision{storage.Approve, storage.Deny} {
			_, err := h.vote(who, r.ID, Vote{Decision: d, Reason: "because"})
			refused(t, who+" "+string(d), err, rule)
		}
		_, err := h.ReviewForm(t.Context(), h.people[who], r.ID)
		refused(t, who+" opens the form", err, rule)
	}
	h.setActive(t, "carol", false)
	_, err := h.approves("carol", r.ID)
	refused(t, "somebody who left", err, RuleInactive)
	_, err = h.approves("erin", 999)
	refused(t, "a request that is not there", err, RuleUnknown)
	_, err = h.vote("erin", r.ID, Vote{Decision: "maybe"})
	refused(t, "no decision", err, RuleUnknown)
	if v, err := h.ReviewForm(t.Context(), h.people["erin"], r.ID); err != nil || v.Request.ID != r.ID || !v.Steps[0].Current {
		t.Errorf("the form of who may: %+v, %v", v.Steps, err)
	}
	if _, _, reviews, err := h.DB.Request(t.Context(), r.ID); err != nil || len(reviews) != 0 {
		t.Errorf("%d votes, %v", len(reviews), err)
	}
	h.check(t)
}

func TestADenyNeedsAReasonAndWins(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", big())
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	for name, reason := range map[string]string{"none": "", "spaces": " \n\t", "huge": strings.Repeat("x", maxReason+1), "no text": "a\x00b"} {
		_, err := h.vote("dana", r.ID, Vote{Decision: storage.Deny, Reason: reason})
		refused(t, "a deny with reason "+name, err, RuleReason)
	}
	r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Deny, Reason: "  use the sandbox instead "}) // although it-admins are asked
	if r.State != storage.RequestDenied || r.StateReason != "use the sandbox instead" {
		t.Errorf("denied: %s, %q", r.State, r.StateReason)
	}
	_, err := h.approves("carol", r.ID)
	refused(t, "an approval after the deny", err, RuleDecided)
	h.settle(t)
	if n := len(h.vendor.Keys()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	h.check(t)
}

// Slack may deliver a click twice, to two replicas at once.
func TestTheSameClickCountsOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	for _, decision := range []storage.Decision{storage.Approve, storage.Deny} {
		r := h.submit(t, "alice", write())
		const times = 8
		errs := make(chan error, times)
		for i := range times {
			svc := []*Service{h.Service, other}[i%2]
			go func() {
				_, err := svc.Review(context.Background(), h.people["bob"], r.ID, Vote{Decision: decision, Reason: "r", SourceKey: "click-1"})
				errs <- err
			}()
		}
		for range times {
			if err := <-errs; err != nil {
				t.Errorf("the same click: %v", err)
			}
		}
		_, _, reviews, err := h.DB.Request(t.Context(), r.ID)
		if err != nil || len(reviews) != 1 {
			t.Errorf("%d votes, %v", len(reviews), err)
		}
		_, err = h.vote("bob", r.ID, Vote{Decision: decision, Reason: "r", SourceKey: "click-2"})
		refused(t, "another click", err, RuleDecided)
	}
	h.settle(t)
	h.check(t)
}

func TestApproveLessNarrowsForAll(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", big())
	for name, v := range map[string]Vote{
		"a scope not asked for":   {Scopes: []string{"files:read"}},
		"a scope that is none":    {Scopes: []string{"people:read", "*"}},
		"no scope":                {Scopes: []string{}},
		"more time":               {Lifetime: day + Duration(time.Second)},
		"negative time":           {Lifetime: -1},
		"less than a second":      {Lifetime: 1},
		"just less than a second": {Lifetime: Duration(time.Second - 1)},
		"endless time":            {Lifetime: 1<<63 - 1},
	} {
		v.Decision = storage.Approve
		_, err := h.vote("bob", r.ID, v)
		refused(t, name, err, RuleCeiling)
	}
	r = h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve, Scopes: []string{"files:write", "people:read"}, Lifetime: day / 2})
	if diff := cmp.Diff([]string{"people:read", "files:write"}, r.GrantedScopes); diff != "" || r.Granted() != 12*time.Hour { // in the order of the asking
		t.Errorf("after bob, %s (-want +got):\n%s", r.Granted(), diff)
	}
	_, err := h.vote("carol", r.ID, Vote{Decision: storage.Approve, Scopes: []string{"people:admin", "people:read"}})
	refused(t, "a scope that bob took off the table", err, RuleCeiling)
	_, err = h.vote("carol", r.ID, Vote{Decision: storage.Approve, Lifetime: day})
	refused(t, "the time that bob took off the table", err, RuleCeiling)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve, Scopes: []string{"people:read", "people:read"}})
	r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve, Lifetime: Duration(time.Hour)})
	h.settle(t)
	c := h.keyOf(t, r.ID)
	if diff := cmp.Diff([]string{"people:read"}, c.Scopes); diff != "" || c.ExpiresAt.Sub(c.ActivatedAt) > time.Hour {
		t.Errorf("the key lives %s (-want +got):\n%s", c.ExpiresAt.Sub(c.ActivatedAt), diff)
	}
	if got := h.request(t, r.ID); len(got.Scopes) != 3 || got.Lifetime() != 24*time.Hour {
		t.Errorf("what was asked is not kept: %+v", got)
	}
	v, err := h.LookAtRequest(t.Context(), r.ID)
	if err != nil || !v.Steps[0].Votes[0].Less || !v.Steps[1].Votes[0].Less {
		t.Errorf("the votes do not show less: %+v, %v", v.Steps, err)
	}
	h.check(t)
}

// A02, A03: who leaves the group, or the company, after voting does not count
// at the decision, and at issue the key is not made.
func TestVotesOfWhoLeftDoNotCount(t *testing.T) {
	t.Parallel()
	leave := map[string]func(*house, testing.TB){
		"the group":   func(h *house, t testing.TB) { h.setGroup(t, "slack:S0IT", "carol", "erin") },
		"the company": func(h *house, t testing.TB) { h.setActive(t, "bob", false) },
		"Slack": func(h *house, t testing.TB) {
			h.exec(t, `UPDATE account SET is_deleted = true WHERE person_id = $1`, h.person("bob"))
		},
	}
	for what, leaves := range leave {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			decision := h.submit(t, "alice", big())
			h.mustVote(t, "bob", decision.ID, Vote{Decision: storage.Approve, Lifetime: day / 2})
			issue := h.submit(t, "alice", write())
			issue = h.mustVote(t, "bob", issue.ID, Vote{Decision: storage.Approve})
			leaves(h, t)

			r := h.mustVote(t, "carol", decision.ID, Vote{Decision: storage.Approve})
			_, err := h.approves("dana", r.ID)
			refused(t, "the next step, although one vote is void", err, RuleNotYourTurn)
			_, _, reviews, err := h.DB.Request(t.Context(), r.ID)
			if err != nil || len(reviews) != 1 {
				t.Errorf("%d votes stand, %v", len(reviews), err)
			}
			h.mustVote(t, "erin", r.ID, Vote{Decision: storage.Approve})
			r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve})
			if r.State != storage.RequestApproved || r.Granted() > 12*time.Hour {
				t.Errorf("%s for %s", r.State, r.Granted())
			}
			h.settle(t)
			if got := h.request(t, issue.ID); got.State != storage.RequestFailed || !strings.Contains(got.StateReason, "bob, who approved it") {
				t.Errorf("approved by who left: %s, %s", got.State, got.StateReason)
			}
			if n := len(h.vendor.Keys()); n != 1 {
				t.Errorf("%d keys were made", n)
			}
			h.check(t)
		})
	}
}

// The requester's leaving ends what is under way.
func TestTheRequesterLeaves(t *testing.T) {
	t.Parallel()
	h := open(t)
	pending := h.submit(t, "alice", write())
	approved := h.submit(t, "alice", write())
	h.mustVote(t, "bob", approved.ID, Vote{Decision: storage.Approve})
	h.setActive(t, "alice", false)
	r := h.mustVote(t, "bob", pending.ID, Vote{Decision: storage.Approve})
	if r.State != storage.RequestCanceled || !strings.Contains(r.StateReason, "left") {
		t.Errorf("decided after the leave: %s, %s", r.State, r.StateReason)
	}
	h.settle(t)
	if got := h.request(t, approved.ID); got.State != storage.RequestFailed || !strings.Contains(got.StateReason, "requester") {
		t.Errorf("issued after the leave: %s, %s", got.State, got.StateReason)
	}
	if n := len(h.vendor.Keys()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	h.check(t)
}

// Slack can't be read: nobody's right is taken for granted, nothing is lost.
func TestAnUnreadableGroupFailsClosed(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", write())
	ready, c := h.approved(t, "alice")
	stale := func(minutes int) {
		h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - $1 * interval '1 minute' WHERE source = 'slack:S0IT'`, minutes)
	}
	stale(6)
	_, err := h.approves("bob", r.ID)
	refused(t, "a vote", err, RuleGroupUnknown)
	if err := h.Issue(t.Context(), c.ID); err == nil || len(h.vendor.Keys()) != 0 {
		t.Errorf("issue: %v, %d keys", err, len(h.vendor.Keys()))
	}
	if _, err := h.Revoke(t.Context(), h.people["erin"], c.ID, "test"); err == nil {
		t.Error("an admin of a group that can't be read revokes")
	}
	stale(0)
	if err := h.Issue(t.Context(), c.ID); err != nil || h.request(t, ready.ID).State != storage.RequestFulfilled {
		t.Errorf("once Slack is back: %v", err)
	}
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	h.settle(t)
	h.check(t)
}
