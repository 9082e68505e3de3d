package bot

import (
	"context"

	"latchkey/storage"
)

// DigestChanged implements workflow.Notifier.
func (n *Notifier) DigestChanged(ctx context.Context, id storage.DigestID) error {
	v, err := n.workflow.LookAtDigest(ctx, id)
	if err != nil {
		return err
	}
	ref := storage.Message{Subject: storage.SubjectDigest, SubjectID: int64(id), Purpose: purposeDigest, Recipient: v.Person.Slack}
	_, err = n.show(ctx, ref, digestMessage(v))
	return later(err)
}
