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
	what := fmt.Sprintf("Your request %s: %s.", code(r.ID.String()), asksForMarkup(r))
	text := fmt.Sprintf("Your request %s for %s. ", r.ID, asksFor(r))
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
	blocks := []slack.Block{section(what), recordOf(v).block()}
	if line := keyLine(v); line != "" {
		blocks = append(blocks, section(line))
	}
	if _, taken := onTheTable(v.Scopes); len(taken) > 0 {
		blocks = append(blocks, section(scopeSection(v.Scopes, maxScopesShown)))
	}
	return say(escape(text), blocks...)
}

func pendingStatus(v workflow.RequestView, what string) []slack.Block {
	id := v.Request.ID.String()
	foot := "You are told here as soon as it is decided."
	if isSet(v.Request.LapsesAt) {
		foot += " Without a decision it lapses " + moment(v.Request.LapsesAt) + "."
	}
	cancel := button(verbCancel, id, "Cancel request", "Cancel request "+id).
		WithConfirm(confirm("Cancel "+id+"?", "Nobody is asked any more. You can file a new request at any time.", "Cancel request"))
	return []slack.Block{
		section(what),
		section(scopeSection(v.Scopes, maxScopesShown)),
		section("*Votes so far*\n" + stepLines(v)),
		small(foot),
		actions("own/"+id, cancel),
	}
}

// sentTo says in plain text who is asked now.
func sentTo(v workflow.RequestView) string {
	st, ok := currentStep(v)
	if !ok {
		return "It is being decided."
	}
	return fmt.Sprintf("It was sent to %s (%s).", cut(line(st.Group), maxName), names(yetToVote(st)))
}
