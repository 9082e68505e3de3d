package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// openRequest opens the request form. Channel is where it was asked for, or "".
func (b *Bot) openRequest(ctx context.Context, a workflow.Actor, trigger, system, channel string) answer {
	if err := a.Admit(); err != nil {
		return b.explainModal(trigger, err)
	}
	f, err := b.form(ctx, a, requestForm{System: system, Channel: channel})
	if err != nil {
		return b.explainModal(trigger, err)
	}
	view := requestModal(f, len(b.Workflow.Systems()))
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.OpenViewContext(ctx, trigger, view); err != nil {
			return fmt.Errorf("open request form: %w", err)
		}
		return nil
	}}
}

// form completes what was filled in with what the policy offers this person.
func (b *Bot) form(ctx context.Context, a workflow.Actor, f requestForm) (requestForm, error) {
	systems := b.Workflow.Systems()
	i := slices.IndexFunc(systems, func(s workflow.System) bool { return s.Name == f.System })
	if i < 0 {
		f.System = ""
		return f, nil
	}
	f.OAuth = systems[i].OAuth
	var err error
	f.Offer, err = b.Workflow.Offer(ctx, a, f.System)
	return f, err
}

func (b *Bot) clickNew(ctx context.Context, c click) answer {
	return b.openRequest(ctx, c.actor, c.callback.TriggerID, c.id, c.callback.Channel.ID)
}

// clickForm shows the fields that a choice in the form brings with it.
func (b *Bot) clickForm(ctx context.Context, c click) answer {
	v := c.callback.View
	f, err := b.form(ctx, c.actor, readRequestForm(v.State, v.PrivateMetadata))
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	view := requestModal(f, len(b.Workflow.Systems()))
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.UpdateViewContext(ctx, view, "", v.Hash, v.ID); err != nil {
			return fmt.Errorf("update request form: %w", err)
		}
		return nil
	}}
}

// suggest offers systems and scopes as somebody types.
func (b *Bot) suggest(ctx context.Context, cb *slack.InteractionCallback) answer {
	v, _ := splitAction(cb.ActionID)
	switch v {
	case verbSystem:
		return answer{ack: slack.OptionsResponse{Options: systemOptions(b.Workflow.Systems(), cb.Value)}}
	case verbScopes:
		a, err := b.actor(ctx, cb.User, "suggestion")
		if err != nil {
			b.Logger.Warn().Err(err).Msg("no suggestions")
			return answer{ack: slack.OptionsResponse{Options: []*slack.OptionBlockObject{}}}
		}
		f, err := b.form(ctx, a, readRequestForm(cb.View.State, ""))
		if err != nil {
			b.Logger.Warn().Err(err).Msg("no suggestions")
		}
		return answer{ack: slack.OptionsResponse{Options: scopeOptions(f.Offer.Scopes, cb.Value)}}
	default:
		return answer{ack: slack.OptionsResponse{Options: []*slack.OptionBlockObject{}}}
	}
}

// submitRequest judges the form and shows who would be asked.
func (b *Bot) submitRequest(ctx context.Context, s submission) answer {
	f, err := b.form(ctx, s.actor, readRequestForm(s.view.State, s.view.PrivateMetadata))
	if err != nil {
		return b.explainSubmission(s, err)
	}
	ask := f.ask()
	preview, err := b.Workflow.Preview(ctx, s.actor, ask)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	metadata, err := encodeAsk(carried{ask, f.Channel})
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := previewModal(ask, preview, f.Offer.Scopes, metadata)
	return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
}

// maxMetadata is how much Slack lets a view carry, in characters.
const maxMetadata = 3000

// carried is what the preview carries: the wish, and where to answer.
type carried struct {
	workflow.Ask
	Channel string
}

// encodeAsk writes an ask for the preview to carry.
func encodeAsk(ask carried) (string, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(ask); err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	if utf8.RuneCountInString(out.String()) > maxMetadata {
		return "", workflow.Refusal{Rule: workflow.RuleCeiling, Reason: "That is more than Slack can carry. Choose fewer scopes, or say it in fewer words.", Field: "scopes"}
	}
	return strings.TrimSpace(out.String()), nil
}

