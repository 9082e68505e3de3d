package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// explain maps an error to a sentence for a person: a refusal as it is, a
// sleeping database honestly, anything else with a reference that the log
// has too. Nothing was done in any of these cases.
func (b *Bot) explain(err error) string {
	if r, ok := workflow.AsRefusal(err); ok {
		return r.Reason
	}
	ref := secret.Token(8).Expose()
	b.Logger.Error().Err(err).Str("ref", ref).Msg("interaction failed")
	switch {
	case errors.Is(err, storage.ErrUnsure):
		return fmt.Sprintf("Latchkey lost its database at the last moment and can't tell whether this was done. Look with `%s` before you try again. (Reference %s)", b.Client.config.Command, ref)
	case errors.Is(err, errSlack):
		return fmt.Sprintf("Slack does not answer Latchkey's questions right now, so nothing was done. Try again in a minute. (Reference %s)", ref)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("That took too long, so nothing was done. Try again in a minute. (Reference %s)", ref)
	case storage.IsUnavailable(err):
		return fmt.Sprintf("Latchkey can't reach its database right now, so nothing was done. Try again in a minute. (Reference %s)", ref)
	}
	return fmt.Sprintf("Something went wrong on our side, and nothing was done. Try again, and tell an admin the reference %s if it stays.", ref)
}

// ephemeral answers a slash command in its ack, for its sender only.
func ephemeral(m message) answer {
	return answer{ack: slack.WebhookMessage{ResponseType: slack.ResponseTypeEphemeral, Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}}}
}

// notDone is the title of a refusal.
const notDone = "Nothing was done"

func (b *Bot) explainCommand(err error) answer {
	return ephemeral(refusalMessage(b.explain(err)))
}

// tellClicker answers a click for the clicker only: under the message it was
// on, or in a modal with a title where there is no message.
func (b *Bot) tellClicker(cb *slack.InteractionCallback, title string, m message) answer {
	if cb.ResponseURL != "" {
		return answer{after: func(ctx context.Context) error { return b.Client.respond(ctx, cb.ResponseURL, m) }}
	}
	return b.openModal(cb, modal("", title, "", "", m.Blocks...))
}

func (b *Bot) explainClick(cb *slack.InteractionCallback, err error) answer {
	return b.tellClicker(cb, notDone, refusalMessage(b.explain(err)))
}

func (b *Bot) explainModal(trigger string, err error) answer {
	view := noticeModal(notDone, b.explain(err))
	return answer{after: func(ctx context.Context) error {
		_, err := b.Client.api.OpenViewContext(ctx, trigger, view)
		return err
	}}
}

// explainSubmission keeps what was typed: a refusal about a field stands
// under it, everything else replaces nothing and says what to do.
func (b *Bot) explainSubmission(s submission, err error) answer {
	if r, ok := workflow.AsRefusal(err); ok {
		if errs := errorsFor(s.view.State, r); len(errs) > 0 {
			return answer{ack: slack.NewErrorsViewSubmissionResponse(errs)}
		}
		view := noticeModal(notDone, r.Reason)
		return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
	}
	sentence := b.explain(err)
	if errs := errorsFor(s.view.State, workflow.Refusal{Reason: sentence}); len(errs) > 0 {
		return answer{ack: slack.NewErrorsViewSubmissionResponse(errs)}
	}
	view := noticeModal(notDone, sentence)
	return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
}

// openModal opens a view over the page, or on top of the modal that was
// clicked in. Slack stacks three at most, so a modal that is on top of another
// already and has nothing to lose gives its place.
func (b *Bot) openModal(cb *slack.InteractionCallback, view slack.ModalViewRequest) answer {
	return answer{after: func(ctx context.Context) error {
		var err error
		switch {
		case cb.View.Type != slack.VTModal:
			_, err = b.Client.api.OpenViewContext(ctx, cb.TriggerID, view)
		case cb.View.CallbackID == "" && cb.View.PreviousViewID != "":
			_, err = b.Client.api.UpdateViewContext(ctx, view, "", "", cb.View.ID)
		default:
			_, err = b.Client.api.PushViewContext(ctx, cb.TriggerID, view)
		}
		if err != nil {
			return fmt.Errorf("open modal: %w", err)
		}
		return nil
	}}
}
