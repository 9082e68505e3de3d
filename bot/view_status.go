package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// statusMessage tells the requester, in one message that is kept up to date,
// how the request does.
func statusMessage(v workflow.RequestView) message {
	r := v.Request
	text, what := yourRequest(r)
	switch r.State {
	case storage.RequestPending:
		return say(escape(text+sentTo(v)+" Votes so far: "+votesSoFar(v)+"."), pendingStatus(v, what)...)
	case storage.RequestApproved, storage.RequestFulfilled:
		text += recordOf(v).text()
		if v.Credential != nil {
			text += " Key: " + stateWords(*v.Credential) + "."
		}
	case storage.RequestDenied, storage.RequestLapsed, storage.RequestCanceled, storage.RequestFailed:
		text += recordOf(v).text()
	}
	if endsBadly(r) { // outcomeMessage tells the rest
		return say(escape(text), section(what+" *"+requestState(r)+"*."))
	}
	blocks := []slack.Block{section(what), recordOf(v).block()}
	if line := keyLine(v); line != "" {
		blocks = append(blocks, section(line))
	}
	if _, taken := onTheTable(v.Scopes); len(taken) > 0 {
		blocks = append(blocks, section(scopeSection(v.Scopes, maxScopesShown)))
	}
	return say(escape(text), blocks...)
}

// yourRequest begins a message about a request to its requester, in plain
// text and in mrkdwn.
func yourRequest(r storage.Request) (text, what string) {
	return fmt.Sprintf("Your request %s for %s. ", r.ID, asksFor(r)),
		fmt.Sprintf("Your request %s: %s.", code(r.ID.String()), asksForMarkup(r))
}

// endsBadly reports whether a request ended without a key and without its
// requester's doing.
func endsBadly(r storage.Request) bool {
	switch r.State {
	case storage.RequestDenied, storage.RequestLapsed, storage.RequestFailed:
		return true
	case storage.RequestPending, storage.RequestApproved, storage.RequestFulfilled, storage.RequestCanceled:
		return false
	}
	return false
}

// outcomeMessage tells the requester anew how a request ended, because an
// edit rings no bell.
func outcomeMessage(v workflow.RequestView) message {
	text, what := yourRequest(v.Request)
	end := recordOf(v)
	return say(escape(text+end.text()), section(what), end.block(),
		actions("outcome/"+v.Request.ID.String(), newRequestButton(), button(verbDetails, v.Request.ID.String(), "Details", "Details of your request "+v.Request.ID.String())))
}

func pendingStatus(v workflow.RequestView, what string) []slack.Block {
	id := v.Request.ID.String()
	foot := "You are told here as soon as it is decided."
	if isSet(v.Request.LapsesAt) {
		foot += " Without a decision it lapses " + moment(v.Request.LapsesAt) + "."
	}
	cancel := button(verbCancel, id, "Cancel request", "Cancel request "+id).
		WithConfirm(confirm("Cancel "+id+"?", "Nobody is asked any more. You can file a new request at any time.", "Cancel request"))
	blocks := append([]slack.Block{section(what)}, toSink(v.Request.Sink, v.Request.Place)...)
	return append(blocks,
		section(scopeSection(v.Scopes, maxScopesShown)),
		section("*Votes so far*\n"+stepLines(v)),
		small(foot),
		actions("own/"+id, cancel))
}

// sentMessage tells the requester, where they asked, that they need not wait
// there.
func sentMessage(v workflow.RequestView) message {
	id := code(v.Request.ID.String())
	text := fmt.Sprintf("Request %s needs nobody's approval: the rule %s approves it by itself.", id, words(cut(line(v.Rule), maxName)))
	if len(v.Steps) > 0 {
		text = fmt.Sprintf("Request %s is sent to %s.", id, words(cut(line(v.Steps[0].Group), maxName)))
	}
	text += " Latchkey's messages show how it goes."
	return say(text, section(text))
}

// sentTo says in plain text who is asked now.
func sentTo(v workflow.RequestView) string {
	st, ok := currentStep(v)
	if !ok {
		return "It is being decided."
	}
	return fmt.Sprintf("It was sent to %s (%s).", cut(line(st.Group), maxName), names(yetToVote(st)))
}