// submitPreview files the request. What the view carries is the requester's
// own wish, judged again from the start.
func (b *Bot) submitPreview(ctx context.Context, s submission) answer {
	var ask carried
	if err := json.Unmarshal([]byte(s.view.PrivateMetadata), &ask); err != nil {
		return b.explainSubmission(s, fmt.Errorf("read request from its view: %w", err))
	}
	wish, err := b.complete(ctx, ask.Ask)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	r, err := b.Workflow.Submit(ctx, s.actor, wish, s.source)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	return answer{ack: slack.NewClearViewSubmissionResponse(), after: func(ctx context.Context) error {
		return b.confirmSent(ctx, s.actor, r.ID, ask.Channel)
	}}
}

// channelForm is a channel of people. In a direct message with us the
// request's status is the answer.
var channelForm = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)

// confirmSent tells the requester, where they typed the command, that the
// request is on its way. The place is a hint from the form: nobody else sees
// the answer, and when it can't be given there is still the status message.
func (b *Bot) confirmSent(ctx context.Context, a workflow.Actor, id storage.RequestID, channel string) error {
	if !channelForm.MatchString(channel) {
		return nil
	}
	v, err := b.Workflow.LookAtRequest(ctx, id)
	if err != nil {
		return err
	}
	_, err = b.Client.api.PostEphemeralContext(ctx, channel, a.Account.ExternalID, sentMessage(v).options()...)
	if err != nil {
		return fmt.Errorf("confirm request: %w", err)
	}
	return nil
}

func (b *Bot) clickCancel(ctx context.Context, c click) answer {
	id, _, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	r, err := b.Workflow.Cancel(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Canceled", refusalMessage(fmt.Sprintf("%s is canceled.", r.ID)))
}

func (b *Bot) clickDetails(ctx context.Context, c click) answer {
	id, _, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	v, err := b.requestFile(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, detailsModal(v))
}

// requestFile gathers everything about a request for one reader, the key it
// is about included.
func (b *Bot) requestFile(ctx context.Context, a workflow.Actor, id storage.RequestID) (workflow.RequestView, error) {
	v, err := b.Workflow.ShowRequest(ctx, a, id)
	if err != nil {
		return v, err
	}
	return withKey(ctx, b.Workflow, v)
}

func (b *Bot) clickApprove(ctx context.Context, c click) answer {
	id, _, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	r, err := b.Workflow.Review(ctx, c.actor, id, workflow.Vote{Decision: storage.Approve, SourceKey: c.source})
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, votedTitle(storage.Approve), votedMessage(r, storage.Approve))
}

func (b *Bot) clickApproveLess(ctx context.Context, c click) answer {
	return b.openForRequest(ctx, c, approveLessModal)
}

func (b *Bot) clickDeny(ctx context.Context, c click) answer {
	return b.openForRequest(ctx, c, denyModal)
}

// openForRequest opens a reviewer's modal. That it opens promises nothing:
// the vote is judged when it is submitted.
func (b *Bot) openForRequest(ctx context.Context, c click, modal func(workflow.RequestView, string) slack.ModalViewRequest) answer {
	id, _, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	v, err := b.Workflow.ReviewForm(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, modal(v, id.String()))
}

func (b *Bot) submitApproveLess(ctx context.Context, s submission) answer {
	scopes, lifetime := readApproveLess(s.view.State)
	if scopes == nil && inputOf(s.view.State, blockScopes) != "" {
		scopes = []string{} // every scope was struck; where none could be, all of them stay
	}
	return b.submitVote(ctx, s, workflow.Vote{Decision: storage.Approve, Scopes: scopes, Lifetime: lifetime, SourceKey: s.source})
}

func (b *Bot) submitDeny(ctx context.Context, s submission) answer {
	return b.submitVote(ctx, s, workflow.Vote{Decision: storage.Deny, Reason: readReason(s.view.State), SourceKey: s.source})
}

func (b *Bot) submitVote(ctx context.Context, s submission, vote workflow.Vote) answer {
	id, _, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	r, err := b.Workflow.Review(ctx, s.actor, id, vote)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal(votedTitle(vote.Decision), votedMessage(r, vote.Decision).Text)
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}
