package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// callee is whom a message calls: a group of Slack's, or people by name.
type callee struct {
	Usergroup string
	People    []workflow.Person
}

// slackUsergroup is the ID of a group that Slack can mention.
var slackUsergroup = regexp.MustCompile(`^S[A-Z0-9]{1,30}$`)

// calledMarkup mentions whoever is called.
func calledMarkup(all []callee) string {
	var out []string
	for _, c := range all {
		if slackUsergroup.MatchString(c.Usergroup) {
			out = append(out, "<!subteam^"+c.Usergroup+">")
		} else if len(c.People) > 0 {
			out = append(out, peopleMarkup(c.People))
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// pageView is a case that is open for too long.
type pageView struct {
	caseView
	Call  []callee             // whoever answers for what does not answer
	Since map[string]time.Time // by system: its latest whole listing
}

// maxStuckNamed bounds a list of keys whose end no system confirmed.
const maxStuckNamed = 5

// pageMessage calls people to a case that is open for too long, and says what
// keeps it open.
func pageMessage(v pageView) message {
	who := name(v.Person)
	switch v.Case.State {
	case storage.OffboardingClosed:
		text := fmt.Sprintf("The case of %s is closed by now: everything is accounted for.", who)
		return say(escape(text), section(words(text)))
	case storage.OffboardingUndone:
		text := fmt.Sprintf("The offboarding of %s was undone; nothing waits any more.", who)
		return say(escape(text), section(words(text)))
	case storage.OffboardingHeld, storage.OffboardingOpen:
	}
	var late []string
	for _, s := range v.Systems {
		if !caseSystemDone(s) {
			late = append(late, cut(line(s.Connection), maxName))
		}
	}
	text := fmt.Sprintf("The case of %s is open since %s.", who, utc(v.Case.BeganAt))
	if len(late) > 0 {
		text += " It waits for " + joinSome(late, maxNames) + "."
	}
	head := fmt.Sprintf("The case of *%s* is open since %s. The gateway refuses everything; what is left at the systems may still work there.", words(who), moment(v.Case.BeganAt))
	if to := calledMarkup(v.Call); to != "" {
		head = to + ": " + head
	}
	blocks := []slack.Block{header("A person is needed"), section(head)}
	if l := unansweredLines(v); l != "" {
		blocks = append(blocks, section("*Systems*\n"+l))
	}
	if l := stuckKeys(v.Items); l != "" {
		blocks = append(blocks, section("*Keys that did not end yet*\n"+l))
	}
	blocks = append(blocks, small("Latchkey keeps trying. Where nothing can be done, an admin can answer for a key by name: Details has that."))
	return say(escape(text), append(blocks, actions("page/"+caseID(v.Case.ID), caseButtons(v.caseView)...))...)
}

// unansweredLines say which system does not answer, since when, and what it says.
func unansweredLines(v pageView) string {
	var out []string
	more := 0
	for _, s := range v.Systems {
		if caseSystemDone(s) {
			continue
		}
		if len(out) == maxSystemsCounted {
			more++
			continue
		}
		l := "• " + bold(s.Connection) + ": " + caseSystemState(s)
		if at := v.Since[s.Connection]; isSet(at) {
			l += "; last whole listing " + moment(at)
		} else {
			l += "; never listed whole"
		}
		out = append(out, l)
	}
	if more > 0 {
		out = append(out, "and "+plural(more, "more system"))
	}
	return strings.Join(out, "\n")
}

// stuckKeys name the keys whose end no system confirmed, with what it said.
func stuckKeys(items []workflow.ItemView) string {
	var out []string
	more := 0
	for _, it := range items {
		c := it.Key.Credential
		if it.Done || undecided(it) {
			continue
		}
		if len(out) == maxStuckNamed {
			more++
			continue
		}
		l := fmt.Sprintf("• %s for %s: *%s*", code(c.ID.String()), bold(c.Connection), stateMarkup(c))
		if c.StateReason != "" && c.State == storage.CredentialRevokeFailed {
			l += " (" + words(cut(line(c.StateReason), maxReasonShown)) + ")"
		}
		out = append(out, l)
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

// sharedView is a service's key whose owner left, and that somebody has to
// decide on.
type sharedView struct {
	Case  storage.Offboarding
	Left  workflow.Person // who left
	Item  workflow.ItemView
	Calls int64 // in the last week; negative: not known
}

// sharedMessage asks whoever answers for a system what becomes of a service's
// key, and says what was decided.
func sharedMessage(v sharedView) message {
	c, left := v.Item.Key.Credential, name(v.Left)
	which := fmt.Sprintf("key %s for %s", c.ID, cut(line(c.Connection), maxName))
	whichMarkup := fmt.Sprintf("key %s for %s", code(c.ID.String()), bold(c.Connection))
	if what := called(c); what != "" {
		whichMarkup += " (" + what + ")"
	}
	if !undecided(v.Item) || v.Case.State == storage.OffboardingUndone {
		says, mark := sharedOutcome(v)
		return say(escape(fmt.Sprintf("%s left. The service %s %s.", left, which, says)), section(fmt.Sprintf("%s left. The service %s %s.", words(left), whichMarkup, mark)))
	}
	facts := lastUsed(c, moment)
	if v.Calls >= 0 {
		facts += "; " + plural(int(v.Calls), "call") + " in the last week"
	}
	text := fmt.Sprintf("%s left and answered for the service %s. Keep it under a new owner, or end it? It ends on %s if nobody decides.", left, which, utc(v.Item.DecideBy))
	about := caseAbout(v.Case.ID, c.ID.String())
	return say(escape(text),
		header("Keep this key, or end it?"),
		section(fmt.Sprintf("%s left and answered for the service %s. Keep it under a new owner, or end it?", words(left), whichMarkup)),
		section(sharedFacts(v, facts)),
		section("It works on until then, and *ends "+moment(v.Item.DecideBy)+"* if nobody decides."),
		actions("shared/"+about,
			primary(button(verbKeepShared, about, "Keep it", "Keep key "+c.ID.String()+" under a new owner")),
			danger(button(verbEndShared, about, "End it", "End key "+c.ID.String()))))
}

// sharedFacts are what decides whether a service still needs its key.
func sharedFacts(v sharedView, used string) string {
	out := titleCase(used) + "."
	if k := v.Item.Key; k.Account.Name != "" || k.Account.Ref != "" {
		out = "Service account: " + words(accountName(k.Account)) + ". " + out
	}
	if o := v.Item.Key.Owner; o.ID != 0 && o.ID != v.Case.PersonID {
		out += " Until somebody decides it is with " + personMarkup(o) + "."
	}
	return out
}

// sharedOutcome is what became of a service's key.
func sharedOutcome(v sharedView) (says, mark string) {
	c := v.Item.Key.Credential
	switch {
	case v.Case.State == storage.OffboardingUndone:
		return "needs no decision any more: the offboarding was undone", "needs no decision any more: the offboarding was undone"
	case v.Item.HandedTo != 0:
		return "is kept: " + name(v.Item.To) + " answers for it from now on", "is *kept*: " + personMarkup(v.Item.To) + " answers for it from now on"
	case isSet(v.Item.WaivedAt):
		by := cut(line(v.Item.WaivedName), maxName)
		return "is left as it is: " + by + " answers for that", "is *left as it is*: " + words(by) + " answers for that"
	}
	return "was not kept: " + stateWords(c), "was not kept: *" + stateMarkup(c) + "*"
}
