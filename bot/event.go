package bot

import (
	"context"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"latchkey/workflow"
)

// onEvent keeps the directory in step. An event that could not be stored is
// not acked, so that Slack sends it again.
func (b *Bot) onEvent(ctx context.Context, e *slackevents.EventsAPIEvent) answer {
	var err error
	switch ev := e.InnerEvent.Data.(type) {
	case *slackevents.AppHomeOpenedEvent:
		return b.homeOpened(ctx, e.TeamID, ev)
	case *slackevents.UserChangeEvent:
		err = b.userChanged(ctx, ev.User.ID)
	case *slackevents.TeamJoinEvent:
		if ev.User != nil {
			_, err = b.Directory.reread(ctx, ev.User.ID)
		}
	case *slackevents.SubteamMembersChangedEvent:
		err = b.groupChanged(ctx, ev.SubteamID)
	case *slackevents.SubteamUpdatedEvent:
		err = b.groupChanged(ctx, ev.Subteam.ID)
	}
	if err != nil {
		b.Logger.Warn().Err(err).Str("event", e.InnerEvent.Type).Msg("event not stored")
		return answer{again: true}
	}
	return answer{}
}

// userChanged reads an account anew. A person whose last account was
// deactivated has left.
func (b *Bot) userChanged(ctx context.Context, user string) error {
	a, err := b.Directory.reread(ctx, user)
	if err != nil || a.PersonID == 0 {
		return err
	}
	return b.Workflow.FollowSlack(ctx, a.PersonID)
}

// groupChanged reads a group anew at once, so that whoever left it can't vote
// a moment later.
func (b *Bot) groupChanged(ctx context.Context, id string) error {
	return b.Directory.Reread(ctx, id)
}

func (b *Bot) homeOpened(ctx context.Context, team string, ev *slackevents.AppHomeOpenedEvent) answer {
	if ev.Tab != "home" {
		return answer{}
	}
	actor, err := b.actor(ctx, slack.User{ID: ev.User, TeamID: team}, "home")
	if err != nil {
		b.Logger.Warn().Err(err).Msg("home not shown")
		return answer{again: true}
	}
	if err := b.DB.SetHomeOpened(ctx, actor.Account.ID); err != nil {
		return answer{again: true}
	}
	return answer{after: func(ctx context.Context) error {
		return b.Notifier.publishHome(ctx, workflow.Actor{Account: actor.Account, Ref: "home"})
	}}
}
