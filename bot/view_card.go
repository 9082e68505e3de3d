package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// cardMessage asks an approver, or everybody in the approvals channel when
// reader is 0. Why says why this person is asked. Whoever voted is thanked and
// has nothing left to press; when the request has ended, the controls give way
// to a one-line record.
func cardMessage(v workflow.RequestView, why string, reader storage.PersonID) message {
	if v.Request.State != storage.RequestPending {
		return endedCard(v)
	}
	r := v.Request
	kept, _ := onTheTable(v.Scopes)
	text := fmt.Sprintf("%s asks for %s: %s. So far %s. Request %s.", name(v.Requester), asksFor(r), scopeNames(kept, 4), votesSoFar(v), r.ID)
	title := "Request for " + thing(r.Kind)
	switch {
	case r.AdoptsID != 0:
		title = "Request to keep a key"
	case r.ExtendsID != 0:
		title = "Request for more time for a key"
	case r.RotatesID != 0:
		title = "Request for a new key in place of another"
	}
	blocks := []slack.Block{header(title), section(personMarkup(v.Requester) + " asks for " + asksForMarkup(r) + ".")}
	blocks = append(append(append(blocks, filedBlocks(v)...), aboutBlocks(v)...), toSink(r.Sink, r.Place)...)
	blocks = append(blocks,
		section(scopeSection(v.Scopes, maxScopesShown)),
		quote("Why", r.Reason),
		section("*Already holds on "+words(cut(line(r.Connection), maxName))+"*\n"+holdings(v)),
		section("*Approvals*\n"+stepLines(v)),
		small(cardFooter(v)))
	if why != "" {
		blocks = append(blocks, small(escape(cut(why, maxQuote))))
	}
	return say(escape(text), append(blocks, decideAs(v, reader)...)...)
}

// filedBlocks say who filed a request in its requester's name.
func filedBlocks(v workflow.RequestView) []slack.Block {
	switch r := v.Request; r.FiledBy {
	case 0:
		return nil
	case r.RequesterID:
		return []slack.Block{small("Filed by a key of their own, not by hand.")}
	default:
		return []slack.Block{small("Filed for them by " + bold(name(v.Filer)) + ", with a key of Latchkey's own.")}
	}
}

// pastCard is what stays of a card whose reader was asked anew for a later
// step.
func pastCard(v workflow.RequestView) message {
	if v.Request.State != storage.RequestPending {
		return endedCard(v)
	}
	text := fmt.Sprintf("%s asks for %s. Your decision is asked for in another message. Request %s.", name(v.Requester), asksFor(v.Request), v.Request.ID)
	return say(escape(text),
		section(personMarkup(v.Requester)+" asks for "+asksForMarkup(v.Request)+"."),
		section("Your decision is asked for in another message."),
		actions("decide/"+v.Request.ID.String(), detailsOf(v)))
}

// endedCard says what was asked and how it ended.
func endedCard(v workflow.RequestView) message {
	r := v.Request
	end := recordOf(v)
	kept, _ := onTheTable(v.Scopes)
	text := fmt.Sprintf("%s by %s for %s. %s", r.ID, name(v.Requester), asksFor(r), end.text())
	blocks := []slack.Block{
		section(fmt.Sprintf("%s asked for %s: %s.", personMarkup(v.Requester), asksForMarkup(r), countByAccess(kept))),
		end.block(),
	}
	if line := keyLine(v); line != "" {
		blocks = append(blocks, section(line))
	}
	return say(escape(text), append(blocks, small("Request "+code(r.ID.String())+"."))...)
}

// holdings lists what the requester has on the system already, besides what
// the request is about.
func holdings(v workflow.RequestView) string {
	var out []string
	for _, h := range v.Holds {
		if h.Credential.ID != aboutKeyID(v.Request) {
			out = append(out, fmt.Sprintf("• %s: %s (%s)", code(h.Credential.ID.String()), stateMarkup(h.Credential), accessInShort(h)))
		}
	}
	if len(out) == 0 {
		return "Nothing."
	}
	return strings.Join(out, "\n")
}

// aboutBlocks say of a request that it is about a key that is there already:
// which one, how it does, and what is up with it.
func aboutBlocks(v workflow.RequestView) []slack.Block {
	if aboutKeyID(v.Request) == 0 {
		return nil
	}
	about, then := aboutWords(v.Request)
	key, ok := keyAsked(v)
	if !ok {
		return []slack.Block{section(about)}
	}
	about += fmt.Sprintf("\n%s\nMade %s", plainLine(key), day(madeAt(key.Credential)))
	if account := accountInFull(key.Account); account != "" {
		about += " by the account " + words(account)
	}
	about += "."
	if len(key.Flags) > 0 {
		about += "\n" + flagLines(key)
	}
	return []slack.Block{section(about), small(then)}
}

