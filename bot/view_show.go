package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// showMessage tells everything about a key. Reader is who looks.
func showMessage(v workflow.CredentialView, reader storage.PersonID) message {
	c := v.Credential
	text := fmt.Sprintf("Key %s for %s, held by %s: %s; %s.", c.ID, cut(line(c.Connection), maxName), holder(v, name), stateWords(c), lastUsed(c, utc))
	return say(escape(text), keyDetails(v, reader)...)
}

// keyModal is showMessage over the page.
func keyModal(v workflow.CredentialView, reader storage.PersonID) slack.ModalViewRequest {
	return modal("", "Key "+v.Credential.ID.String(), "", "", keyDetails(v, reader)...)
}

// endButton ends a key: its owner gives it back, an admin revokes it.
func endButton(c storage.Credential, reader storage.PersonID) *slack.ButtonBlockElement {
	if c.OwnerID == reader {
		return giveBackButton(c)
	}
	return revokeButton(c)
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

func keyDetails(v workflow.CredentialView, reader storage.PersonID) []slack.Block {
	c := v.Credential
	blocks := []slack.Block{
		section(keyHeadline(v)),
		section(scopeLines(v.Scopes, maxScopesInFull)),
		facts(append([][2]string{{"Created", day(c.CreatedAt)}, {"Expires", expires(c)}, {"Asked for", origin(v)}}, usedFact(c)...)...),
	}
	if v.Request != nil {
		blocks = append(blocks, quote("Why it was asked for", v.Request.Reason))
	}
	if c.StateReason != "" && c.State != storage.CredentialActive {
		blocks = append(blocks, quote("Reason for its state", c.StateReason))
	}
	blocks = append(blocks,
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		section("*What happened*\n"+storyLines(v.Events)))
	if endable(c) {
		blocks = append(blocks, actions("key/"+c.ID.String(), endButton(c, reader)))
	}
	return blocks
}

// keyHeadline is a key, its owner and its state in a sentence; that it was
// never used is said here, because it decides whether anybody needs it.
func keyHeadline(v workflow.CredentialView) string {
	c := v.Credential
	out := fmt.Sprintf("Key %s for %s, held by %s: *%s*", code(c.ID.String()), bold(c.Connection), holder(v, personMarkup), stateMarkup(c))
	if neverUsed(c) {
		out += "; " + lastUsed(c, moment)
	}
	return out + "."
}

// usedFact is the last use beside its label, unless the headline has said
// that there was none.
func usedFact(c storage.Credential) [][2]string {
	if neverUsed(c) {
		return nil
	}
	return [][2]string{{"Last used", use(c, moment)}}
}

func neverUsed(c storage.Credential) bool { return c.UseKnown && !isSet(c.LastUsedAt) }

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
		section(fmt.Sprintf("%s asks for %s.\nState: *%s*.", personMarkup(v.Requester), asksForMarkup(r), words(requestState(v.Request)))),
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
