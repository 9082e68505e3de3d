package workflow

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"latchkey/storage"
)

// positionKey names a leave that is told again after the event that told it.
func positionKey(position int64) string { return "position:" + strconv.FormatInt(position, 10) }

// Lost is what an operator has to know before they accept a database that was
// restored.
type Lost struct {
	Quarantine storage.Quarantine
	Events     int64     // that were published and are not in the database; -1: nobody knows, because it has others
	Until      time.Time // when the database's last event was; zero if it had none
}

// LookAtQuarantine says what a database that was restored lost. A refusal
// where there is no quarantine.
func (s *Service) LookAtQuarantine(ctx context.Context) (Lost, error) {
	q, err := s.DB.Quarantine(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		return Lost{}, refuse(RuleNotPossible, "The database is not in quarantine.")
	}
	if err != nil {
		return Lost{}, err
	}
	out := Lost{Quarantine: q, Events: lostEvents(q)}
	out.Until, err = s.DB.AuditTimeAt(ctx, q.Have-1)
	if errors.Is(err, storage.ErrNotFound) {
		err = nil // it had none
	}
	return out, err
}

// lostEvents is how many published events a database does not have; -1 if
// nobody knows, because it has others.
func lostEvents(q storage.Quarantine) int64 {
	if q.Have < q.Size {
		return q.Size - q.Have
	}
	return -1
}

// AcceptRestore ends the quarantine: an operator answers for what was lost.
// The loss stays on record. Replicas publish the database's own log from here.
func (s *Service) AcceptRestore(ctx context.Context, q storage.Quarantine, operator, reason string) error {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return refuse(RuleReason, "Say why: it is kept in the audit log.").on("reason")
	case q.ReplayedAt.Year() <= 1:
		return refuse(RuleNotPossible, "What had ended before the restore is still being ended again. Have the service run, and try again in a minute.")
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	by := storage.Actor{Name: "operator: " + operator, Ref: "command line"}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.EndQuarantine(ctx, q, by, reason); err != nil {
			return err
		}
		err := tx.Record(ctx, by, storage.Event{Action: "audit.accepted", Subject: storage.SubjectQuarantine, SubjectID: int64(q.ID),
			Before: strings.TrimSpace(q.Checkpoint), After: q.Why, Reason: reason})
		if err != nil {
			return err
		}
		return notifyQuarantine(ctx, tx, q.ID)
	})
	if errors.Is(err, storage.ErrConflict) {
		return refuse(RuleDecided, "It is not as you saw it any more. Look again; nothing was done.")
	}
	return err
}
