package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// cardMessage asks an approver. Why says why this person is asked. When the
// request has ended, the controls give way to a one-line record.
func cardMessage(v workflow.RequestView, why string) message {
	if v.Request.State != storage.RequestPending {
		return endedCard(v)
	}
	r := v.Request
	kept, _ := onTheTable(v.Scopes)
	text := fmt.Sprintf("%s asks for %s: %s. So far %s. Request %s.", name(v.Requester), asksFor(r), scopeNames(kept, 4), votesSoFar(v), r.ID)
	blocks := []slack.Block{
		header("Request for " + thing(r.Kind)),
		section(personMarkup(v.Requester) + " asks for " + asksForMarkup(r) + "."),
		section(scopeSection(v.Scopes, maxScopesShown)),
		quote("Why", r.Reason),
		section("*Already holds on " + words(cut(line(r.Connection), maxName)) + "*\n" + holdings(v)),
		section("*Approvals*\n" + stepLines(v)),
		small(cardFooter(v)),
	}
	if why != "" {
		blocks = append(blocks, small(escape(cut(why, maxQuote))))
	}
	return say(escape(text), append(blocks, decide(v))...)
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

// holdings lists what the requester has on the system already.
func holdings(v workflow.RequestView) string {
	if len(v.Holds) == 0 {
		return "Nothing."
	}
	out := make([]string, len(v.Holds))
	for i, h := range v.Holds {
		out[i] = fmt.Sprintf("• %s: %s (%s)", code(h.Credential.ID.String()), stateMarkup(h.Credential), countByAccess(h.Scopes))
	}
	return strings.Join(out, "\n")
}

func cardFooter(v workflow.RequestView) string {
	out := fmt.Sprintf("Request %s, by the rule %s.", code(v.Request.ID.String()), bold(v.Rule))
	if isSet(v.Request.LapsesAt) {
		out += " Without a decision it lapses " + moment(v.Request.LapsesAt) + "."
	}
	return out
}

// decide is the row of an approver's controls, the same wherever a request
// waits.
func decide(v workflow.RequestView) slack.Block {
	id := v.Request.ID.String()
	which := fmt.Sprintf(" request %s from %s", id, name(v.Requester))
	approve := primary(button(verbApprove, id, "Approve", "Approve"+which)).WithConfirm(confirmApprove(v))
	return actions("decide/"+id,
		approve,
		button(verbApproveLess, id, "Approve less", "Approve less of"+which),
		danger(button(verbDeny, id, "Deny", "Deny"+which)),
		button(verbDetails, id, "Details", "Details of"+which))
}

// confirmApprove restates what an approval would give away.
func confirmApprove(v workflow.RequestView) *slack.ConfirmationBlockObject {
	kept, _ := onTheTable(v.Scopes)
	text := fmt.Sprintf("%s gets %s: %s.", name(v.Requester), asksFor(v.Request), scopeNames(kept, 3))
	return confirm("Approve "+v.Request.ID.String()+"?", text, "Approve")
}
