package bot

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// click is a button, select or menu choice.
type click struct {
	actor    workflow.Actor
	id       string // what the action ID says it is about: a hint, not a right
	callback *slack.InteractionCallback
	action   *slack.BlockAction
	source   string // the interaction's unique key
}

// submission is a submitted modal.
type submission struct {
	actor    workflow.Actor
	view     *slack.View
	callback *slack.InteractionCallback
	source   string
}

// The dispatch tables: one row per thing that can be done in Slack.
func (b *Bot) commands() map[string]func(context.Context, command) answer {
	return map[string]func(context.Context, command) answer{
		"":            b.onSummary,
		"request":     b.onRequest,
		"mine":        b.onMine,
		"pending":     b.onPending,
		"list":        b.onList,
		"systems":     b.onSystems,
		"sync":        b.onSync,
		"enforce":     b.onEnforce,
		"show":        b.onShow,
		"done":        b.onDone,
		"revoke":      b.onRevoke,
		"suspend":     b.onSuspend,
		"resume":      b.onResume,
		"rotate":      b.onRotate,
		"extend":      b.onExtend,
		"edit":        b.onEdit,
		"cancel":      b.onCancel,
		"why":         b.onWhy,
		"audit":       b.onAudit,
		"campaign":    b.onCampaign,
		"offboard":    b.onOffboard,
		"offboarding": b.onOffboarding,
		"help":        b.onHelp,
	}
}

func (b *Bot) clicks() map[verb]func(context.Context, click) answer {
	return map[verb]func(context.Context, click) answer{
		verbApprove:         b.clickApprove,
		verbApproveLess:     b.clickApproveLess,
		verbDeny:            b.clickDeny,
		verbDetails:         b.clickDetails,
		verbReveal:          b.clickLink,
		verbShow:            b.clickShow,
		verbRevoke:          b.clickRevoke,
		verbGiveBack:        b.clickGiveBack,
		verbCancel:          b.clickCancel,
		verbNew:             b.clickNew,
		verbMine:            b.clickMine,
		verbPending:         b.clickPending,
		verbList:            b.clickList,
		verbMore:            b.clickMore,
		verbCSV:             b.clickCSV,
		verbRow:             b.clickRow,
		verbSuspend:         b.clickSuspend,
		verbResume:          b.clickResume,
		verbHandOver:        b.clickHandOver,
		verbKeep:            b.clickKeep,
		verbRotate:          b.clickRotate,
		verbExtend:          b.clickExtend,
		verbLetExpire:       b.clickLetExpire,
		verbEdit:            b.clickEdit,
		verbExempt:          b.clickExempt,
		verbConnect:         b.clickLink,
		verbClients:         b.clickLink,
		verbLess:            b.clickLess,
		verbAudit:           b.clickAudit,
		verbAuditMore:       b.clickAuditMore,
		verbOpen:            b.clickLink,
		verbSystems:         b.clickSystems,
		verbSync:            b.clickSync,
		verbRunBatch:        b.clickRunBatch,
		verbDropBatch:       b.clickDropBatch,
		verbCampaignNew:     b.clickCampaignNew,
		verbCampaignKeep:    b.clickCampaignKeep,
		verbCampaignReduce:  b.clickCampaignReduce,
		verbCampaignRevoke:  b.clickCampaignRevoke,
		verbCampaignPage:    b.clickCampaignPage,
		verbCampaignKeepAll: b.clickCampaignKeepAll,
		verbCampaignRemind:  b.clickCampaignRemind,
		verbCampaignCancel:  b.clickCampaignCancel,
		verbCampaignFile:    b.clickCampaignFile,
		verbCase:            b.clickCase,
		verbCasePage:        b.clickCasePage,
		verbCaseReport:      b.clickLink,
		verbUndoLeave:       b.clickUndoLeave,
		verbWaive:           b.clickWaive,
		verbKeepShared:      b.clickKeepShared,
		verbEndShared:       b.clickEndShared,
		verbRunHeld:         b.clickRunHeld,
		verbUndoHeld:        b.clickUndoHeld,
		verbSystem:          b.clickForm,
		verbPreset:          b.clickForm,
		verbScopes:          b.clickForm,
		verbSink:            b.clickForm,
	}
}

