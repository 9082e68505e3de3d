package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// caseView is the case of somebody who left, and where its report is.
type caseView struct {
	workflow.OffboardingView
	ReportURL string
}

// caseTally counts the keys of a case by what became of them.
type caseTally struct {
	Proven    int // ended, and the system's answer says so
	Over      int // ended in another way, such as by their time
	Fenced    int // refused by the gateway
	Kept      int // of services, under a new owner
	Waived    int // somebody answers for them
	Undecided int // of services
	Failed    int // no system confirmed their end yet
	Ending    int
}

func tallyCase(items []workflow.ItemView) caseTally {
	var t caseTally
	for _, it := range items {
		switch c := it.Key.Credential; {
		case isSet(it.WaivedAt):
			t.Waived++
		case !c.Live() && proven(it):
			t.Proven++
		case !c.Live():
			t.Over++
		case it.HandedTo != 0:
			t.Kept++
		case undecided(it):
			t.Undecided++
		case it.Done:
			t.Fenced++
		case c.State == storage.CredentialRevokeFailed:
			t.Failed++
		default:
			t.Ending++
		}
	}
	return t
}

// proven tells whether the end of a key has its system's word.
func proven(it workflow.ItemView) bool {
	return slices.ContainsFunc(it.Receipts, func(r storage.Receipt) bool { return r.Liveness == storage.LivenessDead })
}

// undecided tells whether somebody still has to say what becomes of a
// service's key.
func undecided(it workflow.ItemView) bool {
	return it.Sort == storage.ItemShared && isSet(it.DecideBy) && it.HandedTo == 0 && !isSet(it.WaivedAt) && it.Key.Credential.Live()
}

// lines say in mrkdwn what became of the keys, and leave out what there is
// none of.
func (t caseTally) lines() string {
	var out []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{t.Proven, "ended, and the system's answer is kept"}, {t.Over, "had ended before"}, {t.Fenced, "refused by the gateway since then"},
		{t.Kept, "of services, kept under a new owner"}, {t.Waived, "without a receipt, for which an admin answers by name"},
		{t.Ending, "being ended"}, {t.Undecided, "of services: their owners are asked to keep or to end them"},
		{t.Failed, "*not ended yet*: the system does not confirm it, and Latchkey keeps trying"},
	} {
		if part.n > 0 {
			out = append(out, fmt.Sprintf("• %d %s", part.n, part.what))
		}
	}
	return strings.Join(out, "\n")
}

// caseMessage is the card of a case in the admins' channel, kept up to date
// until everything is accounted for.
func caseMessage(v caseView) message {
	return say(escape(caseWords(v)), append(caseBlocks(v), actions("case/"+caseID(v.Case.ID), caseButtons(v)...))...)
}

// caseWords is a case in a plain sentence.
func caseWords(v caseView) string {
	who, total := name(v.Person), len(v.Items)+len(v.Systems)
	switch v.Case.State {
	case storage.OffboardingHeld:
		return fmt.Sprintf("%s left, says %s. Everything is refused at the gateway; the breaker holds the rest until an admin decides.", who, saidBy(v.Case))
	case storage.OffboardingClosed:
		return fmt.Sprintf("The case of %s is closed: everything is accounted for.", who)
	case storage.OffboardingUndone:
		return fmt.Sprintf("%s did not leave: the offboarding was undone.", who)
	case storage.OffboardingOpen:
	}
	if !v.Case.Listed {
		return fmt.Sprintf("%s left, says %s. Everything is refused at the gateway since %s; Latchkey ends the rest now.", who, saidBy(v.Case), utc(v.Case.BeganAt))
	}
	return fmt.Sprintf("%s left, says %s. Everything is refused at the gateway since %s; %d of %d accounted for.", who, saidBy(v.Case), utc(v.Case.BeganAt), total-v.Left, total)
}

// caseBlocks tell of a case without its controls.
func caseBlocks(v caseView) []slack.Block {
	o := v.Case
	blocks := []slack.Block{header(caseTitle(v)), section(caseHead(v))}
	if o.State == storage.OffboardingUndone {
		return append(blocks, undoneBlocks(v)...)
	}
	if o.Reason != "" {
		blocks = append(blocks, quote("Reason", cut(o.Reason, roomForWords)))
	}
	if o.State == storage.OffboardingHeld {
		return append(blocks, section("*The breaker holds it*: many people left within an hour. Nothing ends at the systems until an admin decides."))
	}
	if !o.Listed {
		return append(blocks, section("Latchkey writes down what this person holds."))
	}
	keys := "*Keys*: none."
	if n := len(v.Items); n > 0 {
		keys = fmt.Sprintf("*Keys*: %d in all\n%s", n, tallyCase(v.Items).lines())
	}
	blocks = append(blocks, section(keys))
	if len(v.Systems) > 0 {
		blocks = append(blocks, section("*Systems*\n"+caseSystemLines(v.Systems)))
	}
	return append(blocks, small(progressLine(v)))
}

