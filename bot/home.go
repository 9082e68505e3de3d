package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// publishHome shows a person their App Home as of now.
func (n *Notifier) publishHome(ctx context.Context, a workflow.Actor) error {
	home, err := n.workflow.Home(ctx, a)
	view := homeView(home, n.client.config.Command)
	if refusal, refused := workflow.AsRefusal(err); refused {
		view = refusedHome(refusal.Reason)
	} else if err != nil {
		return err
	}
	_, err = n.client.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: a.Account.ExternalID, View: view})
	if err != nil {
		return fmt.Errorf("publish home: %w", err)
	}
	return nil
}

// freshenHomes republishes the homes of some people, for those who ever looked
// at theirs. A home that fails is published anew at its next opening.
func (n *Notifier) freshenHomes(ctx context.Context, ids ...storage.PersonID) error {
	accounts, err := n.db.SlackAccounts(ctx, ids...)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.HomeOpenedAt.IsZero() {
			continue
		}
		if err := n.publishHome(ctx, workflow.Actor{Account: a, Ref: "home"}); err != nil {
			n.log.Warn().Err(err).Str("user", a.ExternalID).Msg("home not refreshed")
		}
	}
	return nil
}