func (b *Bot) submissions() map[string]func(context.Context, submission) answer {
	return map[string]func(context.Context, submission) answer{
		callbackRequest:        b.submitRequest,
		callbackPreview:        b.submitPreview,
		callbackApproveLess:    b.submitApproveLess,
		callbackDeny:           b.submitDeny,
		callbackRevoke:         b.submitRevoke,
		callbackGiveBack:       b.submitGiveBack,
		callbackSuspend:        b.submitSuspend,
		callbackResume:         b.submitResume,
		callbackHandOver:       b.submitHandOver,
		callbackKeep:           b.submitKeep,
		callbackRotate:         b.submitRotate,
		callbackExtend:         b.submitExtend,
		callbackEdit:           b.submitEdit,
		callbackExempt:         b.submitExempt,
		callbackRevokeMany:     b.submitRevokeMany,
		callbackCampaign:       b.submitCampaign,
		callbackCampaignPlan:   b.submitCampaignPlan,
		callbackCampaignPage:   b.submitCampaignPage,
		callbackCampaignSure:   b.submitCampaignSure,
		callbackCampaignReduce: b.submitCampaignReduce,
		callbackOffboard:       b.submitOffboard,
		callbackUndoLeave:      b.submitUndoLeave,
		callbackWaive:          b.submitWaive,
		callbackKeepShared:     b.submitKeepShared,
		callbackEndShared:      b.submitEndShared,
		callbackRunHeld:        b.submitRunHeld,
		callbackUndoHeld:       b.submitUndoHeld,
	}
}

// dispatch finds who acts and what they want.
func (b *Bot) dispatch(ctx context.Context, env envelope) answer {
	switch {
	case env.event != nil:
		return b.onEvent(ctx, env.event)
	case env.command != nil:
		return b.dispatchCommand(ctx, env)
	}
	cb := env.action
	switch cb.Type {
	case slack.InteractionTypeBlockSuggestion:
		return b.suggest(ctx, cb)
	case slack.InteractionTypeBlockActions:
		return b.dispatchClick(ctx, env)
	case slack.InteractionTypeShortcut:
		actor, err := b.actor(ctx, cb.User, env.sourceKey())
		if err != nil {
			return b.explainModal(cb.TriggerID, err)
		}
		return b.openRequest(ctx, actor, cb.TriggerID, "", "")
	case slack.InteractionTypeViewSubmission:
		return b.dispatchSubmission(ctx, env)
	default:
		return answer{} // view_closed and kinds we never asked for: nothing to do
	}
}

func (b *Bot) dispatchCommand(ctx context.Context, env envelope) answer {
	c := env.command
	name, rest, _ := strings.Cut(strings.TrimSpace(c.Text), " ")
	in := command{SlashCommand: c, args: strings.TrimSpace(rest)}
	actor, err := b.actor(ctx, slack.User{ID: c.UserID, TeamID: c.TeamID}, c.TriggerID)
	if err != nil {
		return b.explainCommand(err)
	}
	in.actor = actor
	handle, ok := b.commands()[strings.ToLower(name)]
	if !ok {
		return b.onUnknown(name)
	}
	return handle(ctx, in)
}

func (b *Bot) dispatchClick(ctx context.Context, env envelope) answer {
	cb := env.action
	if len(cb.ActionCallback.BlockActions) == 0 {
		return answer{}
	}
	action := cb.ActionCallback.BlockActions[0]
	v, id := splitAction(action.ActionID)
	handle, ok := b.clicks()[v]
	if !ok {
		return answer{} // an action of an older version of us: nothing to do, and no reason to be sent it again
	}
	actor, err := b.actor(ctx, cb.User, env.sourceKey())
	if err != nil {
		return b.explainClick(cb, err)
	}
	return handle(ctx, click{actor: actor, id: id, callback: cb, action: action, source: env.sourceKey()})
}

func (b *Bot) dispatchSubmission(ctx context.Context, env envelope) answer {
	cb := env.action
	handle, ok := b.submissions()[cb.View.CallbackID]
	if !ok {
		return answer{}
	}
	actor, err := b.actor(ctx, cb.User, cb.View.ID)
	if err != nil {
		return b.explainSubmission(submission{view: &cb.View}, err)
	}
	return handle(ctx, submission{actor: actor, view: &cb.View, callback: cb, source: "view:" + cb.View.ID})
}

// actor resolves who acts from what Slack proved. A person of another
// workspace is refused by workflow, not here.
func (b *Bot) actor(ctx context.Context, u slack.User, ref string) (workflow.Actor, error) {
	team := u.TeamID
	if team == "" {
		home, _, err := b.Client.Identity(ctx)
		if err != nil {
			return workflow.Actor{}, err
		}
		team = home
	}
	account, err := b.Directory.Account(ctx, team, u.ID)
	if err != nil {
		return workflow.Actor{}, err
	}
	return workflow.Actor{Account: account, Ref: ref}, nil
}
