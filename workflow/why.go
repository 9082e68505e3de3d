package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"latchkey/storage"
)

// Why explains a request, or the request behind a key, in sentences: which
// rule applied, who may review, and what happened.
func (s *Service) Why(ctx context.Context, a Actor, request storage.RequestID, key storage.CredentialID) ([]string, error) {
	if key != 0 {
		v, err := s.Show(ctx, a, key)
		if err != nil {
			return nil, err
		}
		if v.Credential.RequestID == 0 {
			return []string{fmt.Sprintf("%s was not asked for here: it was found at %s.", key, v.Credential.Connection)}, nil
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
		line := fmt.Sprintf("%s: %s by %s", e.At.UTC().Format("2 Jan 15:04"), strings.ReplaceAll(e.Action, ".", " "), e.Actor)
		if e.Reason != "" && e.Action != "request.pending" {
			line += " (" + e.Reason + ")"
		}
		out = append(out, line+".")
	}
	return out, nil
}

// ruleWords says which rule applied and who may review.
func ruleWords(v RequestView) []string {
	out := []string{fmt.Sprintf("%s falls under the rule %s.", v.Request.ID, v.Rule)}
	if len(v.Steps) == 0 {
		return append(out, "That rule approves by itself: nobody is asked.")
	}
	for i, st := range v.Steps {
		names := make([]string, len(st.Eligible))
		for j, p := range st.Eligible {
			names[j] = p.Name
		}
		state := "asked later"
		switch {
		case st.Done:
			state = "done"
		case st.Current:
			state = "asked now"
		}
		out = append(out, fmt.Sprintf("Step %d: %d of %s (%s), %s. May review: %s.", i+1, st.Quorum, st.Group, approvals(st), state, strings.Join(names, ", ")))
	}
	return out
}

func approvals(st StepView) string {
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
	var refusal Refusal
	if errors.As(err, &refusal) {
		return Verdict{Refused: &refusal}
	}
	return Verdict{Policy: out.policy.Name, Auto: out.policy.Approval.Auto, Steps: out.steps}
}
