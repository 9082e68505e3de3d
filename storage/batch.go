package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// BatchID is never shown.
type BatchID int64

// BatchState is where an act on many credentials stands.
type BatchState string

// The states of a batch. A held one waits for an admin to let it run.
const (
	BatchHeld    BatchState = "held"
	BatchRunning BatchState = "running"
	BatchDone    BatchState = "done"
	BatchDropped BatchState = "dropped"
)

// The kinds of batch.
const (
	BatchRevoke  = "revoke"   // an admin ends many keys
	BatchEnforce = "enforce"  // a rule does
	BatchSilence = "campaign" // nobody said that they are needed
)

// Batch is one act on many credentials.
type Batch struct {
	ID         BatchID
	Kind       string
	Title      string // for people: "every key of tempo"
	Connection string // empty for several
	Actor      Actor
	Reason     string
	State      BatchState
	SourceKey  string // makes filing it again harmless
	CreatedAt  time.Time
	EndedAt    time.Time

	Total   int                     // credentials in it
	Begun   int                     // of which the revoke was begun
	ByState map[CredentialState]int // where they stand now
}

// Item is one credential of a batch, why it is in it and what is done to it.
type Item struct {
	ID      CredentialID
	Why     string
	Suspend bool // stopped until somebody resumes it, instead of ended for good
}

// InsertBatch files an act. ErrDuplicate when its SourceKey is there, or when
// a held one of the connection waits already; b then is the one there.
func (t Tx) InsertBatch(ctx context.Context, b *Batch, items []Item) error {
	err := t.queryRow(ctx, `
		INSERT INTO batch (kind, title, connection, actor_id, account_id, actor, ref, reason, state, source_key)
		VALUES ($1, $2, $3, nullif($4, 0), nullif($5, 0), $6, $7, $8, $9, $10)
		ON CONFLICT DO NOTHING RETURNING id, created_at`,
		[]any{b.Kind, b.Title, b.Connection, b.Actor.PersonID, b.Actor.AccountID, b.Actor.Name, b.Actor.Ref, b.Reason, b.State, b.SourceKey},
		&b.ID, &b.CreatedAt)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		err := t.queryRow(ctx, `SELECT id FROM batch WHERE source_key = $1 OR connection = $2 AND state = 'held'
			ORDER BY source_key = $1 DESC, id DESC LIMIT 1`,
			[]any{b.SourceKey, b.Connection}, &b.ID)
		if err != nil {
			return wrap("read batch", err)
		}
		return ErrDuplicate
	}
	if err != nil {
		return wrap("insert batch", err)
	}
	ids, whys, suspends := make([]CredentialID, len(items)), make([]string, len(items)), make([]bool, len(items))
	for i, it := range items {
		ids[i], whys[i], suspends[i] = it.ID, it.Why, it.Suspend
	}
	_, err = t.exec(ctx, `
		INSERT INTO batch_item (batch_id, credential_id, why, verb)
		SELECT $1, i.id, i.why, CASE WHEN i.suspend THEN 'suspend' ELSE 'revoke' END FROM unnest($2::bigint[], $3::text[], $4::boolean[]) AS i (id, why, suspend)`,
		b.ID, ids, whys, suspends)
	if err != nil {
		return wrap("insert batch items", err)
	}
	return t.Record(ctx, b.Actor, Event{Action: "batch." + string(b.State), Subject: SubjectBatch, SubjectID: int64(b.ID), After: string(b.State), Reason: b.Reason})
}

// MoveBatch takes a batch from one state to another, with its audit row.
// ErrConflict when it is not in that state.
func (t Tx) MoveBatch(ctx context.Context, id BatchID, from, to BatchState, by Actor, reason string) error {
	n, err := t.exec(ctx, `
		UPDATE batch SET state = $3, ended_at = CASE WHEN $3 IN ('done', 'dropped') THEN latchkey_now() END
		WHERE id = $1 AND state = $2`, id, from, to)
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("move batch", err)
	}
	return t.Record(ctx, by, Event{Action: "batch." + string(to), Subject: SubjectBatch, SubjectID: int64(id), Before: string(from), After: string(to), Reason: reason})
}

// TakeItems claims credentials of a batch that nobody began, in this
// transaction.
func (t Tx) TakeItems(ctx context.Context, id BatchID, limit int) ([]Item, error) {
	var out []Item
	var it Item
	err := t.each(ctx, `
		UPDATE batch_item i SET begun = true
		FROM (SELECT credential_id FROM batch_item WHERE batch_id = $1 AND NOT begun ORDER BY credential_id LIMIT $2 FOR UPDATE SKIP LOCKED) n
		WHERE i.batch_id = $1 AND i.credential_id = n.credential_id
		RETURNING i.credential_id, i.why, i.verb = 'suspend'`, []any{id, limit}, []any{&it.ID, &it.Why, &it.Suspend}, func() { out = append(out, it) })
	return out, wrap("take batch items", err)
}

// Batch reads a batch and how far it came.
func (db *DB) Batch(ctx context.Context, id BatchID) (Batch, error) {
	b := Batch{ByState: map[CredentialState]int{}}
	err := db.pool.QueryRow(ctx, `
		SELECT id, kind, title, connection, coalesce(actor_id, 0), coalesce(account_id, 0), actor, ref, reason, state, source_key, created_at,
		       coalesce(ended_at, '0001-01-01')
		FROM batch WHERE id = $1`, id).
		Scan(&b.ID, &b.Kind, &b.Title, &b.Connection, &b.Actor.PersonID, &b.Actor.AccountID, &b.Actor.Name, &b.Actor.Ref, &b.Reason, &b.State,
			&b.SourceKey, &b.CreatedAt, &b.EndedAt)
	if err != nil {
		return b, wrap("read batch", notFound(err))
	}
	rows, err := db.pool.Query(ctx, `
		SELECT c.state, count(*), count(*) FILTER (WHERE i.begun)
		FROM batch_item i JOIN credential c ON c.id = i.credential_id WHERE i.batch_id = $1 GROUP BY c.state`, id)
	if err != nil {
		return b, wrap("count batch", err)
	}
	var state CredentialState
	var n, begun int
	_, err = pgx.ForEachRow(rows, []any{&state, &n, &begun}, func() error {
		b.ByState[state] = n
		b.Total += n
		b.Begun += begun
		return nil
	})
	return b, wrap("count batch", err)
}

// BatchItems lists a batch's credentials, a page at a time by key.
func (db *DB) BatchItems(ctx context.Context, id BatchID, after CredentialID, limit int) ([]Item, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT credential_id, why, verb = 'suspend' FROM batch_item WHERE batch_id = $1 AND credential_id > $2 ORDER BY credential_id LIMIT $3`, id, after, limit)
	if err != nil {
		return nil, wrap("read batch items", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Item])
	return out, wrap("read batch items", err)
}

// DroppedSince tells whether an admin dropped a held batch of a connection
// since a time; those of campaigns are another matter.
func (db *DB) DroppedSince(ctx context.Context, connection string, since time.Time) (bool, error) {
	var yes bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM batch WHERE connection = $1 AND kind <> 'campaign' AND state = 'dropped' AND ended_at >= $2)`, connection, since).Scan(&yes)
	return yes, wrap("find dropped batches", err)
}
