package bot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) clickUndoLeave(ctx context.Context, c click) answer {
	v, _, err := b.clickedCase(ctx, c)
	if err == nil && !v.Undo {
		err = workflow.Refusal{Rule: workflow.RuleDecided, Reason: "This can't be undone any more. The person can come back, and ask for new keys."}
	}
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, undoLeaveModal(v))
}

func (b *Bot) submitUndoLeave(ctx context.Context, s submission) answer {
	id, _, err := readCase(s.view.PrivateMetadata)
	if err == nil {
		err = b.Workflow.UndoLeave(ctx, s.actor, id, readReason(s.view.State))
	}
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Undone", "The offboarding is undone. What the gateway honours works again. What ended at the systems does not come back; the report lists it.")
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) clickWaive(ctx context.Context, c click) answer {
	v, about, err := b.clickedCase(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, waiveModal(v, about, c.id))
}

func (b *Bot) submitWaive(ctx context.Context, s submission) answer {
	id, about, err := readCase(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	reason := readReason(s.view.State)
	if _, key, no := storage.ParseID(about); no == nil && key != 0 && !b.isConnection(about) {
		err = b.Workflow.Waive(ctx, s.actor, id, key, reason)
	} else {
		err = b.Workflow.WaiveSystem(ctx, s.actor, id, about, reason)
	}
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("You answer for it", fmt.Sprintf("You answer for %s. Your name and your reason are in the report.", about))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) clickKeepShared(ctx context.Context, c click) answer {
	return b.clickShared(ctx, c, func(left string, it workflow.ItemView) slack.ModalViewRequest {
		return keepSharedModal(left, it.Key, c.id)
	})
}

func (b *Bot) clickEndShared(ctx context.Context, c click) answer {
	return b.clickShared(ctx, c, func(_ string, it workflow.ItemView) slack.ModalViewRequest { return endSharedModal(it.Key, c.id) })
}

// clickShared opens a form about a service's key. That it opens promises
// nothing: the decision is judged when it is submitted.
func (b *Bot) clickShared(ctx context.Context, c click, form func(string, workflow.ItemView) slack.ModalViewRequest) answer {
	id, key, err := readCaseKey(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	v, err := b.Workflow.LookAtOffboarding(ctx, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	for _, it := range v.Items {
		if it.CredentialID == key && undecided(it) {
			return b.openModal(c.callback, form(name(v.Person), it))
		}
	}
	return b.explainClick(c.callback, workflow.Refusal{Rule: workflow.RuleDecided, Reason: "This was decided already."})
}

func (b *Bot) submitKeepShared(ctx context.Context, s submission) answer {
	id, key, err := readCaseKey(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	owner, err := b.newOwner(ctx, s)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	if err := b.Workflow.DecideShared(ctx, s.actor, id, key, owner.PersonID, readReason(s.view.State)); err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Kept", fmt.Sprintf("%s answers for %s from now on, and is told so.", line(owner.Name), key))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) submitEndShared(ctx context.Context, s submission) answer {
	id, key, err := readCaseKey(s.view.PrivateMetadata)
	if err == nil {
		err = b.Workflow.DecideShared(ctx, s.actor, id, key, 0, readReason(s.view.State))
	}
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Ending it", fmt.Sprintf("%s ends now. The case of its owner shows what the system answers.", key))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) clickRunHeld(ctx context.Context, c click) answer  { return b.clickHeld(ctx, c, true) }
func (b *Bot) clickUndoHeld(ctx context.Context, c click) answer { return b.clickHeld(ctx, c, false) }

// clickHeld shows whom a decision on a mass leave would be about now, whatever
// the message that was clicked on showed.
func (b *Bot) clickHeld(ctx context.Context, c click, run bool) answer {
	v, err := b.heldFor(ctx, c.actor)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, heldModal(run, v))
}

// heldFor is what the breaker holds, for admins.
func (b *Bot) heldFor(ctx context.Context, a workflow.Actor) (workflow.HeldView, error) {
	admin, err := b.Workflow.IsAdmin(ctx, a)
	if err == nil && !admin {
		err = workflow.Refusal{Rule: workflow.RuleAdminOnly, Reason: fmt.Sprintf("Only an admin (%s) can decide about many leavers at once.", strings.Join(b.Workflow.Rules().Admins, ", "))}
	}
	if err != nil {
		return workflow.HeldView{}, err
	}
	v, err := b.Workflow.LookAtHeld(ctx)
	if err == nil && v.Count == 0 {
		err = workflow.Refusal{Rule: workflow.RuleDecided, Reason: "Nothing waits any more."}
	}
	return v, err
}

func (b *Bot) submitRunHeld(ctx context.Context, s submission) answer {
	return b.submitHeld(ctx, s, true)
}

func (b *Bot) submitUndoHeld(ctx context.Context, s submission) answer {
	return b.submitHeld(ctx, s, false)
}

// submitHeld decides about as many people as were typed, which must be as many
// as are held now. It goes through them behind the ack, because they may be a
// thousand; whoever cuts that short finds the rest held, and the question
// still there.
func (b *Bot) submitHeld(ctx context.Context, s submission, run bool) answer {
	v, err := b.heldFor(ctx, s.actor)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	typed, err := strconv.Atoi(line(answerTo(s.view.State, blockConfirm).Value))
	if err != nil || typed != v.Count {
		return b.explainSubmission(s, workflow.Refusal{Rule: workflow.RuleNotPossible, Field: "confirm",
			Reason: fmt.Sprintf("It is %s now: type %d to confirm. Nothing was done.", peopleCount(v.Count), v.Count)})
	}
	view := noticeModal("A moment", fmt.Sprintf("Latchkey goes through %s.", peopleCount(typed)))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view), after: func(ctx context.Context) error {
		n, err := b.Workflow.DecideHeld(ctx, s.actor, run, typed)
		told := noticeModal("Undone", fmt.Sprintf("The offboarding of %s is undone.", peopleCount(n)))
		if run {
			told = noticeModal("Let run", fmt.Sprintf("What %s hold ends now. The message in the admins' channel shows how far it is.", peopleCount(n)))
		}
		if err != nil {
			told = noticeModal(notDone, b.explain(err))
			if n > 0 {
				told = noticeModal("Not all was done", fmt.Sprintf("%s of %d were decided on; the others are still held. Choose it again for them. %s", peopleCount(n), typed, b.explain(err)))
			}
		}
		if _, err := b.Client.api.UpdateViewContext(context.WithoutCancel(ctx), told, "", "", s.view.ID); err != nil {
			return fmt.Errorf("tell what was decided: %w", err)
		}
		return nil
	}}
}
