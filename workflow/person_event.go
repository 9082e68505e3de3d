package workflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/storage"
)

// eventBatch is how many events the sweep reads at once.
const eventBatch = 50

// Handshake answers the sender of a connection's events if it only asks whether
// we are there.
func (s *Service) Handshake(connection string, r *http.Request, body []byte) (connectors.Answer, bool) {
	h, ok := connectors.As[connectors.Handshaker](s.Connectors[connection])
	if !ok {
		return connectors.Answer{}, false
	}
	return h.Handshake(r, body)
}

// TakesEvents tells whether a connection is a source of events.
func (s *Service) TakesEvents(connection string) bool {
	_, ok := connectors.As[connectors.EventSource](s.Connectors[connection])
	return ok
}

// TakeEvents verifies what a connection's sender delivered, and stores it. What
// takes effect now has done so when TakeEvents returns; the rest waits for its
// time. A repeat is no error. Fresh is how many events were new. The errors of
// connectors.EventSource are passed on.
func (s *Service) TakeEvents(ctx context.Context, connection string, r *http.Request, body []byte) (fresh int, err error) {
	source, ok := connectors.As[connectors.EventSource](s.Connectors[connection])
	if !ok {
		return 0, refuse(RuleUnknown, "There is no source of events called %s.", cut(connection))
	}
	events, err := source.Events(r, body)
	if err != nil {
		return 0, err
	}
	var told []storage.PersonEvent
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		told = nil
		for _, e := range events {
			row := storage.PersonEvent{Source: connection, EventID: e.ID, AccountRef: e.Account.ID, Email: e.Account.Email, Name: e.Account.Name,
				Active: e.Active, HappenedAt: e.At, DueAt: e.From, Reason: e.Reason}
			isNew, err := tx.InsertPersonEvent(ctx, &row)
			if err != nil {
				return err
			}
			if isNew {
				told = append(told, row)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.Fault("event:stored")
	// Each in a transaction of its own: a hundred leavers are a hundred fences,
	// and one that fails is the sweep's.
	for _, e := range told {
		s.settle(ctx, e)
	}
	return len(told), nil
}

// sweepEvents does what events said about a time that has come.
func (s *Service) sweepEvents(ctx context.Context) error {
	var after storage.PersonEvent
	for {
		due, err := s.DB.PersonEventsDue(ctx, after, eventBatch)
		if err != nil {
			return err
		}
		for _, after = range due {
			s.settle(ctx, after)
		}
		if len(due) < eventBatch {
			return ctx.Err()
		}
	}
}

// settle does what an event says, if its time has come and nothing newer was
// said.
func (s *Service) settle(ctx context.Context, e storage.PersonEvent) {
	err := s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		e, err := tx.LockPersonEventDue(ctx, e.Source, e.EventID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.settleEvent(ctx, tx, e)
	})
	if err != nil {
		s.Logger.Warn().Err(err).Str("source", e.Source).Str("event", e.EventID).Msg("event is left to the sweep")
	}
}

// settleEvent fences the person of an event, or lets them come back.
func (s *Service) settleEvent(ctx context.Context, tx storage.Tx, e storage.PersonEvent) error {
	person, err := tx.PersonAt(ctx, e.Source, e.AccountRef, e.Email)
	if err != nil {
		return err
	}
	if person == 0 {
		s.Logger.Warn().Str("source", e.Source).Str("event", e.EventID).Bool("active", e.Active).Msg("event about nobody we know")
		return tx.SettlePersonEvent(ctx, e, 0, "nobody we know")
	}
	// Two events about a person that arrive together are judged one after the
	// other, and the later one knows of the newer word.
	if err := tx.HoldRequestsOf(ctx, person); err != nil {
		return err
	}
	if _, _, err := tx.LockPerson(ctx, person); err != nil {
		return err
	}
	if moot, err := tx.Overtaken(ctx, e); err != nil || moot {
		return errors.Join(err, tx.SettlePersonEvent(ctx, e, person, storage.OvertakenWords))
	}
	outcome, err := s.follow(ctx, tx, e, Leave{Person: person, Source: e.Source, SourceKey: e.EventID, By: storage.System("events of " + e.Source),
		Reason: fmt.Sprintf("%s says %s", e.Source, orWord(e.Reason, e.Active))})
	if err != nil {
		return err
	}
	return tx.SettlePersonEvent(ctx, e, person, outcome)
}

// follow does what an event says, and brings what came of it.
func (s *Service) follow(ctx context.Context, tx storage.Tx, e storage.PersonEvent, l Leave) (string, error) {
	if !e.Active {
		_, err := s.leave(ctx, tx, l)
		return "offboarded", err
	}
	back, err := s.comeBack(ctx, tx, l)
	if refusal, refused := AsRefusal(err); refused {
		return refusal.Reason, nil
	}
	if back {
		return "back", err
	}
	return "nothing to do", err
}

func orWord(reason string, active bool) string {
	switch {
	case reason != "":
		return cut(reason)
	case active:
		return "the person works here"
	}
	return "the person left"
}
