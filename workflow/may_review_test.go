package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

// The persons of the table below.
const (
	alice storage.PersonID = iota + 1 // the requester
	bob                               // of the first group
	carol                             // of the first group
	dana                              // of the second group
	erin                              // of both
	frank                             // left the company
	gina                              // of the first group since the request was filed
)

func TestMayReview(t *testing.T) {
	t.Parallel()
	approve, deny := storage.Approve, storage.Deny
	type world struct {
		request storage.Request
		steps   []storage.Step
		reviews []storage.Review
		members membership
	}
	fresh := func() *world {
		standing := map[storage.PersonID]storage.Standing{}
		for id := alice; id <= gina; id++ {
			standing[id] = storage.Standing{PersonID: id, Active: id != frank}
		}
		return &world{
			request: storage.Request{ID: 7, RequesterID: alice, State: storage.RequestPending},
			steps: []storage.Step{
				{Position: 0, Group: "first", Quorum: 2, Eligible: []storage.PersonID{bob, carol, erin, frank}},
				{Position: 1, Group: "second", Quorum: 1, Eligible: []storage.PersonID{dana, erin, frank}},
			},
			members: membership{
				members:  map[string][]storage.PersonID{"first": {bob, carol, erin, gina, alice}, "second": {dana, erin}},
				unknown:  map[string]string{},
				standing: standing,
			},
		}
	}
	voted := func(w *world, position int, ids ...storage.PersonID) {
		for _, id := range ids {
			w.reviews = append(w.reviews, storage.Review{ReviewerID: id, Position: position, Decision: approve})
		}
	}
	for name, tt := range map[string]struct {
		change   func(*world)
		who      storage.PersonID
		decision storage.Decision
		want     int
		rule     string
		says     string
	}{
		"first step approves":                 {nil, bob, approve, 0, "", ""},
		"first step denies":                   {nil, bob, deny, 0, "", ""},
		"second step must wait":               {nil, dana, approve, 0, RuleNotYourTurn, "first is asked first. You can deny it already."},
		"second step may deny already":        {nil, dana, deny, 1, "", ""},
		"of both: the step that is asked":     {nil, erin, approve, 0, "", ""},
		"of both: later, the later step":      {func(w *world) { voted(w, 0, bob, carol) }, erin, approve, 1, "", ""},
		"of both: voted in the first":         {func(w *world) { voted(w, 0, erin, bob) }, erin, approve, 0, RuleSecondVote, "already voted on RQ-"},
		"second step in turn":                 {func(w *world) { voted(w, 0, bob, carol) }, dana, approve, 1, "", ""},
		"first step is done":                  {func(w *world) { voted(w, 0, bob, erin) }, carol, approve, 0, RuleNotYourTurn, "first has approved already; now second is asked."},
		"first step is done, but a deny wins": {func(w *world) { voted(w, 0, bob, erin) }, carol, deny, 0, "", ""},
		"a quorum of two wants two":           {func(w *world) { voted(w, 0, bob) }, carol, approve, 0, "", ""},
		"a second vote":                       {func(w *world) { voted(w, 0, bob) }, bob, approve, 0, RuleSecondVote, "(approved)"},
		"a changed mind":                      {func(w *world) { voted(w, 0, bob) }, bob, deny, 0, RuleSecondVote, "votes once"},
		"the requester":                       {nil, alice, approve, 0, RuleSelfReview, "from whichever account"},
		"the requester denies":                {nil, alice, deny, 0, RuleSelfReview, "first and second can decide"},
		"the requester, eligible by mistake":  {func(w *world) { w.steps[0].Eligible = append(w.steps[0].Eligible, alice) }, alice, approve, 0, RuleSelfReview, ""},
		"the requester, after the decision":   {func(w *world) { w.request.State = storage.RequestApproved }, alice, approve, 0, RuleSelfReview, ""},
		"who filed it for the requester":      {func(w *world) { w.request.FiledBy = bob }, bob, approve, 0, RuleSelfReview, "what their own key filed"},
		"who filed it, denies":                {func(w *world) { w.request.FiledBy = bob }, bob, deny, 0, RuleSelfReview, "first and second can decide"},
		"a colleague of who filed it":         {func(w *world) { w.request.FiledBy = bob }, carol, approve, 0, "", ""},
		"somebody of no group":                {func(w *world) { w.members.members = nil }, 99, approve, 0, RuleInactive, ""},
		"a colleague of another group":        {func(w *world) { w.members.standing[99] = storage.Standing{Active: true} }, 99, approve, 0, RuleNotReviewer, "members of first and second who were there"},
		"joined after the card":               {nil, gina, approve, 0, RuleNotReviewer, "were there when it was filed"},
		"left the group after the card":       {func(w *world) { w.members.members["first"] = []storage.PersonID{carol} }, bob, approve, 0, RuleNotReviewer, "still are"},
		"left the group, denies":              {func(w *world) { w.members.members["first"] = nil }, bob, deny, 0, RuleNotReviewer, ""},
		"left the company":                    {nil, frank, approve, 0, RuleInactive, "having left"},
		"left the company, denies":            {nil, frank, deny, 0, RuleInactive, ""},
		"left the company, group not read":    {func(w *world) { w.members.members["first"] = append(w.members.members["first"], frank) }, frank, approve, 0, RuleInactive, ""},
		"own group can't be read":             {func(w *world) { w.members.unknown["first"] = "Slack is down" }, bob, approve, 0, RuleGroupUnknown, "Slack is down"},
		"own group can't be read, denies":     {func(w *world) { w.members.unknown["first"] = "Slack is down" }, bob, deny, 0, RuleGroupUnknown, "Nothing was counted"},
		"another group can't be read":         {func(w *world) { w.members.unknown["second"] = "Slack is down" }, bob, approve, 0, "", ""},
		"approved already":                    {func(w *world) { w.request.State = storage.RequestApproved }, bob, deny, 0, RuleDecided, "RQ-"},
		"denied already":                      {func(w *world) { w.request.State = storage.RequestDenied }, bob, approve, 0, RuleDecided, "already denied"},
		"canceled already":                    {func(w *world) { w.request.State = storage.RequestCanceled }, bob, approve, 0, RuleDecided, "already canceled"},
		"fulfilled already":                   {func(w *world) { w.request.State = storage.RequestFulfilled }, bob, approve, 0, RuleDecided, ""},
		"failed":                              {func(w *world) { w.request.State = storage.RequestFailed }, bob, deny, 0, RuleDecided, ""},
		"lapsed already, and when": {func(w *world) {
			w.request.State = storage.RequestLapsed
			w.request.DecidedAt = time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC)
		}, bob, approve, 0, RuleDecided, "already lapsed since 09:05 UTC on 1 March"},
		"decided, and voted before":                {func(w *world) { w.request.State = storage.RequestApproved; voted(w, 0, bob) }, bob, deny, 0, RuleDecided, ""},
		"a request without steps is nobody's turn": {func(w *world) { w.steps = nil }, bob, approve, 0, RuleNotReviewer, "members of Nobody"},
	} {
		w := fresh()
		if tt.change != nil {
			tt.change(w)
		}
		who := Actor{Account: storage.Account{PersonID: tt.who}}
		got, err := mayReview(w.request, w.steps, w.reviews, w.members, who, tt.decision)
		refusal, refused := AsRefusal(err)
		if refused != (tt.rule != "") || err != nil && !refused || refusal.Rule != tt.rule || !strings.Contains(refusal.Reason, tt.says) || got != tt.want {
			t.Errorf("%s: step %d, %q: %v", name, got, refusal.Rule, err)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*storage.Account){
		"":           func(*storage.Account) {},
		RuleOutsider: func(a *storage.Account) { a.IsOutsider, a.IsGuest, a.IsBot = true, true, true },
		RuleBot:      func(a *storage.Account) { a.IsBot, a.PersonID = true, 0 },
		RuleInactive: func(a *storage.Account) { a.IsDeleted = true },
		RuleGuest:    func(a *storage.Account) { a.IsGuest = true },
		RuleUnlinked: func(a *storage.Account) { a.PersonID = 0 },
	} {
		acc := storage.Account{ID: 1, PersonID: 1}
		spoil(&acc)
		err := Actor{Account: acc}.Admit()
		refusal, _ := AsRefusal(err)
		if (err == nil) != (want == "") || refusal.Rule != want {
			t.Errorf("%q: %v", want, err)
		}
		if err != nil && !strings.HasSuffix(refusal.Reason, ".") {
			t.Errorf("%q is no sentence", refusal.Reason)
		}
	}
}