func caseTitle(v caseView) string {
	who := name(v.Person)
	switch v.Case.State {
	case storage.OffboardingClosed:
		return who + " left: closed"
	case storage.OffboardingUndone:
		return who + ": undone"
	case storage.OffboardingHeld:
		return who + " left: on hold"
	case storage.OffboardingOpen:
	}
	return who + " left"
}

// caseHead says who left, who says so and since when nothing works.
func caseHead(v caseView) string {
	who := "*" + words(name(v.Person)) + "*"
	if v.Email != "" {
		who += " (" + words(cut(line(v.Email), 2*maxName)) + ")"
	}
	if v.Case.State == storage.OffboardingUndone {
		return fmt.Sprintf("%s was said to have left, by %s, %s.", who, words(saidBy(v.Case)), moment(v.Case.BeganAt))
	}
	return fmt.Sprintf("%s left: %s says so. The gateway refuses everything they hold since %s.", who, words(saidBy(v.Case)), moment(v.Case.BeganAt))
}

// saidBy is who told that somebody left, in plain words.
func saidBy(o storage.Offboarding) string {
	switch o.Source {
	case workflow.SourceAdmin, workflow.SourceAPI:
		return cut(line(o.Actor.Name), maxName)
	case workflow.SourceSlack:
		return "Slack"
	case "scim":
		return "the identity provider (SCIM)"
	}
	return cut(line(o.Source), maxName)
}

// maxCaseProblem bounds what a system answered, in a list of systems.
const maxCaseProblem = 150

func caseSystemLines(all []storage.OffboardingSystem) string {
	waits := slices.Clone(all)
	slices.SortStableFunc(waits, func(a, b storage.OffboardingSystem) int { return caseSystemRank(a) - caseSystemRank(b) })
	var out []string
	for _, s := range waits[:min(maxSystemsCounted, len(waits))] {
		out = append(out, "• "+bold(s.Connection)+": "+caseSystemState(s))
	}
	if more := len(waits) - len(out); more > 0 {
		out = append(out, "and "+plural(more, "more system"))
	}
	return strings.Join(out, "\n")
}

// caseSystemRank puts first what a person may have to look at.
func caseSystemRank(s storage.OffboardingSystem) int {
	switch {
	case caseSystemDone(s):
		return 2
	case s.Problem == "":
		return 1
	}
	return 0
}

// caseSystemState says in mrkdwn how far a system is.
func caseSystemState(s storage.OffboardingSystem) string {
	switch {
	case isSet(s.CleanAt):
		return "clean since " + moment(s.CleanAt)
	case isSet(s.WaivedAt):
		return "an admin answers for it: " + words(cut(line(s.WaivedName), maxName))
	case s.Problem != "":
		return "*not reachable*: " + words(cut(line(s.Problem), maxCaseProblem))
	case s.Passes > 0:
		return "looking: one whole listing shows nothing, one more is needed"
	}
	return "looking"
}

func caseSystemDone(s storage.OffboardingSystem) bool { return isSet(s.CleanAt) || isSet(s.WaivedAt) }

func progressLine(v caseView) string {
	total := len(v.Items) + len(v.Systems)
	if v.Case.State == storage.OffboardingClosed {
		return "*Closed* " + moment(v.Case.ClosedAt) + ": everything is accounted for." + undoWords(v)
	}
	return fmt.Sprintf("%d of %d accounted for.", total-v.Left, total) + undoWords(v)
}

func undoWords(v caseView) string {
	if !v.Undo {
		return ""
	}
	return " It can be undone until " + moment(v.Case.GraceUntil) + "."
}

// undoneBlocks say who undid a leave, and what that brought back.
func undoneBlocks(v caseView) []slack.Block {
	var blocks []slack.Block
	for _, e := range slices.Backward(v.Events) {
		if e.After == string(storage.OffboardingUndone) {
			blocks = append(blocks, section(fmt.Sprintf("*Undone* by %s %s.", words(actor(e)), moment(e.At))))
			if e.Reason != "" {
				blocks = append(blocks, quote("Reason", cut(e.Reason, roomForWords)))
			}
			break
		}
	}
	return append(blocks, section("What the gateway honours works again. "+lostWords(v.Lost)))
}

// lostWords says what an undo does not bring back.
func lostWords(n int) string {
	switch n {
	case 0:
		return "Nothing was ended at the systems."
	case 1:
		return "1 key ended, or ends now, at its system and does not come back: ask for a new one."
	}
	return fmt.Sprintf("%d keys ended, or end now, at their systems and do not come back: ask for new ones.", n)
}

// caseButtons are the controls of a case; their authority is judged when they
// are used.
func caseButtons(v caseView) []slack.BlockElement {
	id, who := caseID(v.Case.ID), name(v.Person)
	out := []slack.BlockElement{button(verbCase, id, "Details", "Details of the case of "+who)}
	if v.Undo {
		out = append(out, danger(button(verbUndoLeave, id, "Undo", "Undo the offboarding of "+who)))
	}
	if v.ReportURL != "" {
		report := button(verbCaseReport, id, "Report", "Report of the case of "+who)
		report.URL = v.ReportURL
		out = append(out, report)
	}
	return out
}
