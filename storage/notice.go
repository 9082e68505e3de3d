package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// DigestID is never shown.
type DigestID int64

// The kinds of notice.
const (
	NoticeExpiry  = "expiry"   // it ends soon
	NoticeExpired = "expired"  // it has ended
	NoticeStale   = "stale"    // it is unused, and has to go
	NoticeOverAge = "over_age" // it is too old, and has to go
)

// Notice is something one person has to hear about a credential, once.
type Notice struct {
	CredentialID CredentialID
	Kind         string
	DueAt        time.Time // the rung of the ladder
	PersonID     PersonID
}

// The statements below look credentials up in subqueries, by key, where a join
// would do: while the notices of a large house are new, the planner has no
// figures of them and would read every credential.

// Digest is the one message of a day that tells a person of all of them.
type Digest struct {
	ID        DigestID
	PersonID  PersonID
	CreatedAt time.Time
	Notices   []Notice
}

// digestEvery is how often one person gets a digest at most.
const digestEvery = "24 hours"

// Notify notes what people have to hear. Each thing is noted once, and each
// person's next digest is due at once, or a day after the last one. What can't
// wait that long joins the last one; those digests are returned.
func (t Tx) Notify(ctx context.Context, all []Notice) ([]DigestID, error) {
	if len(all) == 0 {
		return nil, nil
	}
	ids, kinds, due, people := noticeColumns(all)
	lately, recent := false, false // whether somebody of them got a digest within a day
	err := t.each(ctx, `
		WITH fresh AS (
			INSERT INTO notice (credential_id, kind, due_at, person_id)
			SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[])
			ON CONFLICT DO NOTHING
			RETURNING person_id
		)
		INSERT INTO reminder AS r (person_id, due_at)
		SELECT DISTINCT person_id, latchkey_now() FROM fresh ORDER BY person_id
		ON CONFLICT (person_id) DO UPDATE
		SET due_at = least(r.due_at, greatest(latchkey_now(), r.last_at + interval '`+digestEvery+`'))
		RETURNING coalesce(last_at > latchkey_now() - interval '`+digestEvery+`', false)`,
		[]any{ids, kinds, due, people}, []any{&recent}, func() { lately = lately || recent })
	if err != nil || !lately {
		return nil, wrap("note what people have to hear", err)
	}
	var out []DigestID
	var id DigestID
	err = t.each(ctx, `
		WITH joined AS (
			UPDATE notice n SET digest_id = r.digest_id
			FROM reminder r
			WHERE n.credential_id = ANY($1) AND n.digest_id IS NULL AND r.person_id = n.person_id
			  AND r.last_at > latchkey_now() - interval '`+digestEvery+`'
			  AND (n.kind = 'expired' OR (SELECT c.expires_at FROM credential c WHERE c.id = n.credential_id) <= r.last_at + interval '`+digestEvery+`')
			RETURNING n.digest_id
		)
		SELECT DISTINCT digest_id FROM joined`, []any{ids}, []any{&id}, func() { out = append(out, id) })
	return out, wrap("join the last digest", err)
}

