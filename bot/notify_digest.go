package bot

import (
	"context"
	"errors"
	"slices"

	"latchkey/storage"
	"latchkey/workflow"
)

// DigestChanged implements workflow.Notifier.
func (n *Notifier) DigestChanged(ctx context.Context, id storage.DigestID) error {
	v, err := n.workflow.LookAtDigest(ctx, id)
	if err != nil {
		return err
	}
	r, err := n.digestReader(ctx, v)
	if err != nil {
		return err
	}
	ref := storage.Message{Subject: storage.SubjectDigest, SubjectID: int64(id), Purpose: purposeDigest, Recipient: v.Person.Slack}
	_, err = n.show(ctx, ref, digestMessage(v, r, n.client.config.Command))
	return later(err)
}

// digestReader is the person a digest is for. Whether they are an admin
// matters only for keys that are not their own.
func (n *Notifier) digestReader(ctx context.Context, v workflow.DigestView) (reader, error) {
	r := reader{ID: v.Person.ID}
	if !slices.ContainsFunc(v.Lines, func(l workflow.DigestLine) bool { return !l.Mine }) {
		return r, nil
	}
	accounts, err := n.db.SlackAccounts(ctx, v.Person.ID)
	if err != nil || len(accounts) == 0 {
		return r, err
	}
	r.Admin, err = n.workflow.IsAdmin(ctx, workflow.Actor{Account: accounts[0], Ref: "digest"})
	if _, refused := workflow.AsRefusal(err); refused {
		return r, nil // somebody who may do nothing here
	}
	return r, err
}

// correctDigests brings in step the digests that speak of a key. One that says
// what it should costs no call.
func (n *Notifier) correctDigests(ctx context.Context, id storage.CredentialID) error {
	digests, err := n.db.DigestsAbout(ctx, id)
	errs := []error{err}
	for _, d := range digests {
		errs = append(errs, n.DigestChanged(ctx, d))
	}
	return errors.Join(errs...)
}
