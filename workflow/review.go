package workflow

import (
	"context"
	"slices"
	"strings"
	"time"

	"latchkey/storage"
)

// Vote is one person's word on a request.
type Vote struct {
	Decision  storage.Decision
	Reason    string   // required to deny
	Scopes    []string // nil: all that are still on the table
	Lifetime  Duration // zero: all that is still on the table
	SourceKey string   // the click's own unique key
}

// Review records a vote and, when it decides, carries the decision out. The
// same click again changes nothing and answers the same.
func (s *Service) Review(ctx context.Context, a Actor, id storage.RequestID, v Vote) (storage.Request, error) {
	f, err := s.filingOf(ctx, id)
	if err != nil {
		return storage.Request{}, err
	}
	rules, steps := f.rules, f.steps
	s.refreshReviewers(ctx, rules, steps)

	var r storage.Request
	var late error
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		var reviews []storage.Review
		if r, steps, reviews, err = tx.LockRequest(ctx, id); err != nil {
			return err
		}
		if repeat(reviews, a, v) {
			return nil
		}
		if err := a.Admit(); err != nil {
			return err
		}
		if r.State == storage.RequestPending && !r.Now.Before(r.LapsesAt) {
			late = refuse(RuleLapsed, "%s lapsed because nobody decided in time. %s can ask again.", id, "The requester")
			return s.lapse(ctx, tx, &r)
		}
		members, err := s.reviewers(ctx, tx, rules, groupsOf(steps), a.Account.PersonID)
		if err != nil {
			return err
		}
		reviews, err = s.voidLost(ctx, tx, &r, steps, reviews, members)
		if err != nil {
			return err
		}
		position, err := mayReview(r, steps, reviews, members, a, v.Decision)
		if err == nil && v.Decision == storage.Approve {
			err = notQuarantined(ctx, tx)
		}
		if err != nil {
			return err
		}
		review, err := s.applyVote(&r, position, a, v)
		if err != nil {
			return err
		}
		if err := tx.InsertReview(ctx, &r, review, a.by()); err != nil {
			return err
		}
		reviews = append(reviews, review)
		if v.Decision == storage.Approve {
			if err := mayGoOn(steps, reviews, members); err != nil {
				return err
			}
		}
		if err := s.conclude(ctx, tx, &r, steps, reviews, a, v); err != nil {
			return err
		}
		return notifyRequest(ctx, tx, r.ID)
	})
	if err == nil {
		err = late
	}
	return r, err
}

// ReviewForm is what a reviewer's form shows. Whoever could not vote is
// refused here already, by the same rules; the vote is judged again.
func (s *Service) ReviewForm(ctx context.Context, a Actor, id storage.RequestID) (RequestView, error) {
	if err := a.Admit(); err != nil {
		return RequestView{}, err
	}
	v, err := s.LookAtRequest(ctx, id)
	if err != nil {
		return v, err
	}
	rules, err := s.rulesOf(ctx, v.Request.PolicyHash)
	if err != nil {
		return v, err
	}
	return v, s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		r, steps, reviews, err := tx.LockRequest(ctx, id)
		if err != nil {
			return err
		}
		m, err := s.reviewers(ctx, tx, rules, groupsOf(steps), a.Account.PersonID)
		if err != nil {
			return err
		}
		_, err = mayReview(r, steps, reviews, m, a, storage.Deny)
		return err
	})
}

// repeat reports whether this very click was counted already.
func repeat(reviews []storage.Review, a Actor, v Vote) bool {
	return slices.ContainsFunc(reviews, func(x storage.Review) bool {
		return x.ReviewerID == a.Account.PersonID && x.SourceKey == v.SourceKey && x.Decision == v.Decision
	})
}

// voidLost strikes votes of persons who may no longer review, so that a
// decision never rests on them, and returns the rest.
func (s *Service) voidLost(ctx context.Context, tx storage.Tx, r *storage.Request, steps []storage.Step, reviews []storage.Review, m membership) ([]storage.Review, error) {
	if r.State != storage.RequestPending {
		return reviews, nil
	}
	var lost []storage.PersonID
	var kept []storage.Review
	for _, v := range reviews {
		group := steps[v.Position].Group
		if m.unknown[group] == "" && !m.has(group, v.ReviewerID) {
			lost = append(lost, v.ReviewerID)
			continue
		}
		kept = append(kept, v)
	}
	if len(lost) == 0 {
		return reviews, nil
	}
	return kept, tx.VoidReviews(ctx, r, lost, storage.System("review"), "no longer an active member of the group")
}

