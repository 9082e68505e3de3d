package workflow

import (
	"context"
	"fmt"

	"latchkey/storage"
)

// SourceSlack is the source of a leave that Slack tells of.
const SourceSlack = "slack"

// FollowSlack offboards whoever has no working Slack account any more, and lets
// back whoever Slack had sent away and has again: one person, or everybody if
// id is zero.
func (s *Service) FollowSlack(ctx context.Context, id storage.PersonID) error {
	all, err := s.DB.GoneFromSlack(ctx, id)
	if err != nil {
		return err
	}
	for _, g := range all {
		l := Leave{Person: g.Person, Source: SourceSlack, SourceKey: fmt.Sprintf("%d:%d", g.Person, g.Since.UnixMicro()), By: storage.System("slack")}
		if g.Gone {
			l.Reason = "the Slack account was deactivated"
			_, err = s.Offboard(ctx, l)
		} else {
			l.Reason = "the Slack account works again"
			_, err = s.Return(ctx, l)
		}
		if err != nil {
			return fmt.Errorf("follow Slack about person %d: %w", g.Person, err)
		}
	}
	return nil
}
