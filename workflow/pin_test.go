package workflow

import (
	"maps"
	"strings"
	"testing"

	"latchkey/storage"
)

// A16: a request is judged by the policy it was filed under. A looser one,
// loaded later by the same or another replica, does not help it.
func TestALooserPolicyDoesNotHelpAnOldRequest(t *testing.T) {
	t.Parallel()
	strict := houseDocument()
	strict.Policies[2].Approval = Approval{Steps: []StepRule{{Group: "it-admins", Quorum: 2}, {Group: "security", Quorum: 1}}}
	h := openWith(t, strict, nil)
	r := h.submit(t, "alice", write())

	loose := houseDocument()
	loose.Policies[2].Approval = Approval{Auto: true}
	loose.Policies[2].MaxLifetime = 3650 * day
	loose.Groups["security"] = Group{SlackUsergroup: "S0EVERYBODY"}
	later := *h
	later.Service = h.service(t, loose, nil)
	h.setGroup(t, "slack:S0EVERYBODY", memberNames...)
	if got := later.submit(t, "alice", write()); got.State != storage.RequestApproved || got.PolicyHash == r.PolicyHash {
		t.Fatalf("the new policy is not in force: %s", got.State)
	}
	if got := later.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve}); got.State != storage.RequestPending {
		t.Errorf("one vote under the loose policy: %s", got.State)
	}
	later.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	_, err := later.approves("frank", r.ID) // of the wider group only
	refused(t, "a member of the new group", err, RuleNotReviewer)
	_, err = later.vote("dana", r.ID, Vote{Decision: storage.Approve, Lifetime: 100 * day})
	refused(t, "the new ceiling", err, RuleCeiling)
	v, err := later.LookAtRequest(t.Context(), r.ID)
	if err != nil || v.Rule != "write" || len(v.Steps) != 2 || v.Steps[0].Quorum != 2 {
		t.Errorf("what it shows: %+v, %v", v.Steps, err)
	}
	later.settle(t)
	h.check(t)
}

// Who is taken out of a group in the configuration is out, for old requests
// too: at the vote, at the decision and at issue.
func TestALeaverOfAListedGroupIsOutOfOldRequestsToo(t *testing.T) {
	t.Parallel()
	before := houseDocument()
	before.Policies[2].Approval = Approval{Steps: []StepRule{{Group: "payroll", Quorum: 1}}}
	before.Groups["payroll"] = Group{Members: []string{"bob@example.com", "carol@example.com"}}
	h := openWith(t, before, nil)
	voted, waiting := h.submit(t, "alice", write()), h.submit(t, "alice", write())
	h.mustVote(t, "bob", voted.ID, Vote{Decision: storage.Approve})

	after := before
	after.Groups = map[string]Group{}
	maps.Copy(after.Groups, before.Groups)
	after.Groups["payroll"] = Group{Members: []string{"carol@example.com", "frank@example.com"}}
	later := *h
	later.Service = h.service(t, after, nil)
	_, err := later.approves("bob", waiting.ID)
	refused(t, "who was taken out", err, RuleNotReviewer)
	_, err = later.ReviewForm(t.Context(), h.people["bob"], waiting.ID)
	refused(t, "who was taken out opens the form", err, RuleNotReviewer)
	_, err = later.approves("frank", waiting.ID)
	refused(t, "who came in later", err, RuleNotReviewer)
	later.mustVote(t, "carol", waiting.ID, Vote{Decision: storage.Approve})
	later.settle(t)
	if got := h.request(t, waiting.ID); got.State != storage.RequestFulfilled {
		t.Errorf("approved by who stayed: %s", got.State)
	}
	if got := h.request(t, voted.ID); got.State != storage.RequestFailed || !strings.Contains(got.StateReason, "bob, who approved it") {
		t.Errorf("approved by who was taken out: %s, %q", got.State, got.StateReason)
	}
	h.check(t)
}

// A group that is gone from the configuration has no members.
func TestAGroupThatIsGoneHasNoMembers(t *testing.T) {
	t.Parallel()
	before := houseDocument()
	h := openWith(t, before, nil)
	r := h.submit(t, "alice", write())
	after := houseDocument()
	delete(after.Groups, "it-admins")
	after.Admins = []string{"security"}
	after.Policies = after.Policies[:2]
	later := h.service(t, after, nil)
	_, err := later.Review(t.Context(), h.people["bob"], r.ID, Vote{Decision: storage.Approve, SourceKey: "x"})
	refused(t, "a member of what is gone", err, RuleNotReviewer)
	if got, err := later.Cancel(t.Context(), h.people["dana"], r.ID); err != nil || got.State != storage.RequestCanceled {
		t.Errorf("today's admins cancel: %v", err)
	}
	_, err = later.Cancel(t.Context(), h.people["erin"], r.ID) // of security as well
	if err != nil {
		t.Error(err)
	}
	_, err = later.Cancel(t.Context(), h.people["carol"], r.ID)
	refused(t, "an admin of before", err, RuleAdminOnly)
	h.check(t)
}
