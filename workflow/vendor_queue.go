package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// vendorWorkers is how many keys of one system end at the same time on one
// replica. A system that hangs holds these workers and no others.
const vendorWorkers = 4

// vendorPoll is how often a system's queue is looked at beside what it is told
// of at once.
const vendorPoll = 5 * time.Second

// vendorQueue is the queue of what ends at a system, within River's grammar
// for names.
func vendorQueue(connection string) string {
	plain := !strings.ContainsFunc(connection, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
	if plain && len(connection) <= 40 && strings.Trim(connection, "-") == connection && connection != "" {
		return "vendor_" + connection
	}
	sum := sha256.Sum256([]byte(connection))
	return "vendor_x_" + hex.EncodeToString(sum[:8])
}

// queues are what one replica works at: one queue for each system, so that
// none waits for another.
func (s *Service) queues() map[string]river.QueueConfig {
	out := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: jobWorkers}, notifyQueue: {MaxWorkers: notifyWorkers}}
	for name := range s.Connectors {
		out[vendorQueue(name)] = river.QueueConfig{MaxWorkers: vendorWorkers, FetchPollInterval: vendorPoll}
	}
	return out
}

// revokeSoon commits the job that ends a key. One of a system that left the
// configuration has no queue, and its failure is to be seen.
func (s *Service) revokeSoon(ctx context.Context, tx storage.Tx, c storage.Credential) error {
	queue := river.QueueDefault
	if _, ok := s.Connectors[c.Connection]; ok {
		queue = vendorQueue(c.Connection)
	}
	return tx.Enqueue(ctx, RevokeArgs{c.ID}, &river.InsertOpts{Queue: queue})
}

// revokeStill is revokeSoon for the sweep: a key whose turn at its system has
// not come waits on.
func (s *Service) revokeStill(ctx context.Context, tx storage.Tx, c storage.Credential, now time.Time) error {
	waits, err := tx.JobWaits(ctx, RevokeArgs{}.Kind(), int64(c.ID))
	if err != nil {
		return err
	}
	if waits {
		return tx.SetNextAction(ctx, c.ID, now.Add(4*s.LeaseFor))
	}
	if err := tx.SetNextAction(ctx, c.ID, now.Add(s.LeaseFor)); err != nil {
		return err
	}
	return s.revokeSoon(ctx, tx, c)
}
