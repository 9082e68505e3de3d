package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

type testJob struct {
	N int `json:"n"`
}

func (testJob) Kind() string { return "test_job" }

// three writes by each of the doors: bun, pgx and River.
func three(ctx context.Context, tx Tx, n int) error {
	if _, err := tx.NewRaw(`INSERT INTO policy_version (hash, document) VALUES (?, 'bun')`, fmt.Sprint("bun", n)).Exec(ctx); err != nil {
		return err
	}
	err := tx.PGX(func(p pgx.Tx) error {
		_, err := p.Exec(ctx, `INSERT INTO policy_version (hash, document) VALUES ($1, 'pgx')`, fmt.Sprint("pgx", n))
		return err
	})
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, testJob{n}, nil)
}

func (h *house) threes(t testing.TB) int {
	t.Helper()
	return h.count(t, `SELECT (SELECT count(*) FROM policy_version WHERE hash LIKE 'bun%' OR hash LIKE 'pgx%') + (SELECT count(*) FROM river_job)`)
}

func TestInTxIsOneTransactionForAllDoors(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	boom := errors.New("boom")
	for name, end := range map[string]func() error{
		"an error": func() error { return boom },
		"a panic":  func() error { panic(boom) },
	} {
		func() {
			defer func() { _ = recover() }()
			err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
				if err := three(ctx, tx, 1); err != nil {
					t.Error(err)
				}
				var seen int
				if err := tx.NewRaw(`SELECT count(*) FROM policy_version WHERE hash IN ('bun1', 'pgx1')`).Scan(ctx, &seen); err != nil || seen != 2 {
					t.Errorf("the doors do not see each other's rows: %d, %v", seen, err)
				}
				if n := h.threes(t); n != 0 {
					t.Errorf("%d rows are seen before the commit", n)
				}
				return end()
			})
			if !errors.Is(err, boom) {
				t.Errorf("%s: %v", name, err)
			}
		}()
		if n := h.threes(t); n != 0 {
			t.Errorf("after %s %d rows are left", name, n)
		}
	}
	h.in(t, func(ctx context.Context, tx Tx) error { return three(ctx, tx, 2) })
	if n := h.threes(t); n != 3 {
		t.Errorf("a commit leaves %d rows, want 3", n)
	}
	if n := h.pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still borrowed", n)
	}
}

func TestACommittedJobIsWorkedAndARolledBackOneIsNot(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	worked := make(chan int, 10)
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, j *river.Job[testJob]) error {
		worked <- j.Args.N
		return nil
	}))
	client, err := river.NewClient(riverpgxv5.New(h.pool), &river.Config{Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.StopAndCancel(context.Background()) })
	_ = h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		_ = three(ctx, tx, 1)
		return errors.New("no")
	})
	h.in(t, func(ctx context.Context, tx Tx) error { return three(ctx, tx, 2) })
	select {
	case n := <-worked:
		if n != 2 {
			t.Errorf("worked job %d, which was rolled back", n)
		}
	case <-t.Context().Done():
		t.Fatal("the job was not worked")
	}
}

// River and others open transactions within ours: they become savepoints.
func TestBorrowedTransactionsNestAsSavepoints(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.PGX(func(outer pgx.Tx) error {
			if err := outer.Commit(ctx); !errors.Is(err, errOwnedByBun) {
				t.Errorf("the outer transaction commits by the back door: %v", err)
			}
			if err := outer.Rollback(ctx); err != nil {
				t.Errorf("rollback: %v", err)
			}
			for i, keep := range []bool{true, false, true} {
				inner, err := outer.Begin(ctx)
				if err != nil {
					return err
				}
				if _, err := inner.Exec(ctx, `INSERT INTO policy_version (hash, document) VALUES ($1, '')`, fmt.Sprint("pgx", i)); err != nil {
					return err
				}
				if !keep {
					_, err := inner.Exec(ctx, `SELECT 1/0`) // breaks the inner one only
					if err == nil {
						t.Error("division by zero works")
					}
					err = inner.Rollback(ctx)
					if err != nil {
						return err
					}
					continue
				}
				if err := inner.Commit(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if n := h.threes(t); n != 2 {
		t.Errorf("%d rows, want the 2 of committed savepoints", n)
	}
}

func TestInTxEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := h.InTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := three(ctx, tx, 1); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if err == nil {
		t.Error("a transaction whose context ended commits")
	}
	if n := h.threes(t); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