// mayReview finds the step a person's vote counts for, or refuses and says
// which rule stands in the way. It is pure.
func mayReview(r storage.Request, steps []storage.Step, reviews []storage.Review, m membership, a Actor, d storage.Decision) (int, error) {
	me := a.Account.PersonID
	if me == r.RequesterID {
		return 0, refuse(RuleSelfReview, "Nobody reviews their own request, from whichever account. %s can decide.", groupList(steps))
	}
	if me == r.FiledBy {
		return 0, refuse(RuleSelfReview, "Nobody reviews what their own key filed for somebody else. %s can decide.", groupList(steps))
	}
	if i := slices.IndexFunc(reviews, func(v storage.Review) bool { return v.ReviewerID == me }); i >= 0 && r.State == storage.RequestPending {
		return 0, refuse(RuleSecondVote, "You already voted on %s (%s). Everybody votes once.", r.ID, past(reviews[i].Decision))
	}
	if r.State != storage.RequestPending {
		return 0, refuse(RuleDecided, "%s is already %s%s.", r.ID, r.State, decidedBy(r))
	}
	if !m.standing[me].Active {
		return 0, refuse(RuleInactive, "You are marked as having left, so you can't review requests.")
	}
	current := currentStep(steps, reviews)
	mine := -1
	for i, st := range steps {
		if why := m.unknown[st.Group]; why != "" && slices.Contains(st.Eligible, me) {
			return 0, refuse(RuleGroupUnknown, "Whether you are still in %s can't be checked right now: %s. Nothing was counted; try again in a minute.", st.Group, why)
		}
		if slices.Contains(st.Eligible, me) && m.has(st.Group, me) && (mine < 0 || i == current) {
			mine = i
		}
	}
	switch {
	case mine < 0:
		return 0, refuse(RuleNotReviewer, "You can't review %s: its reviewers are the members of %s who were there when it was filed and still are.", r.ID, groupList(steps))
	case mine > current && d == storage.Approve:
		return 0, refuse(RuleNotYourTurn, "It is not your turn yet: %s is asked first. You can deny it already.", steps[current].Group)
	case mine < current && d == storage.Approve:
		return 0, refuse(RuleNotYourTurn, "%s has approved already; now %s is asked.", steps[mine].Group, steps[current].Group)
	}
	return mine, nil
}

// mayGoOn refuses an approval after which the request could not come to a good
// end: because a vote that it rests on can't be checked now, or because a
// later step needs this very person. It is pure.
func mayGoOn(steps []storage.Step, reviews []storage.Review, m membership) error {
	voted := map[storage.PersonID]bool{}
	for _, v := range reviews {
		voted[v.ReviewerID] = true
	}
	current := currentStep(steps, reviews)
	if current == len(steps) {
		for _, v := range reviews {
			if group := steps[v.Position].Group; m.unknown[group] != "" {
				return refuse(RuleGroupUnknown, "The earlier approvals of %s can't be checked right now: %s. Nothing was counted; try again in a minute.", group, m.unknown[group])
			}
		}
		return nil
	}
	var left []storage.Step
	for i, st := range steps[current:] {
		need := st.Quorum
		for _, v := range reviews {
			if v.Position == current+i && v.Decision == storage.Approve {
				need--
			}
		}
		rest := storage.Step{Group: st.Group, Quorum: need}
		for _, id := range st.Eligible {
			if !voted[id] {
				rest.Eligible = append(rest.Eligible, id)
			}
		}
		left = append(left, rest)
	}
	if groups := tooSmall(left); groups != nil {
		return refuse(RuleGroupEmpty, "Your approval is needed in a later step: without you, too few people are left in %s. Let somebody else approve this step.", strings.Join(groups, " and "))
	}
	return nil
}

// currentStep is the first whose quorum is not met; len(steps) when all are.
func currentStep(steps []storage.Step, reviews []storage.Review) int {
	for i, st := range steps {
		n := 0
		for _, v := range reviews {
			if v.Position == i && v.Decision == storage.Approve {
				n++
			}
		}
		if n < st.Quorum {
			return i
		}
	}
	return len(steps)
}

