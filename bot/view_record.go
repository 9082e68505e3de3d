package bot

import (
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
		out := record{what: "Approved by " + approvedBy(v), at: r.DecidedAt}
		if len(v.Steps) == 0 {
			out.why = "nobody had to be asked"
		}
		return out
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
		return record{what: "Approved by " + approvedBy(v) + ", but the key could not be made", why: r.StateReason}
	}
	return record{}
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
		fallback := utc(r.at)
		line = append(line, slack.NewRichTextSectionTextElement(", ", nil),
			slack.NewRichTextSectionDateElement(r.at.Unix(), "{date_short_pretty} at {time}", nil, &fallback))
	}
	end := "."
	if r.why != "" {
		end = sentence(": " + cut(clean(r.why), maxQuote))
	}
	line = append(line, slack.NewRichTextSectionTextElement(end, nil))
	return slack.NewRichTextBlock("", slack.NewRichTextSection(line...))
}

// keyLine says in mrkdwn how the key of a request does; empty without one.
func keyLine(v workflow.RequestView) string {
	if v.Credential == nil {
		return ""
	}
	return "Key " + code(v.Credential.ID.String()) + ": " + stateMarkup(*v.Credential) + "."
}

// voteMessage is the record of one vote in a request's thread.
func voteMessage(v workflow.RequestView, vote workflow.VoteView) message {
	if vote.Decision == storage.Deny {
		text := personMarkup(vote.By) + " denied " + v.Request.ID.String() + "."
		return say(text, section(text), quote("Why", vote.Reason))
	}
	text := personMarkup(vote.By) + " approved"
	if vote.Less {
		kept, _ := onTheTable(v.Scopes)
		text += " less than was asked. Still on the table: " + words(scopeNames(kept, maxScopesShown)) + ", for " + lifetime(v.Request.GrantedS)
	}
	if st, ok := stepOf(v, vote); ok {
		text += ". " + approvals(st) + " by " + words(cut(line(st.Group), maxName))
	}
	text += "."
	blocks := []slack.Block{section(text)}
	if vote.Reason != "" {
		blocks = append(blocks, quote("Note", vote.Reason))
	}
	return say(text, blocks...)
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

// decisionMessage is the record of a decision in a request's thread, and of
// the key it led to. It does not change when the key does.
func decisionMessage(v workflow.RequestView) message {
	if v.Request.State == storage.RequestPending {
		text := v.Request.ID.String() + " waits for approval."
		return say(text, section(text))
	}
	end := recordOf(v)
	text := v.Request.ID.String() + ": " + end.text()
	if v.Request.State != storage.RequestFulfilled || v.Credential == nil {
		return say(escape(text), end.block())
	}
	made := "Key " + code(v.Credential.ID.String()) + " was made."
	return say(escape(text)+" "+made, end.block(), section(made))
}
