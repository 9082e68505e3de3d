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

// record is the one line that stays when a request is decided. Its texts are
// plain: they may hold a reason that somebody typed.
type record struct {
	what string    // "Approved by Bob and Carol"
	at   time.Time // zero when it is not known or says nothing
	why  string    // or empty
}

// recordOf says how a request ended; the zero record while it is pending.
func recordOf(v workflow.RequestView) record {
	r := v.Request
	switch r.State {
	case storage.RequestPending:
		return record{}
	case storage.RequestApproved, storage.RequestFulfilled:
		return approval(v)
	case storage.RequestDenied:
		out := record{what: "Denied", at: r.DecidedAt, why: r.StateReason}
		if who := voted(v, storage.Deny); len(who) > 0 {
			out.what = "Denied by " + names(who)
		}
		return out
	case storage.RequestLapsed:
		return record{what: "Lapsed", at: r.DecidedAt, why: "nobody decided in time"}
	case storage.RequestCanceled:
		if by, ok := strings.CutPrefix(r.StateReason, "canceled by "); ok {
			return record{what: "Canceled by " + cut(line(by), maxName)}
		}
		return record{what: "Canceled", why: r.StateReason}
	case storage.RequestFailed:
		return record{what: "Approved by " + approvedBy(v) + ", but " + couldNot(r), why: r.StateReason}
	}
	return record{}
}

// approval says who approved a request, whatever became of it.
func approval(v workflow.RequestView) record {
	out := record{what: "Approved by " + approvedBy(v), at: v.Request.DecidedAt}
	if len(v.Steps) == 0 {
		out.why = "nobody had to be asked"
	}
	return out
}

func approvedBy(v workflow.RequestView) string {
	if who := voted(v, storage.Approve); len(who) > 0 {
		return names(who)
	}
	return "the rule " + cut(line(v.Rule), maxName)
}

// text is the record in plain text.
func (r record) text() string {
	out := r.what
	if isSet(r.at) {
		out += ", " + utc(r.at)
	}
	if r.why != "" {
		out += ": " + line(r.why)
	}
	return sentence(out)
}

// block is the record with its time in the reader's zone.
func (r record) block() slack.Block {
	bold := &slack.RichTextSectionTextStyle{Bold: true}
	line := []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(r.what, bold)}
	if isSet(r.at) {
		line = append(line, letters(", "), clock(r.at))
	}
	end := "."
	if r.why != "" {
		end = sentence(": " + cut(clean(r.why), maxQuote))
	}
	line = append(line, letters(end))
	return slack.NewRichTextBlock("", slack.NewRichTextSection(line...))
}

// keyLine says in mrkdwn how the key of a request does; empty without one.
func keyLine(v workflow.RequestView) string {
	if v.Credential != nil {
		return "Key " + code(v.Credential.ID.String()) + ": *" + stateMarkup(*v.Credential) + "*"
	}
	key, ok := keyAsked(v)
	if !ok || v.Request.State != storage.RequestApproved && v.Request.State != storage.RequestFulfilled {
		return ""
	}
	c := key.Credential
	if by := key.ReplacedBy; by != 0 {
		verb := " is replaced by "
		if c.Live() {
			verb = " is being replaced by "
		}
		return "Key " + code(c.ID.String()) + verb + code(by.String())
	}
	return "Key " + code(c.ID.String()) + ": *" + stateMarkup(c) + "*"
}

// keyAsked is the key that is there already and that a request is about, as
// far as it was looked up.
func keyAsked(v workflow.RequestView) (workflow.CredentialView, bool) {
	id := aboutKeyID(v.Request)
	i := slices.IndexFunc(v.Holds, func(h workflow.CredentialView) bool { return id != 0 && h.Credential.ID == id })
	if i < 0 {
		return workflow.CredentialView{}, false
	}
	return v.Holds[i], true
}

// voteMessage is the record of one vote in a request's thread. It counts up
// to that vote, whatever came after it.
func voteMessage(v workflow.RequestView, vote workflow.VoteView) message {
	if vote.Decision == storage.Deny {
		text := personMarkup(vote.By) + " denied " + v.Request.ID.String() + "."
		return say(text, section(text), quote("Why", vote.Reason))
	}
	text := personMarkup(vote.By) + " approved"
	if vote.Less {
		text += " less than was asked"
	}
	if st, ok := stepOf(v, vote); ok {
		text += fmt.Sprintf(": %d of %d by %s", approvalsUpTo(st, vote), st.Quorum, words(cut(line(st.Group), maxName)))
	}
	text += "."
	if vote.Less {
		kept, _ := onTheTable(v.Scopes)
		text += fmt.Sprintf(" Still on the table: %s, for %s.", words(scopeNames(kept, maxScopesShown)), lifetime(v.Request.GrantedS))
	}
	blocks := []slack.Block{section(text)}
	if vote.Reason != "" {
		blocks = append(blocks, quote("Note", vote.Reason))
	}
	return say(text, blocks...)
}

func approvalsUpTo(st workflow.StepView, vote workflow.VoteView) int {
	n := 0
	for _, x := range st.Votes {
		if x.Decision == storage.Approve && x.ReviewID <= vote.ReviewID {
			n++
		}
	}
	return n
}

func stepOf(v workflow.RequestView, vote workflow.VoteView) (workflow.StepView, bool) {
	for _, st := range v.Steps {
		for _, x := range st.Votes {
			if x.ReviewID == vote.ReviewID {
				return st, true
			}
		}
	}
	return workflow.StepView{}, false
}

// madeWords says in mrkdwn what came of an approved request; empty while
// nothing has.
func madeWords(v workflow.RequestView) string {
	r := v.Request
	switch {
	case r.ExtendsID != 0:
		return "Key " + code(r.ExtendsID.String()) + " lives longer from now on."
	case r.RotatesID != 0:
		return "The new key in place of " + code(r.RotatesID.String()) + " was made."
	case v.Credential == nil:
		return ""
	case r.AdoptsID != 0:
		return "Key " + code(v.Credential.ID.String()) + " is managed from now on."
	}
	return "Key " + code(v.Credential.ID.String()) + " was made."
}

// An entry is a record in a request's thread: written once, never edited.
type entry struct {
	purpose string
	message message
}

// decisions are the records of how a request went on after the votes. Whoever
// looks late finds all of them, so none is missing from the thread.
func decisions(v workflow.RequestView) []entry {
	id, state := v.Request.ID.String(), v.Request.State
	out := []entry{}
	add := func(of storage.RequestState, text string, blocks ...slack.Block) {
		out = append(out, entry{purpose: "decision:" + string(of), message: say(text, blocks...)})
	}
	switch state {
	case storage.RequestPending:
	case storage.RequestApproved, storage.RequestFulfilled, storage.RequestFailed:
		yes := approval(v)
		add(storage.RequestApproved, escape(id+": "+yes.text()), yes.block())
		if made := madeWords(v); state == storage.RequestFulfilled && made != "" {
			add(state, made, section(made))
		}
		if state == storage.RequestFailed {
			no := record{what: titleCase(couldNot(v.Request)), why: v.Request.StateReason}
			add(state, escape(id+": "+no.text()), no.block())
		}
	case storage.RequestDenied, storage.RequestLapsed, storage.RequestCanceled:
		end := recordOf(v)
		add(state, escape(id+": "+end.text()), end.block())
	}
	return out
}
