package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// keyFile is everything about a key, for one reader.
type keyFile struct {
	workflow.CredentialView
	Asked  *workflow.RequestView // what it came from; nil for found keys
	Reader reader
}

// showMessage tells everything about a key.
func showMessage(f keyFile) message {
	c := f.Credential
	text := fmt.Sprintf("Key %s for %s, held by %s: %s; %s.", c.ID, cut(line(c.Connection), maxName), holder(f.CredentialView, name), stateWords(c), lastUsed(c, utc))
	return say(escape(text), keyDetails(f)...)
}

// keyModal is showMessage over the page.
func keyModal(f keyFile) slack.ModalViewRequest {
	return modal("", "Key "+f.Credential.ID.String(), "", "", keyDetails(f)...)
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

// How much of each part of a key's story fits, so that the whole of it stays
// inside one message and one ack.
const (
	roomForFlags = 800
	roomForWords = 400
	roomForVotes = 600
	roomForUse   = 1000
	roomForStory = 1100
	roomForNote  = 250
)

func keyDetails(f keyFile) []slack.Block {
	v, c := f.CredentialView, f.Credential
	blocks := []slack.Block{section(keyHeadline(v))}
	if len(v.Flags) > 0 {
		blocks = append(blocks, sectionUpTo(roomForFlags, "*Flags*\n"+flagLines(v)))
	}
	if v.Task != nil {
		blocks = append(blocks, taskInBrief("What a person has to do at the system", v.Task.Steps))
	}
	blocks = append(blocks,
		section(scopeLines(v.Scopes, maxScopesInBrief)),
		facts(append([][2]string{{"Created", day(madeAt(c))}, {"Expires", expires(c)}, {"Asked for", origin(v)}}, usedFact(c)...)...))
	blocks = append(blocks, endBlocks(v)...)
	if at := factsAtSystem(v); len(at) > 0 {
		blocks = append(blocks, facts(at...))
	}
	if v.Request != nil {
		blocks = append(blocks, quote("Why it was asked for", cut(v.Request.Reason, roomForWords)))
	}
	if f.Asked != nil {
		blocks = append(blocks, sectionUpTo(roomForVotes, "*Approvals*\n"+stepLines(*f.Asked)))
	}
	if c.StateReason != "" && c.State != storage.CredentialActive {
		blocks = append(blocks, quote("Reason for its state", cut(c.StateReason, roomForWords)))
	}
	blocks = append(blocks,
		sectionUpTo(roomForUse, "*Used in the last 7 days*\n"+useLines(v)),
		sectionUpTo(roomForStory, "*What happened*\n"+storyLines(v.Events)))
	blocks = append(blocks, receiptBlocks(v.Receipts)...)
	controls := append(keyButtons(v, f.Reader), lookButtons(f)...)
	switch {
	case !f.Reader.owns(v):
	case collectable(v):
		controls = append([]slack.BlockElement{revealButton(v)}, controls...)
	case v.ConnectURL != "":
		controls = append([]slack.BlockElement{connectButton(v)}, controls...)
	}
	if v.Task != nil {
		controls = append(taskButton(c, v.Task.URL), controls...)
	}
	if len(controls) > 0 {
		blocks = append(blocks, actions("key/"+c.ID.String(), controls...))
	}
	return blocks
}

// endBlocks say what people noted about a key, what it replaces or is replaced
// by, where it goes, and that the rules end it or leave it alone.
func endBlocks(v workflow.CredentialView) []slack.Block {
	c := v.Credential
	var out []slack.Block
	if why := mustGo(v); why != "" {
		out = append(out, section(why))
	}
	var pairs [][2]string
	if given := cut(givenName(c), maxName); given != "" {
		pairs = append(pairs, [2]string{"Name", words(given)})
	}
	if r, ok := replaces(v); ok {
		pairs = append(pairs, [2]string{"Replaces", code(r.OldID.String())})
	}
	if v.ReplacedBy != 0 {
		pairs = append(pairs, [2]string{"Replaced by", code(v.ReplacedBy.String())})
	}
	if c.Sink != "" {
		label := "Is in"
		if c.SinkVersion == "" {
			label = "Goes into"
		}
		pairs = append(pairs, [2]string{label, sinkPlace(c.Sink, c.Place)})
	}
	if isSet(c.ExemptUntil) && c.Live() {
		pairs = append(pairs, [2]string{"Exempt until", day(c.ExemptUntil)})
	}
	if c.LetExpire && c.Live() {
		pairs = append(pairs, [2]string{"Before its end", "nothing more is said of it: it is left to expire"})
	}
	if len(pairs) > 0 {
		out = append(out, facts(pairs...))
	}
	if l := replacedLine(v); l != "" && c.Live() {
		out = append(out, section(l))
	}
	if c.Note != "" {
		out = append(out, quote("Note", cut(c.Note, roomForNote)))
	}
	return out
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
	account := accountName(v.Account)
	switch {
	case v.Credential.OwnerID != 0:
		return show(v.Owner)
	case account != "":
		return "an account linked to nobody here (" + words(account) + ")"
	}
	return "an unknown person"
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

// madeAt is when a key was made, as its system says, or else as we do.
func madeAt(c storage.Credential) time.Time {
	for _, t := range []time.Time{c.VendorCreatedAt, c.ActivatedAt} {
		if isSet(t) {
			return t
		}
	}
	return c.CreatedAt
}

// factsAtSystem is what a system says of a key that it keeps itself.
func factsAtSystem(v workflow.CredentialView) [][2]string {
	c := v.Credential
	var out [][2]string
	if c.Brokered {
		return nil
	}
	label := c.Label
	if c.Managed { // ours, which says nothing new
		label = ""
	}
	for _, f := range [][2]string{{"Kind at the system", c.Class}, {"Label there", label}, {"Account there", accountInFull(v.Account)}} {
		if line(f[1]) != "" {
			out = append(out, [2]string{f[0], words(cut(line(f[1]), 2*maxName))})
		}
	}
	if c.Access != "" {
		out = append(out, [2]string{"Access there", accessLabel(workflow.Access(c.Access))})
	}
	if c.Managed && c.VendorScopes != nil {
		says := "as granted"
		if extra := beyondGrant(c); len(extra) > 0 {
			says = "more than granted: " + codes(extra, maxExtraScopes)
		}
		out = append(out, [2]string{"Scopes there", says})
	}
	return out
}

// accountInFull is an account at a system with everything that tells whose it
// is.
func accountInFull(a workflow.AccountView) string {
	var out []string
	for _, s := range []string{a.Name, a.Email, a.Ref} {
		if s = cut(line(s), maxName); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if a.Service {
		out = append(out, "service account")
	}
	return strings.Join(out, ", ")
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
	}
	blocks = append(append(blocks, aboutBlocks(v)...), toSink(r.Sink, r.Place)...)
	blocks = append(blocks,
		section(scopeSection(v.Scopes, scopes)),
		quote("Why", r.Reason),
		section("*Already holds on "+words(cut(line(r.Connection), maxName))+"*\n"+holdings(v)),
		section("*Approvals*\n"+stepLines(v)))
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
