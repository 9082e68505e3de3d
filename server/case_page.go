package server

import (
	"fmt"
	"strings"
	"time"

	"latchkey/workflow"
)

// casePage is the report of a case for people.
type casePage struct {
	Report offboardingReport
	JSON   string // the same for programs, beside this page
}

// Title heads the page.
func (p casePage) Title() string {
	return "Offboarding of " + p.Name()
}

// Name is who left.
func (p casePage) Name() string {
	switch {
	case p.Report.Person.Name != "":
		return p.Report.Person.Name
	case p.Report.Person.Email != "":
		return p.Report.Person.Email
	}
	return "somebody"
}

// Stands says in a sentence where the case stands.
func (p casePage) Stands() string {
	r := p.Report
	switch r.State {
	case "closed":
		return "The case is closed: everything is accounted for."
	case "undone":
		return "The offboarding was undone. What ended at a system until then stays ended."
	case "held":
		return "The case is on hold: so many left at once that an admin has to confirm it before anything ends at the systems."
	}
	return fmt.Sprintf("The case is open: %d of %d are not accounted for yet.", r.Unaccounted, len(r.Credentials)+len(r.Systems))
}

// Source is who said that the person left.
func (p casePage) Source() string {
	switch s := p.Report.SaidBy; s.Source {
	case workflow.SourceAdmin, workflow.SourceAPI:
		return s.By
	case "slack":
		return "Slack"
	case "scim":
		return "the identity provider (SCIM)"
	default:
		return s.Source
	}
}

// When is a time for people and for programs.
func (casePage) When(t any) moment {
	switch t := t.(type) {
	case time.Time:
		return momentOf(t)
	case *time.Time:
		if t != nil {
			return momentOf(*t)
		}
	}
	return moment{}
}

// Word is a kind or a state as people read it.
func (casePage) Word(s string) string {
	switch s {
	case workflow.APIKey:
		return "API key"
	case workflow.OAuthGrant:
		return "OAuth app"
	}
	return strings.ReplaceAll(s, "_", " ")
}

// StateOf is how far a system is.
func (casePage) StateOf(s reportSystem) string {
	switch {
	case s.CleanAt != nil:
		return "clean"
	case s.Waiver != nil:
		return "somebody answers for it"
	case s.Problem != "":
		return "not reachable"
	}
	return "being looked through"
}

// Account says how a credential is accounted for.
func (casePage) Account(c reportCredential) string {
	switch {
	case c.Waiver != nil:
		return "somebody answers for it"
	case c.HandedTo != "":
		return "kept under a new owner"
	case c.DecideBy != nil && !c.Accounted:
		return "waits for a decision"
	case !c.Accounted:
		return "not accounted for"
	case c.EndedAt != nil:
		return "ended"
	case c.Brokered:
		return "refused by the gateway"
	}
	return "ended"
}

// waived is a waiver with its time for people.
type waived struct {
	Name, Reason string
	At           moment
}

// Waived is who answers for a thing.
func (casePage) Waived(w *reportWaiver) waived {
	return waived{Name: w.Name, Reason: w.Reason, At: momentOf(w.At)}
}
