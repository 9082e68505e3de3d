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

// benchChunk is how many reviews one side makes before it is the other's turn.
const benchChunk = 160

// BenchmarkReviewTransition compares the hot transition of the product, a
// vote (guarded update, review row, audit row and job in one transaction),
// through InTx with the same statements on raw pgx. Both sides share one
// server, so its durability settings don't matter to the ratio. x-of-raw is
// our throughput as a part of raw pgx's; the goal is 0.8.
func BenchmarkReviewTransition(b *testing.B) {
	for _, parallelism := range []int{1, 8} {
		b.Run("parallelism="+strconv.Itoa(parallelism), func(b *testing.B) { benchReview(b, parallelism) })
	}
}

func benchReview(b *testing.B, parallelism int) {
	h := openHouse(b)
	alice, bob := h.person(b, "alice"), h.person(b, "bob")
	ours, raw := h.ourReview(bob), h.rawReview(b, bob, parallelism)
	measure := func(review func(context.Context, RequestID) error) time.Duration {
		ids := h.pendingRequests(b, alice, benchChunk)
		queue := make(chan RequestID, len(ids))
		for _, id := range ids {
			queue <- id
		}
		close(queue)
		var workers sync.WaitGroup
		start := time.Now()
		for range parallelism {
			workers.Go(func() {
				for id := range queue {
					if err := review(context.Background(), id); err != nil {
						b.Error(err)
					}
				}
			})
		}
		workers.Wait()
		return time.Since(start)
	}
	for range 2 { // statements are prepared, connections open
		measure(ours)
		measure(raw)
	}
	var ratios []float64
	var took time.Duration
	for b.Loop() {
		var mine, theirs time.Duration
		if len(ratios)%2 == 0 { // take turns at going first
			mine, theirs = measure(ours), measure(raw)
		} else {
			theirs = measure(raw)
			mine = measure(ours)
		}
		took += mine
		ratios = append(ratios, float64(theirs)/float64(mine))
	}
	if n := h.count(b, `SELECT count(*) FROM review`); n != (len(ratios)+2)*2*benchChunk {
		b.Errorf("%d reviews were made, want %d", n, (len(ratios)+2)*2*benchChunk)
	}
	if n := h.count(b, `SELECT count(*) FROM river_job`); n != (len(ratios)+2)*2*benchChunk {
		b.Errorf("%d jobs were made", n)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-of-raw") // the median, because other work disturbs single chunks
	b.ReportMetric(float64(len(ratios)*benchChunk)/took.Seconds(), "reviews/s")
	b.ReportMetric(0, "ns/op") // an iteration is two chunks and says nothing
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
