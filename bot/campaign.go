package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// onCampaign shows an admin the latest campaign, or begins one.
func (b *Bot) onCampaign(ctx context.Context, c command) answer {
	v, there, err := b.Workflow.ShowCampaign(ctx, c.actor)
	switch {
	case err != nil:
		return b.explainCommand(err)
	case there && (c.args == "" || v.Campaign.UnderWay()):
		return ephemeral(campaignMessage(v))
	case c.args != "" && !b.isConnection(c.args):
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: b.unknownConnection(c.args)})
	}
	return b.openModal(&slack.InteractionCallback{TriggerID: c.TriggerID}, campaignModal(b.connectionNames(), c.args))
}

func (b *Bot) connectionNames() []string {
	return slices.Sorted(maps.Keys(b.Workflow.Rules().Connections))
}

func (b *Bot) clickCampaignNew(ctx context.Context, c click) answer {
	v, there, err := b.Workflow.ShowCampaign(ctx, c.actor)
	if err == nil && there && v.Campaign.UnderWay() {
		err = workflow.Refusal{Rule: workflow.RuleNotPossible, Reason: "Another campaign is under way. There is one at a time."}
	}
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, campaignModal(b.connectionNames(), ""))
}

// submitCampaign shows what the campaign would ask before it begins.
func (b *Bot) submitCampaign(ctx context.Context, s submission) answer {
	ask := readCampaign(s.view.State)
	plan, err := b.Workflow.PlanCampaign(ctx, s.actor, ask)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	metadata, err := json.Marshal(ask)
	if err != nil {
		return b.explainSubmission(s, fmt.Errorf("encode campaign: %w", err))
	}
	view := campaignPlanModal(ask, plan, string(metadata))
	return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
}

// submitCampaignPlan begins the campaign. What the view carries is the admin's
// own wish, judged again from the start.
func (b *Bot) submitCampaignPlan(ctx context.Context, s submission) answer {
	var ask workflow.CampaignAsk
	if err := json.Unmarshal([]byte(s.view.PrivateMetadata), &ask); err != nil {
		return b.explainSubmission(s, fmt.Errorf("read campaign from its view: %w", err))
	}
	if _, err := b.Workflow.StartCampaign(ctx, s.actor, ask, s.source); err != nil {
		return b.explainSubmission(s, err)
	}
	return answer{ack: slack.NewClearViewSubmissionResponse()}
}

func (b *Bot) clickCampaignRemind(ctx context.Context, c click) answer {
	id, err := campaignID(c.id)
	if err == nil {
		_, err = b.Workflow.RemindCampaign(ctx, c.actor, id)
	}
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Reminded", refusalMessage("Everybody with keys left to decide on gets a reminder."))
}

func (b *Bot) clickCampaignCancel(ctx context.Context, c click) answer {
	id, err := campaignID(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	done, err := b.Workflow.CancelCampaign(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Called off", refusalMessage(fmt.Sprintf("The campaign “%s” is called off. What was decided stays.", line(done.Title))))
}

// clickCampaignFile sends an admin the evidence again.
func (b *Bot) clickCampaignFile(ctx context.Context, c click) answer {
	id, err := campaignID(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	campaign, file, err := b.Workflow.CampaignEvidence(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	out := b.tellClicker(c.callback, "Evidence", refusalMessage("The evidence comes as a CSV file in your direct messages with Latchkey."))
	told := out.after
	out.after = func(ctx context.Context) error {
		if err := told(ctx); err != nil {
			b.Logger.Warn().Err(err).Msg("answer not delivered")
		}
		dm, err := b.Directory.DM(ctx, c.actor.Account)
		if err != nil {
			return err
		}
		_, err = b.Client.uploadEvidence(ctx, dm, campaign, file)
		if why := cantUpload(err); why != "" {
			_, _, err = b.Client.api.PostMessageContext(ctx, dm, refusalMessage("The evidence could not be sent. "+why).options()...)
		}
		return err
	}
	return out
}
