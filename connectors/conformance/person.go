package conformance

import (
	"slices"
	"strings"

	"latchkey/connectors"
)

// canMake tells whether the suite can have credentials to test with.
func (s *suite) canMake() bool {
	_, ok := connectors.As[connectors.Issuer](s.Good)
	return ok || s.Make != nil
}

// grants: listed with their app and owner, ended one by one, and gone already
// is nil.
func (s *suite) grants() {
	lister := with[connectors.GrantLister](s)
	if s.Grant == nil {
		s.Fatal("the harness makes no grants")
	}
	dead, deadLives := s.Grant()
	kept, keptLives := s.Grant()
	walk := func() map[string]connectors.Grant {
		out := map[string]connectors.Grant{}
		for g, err := range lister.Grants(s.Context()) {
			s.ok("list grants", err)
			if _, twice := out[g.Ref.ID]; twice || g.Ref.ID == "" || g.App == "" || g.Ref.Owner.ID == "" {
				s.Errorf("grant %+v lacks its id, app or owner, or is listed twice", g)
			}
			out[g.Ref.ID] = g
		}
		return out
	}
	before := walk()
	for _, ref := range []connectors.GrantRef{dead, kept} {
		if _, ok := before[ref.ID]; !ok {
			s.Errorf("grant %s is not listed", ref.ID)
		}
	}
	if bad, ok := connectors.As[connectors.GrantLister](s.Bad); ok {
		failsWhole(s, "list grants", bad.Grants(s.Context()))
	}
	revoker, ok := connectors.As[connectors.GrantRevoker](s.Good)
	if !ok {
		return
	}
	s.ok("revoke grant", revoker.RevokeGrant(s.Context(), connectors.GrantRef{ID: dead.ID}))
	s.ok("revoke grant again", revoker.RevokeGrant(s.Context(), connectors.GrantRef{ID: dead.ID}))
	if deadLives() || !keptLives() {
		s.Errorf("after the revoke the grant lives: %t, and another one: %t", deadLives(), keptLives())
	}
	if _, listed := walk()[dead.ID]; listed {
		s.Error("a revoked grant is still listed")
	}
}

// closeAccount: one person is stopped, again is nil, nobody else is touched.
func (s *suite) closeAccount() {
	closer := with[connectors.AccountCloser](s)
	if s.Account == nil {
		s.Fatal("the harness makes no accounts")
	}
	leaver, leaverOpen := s.Account()
	stayer, stayerOpen := s.Account()
	s.ok("close account", closer.CloseAccount(s.Context(), leaver))
	s.ok("close account again", closer.CloseAccount(s.Context(), leaver))
	if leaverOpen() || !stayerOpen() {
		s.Errorf("after the close %s is open: %t, and %s: %t", leaver.ID, leaverOpen(), stayer.ID, stayerOpen())
	}
}

// decide: the vendor's own requests are listed while they wait, and our
// decision is carried out there.
func (s *suite) decide() {
	lister := with[connectors.RequestLister](s)
	decider := with[connectors.RequestDecider](s)
	if s.Asked == nil {
		s.Fatal("the harness makes no requests")
	}
	yes, yesState := s.Asked()
	no, noState := s.Asked()
	pending := func() []string {
		var ids []string
		for r, err := range lister.Requests(s.Context()) {
			s.ok("list requests", err)
			ids = append(ids, r.ID)
		}
		return ids
	}
	if ids := pending(); !slices.Contains(ids, yes.ID) || !slices.Contains(ids, no.ID) {
		s.Errorf("%s and %s are not among the waiting %v", yes.ID, no.ID, ids)
	}
	if bad, ok := connectors.As[connectors.RequestLister](s.Bad); ok {
		failsWhole(s, "list requests", bad.Requests(s.Context()))
	}
	for range 2 { // the second time it is decided already
		s.ok("approve", decider.Decide(s.Context(), connectors.Decision{ID: yes.ID, Approve: true, Reason: "conformance"}))
		s.ok("deny", decider.Decide(s.Context(), connectors.Decision{ID: no.ID, Reason: "conformance"}))
	}
	if yesState() != "approved" || noState() != "denied" {
		s.Errorf("approved is %s, denied is %s", yesState(), noState())
	}
	if ids := pending(); slices.Contains(ids, yes.ID) || slices.Contains(ids, no.ID) {
		s.Errorf("decided requests are among the waiting %v", ids)
	}
}

// guide: a person who follows the task makes a key that is found again.
func (s *suite) guide() {
	guide := with[connectors.IssueGuide](s)
	task, err := guide.GuideIssue(s.Request(label))
	s.ok("guide", err)
	named := slices.ContainsFunc(task.Steps, func(step string) bool { return strings.Contains(step, label) })
	if len(task.Steps) == 0 || !named {
		s.Errorf("the steps %q do not say which label to use", task.Steps)
	}
}
