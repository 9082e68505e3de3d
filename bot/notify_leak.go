package bot

import (
	"context"
	"errors"
	"slices"

	"latchkey/storage"
)

const purposeLeak = "leak"

// LeakFound implements workflow.Notifier: the key's owner, whoever approved it
// and the approvals channel hear of a leak, each once.
func (n *Notifier) LeakFound(ctx context.Context, id storage.LeakID) error {
	v, err := n.workflow.LookAtLeak(ctx, id)
	if err != nil {
		return err
	}
	told := []string{v.Key.Owner.Slack}
	for _, p := range v.Approvers {
		told = append(told, p.Slack)
	}
	told = append(told, n.client.config.ApprovalsChannel)
	slices.Sort(told)
	var errs []error
	for _, who := range slices.Compact(told) {
		if who == "" {
			continue
		}
		m := storage.Message{Subject: storage.SubjectLeak, SubjectID: int64(id), Purpose: purposeLeak, Recipient: who}
		errs = append(errs, n.tellOnce(ctx, m, leakMessage(v, who == v.Key.Owner.Slack)))
	}
	return later(errors.Join(errs...))
}
