package storage

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// BenchmarkReviewTransition compares the hot transition of the product, a
// vote (guarded update, review row, audit row and job in one transaction),
// through InTx with the same statements on raw pgx. Every worker does the one
// and the other in turn, so both meet the same server, its durability settings
// and whatever else the machine does. x-of-raw is raw pgx's median time as a
// part of ours; the goal is 0.8.
func BenchmarkReviewTransition(b *testing.B) {
	for _, parallelism := range []int{1, 8} {
		b.Run("parallelism="+strconv.Itoa(parallelism), func(b *testing.B) { benchReview(b, parallelism) })
	}
}

func benchReview(b *testing.B, parallelism int) {
	h := openHouse(b)
	alice, bob := h.person(b, "alice"), h.person(b, "bob")
	sides := [2]func(context.Context, RequestID) error{h.ourReview(bob), h.rawReview(b, bob, parallelism)}
	const warmUp = 40 // statements are prepared, connections open
	total := 2 * (b.N + warmUp*parallelism)
	ids := h.pendingRequests(b, alice, total)
	var mu sync.Mutex
	var took [2][]time.Duration
	var workers sync.WaitGroup
	b.ResetTimer()
	for w := range parallelism {
		workers.Go(func() {
			var mine [2][]time.Duration
			for i := 2 * w; i < total; i += 2 * parallelism {
				first := len(mine[0]) // they take turns at going first, too
				for j := range sides {
					side := (first + j) % 2
					start := time.Now()
					if err := sides[side](context.Background(), ids[i+j]); err != nil {
						b.Error(err)
					}
					mine[side] = append(mine[side], time.Since(start))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for side := range mine {
				took[side] = append(took[side], mine[side][warmUp:]...)
			}
		})
	}
	workers.Wait()
	b.StopTimer()
	if n := h.count(b, `SELECT count(*) FROM review r WHERE EXISTS (SELECT FROM river_job j WHERE (j.args->>'n')::bigint = r.request_id)`); n != total {
		b.Errorf("%d reviews with their jobs, want %d", n, total)
	}
	ours, raw := median(took[0]), median(took[1])
	b.ReportMetric(float64(raw)/float64(ours), "x-of-raw")
	b.ReportMetric(float64(ours.Microseconds()), "us/review")
	b.ReportMetric(0, "ns/op") // an iteration is one of each and says nothing
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// pendingRequests files requests in bulk.
func (h *house) pendingRequests(b *testing.B, by Account, n int) []RequestID {
	b.Helper()
	rows, err := h.pool.Query(context.Background(), `
		INSERT INTO request (requester_id, account_id, connection, kind, scopes, lifetime_s, reason, policy_hash, policy_name,
		                     granted_scopes, granted_s, state, source_key, lapses_at)
		SELECT $1, $2, 'acme', 'api_key', '{files:read}', 60, 'r', $3, 'p', '{files:read}', 60, 'pending', gen_random_uuid(),
		       latchkey_now() + interval '1 hour'
		FROM generate_series(1, $4) RETURNING id`, by.PersonID, by.ID, housePolicy, n)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[RequestID])
	if err != nil {
		b.Fatal(err)
	}
	return ids
}

func (h *house) ourReview(by Account) func(context.Context, RequestID) error {
	scopes := []string{"files:read"}
	return func(ctx context.Context, id RequestID) error {
		r := Request{ID: id, State: RequestPending, GrantedScopes: scopes, GrantedS: 60}
		return h.InTx(ctx, func(ctx context.Context, tx Tx) error {
			err := tx.InsertReview(ctx, &r, Review{RequestID: id, ReviewerID: by.PersonID, AccountID: by.ID, Decision: Approve, Scopes: scopes,
				LifetimeS: 60, SourceKey: "click"}, actorOf(by))
			if err != nil {
				return err
			}
			return tx.Enqueue(ctx, testJob{int(id)}, nil)
		})
	}
}

// rawReview has a pool of its own, as plain as pgx makes it.
func (h *house) rawReview(b *testing.B, by Account, parallelism int) func(context.Context, RequestID) error {
	b.Helper()
	cfg, err := pgxpool.ParseConfig(h.dsn)
	if err != nil {
		b.Fatal(err)
	}
	cfg.MaxConns = int32(max(parallelism, 4))
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		b.Fatal(err)
	}
	scopes := []string{"files:read"}
	return func(ctx context.Context, id RequestID) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var version int64
			err := tx.QueryRow(ctx, insertReview, id, by.PersonID, by.ID, 0, Approve, "", scopes, 60, scopes, 60, "click", by.Name,
				"review.approve", "slack:1").Scan(&version)
			if err != nil {
				return err
			}
			_, err = jobs.InsertTx(ctx, tx, testJob{int(id)}, nil)
			return err
		})
	}
}
