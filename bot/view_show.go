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
	text := fmt.Sprintf("Key %s for %s, held by %s: %s; %s.", c.ID, cut(line(c.Connection), maxName), name(v.Owner), stateWords(c), lastUsed(c, utc))
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
		section(fmt.Sprintf("Key %s for %s, held by %s: *%s*.", code(c.ID.String()), bold(c.Connection), personMarkup(v.Owner), stateMarkup(c))),
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
	return say(escape(text), requestDetails(v)...)
}

// detailsModal is requestMessage over the page.
func detailsModal(v workflow.RequestView) slack.ModalViewRequest {
	return modal("", "Request "+v.Request.ID.String(), "", "", requestDetails(v)...)
}

func requestDetails(v workflow.RequestView) []slack.Block {
	r := v.Request
	blocks := []slack.Block{
		section(fmt.Sprintf("%s asks for %s.\nState: *%s*.", personMarkup(v.Requester), asksForMarkup(r), words(requestWords(v)))),
		section(scopeSection(v.Scopes, maxScopesInFull)),
		quote("Why", r.Reason),
		section("*Already holds on " + words(cut(line(r.Connection), maxName)) + "*\n" + holdings(v)),
		section("*Approvals*\n" + approvalLines(v)),
	}
	for _, vote := range reasoned(v) {
		blocks = append(blocks, quote(name(vote.By)+" ("+votedWords(vote)+")", vote.Reason))
	}
	if r.State != storage.RequestPending {
		blocks = append(blocks, recordOf(v).block())
	}
	if l := keyLine(v); l != "" {
		blocks = append(blocks, section(l))
	}
	return append(blocks, small(fmt.Sprintf("Request %s, filed %s by the rule %s.", code(r.ID.String()), moment(r.CreatedAt), bold(v.Rule))))
}

// approvalLines says who is asked, or that nobody has to be.
func approvalLines(v workflow.RequestView) string {
	if len(v.Steps) == 0 {
		return "The rule approves by itself: nobody is asked."
	}
	return stepLines(v.Steps)
}

// maxReasons bounds how many reviewers' words are shown.
const maxReasons = 5

// reasoned are the votes that came with words.
func reasoned(v workflow.RequestView) []workflow.VoteView {
	var out []workflow.VoteView
	for _, st := range v.Steps {
		for _, vote := range st.Votes {
			if strings.TrimSpace(vote.Reason) != "" && len(out) < maxReasons {
				out = append(out, vote)
			}
		}
	}
	return out
}

func votedWords(v workflow.VoteView) string {
	switch {
	case v.Decision == storage.Deny:
		return "denied"
	case v.Less:
		return "approved less"
	}
	return "approved"
}
