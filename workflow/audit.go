package workflow

import (
	"context"
	"net/url"
	"time"

	"latchkey/storage"
)

const (
	// auditEach is how long a committed event waits for its place in the
	// tree, about.
	auditEach = time.Second
	// auditBatch is how many get theirs in one transaction.
	auditBatch = 2000
)

// RunAudit gives committed events their place in the audit tree until the
// context ends. All replicas may run it: one at a time works.
func (s *Service) RunAudit(ctx context.Context, signer storage.AuditSigner) {
	sequencer := storage.NewSequencer(s.DB)
	tick := time.NewTicker(auditEach)
	defer tick.Stop()
	for {
		if err := sequence(ctx, sequencer, signer); err != nil && ctx.Err() == nil {
			s.Logger.Error().Err(err).Msg("audit events could not be given their place")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sequence places all there is.
func sequence(ctx context.Context, sequencer *storage.Sequencer, signer storage.AuditSigner) error {
	for {
		n, err := sequencer.Next(ctx, signer.Open, signer.Sign, auditBatch)
		if err != nil || n < auditBatch {
			return err
		}
	}
}

// AuditSigner opens the key that signs the audit log.
func (s *Service) AuditSigner(ctx context.Context) (storage.AuditSigner, error) {
	return s.DB.AuditSigner(ctx, s.Keys, auditOrigin(s.PublicURL))
}

// auditOrigin names the log on its checkpoints: it must differ from other
// installations' and never change, which a new key would bring.
func auditOrigin(publicURL string) string {
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		return u.Host + "/audit"
	}
	return "latchkey/audit"
}
