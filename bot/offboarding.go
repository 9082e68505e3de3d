package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// errNoKey is a control that names no key.
var errNoKey = errors.New("the control names no key")

// onOffboard shows what offboarding a person would do, before anything is.
func (b *Bot) onOffboard(ctx context.Context, c command) answer {
	target, reason, _ := strings.Cut(c.args, " ")
	if !mention.MatchString(target) {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say who left, as in `" + b.Client.config.Command + " offboard @person`. `" + b.Client.config.Command + " offboarding` lists the cases."})
	}
	person, err := b.personTyped(ctx, c, target)
	if err != nil {
		return b.explainCommand(err)
	}
	plan, err := b.Workflow.PreviewLeave(ctx, c.actor, person)
	if err == nil && !plan.Active {
		err = workflow.Refusal{Rule: workflow.RuleDecided, Reason: fmt.Sprintf("%s has left already. `%s offboarding @person` shows the case.", line(plan.Person.Name), b.Client.config.Command)}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	metadata, err := json.Marshal(leaving{person})
	if err != nil {
		return b.explainCommand(fmt.Errorf("encode leaver: %w", err))
	}
	return b.openModal(&slack.InteractionCallback{TriggerID: c.TriggerID}, offboardModal(plan, strings.TrimSpace(reason), string(metadata)))
}

// leaving is what the form of an offboarding carries.
type leaving struct{ Person storage.PersonID }

func (b *Bot) submitOffboard(ctx context.Context, s submission) answer {
	var who leaving
	if err := json.Unmarshal([]byte(s.view.PrivateMetadata), &who); err != nil {
		return b.explainSubmission(s, fmt.Errorf("read leaver from the view: %w", err))
	}
	plan, err := b.Workflow.PreviewLeave(ctx, s.actor, who.Person)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	if typed := line(answerTo(s.view.State, blockConfirm).Value); !strings.EqualFold(typed, name(plan.Person)) {
		return b.explainSubmission(s, workflow.Refusal{Rule: workflow.RuleNotPossible, Field: "confirm", Reason: fmt.Sprintf("Type %s to confirm. Nobody was offboarded.", name(plan.Person))})
	}
	if _, err := b.Workflow.OffboardPerson(ctx, s.actor, who.Person, readReason(s.view.State), s.source); err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Offboarded", fmt.Sprintf("Nothing that %s holds works at the gateway any more. A card in the admins' channel shows what the systems answer; `%s offboarding` lists it too.",
		name(plan.Person), b.Client.config.Command))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

// onOffboarding lists the cases that are under way, or those of one person.
func (b *Bot) onOffboarding(ctx context.Context, c command) answer {
	out := caseList{Command: b.Client.config.Command}
	var person storage.PersonID
	if target := strings.TrimSpace(c.args); target != "" {
		if !mention.MatchString(target) {
			return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say whose case, as in `" + b.Client.config.Command + " offboarding @person`, or nothing for all of them."})
		}
		account, err := b.Directory.Account(ctx, c.TeamID, mention.FindStringSubmatch(target)[1])
		if err == nil && account.PersonID == 0 {
			err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: account.Name + " is not known here, so there is no case."}
		}
		if err != nil {
			return b.explainCommand(err)
		}
		person, out.Of = account.PersonID, account.Name
	}
	cases, err := b.Workflow.Offboardings(ctx, c.actor, person, person == 0)
	if err != nil {
		return b.explainCommand(err)
	}
	for _, v := range cases {
		out.Cases = append(out.Cases, b.withReport(v))
	}
	if person == 0 {
		if out.Held, err = b.Workflow.LookAtHeld(ctx); err != nil {
			return b.explainCommand(err)
		}
		if out.Strange, err = b.DB.StrangeEvents(ctx, maxStrangeShown); err != nil {
			return b.explainCommand(err)
		}
	}
	return ephemeral(casesMessage(out))
}

func (b *Bot) withReport(v workflow.OffboardingView) caseView {
	return caseView{OffboardingView: v, ReportURL: b.Workflow.ReportURL(v.Case.ID)}
}

// clickedCase reads the case that a control is about, for an admin.
func (b *Bot) clickedCase(ctx context.Context, c click) (v caseView, about string, err error) {
	id, about, err := readCase(c.id)
	if err != nil {
		return v, "", err
	}
	found, err := b.Workflow.ShowOffboarding(ctx, c.actor, id)
	return b.withReport(found), about, err
}

func (b *Bot) clickCase(ctx context.Context, c click) answer {
	v, _, err := b.clickedCase(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, caseModal(v, 0))
}

// clickCasePage turns the page of a case's details in the modal they are in.
func (b *Bot) clickCasePage(ctx context.Context, c click) answer {
	v, about, err := b.clickedCase(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	from, err := strconv.Atoi(about)
	if err != nil {
		from = 0
	}
	at := c.callback.View
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.UpdateViewContext(ctx, caseModal(v, from), "", at.Hash, at.ID); err != nil {
			return fmt.Errorf("turn page of a case: %w", err)
		}
		return nil
	}}
}
