package workflow

import (
	"strings"
	"testing"

	"latchkey/storage"
)

// A person of two groups must not spend their vote in a step where others
// could vote, when a later step has nobody else.
func TestAVoteThatALaterStepNeeds(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.setGroup(t, "slack:S0IT", "bob", "carol", "erin")
	h.setGroup(t, "slack:S0SEC", "erin")
	r := h.submit(t, "alice", big()) // two of it-admins, then erin
	_, err := h.approves("erin", r.ID)
	refused(t, "erin in the first step", err, RuleGroupEmpty)
	if got, _ := AsRefusal(err); !strings.Contains(got.Reason, "security") {
		t.Errorf("the refusal does not name the step: %s", got.Reason)
	}
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	if r = h.mustVote(t, "erin", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestApproved {
		t.Errorf("%s", r.State)
	}
	denied := h.submit(t, "alice", big())
	if denied = h.mustVote(t, "erin", denied.ID, Vote{Decision: storage.Deny, Reason: "no"}); denied.State != storage.RequestDenied {
		t.Errorf("a deny needs nobody else: %s", denied.State)
	}
	h.settle(t)
	h.check(t)
}

func TestMayGoOn(t *testing.T) {
	t.Parallel()
	steps := []storage.Step{
		{Position: 0, Group: "first", Quorum: 1, Eligible: []storage.PersonID{bob, erin}},
		{Position: 1, Group: "second", Quorum: 1, Eligible: []storage.PersonID{erin, dana}},
	}
	vote := func(id storage.PersonID, position int) storage.Review {
		return storage.Review{ReviewerID: id, Position: position, Decision: storage.Approve}
	}
	for name, tt := range map[string]struct {
		reviews []storage.Review
		unknown map[string]string
		rule    string
	}{
		"somebody is left":                {[]storage.Review{vote(erin, 0)}, nil, ""},
		"done":                            {[]storage.Review{vote(bob, 0), vote(erin, 1)}, nil, ""},
		"a vote that can't be checked":    {[]storage.Review{vote(bob, 0), vote(erin, 1)}, map[string]string{"first": "Slack is down"}, RuleGroupUnknown},
		"not decided yet, so not checked": {[]storage.Review{vote(bob, 0)}, map[string]string{"first": "Slack is down"}, ""},
		"nobody is left":                  {[]storage.Review{vote(erin, 0), {ReviewerID: dana, Position: 1, Decision: storage.Deny}}, nil, RuleGroupEmpty},
	} {
		err := mayGoOn(steps, tt.reviews, membership{unknown: tt.unknown})
		if r, _ := AsRefusal(err); r.Rule != tt.rule || (err == nil) != (tt.rule == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The decision itself rests on every vote: one whose group can't be read now
// is not taken for granted.
func TestADecisionNeedsEveryVoteChecked(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", big())
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '1 hour' WHERE source = 'slack:S0IT'`)
	_, err := h.approves("dana", r.ID)
	refused(t, "the last vote", err, RuleGroupUnknown)
	if _, _, reviews, err := h.DB.Request(t.Context(), r.ID); err != nil || len(reviews) != 2 {
		t.Errorf("%d votes, %v", len(reviews), err)
	}
	h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	if r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestApproved {
		t.Errorf("%s", r.State)
	}
	h.settle(t)
	h.check(t)
}
