package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

const (
	deliverEach   = time.Second
	deliverBatch  = 500              // events a post, at most
	deliverBytes  = 1 << 20          // a post, at most, unless one event is longer
	deliverWithin = 20 * time.Second // one post
	deliverHold   = 30 * time.Second // longer than a post, shorter than anybody waits
	deliverSlow   = 5 * time.Minute  // between tries, at most
	publishPause  = time.Minute      // between checkpoints that are posted
)

// receiverOfCheckpoints is the name, which no webhook can have, under which it
// is remembered what checkpoint was posted.
const receiverOfCheckpoints = "(checkpoints)"

// Deliveries posts the log to those who get it live. Every replica may run
// them: each receiver is served by one at a time.
type Deliveries struct {
	service  *Service
	origin   string // of the log
	webhooks []*receiver
	publish  *receiver // nil: checkpoints are posted nowhere
	log      zerolog.Logger
}

// NewDeliveries prepares what the configuration says. public verifies
// checkpoints; publish with an empty URL posts none.
func (s *Service) NewDeliveries(public string, webhooks []AuditWebhook, publish AuditWebhook) *Deliveries {
	d := &Deliveries{service: s, origin: auditlog.Origin(public), log: s.Logger}
	for _, w := range webhooks {
		d.webhooks = append(d.webhooks, newReceiver(w))
	}
	if publish.URL != "" {
		publish.Name = receiverOfCheckpoints
		d.publish = newReceiver(publish)
	}
	return d
}

// Run delivers until the context ends.
func (d *Deliveries) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range d.webhooks {
		all.Go(func() { d.serve(ctx, func() (bool, error) { return d.next(ctx, w) }) })
	}
	if d.publish != nil {
		all.Go(func() { d.serve(ctx, func() (bool, error) { return d.checkpoint(ctx) }) })
	}
	all.Wait()
}

// serve calls next as fast as there is something to send, else every second.
func (d *Deliveries) serve(ctx context.Context, next func() (bool, error)) {
	tick := time.NewTicker(deliverEach)
	defer tick.Stop()
	for {
		more, err := next()
		if err != nil && ctx.Err() == nil {
			d.log.Error().Err(err).Msg("the audit log could not be delivered")
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// next sends a receiver its next batch. More tells that it was taken, so there
// may be another one. A batch that is not taken is tried again, and nothing
// after it is sent before.
func (d *Deliveries) next(ctx context.Context, w *receiver) (more bool, err error) {
	db := d.service.DB
	latest, err := db.LatestCheckpoint(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	batch, err := db.ClaimDelivery(ctx, w.Name, latest.Size, deliverBatch, deliverHold)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var body bytes.Buffer
	err = db.AuditEntries(ctx, batch.Position, batch.Past, func(e *auditlog.Entry, leaf tlog.Hash) error {
		line := d.line(w.Format, e, leaf)
		if e.Position > batch.Position && body.Len()+len(line) > w.most {
			return fullError{e.Position}
		}
		body.Write(line)
		return nil
	})
	if full, ok := errors.AsType[fullError](err); ok {
		return d.shorten(ctx, batch, full.past)
	}
	if err == nil {
		err = w.post(ctx, parcel{
			kind: "application/x-ndjson", body: body.Bytes(), log: d.origin,
			id: fmt.Sprintf("%d-%d", batch.Position, batch.Past-1),
		})
	}
	if n := batch.Past - batch.Position; errors.Is(err, errTooLarge) && n > 1 {
		w.most = max(body.Len()/2, 1)
		d.log.Warn().Err(err).Str("receiver", w.Name).Int("bytes", w.most).Msg("the audit log goes to its receiver in smaller parts")
		return d.shorten(ctx, batch, batch.Position+n/2)
	}
	return d.settle(ctx, batch, err, 0)
}

// fullError ends a batch before the position of an event that it has no room
// for.
type fullError struct{ past int64 }

// Error implements error.
func (e fullError) Error() string { return fmt.Sprintf("no room for position %d", e.past) }

// shorten gives a batch back, to be sent up to an earlier position.
func (d *Deliveries) shorten(ctx context.Context, batch storage.Delivery, past int64) (more bool, err error) {
	err = d.service.DB.ShortenDelivery(ctx, batch, past)
	if errors.Is(err, storage.ErrConflict) {
		return false, nil // another replica has taken it up
	}
	return err == nil, err
}

func (d *Deliveries) line(format auditlog.Format, e *auditlog.Entry, leaf tlog.Hash) []byte {
	if format == auditlog.FormatOCSF {
		return append(auditlog.OCSF{Origin: d.origin, Name: storage.SubjectName}.Event(e), '\n')
	}
	return auditlog.Line(e, leaf)
}

// checkpoint posts the newest checkpoint if it was not posted yet.
func (d *Deliveries) checkpoint(ctx context.Context) (more bool, err error) {
	latest, err := d.service.DB.LatestCheckpoint(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	batch, err := d.service.DB.ClaimDelivery(ctx, d.publish.Name, latest.Size, latest.Size, deliverHold)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// One that could not be posted may not be the newest any more.
	if latest, err = d.service.DB.CheckpointAt(ctx, batch.Past); err != nil {
		return false, err
	}
	err = d.publish.post(ctx, parcel{kind: "text/plain; charset=utf-8", body: []byte(latest.Note), log: d.origin, id: fmt.Sprintf("checkpoint-%d", latest.Size)})
	_, err = d.settle(ctx, batch, err, publishPause)
	return false, err
}

// settle notes how a try went; again is when the next batch may follow.
func (d *Deliveries) settle(ctx context.Context, batch storage.Delivery, cause error, again time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var err error
	if cause == nil {
		err = d.service.DB.Delivered(ctx, batch, again)
	} else {
		wait := min(time.Second<<min(batch.Attempts-1, 10), deliverSlow)
		d.log.Warn().Err(cause).Str("receiver", batch.Receiver).Int64("position", batch.Position).Int("attempt", batch.Attempts).Dur("again_in", wait).
			Msg("the audit log was not taken by its receiver, will retry")
		err = d.service.DB.NotDelivered(ctx, batch, cause.Error(), wait)
	}
	if errors.Is(err, storage.ErrConflict) {
		return false, nil // another replica has taken it up
	}
	return cause == nil && err == nil, err
}

// DeliverFrom has a receiver get everything from a position on again. An
// operator does that, on the machine.
func (s *Service) DeliverFrom(ctx context.Context, receiver string, position int64, operator string) error {
	latest, err := s.DB.LatestCheckpoint(ctx)
	switch {
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return err
	case position < 0 || position > latest.Size:
		return refuse(RuleUnknown, "The log has the positions from 0 up to, not including, %d.", latest.Size)
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.DeliverFrom(ctx, receiver, position); err != nil {
			return err
		}
		return tx.Record(ctx, storage.Actor{Name: "operator: " + operator, Ref: "command line"}, storage.Event{Action: "audit.delivered_again",
			Subject: storage.SubjectAudit, After: fmt.Sprintf("%s from position %d", receiver, position)})
	})
}
