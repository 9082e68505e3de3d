package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// QuarantineID is never shown.
type QuarantineID int64

// Quarantine is the time from finding that the database is older than what was
// published of its audit log until somebody answers for that.
type Quarantine struct {
	ID         QuarantineID
	Token      string // unique for ever, which an ID is not in a database that was restored
	At         time.Time
	Why        string // a sentence
	Size       int64  // of the published tree that the database does not reach
	Checkpoint string // and its checkpoint
	Have       int64  // how many events the database's own tree had
	ReplayedAt time.Time
	EndedAt    time.Time // zero while it lasts
	EndedBy    string
	EndedWhy   string
}

const quarantineColumns = `id, token, at, why, size, checkpoint, have, coalesce(replayed_at, '0001-01-01'), coalesce(ended_at, '0001-01-01'), ended_by, ended_why`

func (q *Quarantine) dest() []any {
	return []any{&q.ID, &q.Token, &q.At, &q.Why, &q.Size, &q.Checkpoint, &q.Have, &q.ReplayedAt, &q.EndedAt, &q.EndedBy, &q.EndedWhy}
}

// Quarantined reports whether the database serves nobody now.
func (db *DB) Quarantined(ctx context.Context) (bool, error) {
	var yes bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_quarantine WHERE ended_at IS NULL)`, pgx.QueryExecModeCacheStatement).Scan(&yes)
	return yes, wrap("look for a quarantine", err)
}

// Quarantined is the same within a transaction. One that begins meanwhile
// waits for nothing: whoever changes something twice must look twice.
func (t Tx) Quarantined(ctx context.Context) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `SELECT EXISTS (SELECT FROM audit_quarantine WHERE ended_at IS NULL)`, nil, &yes)
	return yes, wrap("look for a quarantine", err)
}

// Quarantine reads the one that lasts; ErrNotFound for none.
func (db *DB) Quarantine(ctx context.Context) (Quarantine, error) {
	var q Quarantine
	err := db.pool.QueryRow(ctx, `SELECT `+quarantineColumns+` FROM audit_quarantine WHERE ended_at IS NULL`, pgx.QueryExecModeCacheStatement).Scan(q.dest()...)
	return q, wrap("read quarantine", notFound(err))
}

// QuarantineByID reads one of any time.
func (db *DB) QuarantineByID(ctx context.Context, id QuarantineID) (Quarantine, error) {
	var q Quarantine
	err := db.pool.QueryRow(ctx, `SELECT `+quarantineColumns+` FROM audit_quarantine WHERE id = $1`, pgx.QueryExecModeCacheStatement, id).Scan(q.dest()...)
	return q, wrap("read quarantine", notFound(err))
}

// OpenQuarantine begins one, or joins the one that lasts: who knows of a
// larger tree has more to replay, and says so. Fresh tells that it began.
func (t Tx) OpenQuarantine(ctx context.Context, q *Quarantine) (fresh bool, err error) {
	err = t.queryRow(ctx, `
		INSERT INTO audit_quarantine (token, why, size, checkpoint, have)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT ((true)) WHERE ended_at IS NULL
		DO UPDATE SET
			replayed_at = CASE WHEN audit_quarantine.size < excluded.size THEN NULL ELSE audit_quarantine.replayed_at END,
			checkpoint = CASE WHEN audit_quarantine.size < excluded.size THEN excluded.checkpoint ELSE audit_quarantine.checkpoint END,
			size = greatest(audit_quarantine.size, excluded.size)
		RETURNING xmax = 0, `+quarantineColumns, []any{rand.Text(), q.Why, q.Size, q.Checkpoint, q.Have}, append([]any{&fresh}, q.dest()...)...)
	return fresh, wrap("open quarantine", err)
}

// QuarantineReplayed notes that what had ended by the tree of a size has ended
// in this database too.
func (db *DB) QuarantineReplayed(ctx context.Context, token string, size int64) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE audit_quarantine SET replayed_at = latchkey_now()
		WHERE token = $1
		  AND size <= $2
		  AND replayed_at IS NULL`, pgx.QueryExecModeCacheStatement, token, size)
	return wrap("note what was replayed", err)
}

// EndQuarantine ends the one that lasts. ErrConflict if it is another one than
// was looked at, or if somebody learned of a larger tree since.
func (t Tx) EndQuarantine(ctx context.Context, q Quarantine, by Actor, why string) error {
	n, err := t.exec(ctx, `
		UPDATE audit_quarantine SET ended_at = latchkey_now(), ended_by = $3, ended_why = $4
		WHERE token = $1
		  AND size = $2
		  AND ended_at IS NULL
		  AND replayed_at IS NOT NULL`, q.Token, q.Size, by.Name, why)
	if err == nil && n == 0 {
		return ErrConflict
	}
	return wrap("end quarantine", err)
}

// SkipIDs leaves n of every kind of ID out, so that none is given again that
// a lost part of the history gave.
func (t Tx) SkipIDs(ctx context.Context, n int64) error {
	_, err := t.exec(ctx, `
		SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + $1)
		FROM pg_sequences
		WHERE schemaname = current_schema()
		  AND sequencename NOT LIKE 'river%'`, n)
	return wrap("skip IDs", err)
}

// AuditTimeAt reads when the event at a position happened; ErrNotFound for
// none.
func (db *DB) AuditTimeAt(ctx context.Context, position int64) (time.Time, error) {
	var at time.Time
	err := db.pool.QueryRow(ctx, `SELECT at FROM audit_leaf WHERE position = $1`, pgx.QueryExecModeCacheStatement, position).Scan(&at)
	return at, wrap("read time of an event", notFound(err))
}

// AuditStanding is what a database says of its log, read at one moment.
type AuditStanding struct {
	Public     string           // verifies its checkpoints; empty before the first start
	Checkpoint Checkpoint       // the latest; zero before the first
	Accepted   map[string]int64 // quarantines that ended, by token: the size of the tree that was given up
}

// AuditStanding reads it.
func (db *DB) AuditStanding(ctx context.Context) (AuditStanding, error) {
	out := AuditStanding{Accepted: map[string]int64{}}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT public FROM audit_signer WHERE id = 1`, pgx.QueryExecModeCacheStatement).Scan(&out.Public)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if out.Checkpoint, err = latestCheckpoint(ctx, tx); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT token, size FROM audit_quarantine WHERE ended_at IS NOT NULL`, pgx.QueryExecModeCacheStatement)
		if err != nil {
			return err
		}
		var token string
		var size int64
		_, err = pgx.ForEachRow(rows, []any{&token, &size}, func() error { out.Accepted[token] = size; return nil })
		return err
	})
	return out, wrap("read how the audit log stands", err)
}
