package workflow

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"latchkey/storage"
)

// RuleQuarantine keeps everything from being approved, made or brought back
// while the database is older than what was published of its audit log.
const RuleQuarantine = "quarantine"

// byRestore does again what the database forgot.
var byRestore = storage.System("restore")

var errQuarantine = refuse(RuleQuarantine, "Latchkey's database was restored from an older backup, so nothing is approved, made or brought back until an operator has looked at it. Revoking works. Ask an admin.")

// notQuarantined refuses what must wait for an operator's word on a database
// that was restored. Ending something never waits.
func notQuarantined(ctx context.Context, tx storage.Tx) error {
	yes, err := tx.Quarantined(ctx)
	if err != nil || !yes {
		return err
	}
	return errQuarantine
}

// distrust does what follows from a database that does not reach what was
// published of it. What had ended by then ends again at once. If an operator
// accepted the loss elsewhere, publishing begins anew.
func (p *Publication) distrust(ctx context.Context, held storage.Held, tree tlog.Tree, standing storage.AuditStanding, why string) error {
	within, cancel := context.WithTimeout(ctx, replayWithin)
	defer cancel()
	for token, size := range standing.Accepted {
		if size < tree.N || slices.Contains(held.Followed, token) {
			continue
		}
		if err := p.replay(within); err != nil {
			return err
		}
		if err := p.files.Retire(tree.N); err != nil {
			return err
		}
		p.service.Logger.Warn().Int64("published", tree.N).Int64("events", standing.Checkpoint.Size).Msg("an operator accepted what the database lost; publishing begins anew")
		return p.Look(ctx)
	}
	q, err := p.service.quarantine(within, storage.Quarantine{Why: why, Size: tree.N, Checkpoint: held.Note, Have: standing.Checkpoint.Size})
	if err != nil {
		return err
	}
	if p.replayed == q.Token {
		return nil
	}
	if err := p.replay(within); err != nil {
		return err
	}
	if err := p.service.DB.QuarantineReplayed(within, q.Token, tree.N); err != nil {
		return err
	}
	p.replayed = q.Token
	return nil
}

// replayWithin bounds one try to end everything again; what a try ended stays
// so, and the gateway is closed meanwhile.
const replayWithin = 10 * time.Minute

// idSlack is how many IDs are left out besides those that the lost events can
// have used: the last of them were not published yet.
const idSlack = 10_000

// quarantine begins one, or joins the one that lasts.
func (s *Service) quarantine(ctx context.Context, q storage.Quarantine) (storage.Quarantine, error) {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		fresh, err := tx.OpenQuarantine(ctx, &q)
		if err != nil || !fresh {
			return err
		}
		s.Logger.Error().Str("why", q.Why).Int64("published", q.Size).Int64("events", q.Have).Msg("the database is in quarantine: no key is let through and none is made until `latchkey audit accept`")
		lost := lostEvents(q)
		if lost < 0 {
			lost = q.Size
		}
		if err := tx.SkipIDs(ctx, lost+idSlack); err != nil {
			return err
		}
		err = tx.Record(ctx, byRestore, storage.Event{Action: "audit.quarantined", Subject: storage.SubjectQuarantine, SubjectID: int64(q.ID), After: "quarantine", Reason: q.Why})
		if err != nil {
			return err
		}
		return notifyQuarantine(ctx, tx, q.ID)
	})
	return q, err
}

func notifyQuarantine(ctx context.Context, tx storage.Tx, id storage.QuarantineID) error {
	return tx.Enqueue(ctx, NotifyArgs{storage.SubjectQuarantine, int64(id)}, nil)
}

// replayAtOnce is how many credentials are ended at once: enough to be quick,
// and few enough to leave connections to others.
const replayAtOnce = 4

// replay has everything end that had ended before the restore. Doing it again
// changes nothing.
func (p *Publication) replay(ctx context.Context) error {
	left := map[storage.PersonID]int64{}
	var n atomic.Int64
	work, group := errgroup.WithContext(ctx)
	work.SetLimit(replayAtOnce)
	err := p.files.Endings(func(e storage.Ending) error {
		switch {
		case e.Subject == storage.SubjectPerson && e.What == storage.EndingLeft:
			left[storage.PersonID(e.ID)] = e.Position
		case e.Subject == storage.SubjectPerson:
			delete(left, storage.PersonID(e.ID))
		case e.Subject == storage.SubjectCredential:
			work.Go(func() error {
				done, err := p.service.endAgain(group, storage.CredentialID(e.ID), e.What)
				if done {
					n.Add(1)
				}
				return err
			})
		}
		return group.Err()
	})
	if err := errors.Join(work.Wait(), err); err != nil {
		return err
	}
	for id, at := range left {
		if err := p.service.leaveAgain(ctx, id, at); err != nil {
			return err
		}
	}
	p.service.Logger.Warn().Int64("credentials", n.Load()).Int("people", len(left)).Msg("what had ended before the database was restored ended again")
	return nil
}

// endAgain ends a credential that is alive again, or erases a secret that can
// be collected again. Done tells whether there was something to do.
func (s *Service) endAgain(ctx context.Context, id storage.CredentialID, what string) (done bool, err error) {
	c, err := s.DB.Credential(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil // it was made after the backup, and nothing here knows it
	}
	if err != nil || !mayLive(c) {
		return false, err
	}
	err = s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		r, err := lockRequestOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil || !mayLive(c) {
			return err
		}
		done = true
		switch {
		case what == storage.EndingRevealed:
			if err := tx.SpendTicket(ctx, id, true); !errors.Is(err, storage.ErrConflict) {
				return err
			}
			done = false
			return nil
		case what == storage.EndingExpired && c.State != storage.CredentialIssuing:
			return s.expireAgain(ctx, tx, &c)
		}
		if err := s.beginRevoke(ctx, tx, &c, byRestore, "it had been ended before the database was restored from an older backup"); err != nil {
			return err
		}
		if !requestMachine.allows(string(r.State), eventCancel) {
			return nil
		}
		if err := moveRequest(ctx, tx, &r, eventCancel, byRestore, "its key had been ended before the database was restored from an older backup"); err != nil {
			return err
		}
		return notifyRequest(ctx, tx, r.ID)
	})
	return done, err
}

// mayLive tells whether a credential is, or may become, alive.
func mayLive(c storage.Credential) bool {
	return credentialMachine.allows(string(c.State), eventRevoke)
}

// expireAgain ends a credential whose time was up before its end was put off
// in what the backup has.
func (s *Service) expireAgain(ctx context.Context, tx storage.Tx, c *storage.Credential) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if err := tx.SpendTicket(ctx, c.ID, false); err != nil && !errors.Is(err, storage.ErrConflict) {
		return err
	}
	c.EndedAt = now
	if err := moveCredential(ctx, tx, c, eventExpireActive, byRestore, "its time had been up before the database was restored from an older backup"); err != nil {
		return err
	}
	if err := revokeStraysOf(ctx, tx, *c, c.VendorRef); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, *c)
}

// leaveAgain fences a person who had left.
func (s *Service) leaveAgain(ctx context.Context, id storage.PersonID, position int64) error {
	_, err := s.Offboard(ctx, Leave{Person: id, Source: "restore", SourceKey: positionKey(position), By: byRestore,
		Reason: "they had left before the database was restored from an older backup"})
	if errors.Is(err, storage.ErrNotFound) {
		return nil // nobody here knows them
	}
	return err
}
