package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// showMessage tells everything about a key.
func showMessage(v workflow.CredentialView) message {
	c := v.Credential
	text := fmt.Sprintf("Key %s for %s, held by %s: %s; %s.", c.ID, cut(line(c.Connection), maxName), holder(v, name), stateWords(c), lastUsed(c, utc))
	blocks := keyDetails(v)
	if endable(c) {
		blocks = append(blocks, actions("key/"+c.ID.String(), revokeButton(c), giveBackButton(c)))
	}
	return say(escape(text), blocks...)
}

// keyModal is showMessage over the page, without controls.
func keyModal(v workflow.CredentialView) slack.ModalViewRequest {
	return modal("", "Key "+v.Credential.ID.String(), "", "", keyDetails(v)...)
}

// endable reports whether revoking still has something to do.
func endable(c storage.Credential) bool {
	switch c.State {
	case storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended:
		return true
	case storage.CredentialRevoking, storage.CredentialRevokeFailed, storage.CredentialRevoked, storage.CredentialExpired, storage.CredentialIssueFailed:
		return false
	}
	return false
}

func keyDetails(v workflow.CredentialView) []slack.Block {
	c := v.Credential
	blocks := []slack.Block{
		section(fmt.Sprintf("Key %s for %s, held by %s: *%s*.", code(c.ID.String()), bold(c.Connection), holder(v, personMarkup), stateMarkup(c))),
		section("*Scopes*\n" + scopeLines(v.Scopes, maxScopesInFull)),
		facts([2]string{"Created", day(c.CreatedAt)}, [2]string{"Expires", expires(c)},
			[2]string{"Use", lastUsed(c, moment)}, [2]string{"Asked for", origin(v)}),
	}
	if v.Request != nil {
		blocks = append(blocks, quote("Why it was asked for", v.Request.Reason))
	}
	if c.StateReason != "" && c.State != storage.CredentialActive {
		blocks = append(blocks, quote("Reason for its state", c.StateReason))
	}
	return append(blocks,
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		section("*What happened*\n"+storyLines(v.Events)))
}

// holder is the owner of a key, where one is known.
func holder(v workflow.CredentialView, show func(workflow.Person) string) string {
	if v.Credential.OwnerID == 0 {
		return "an unknown person"
	}
	return show(v.Owner)
}

func expires(c storage.Credential) string {
	switch {
	case isSet(c.ExpiresAt):
		return untilMarkup(c)
	case c.Managed:
		return lifetime(c.LifetimeS) + " after it is made"
	}
	return "not known"
}

func origin(v workflow.CredentialView) string {
	if v.Request != nil {
		return code(v.Request.ID.String()) + ", by the rule " + words(cut(line(v.Request.PolicyName), maxName))
	}
	if v.Credential.RequestID != 0 {
		return code(v.Credential.RequestID.String())
	}
	return "not here: it was found at the system"
}

// requestMessage tells everything about a request.
func requestMessage(v workflow.RequestView) message {
	text := fmt.Sprintf("Request %s by %s for %s: %s.", v.Request.ID, name(v.Requester), asksFor(v.Request), requestWords(v))
	return say(escape(text), requestDetails(v, 2, maxScopesInBrief)...)
}

// detailsModal is requestMessage over the page.
func detailsModal(v workflow.RequestView) slack.ModalViewRequest {
	return modal("", "Request "+v.Request.ID.String(), "", "", requestDetails(v, 5, maxScopesInFull)...)
}

// requestDetails tells everything about a request, with as many reviewers'
// words and scopes as the surface has room for.
func requestDetails(v workflow.RequestView, notes, scopes int) []slack.Block {
	r := v.Request
	blocks := []slack.Block{
		section(fmt.Sprintf("%s asks for %s.\nState: *%s*.", personMarkup(v.Requester), asksForMarkup(r), words(requestWords(v)))),
		section(scopeSection(v.Scopes, scopes)),
		quote("Why", r.Reason),
		section("*Already holds on " + words(cut(line(r.Connection), maxName)) + "*\n" + holdings(v)),
		section("*Approvals*\n" + stepLines(v)),
	}
	for _, vote := range reasoned(v, notes) {
		blocks = append(blocks, quote(name(vote.By)+" ("+votedWords(vote)+")", cut(vote.Reason, maxNote)))
	}
	if r.State != storage.RequestPending {
		blocks = append(blocks, recordOf(v).block())
	}
	if l := keyLine(v); l != "" {
		blocks = append(blocks, section(l))
	}
	return append(blocks, small(fmt.Sprintf("Request %s, filed %s by the rule %s.", code(r.ID.String()), moment(r.CreatedAt), bold(v.Rule))))
}

// maxNote bounds what is shown of a reviewer's words.
const maxNote = 300

// reasoned are the approvals that came with words; a denial's words are the
// record of the end.
func reasoned(v workflow.RequestView, limit int) []workflow.VoteView {
	var out []workflow.VoteView
	for _, st := range v.Steps {
		for _, vote := range st.Votes {
			if vote.Decision == storage.Approve && strings.TrimSpace(vote.Reason) != "" && len(out) < limit {
				out = append(out, vote)
			}
		}
	}
	return out
}

func votedWords(v workflow.VoteView) string {
	if v.Less {
		return "approved less"
	}
	return "approved"
}
