package bot

import (
	"context"

	"latchkey/storage"
)

// The purposes of messages about the audit log.
const (
	purposeQuarantine    = "quarantine"
	purposeQuarantineEnd = "quarantine_end"
	purposeFinding       = "audit_finding"
)

// QuarantineChanged implements workflow.Notifier: the approvals channel hears
// that a quarantine began, and that it is over.
func (n *Notifier) QuarantineChanged(ctx context.Context, id storage.QuarantineID) error {
	q, err := n.db.QuarantineByID(ctx, id)
	if err != nil {
		return err
	}
	ref := storage.Message{Subject: storage.SubjectQuarantine, SubjectID: int64(id), Purpose: purposeQuarantine, Recipient: n.client.config.ApprovalsChannel}
	if ref.Recipient == "" {
		n.log.Warn().Str("why", q.Why).Msg("nobody to tell of a quarantine: there is no approvals channel")
		return nil
	}
	if isSet(q.EndedAt) {
		if err := n.correctPosted(ctx, ref, quarantineOverMessage(q)); err != nil {
			return later(err)
		}
		ref.Purpose = purposeQuarantineEnd
		return later(n.tellOnce(ctx, ref, quarantineOverMessage(q)))
	}
	return later(n.tellOnce(ctx, ref, quarantineMessage(q)))
}

// AuditFound implements workflow.Notifier: the approvals channel hears of each
// finding once.
func (n *Notifier) AuditFound(ctx context.Context, id storage.FindingID) error {
	f, err := n.db.Finding(ctx, id)
	if err != nil {
		return err
	}
	ref := storage.Message{Subject: storage.SubjectFinding, SubjectID: int64(id), Purpose: purposeFinding, Recipient: n.client.config.ApprovalsChannel}
	if ref.Recipient == "" {
		n.log.Warn().Str("problem", f.Problem).Msg("nobody to tell of a finding in the audit log: there is no approvals channel")
		return nil
	}
	return later(n.tellOnce(ctx, ref, findingMessage(f)))
}
