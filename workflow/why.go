package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/storage"
)

// Because is a sentence of an explanation, without its full stop.
type Because struct {
	Says   string
	At     time.Time // when it happened; zero for what is so
	Reason string    // what somebody said about it; may be empty
}

// Why explains a request, or the request behind a key: which rule applied, who
// may review, and what happened.
func (s *Service) Why(ctx context.Context, a Actor, request storage.RequestID, key storage.CredentialID) ([]Because, error) {
	if key != 0 {
		v, err := s.Show(ctx, a, key)
		if err != nil {
			return nil, err
		}
		if v.Credential.RequestID == 0 {
			return []Because{{Says: fmt.Sprintf("%s was not asked for here: it was found at %s", key, v.Credential.Connection)}}, nil
		}
		request = v.Credential.RequestID
	}
	v, err := s.ShowRequest(ctx, a, request)
	if err != nil {
		return nil, err
	}
	events, err := s.DB.Events(ctx, storage.SubjectRequest, int64(request))
	if err != nil {
		return nil, err
	}
	out := ruleWords(v)
	for _, e := range events {
		out = append(out, Because{Says: happened(e), At: e.At, Reason: reasonOf(e)})
	}
	return out, nil
}

// reasonOf is what somebody said about an event, where it is not said already:
// a filing's reason is on every card, a denial's is the vote's.
func reasonOf(e storage.Event) string {
	switch strings.TrimPrefix(e.Action, "request.") {
	case string(storage.RequestPending), string(storage.RequestDenied), string(storage.RequestCanceled):
		return ""
	}
	return e.Reason
}

// happened is an event of a request in words.
func happened(e storage.Event) string {
	by := " by " + e.Actor
	if e.ActorID == 0 {
		by = ""
	}
	switch strings.TrimPrefix(e.Action, "request.") {
	case string(storage.RequestPending):
		return "Filed" + by
	case "review." + string(storage.Approve):
		return "Approved" + by
	case "review." + string(storage.Deny):
		return "Denied" + by
	case "review.voided":
		return "A vote was struck"
	case string(storage.RequestApproved):
		return "The request is approved"
	case string(storage.RequestDenied):
		return "The request is denied"
	case string(storage.RequestLapsed):
		return "Lapsed"
	case string(storage.RequestCanceled):
		return "Canceled" + by
	case string(storage.RequestFulfilled):
		return "The key was made"
	case string(storage.RequestFailed):
		return "The key could not be made"
	}
	return strings.ReplaceAll(e.Action, ".", " ") + by
}

// ruleWords says which rule applied and who may review.
func ruleWords(v RequestView) []Because {
	out := []Because{{Says: fmt.Sprintf("%s falls under the rule %s", v.Request.ID, v.Rule)}}
	if len(v.Steps) == 0 {
		return append(out, Because{Says: "That rule approves by itself: nobody is asked"})
	}
	for i, st := range v.Steps {
		names := make([]string, len(st.Eligible))
		for j, p := range st.Eligible {
			names[j] = p.Name
		}
		says := fmt.Sprintf("%s: %s", st.Group, approvals(st))
		if len(v.Steps) > 1 {
			says = fmt.Sprintf("Step %d of %d, %s", i+1, len(v.Steps), says)
		}
		out = append(out, Because{Says: says + stepWords(v, st) + ". May review: " + strings.Join(names, ", ")})
	}
	return out
}

// stepWords is how a step stands, while that is not said by the request.
func stepWords(v RequestView, st StepView) string {
	switch {
	case v.Request.State != storage.RequestPending || st.Done:
		return ""
	case st.Current:
		return ", asked now"
	}
	return ", asked later"
}

func approvals(st StepView) string {
	if st.Quorum == 1 {
		return fmt.Sprintf("%d of 1 approval", st.Approvals())
	}
	return fmt.Sprintf("%d of %d approvals", st.Approvals(), st.Quorum)
}

// Scenario is a made-up ask by a made-up person, for testing a policy
// without Slack or a database.
type Scenario struct {
	Requester PersonFacts
	Ask       Ask
}

// Verdict is what the policy says to a scenario.
type Verdict struct {
	Policy  string
	Auto    bool
	Steps   []StepRule
	Refused *Refusal
}

// Try applies the rules to a scenario. Whether groups have enough members is
// not asked.
func (r *Rules) Try(sc Scenario) Verdict {
	out, err := r.decide(sc.Ask, sc.Requester)
	if refusal, ok := errors.AsType[Refusal](err); ok {
		return Verdict{Refused: &refusal}
	}
	return Verdict{Policy: out.policy.Name, Auto: out.policy.Approval.Auto, Steps: out.steps}
}
