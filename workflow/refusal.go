package workflow

import (
	"errors"
	"fmt"
)

// Refusal is a "no" for a person: a full sentence that says what rule stands
// in the way and who or what can help. Nothing was changed.
type Refusal struct {
	Rule   string // the rule's short name, for logs and tests: "self_review"
	Reason string // the sentence
	Field  string // the field of Ask it is about, or empty
}

// Error implements error.
func (r Refusal) Error() string { return r.Reason }

func refuse(rule, format string, args ...any) Refusal {
	return Refusal{Rule: rule, Reason: fmt.Sprintf(format, args...)}
}

func (r Refusal) on(field string) Refusal {
	r.Field = field
	return r
}

// AsRefusal finds the Refusal in an error.
func AsRefusal(err error) (Refusal, bool) {
	var r Refusal
	ok := errors.As(err, &r)
	return r, ok
}

// The rules nobody can configure away, by name.
const (
	RuleOutsider     = "own_workspace"
	RuleGuest        = "no_guests"
	RuleBot          = "no_bots"
	RuleInactive     = "active_person"
	RuleUnlinked     = "known_person"
	RuleSelfReview   = "no_self_review"
	RuleNotReviewer  = "not_a_reviewer"
	RuleNotYourTurn  = "step_order"
	RuleSecondVote   = "one_vote"
	RuleDecided      = "already_decided"
	RuleLapsed       = "lapsed"
	RuleQuota        = "quota"
	RuleNoPolicy     = "no_policy"
	RuleCeiling      = "ceiling"
	RuleGroupEmpty   = "group_too_small"
	RuleGroupUnknown = "group_unreadable"
	RuleUnknown      = "unknown"
	RuleAdminOnly    = "admins_only"
	RuleReason       = "reason_needed"
	RuleNotPossible  = "not_possible"
	RuleKeyOnly      = "persons_only"
)