// DigestsDue holds people whose digest is due, and skips those that another
// replica holds.
func (t Tx) DigestsDue(ctx context.Context, limit int) ([]PersonID, error) {
	var out []PersonID
	var id PersonID
	err := t.each(ctx, `
		SELECT person_id FROM reminder WHERE due_at <= latchkey_now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
		[]any{limit}, []any{&id}, func() { out = append(out, id) })
	return out, wrap("find due digests", err)
}

// MakeDigests puts what waits for some people into a digest each. What came to
// nothing meanwhile is dropped, and who has nothing left gets none.
func (t Tx) MakeDigests(ctx context.Context, people []PersonID) ([]DigestID, error) {
	_, err := t.exec(ctx, `
		DELETE FROM notice n
		WHERE n.person_id = ANY($1) AND n.digest_id IS NULL AND n.kind <> 'expired'
		  AND (SELECT c.state NOT IN ('active', 'suspended') OR n.kind = 'expiry' AND c.let_expire OR n.kind <> 'expiry' AND c.warned_at IS NULL
		       FROM credential c WHERE c.id = n.credential_id)`, people)
	if err != nil {
		return nil, wrap("drop notices", err)
	}
	var out []DigestID
	var id DigestID
	err = t.each(ctx, `
		WITH made AS (
			INSERT INTO digest (person_id)
			SELECT DISTINCT person_id FROM notice WHERE person_id = ANY($1) AND digest_id IS NULL
			RETURNING id, person_id
		), filled AS (
			UPDATE notice n SET digest_id = made.id FROM made WHERE n.person_id = made.person_id AND n.digest_id IS NULL
		), noted AS (
			UPDATE reminder r
			SET due_at = NULL, digest_id = coalesce(made.id, r.digest_id), last_at = CASE WHEN made.id IS NULL THEN r.last_at ELSE latchkey_now() END
			FROM unnest($1::bigint[]) AS p (id) LEFT JOIN made ON made.person_id = p.id
			WHERE r.person_id = p.id
		)
		SELECT id FROM made`, []any{people}, []any{&id}, func() { out = append(out, id) })
	return out, wrap("make digests", err)
}

// Doubtful is a notice that waits for somebody, who may not be the one to hear
// of it any more.
type Doubtful struct {
	Notice
	Connection string
	OwnerID    PersonID
}

// Doubtfuls lists what waits for some people who don't own what it is about,
// or can't be told.
func (t Tx) Doubtfuls(ctx context.Context, people []PersonID) ([]Doubtful, error) {
	var out []Doubtful
	var d Doubtful
	err := t.each(ctx, `
		SELECT n.credential_id, n.kind, n.due_at, n.person_id, c.connection, coalesce(c.owner_id, 0)
		FROM notice n CROSS JOIN LATERAL (SELECT connection, owner_id FROM credential WHERE id = n.credential_id LIMIT 1) c
		WHERE n.person_id = ANY($1) AND n.digest_id IS NULL
		  AND (c.owner_id IS DISTINCT FROM n.person_id OR n.person_id NOT IN (SELECT p.id FROM person p WHERE p.id = ANY($1) AND `+reachable+`))`,
		[]any{people}, []any{&d.CredentialID, &d.Kind, &d.DueAt, &d.PersonID, &d.Connection, &d.OwnerID}, func() { out = append(out, d) })
	return out, wrap("find doubtful notices", err)
}

// Unnotify drops notices that wait.
func (t Tx) Unnotify(ctx context.Context, all []Notice) error {
	if len(all) == 0 {
		return nil
	}
	ids, kinds, due, people := noticeColumns(all)
	_, err := t.exec(ctx, `
		DELETE FROM notice n USING unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[]) AS i (id, kind, due_at, person_id)
		WHERE n.credential_id = i.id AND n.kind = i.kind AND n.due_at = i.due_at AND n.person_id = i.person_id AND n.digest_id IS NULL`,
		ids, kinds, due, people)
	return wrap("drop notices", err)
}

func noticeColumns(all []Notice) (ids []CredentialID, kinds []string, due []time.Time, people []PersonID) {
	ids, kinds, due, people = make([]CredentialID, len(all)), make([]string, len(all)), make([]time.Time, len(all)), make([]PersonID, len(all))
	for i, n := range all {
		ids[i], kinds[i], due[i], people[i] = n.CredentialID, n.Kind, n.DueAt, n.PersonID
	}
	return ids, kinds, due, people
}

// Digest reads a digest with what it tells, what ends first first.
func (db *DB) Digest(ctx context.Context, id DigestID) (Digest, error) {
	d := Digest{ID: id}
	err := db.pool.QueryRow(ctx, `SELECT person_id, created_at FROM digest WHERE id = $1`, id).Scan(&d.PersonID, &d.CreatedAt)
	if err != nil {
		return d, wrap("read digest", notFound(err))
	}
	rows, err := db.pool.Query(ctx, `
		SELECT n.credential_id, n.kind, n.due_at, n.person_id FROM notice n JOIN credential c ON c.id = n.credential_id
		WHERE n.digest_id = $1 ORDER BY c.expires_at, n.credential_id, n.due_at`, id)
	if err != nil {
		return d, wrap("read digest", err)
	}
	d.Notices, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Notice])
	return d, wrap("read digest", err)
}

// DigestsAbout lists the digests of the last days that speak of a credential,
// so that they can be corrected.
func (db *DB) DigestsAbout(ctx context.Context, id CredentialID) ([]DigestID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT digest_id FROM notice n JOIN digest d ON d.id = n.digest_id
		WHERE n.credential_id = $1 AND d.created_at > latchkey_now() - interval '30 days' ORDER BY digest_id`, id)
	if err != nil {
		return nil, wrap("find digests", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[DigestID])
	return out, wrap("find digests", err)
}

// Reach says whether a person can be told, and who can be told instead.
type Reach struct {
	Person    PersonID
	Reachable bool     // works here and has an account at Slack
	Manager   PersonID // zero unless reachable
}

// reachable is the condition under which person p can be told something.
const reachable = `p.active AND EXISTS (SELECT FROM account a WHERE a.person_id = p.id AND a.system = 'slack' AND NOT a.is_deleted AND NOT a.is_bot)`

// Reaches reads whether people can be told.
func (t Tx) Reaches(ctx context.Context, ids []PersonID) (map[PersonID]Reach, error) {
	out := map[PersonID]Reach{}
	var r Reach
	err := t.each(ctx, `
		SELECT o.id, o.reachable, coalesce((SELECT p.id FROM person p WHERE p.id = o.manager_id AND `+reachable+`), 0)
		FROM (SELECT p.id, p.manager_id, `+reachable+` AS reachable FROM person p WHERE p.id = ANY($1)) o`, []any{ids}, []any{&r.Person, &r.Reachable, &r.Manager}, func() { out[r.Person] = r })
	return out, wrap("read who can be told", err)
}
