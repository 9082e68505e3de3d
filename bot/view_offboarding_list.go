package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of a list of cases, so that it stays inside one ack.
const (
	maxCasesListed  = 6
	maxStrangeShown = 5
)

// caseList is what admins see of who left.
type caseList struct {
	Cases   []caseView
	Of      string // the one person it is about; empty for all
	Held    workflow.HeldView
	Strange []storage.PersonEvent
	Command string
}

// casesMessage lists the cases that are under way, or those of one person.
func casesMessage(l caseList) message {
	text := fmt.Sprintf("%s under way.", plural(len(l.Cases), "case"))
	if l.Of != "" {
		text = fmt.Sprintf("%s of %s.", plural(len(l.Cases), "case"), cut(line(l.Of), maxName))
	}
	text = titleCase(text)
	blocks := []slack.Block{section(words(text))}
	if l.Held.Count > 0 {
		blocks = append(blocks, section(fmt.Sprintf("The breaker holds the offboarding of *%s* and waits for you.", peopleCount(l.Held.Count))), heldButtons("held_leave", l.Held.Count))
	}
	for _, v := range l.Cases[:min(maxCasesListed, len(l.Cases))] {
		blocks = append(blocks, section(caseLine(v)), actions("case/"+caseID(v.Case.ID), caseButtons(v)...))
	}
	if more := len(l.Cases) - maxCasesListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("%s not shown here: %s shows those of one person.", plural(more, "more case"), code(l.Command+" offboarding @person"))))
	}
	if len(l.Strange) > 0 {
		blocks = append(blocks, divider(), section("*Leavers nobody here is known by*\n"+strangeLines(l.Strange)),
			small(fmt.Sprintf("If somebody here is meant, correct the address at its source or add the account to `people` in the configuration, and use %s now. Else there is nothing to do.", code(l.Command+" offboard @person"))))
	}
	return say(escape(text), blocks...)
}

// caseLine is a case in a list.
func caseLine(v caseView) string {
	o := v.Case
	out := fmt.Sprintf("*%s* left %s, says %s: ", words(name(v.Person)), moment(o.BeganAt), words(saidBy(o)))
	switch o.State {
	case storage.OffboardingHeld:
		return out + "*on hold*, the breaker waits for an admin"
	case storage.OffboardingClosed:
		return out + "*closed* " + moment(o.ClosedAt) + undoClause(v)
	case storage.OffboardingUndone:
		return out + "*undone* " + moment(o.ClosedAt)
	case storage.OffboardingOpen:
	}
	if !o.Listed {
		return out + "*just begun*" + undoClause(v)
	}
	total := len(v.Items) + len(v.Systems)
	out += fmt.Sprintf("*%d of %d accounted for*", total-v.Left, total)
	if v.Paged {
		out += ", *a person is needed*"
	}
	return out + undoClause(v)
}

func undoClause(v caseView) string {
	if !v.Undo {
		return ""
	}
	return "; can be undone until " + moment(v.Case.GraceUntil)
}

// strangeLines tell of events about nobody we know.
func strangeLines(all []storage.PersonEvent) string {
	out := ""
	for _, e := range all[:min(maxStrangeShown, len(all))] {
		who := ""
		for _, s := range []string{e.Name, e.Email, e.AccountRef} {
			if s = cut(line(s), maxName); s != "" {
				if who != "" {
					who += ", "
				}
				who += words(s)
			}
		}
		out += fmt.Sprintf("• %s, says %s %s\n", orDash(who), words(cut(line(e.Source), maxName)), moment(e.ReceivedAt))
	}
	return out
}