// aboutWords says what is asked about a key that is there already, and what an
// approval and a denial mean for it.
func aboutWords(r storage.Request) (about, then string) {
	switch {
	case r.ExtendsID != 0:
		return "*This key was granted before*, and is to live longer.", "With an approval it ends " + lifetime(r.GrantedS) + " after that. A denial leaves its end where it is."
	case r.RotatesID != 0:
		return "*This key was granted before*, and a new one is to take its place and live longer.", "With an approval the new key is made with the same scopes, and the old one ends once the new one is in use. A denial leaves the old one as it is."
	}
	return "*This key exists already*: it was found at the system, and nobody asked for it here.",
		"An approval brings it under management: it ends when its time is over. A denial leaves it to the rules for keys that nobody asked for."
}

func cardFooter(v workflow.RequestView) string {
	out := fmt.Sprintf("Request %s, by the rule %s.", code(v.Request.ID.String()), bold(v.Rule))
	if isSet(v.Request.LapsesAt) {
		out += " Without a decision it lapses " + moment(v.Request.LapsesAt) + "."
	}
	return out
}

// decideAs are the controls of a card for one reader, and for everybody when
// that is 0. They follow what workflow would say to a click.
func decideAs(v workflow.RequestView, reader storage.PersonID) []slack.Block {
	id := "decide/" + v.Request.ID.String()
	if votedBy(v, reader) {
		return []slack.Block{section("*You approved.* " + neededWords(stillNeeded(v))), actions(id, detailsOf(v))}
	}
	if turn := notTheirTurn(v, reader); turn != "" {
		return []slack.Block{section(turn + " You can deny the request all the same."), actions(id, denyButton(v), detailsOf(v))}
	}
	return []slack.Block{decide(v)}
}

func votedBy(v workflow.RequestView, reader storage.PersonID) bool {
	return reader != 0 && slices.ContainsFunc(voted(v, storage.Approve), func(p workflow.Person) bool { return p.ID == reader })
}

func neededWords(n int) string {
	if n == 1 {
		return "1 more approval is needed."
	}
	return fmt.Sprintf("%d more approvals are needed.", n)
}

// notTheirTurn says why somebody who may review an earlier or later step can't
// approve now; empty when they can.
func notTheirTurn(v workflow.RequestView, reader storage.PersonID) string {
	now, ok := currentStep(v)
	if !ok || reader == 0 || isEligible(now, reader) {
		return ""
	}
	for _, st := range v.Steps {
		switch {
		case !isEligible(st, reader):
		case st.Done:
			return bold(st.Group) + " has approved; now " + bold(now.Group) + " is asked."
		default:
			return "It is not your turn yet: " + bold(now.Group) + " is asked first."
		}
	}
	return ""
}

func isEligible(st workflow.StepView, reader storage.PersonID) bool {
	return slices.ContainsFunc(st.Eligible, func(p workflow.Person) bool { return p.ID == reader })
}

// decide is the row of an approver's controls, the same wherever a request
// waits.
func decide(v workflow.RequestView) slack.Block {
	id := v.Request.ID.String()
	which := requestFrom(v)
	approve := primary(button(verbApprove, id, "Approve", "Approve"+which)).WithConfirm(confirmApprove(v))
	return actions("decide/"+id,
		approve,
		button(verbApproveLess, id, "Approve less", "Approve less of"+which),
		denyButton(v), detailsOf(v))
}

func denyButton(v workflow.RequestView) *slack.ButtonBlockElement {
	return danger(button(verbDeny, v.Request.ID.String(), "Deny", "Deny"+requestFrom(v)))
}

func detailsOf(v workflow.RequestView) *slack.ButtonBlockElement {
	return button(verbDetails, v.Request.ID.String(), "Details", "Details of"+requestFrom(v))
}

func requestFrom(v workflow.RequestView) string {
	return fmt.Sprintf(" request %s from %s", v.Request.ID, name(v.Requester))
}

// confirmApprove restates what is asked for, and what this approval is worth.
func confirmApprove(v workflow.RequestView) *slack.ConfirmationBlockObject {
	kept, _ := onTheTable(v.Scopes)
	text := fmt.Sprintf("%s asks for %s: %s.", name(v.Requester), asksFor(v.Request), countByAccess(kept))
	for i, st := range v.Steps {
		if !st.Current {
			continue
		}
		text += fmt.Sprintf(" Yours is approval %d of %d", st.Approvals()+1, st.Quorum)
		if len(v.Steps) > 1 {
			text += fmt.Sprintf(" in step %d of %d", i+1, len(v.Steps))
		}
		text += "."
	}
	return confirm("Approve "+v.Request.ID.String()+"?", text, "Approve")
}