// applyVote narrows what is on the table and makes the review row.
func (s *Service) applyVote(r *storage.Request, position int, a Actor, v Vote) (storage.Review, error) {
	out := storage.Review{RequestID: r.ID, ReviewerID: a.Account.PersonID, AccountID: a.Account.ID, Position: position, Decision: v.Decision,
		Reason: strings.TrimSpace(v.Reason), SourceKey: v.SourceKey}
	if err := checkReason(out.Reason); err != nil {
		return out, err
	}
	switch v.Decision {
	case storage.Deny:
		if out.Reason == "" {
			return out, refuse(RuleReason, "Say why you deny it, so that the requester can do better.").on("reason")
		}
	case storage.Approve:
		if v.Scopes != nil {
			for _, name := range v.Scopes {
				if !slices.Contains(r.GrantedScopes, name) {
					return out, refuse(RuleCeiling, "%s is not among the scopes that are still on the table.", name).on("scopes")
				}
			}
			if len(v.Scopes) == 0 {
				return out, refuse(RuleCeiling, "Leave at least one scope, or deny the request.").on("scopes")
			}
			r.GrantedScopes = keep(r.GrantedScopes, v.Scopes)
		}
		if v.Lifetime != 0 {
			if v.Lifetime < MinDuration || time.Duration(v.Lifetime) > r.Granted() {
				return out, refuse(RuleCeiling, "Approve at most %s.", Duration(r.Granted()).Words()).on("lifetime")
			}
			r.GrantedS = int64(time.Duration(v.Lifetime) / time.Second)
		}
	default:
		return out, refuse(RuleUnknown, "Approve or deny it.")
	}
	out.Scopes, out.LifetimeS = r.GrantedScopes, r.GrantedS
	return out, nil
}

// keep filters without changing the order.
func keep(all, wanted []string) []string {
	var out []string
	for _, s := range all {
		if slices.Contains(wanted, s) {
			out = append(out, s)
		}
	}
	return out
}

// conclude carries out what the votes now say: a deny wins at once, the last
// quorum approves.
func (s *Service) conclude(ctx context.Context, tx storage.Tx, r *storage.Request, steps []storage.Step, reviews []storage.Review, a Actor, v Vote) error {
	if v.Decision == storage.Deny {
		return moveRequest(ctx, tx, r, eventDeny, a.by(), strings.TrimSpace(v.Reason))
	}
	if currentStep(steps, reviews) < len(steps) {
		return nil
	}
	// Hold the person, so that two approvals at once can't pass the quota.
	if _, err := tx.CountPending(ctx, r.RequesterID); err != nil {
		return err
	}
	standing, err := tx.Standings(ctx, []storage.PersonID{r.RequesterID})
	if err != nil {
		return err
	}
	if !standing[r.RequesterID].Active {
		return moveRequest(ctx, tx, r, eventCancel, storage.System("review"), "the requester left")
	}
	if r.ExtendsID != 0 || r.RotatesID != 0 { // no key more than before
		return s.approve(ctx, tx, r, a.by(), "")
	}
	if err := s.checkLive(ctx, tx, r.RequesterID); err != nil {
		if _, refused := AsRefusal(err); !refused {
			return err
		}
		return refuse(RuleQuota, "The requester already holds as many keys as one person may have. They must give one back before this can be approved.")
	}
	return s.approve(ctx, tx, r, a.by(), "")
}

// lapse ends a request nobody decided.
func (s *Service) lapse(ctx context.Context, tx storage.Tx, r *storage.Request) error {
	if err := moveRequest(ctx, tx, r, eventLapse, storage.System("sweep"), "nobody decided in time"); err != nil {
		return err
	}
	return notifyRequest(ctx, tx, r.ID)
}

func groupsOf(steps []storage.Step) []string {
	out := make([]string, len(steps))
	for i, st := range steps {
		out[i] = st.Group
	}
	return out
}

func groupList(steps []storage.Step) string {
	names := slices.Compact(groupsOf(steps))
	if len(names) == 0 {
		return "Nobody"
	}
	return strings.Join(names, " and ")
}

func past(d storage.Decision) string {
	if d == storage.Deny {
		return "denied"
	}
	return "approved"
}

func decidedBy(r storage.Request) string {
	if r.DecidedAt.IsZero() {
		return ""
	}
	return " since " + r.DecidedAt.UTC().Format("15:04 UTC on 2 January")
}
