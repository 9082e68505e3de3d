package storage

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// GatewayKey is what the gateway knows of a brokered credential. The key
// itself is nowhere: Hash is its keyed digest.
type GatewayKey struct {
	ID         CredentialID
	Hash       [32]byte
	Connection string
	Scopes     []string
	ExpiresAt  time.Time // zero before activation
	Alive      bool      // the credential is active, and so are its owner and its OAuth grant; expiry is judged by the reader's clock
	ChangedAt  time.Time // by the database's real clock
	Kind       string    // api_key or oauth_grant
	Sealed     []byte    // oauth_grant: the owner's access token, sealed; nil once the grant ended
	DataKeyID  int16     // oauth_grant: what it is sealed with
}

// GatewayClock is one reading of the database's two clocks.
type GatewayClock struct {
	Now  time.Time // latchkey_now(): decides about expiry
	Mark time.Time // the real clock, which stamps changes: hand it to the next GatewayKeysSince
}

// A dead key is known for this long after its end, so that its further use
// is seen in the access log.
const deadKeyDays = 30

// changeOverlap is how far a poll looks back behind the previous one. A
// change is stamped when its row is written and seen when its transaction
// commits; transactions here are shorter by far.
const changeOverlap = 15 * time.Second

const gatewayKeys = `
	SELECT c.id, c.key_hash, c.connection, c.scopes, coalesce(c.expires_at, '0001-01-01'),
	       c.state = 'active' AND coalesce(p.active, false) AND (c.kind <> 'oauth_grant' OR g.access IS NOT NULL),
	       c.changed_at, c.kind, g.access, coalesce(g.data_key_id, 0)
	FROM credential c
	LEFT JOIN person p ON p.id = c.owner_id
	LEFT JOIN oauth_grant g ON g.credential_id = c.id AND c.kind = 'oauth_grant'
	WHERE c.key_hash IS NOT NULL
	  AND c.brokered`

// GatewayKeys streams every key the gateway may meet. The error of fn ends
// the stream.
func (db *DB) GatewayKeys(ctx context.Context, fn func(GatewayKey) error) error {
	rows, err := db.pool.Query(ctx, gatewayKeys+`
	  AND (c.ended_at IS NULL OR c.ended_at > latchkey_now() - make_interval(days => $1))`, pgx.QueryExecModeCacheStatement, deadKeyDays)
	if err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	return wrap("load keys", eachKey(rows, fn))
}

// GatewayKeysByID reads keys by the credentials they belong to. One that has
// no key is left out.
func (db *DB) GatewayKeysByID(ctx context.Context, ids []CredentialID) ([]GatewayKey, error) {
	rows, err := db.pool.Query(ctx, gatewayKeys+`
	  AND c.id = ANY($1)`, pgx.QueryExecModeCacheStatement, ids)
	if err != nil {
		return nil, fmt.Errorf("load keys by ID: %w", err)
	}
	out, err := collectKeys(rows)
	return out, wrap("load keys by ID", err)
}

// GatewayKeysSince reads the keys that changed since an earlier reading's
// mark, some of them again, and the clocks as they stood before the reading.
// A zero mark reads the clocks only.
func (db *DB) GatewayKeysSince(ctx context.Context, mark time.Time) ([]GatewayKey, GatewayClock, error) {
	var clock GatewayClock
	// The clocks are read first: what changes after this moment is the next
	// poll's.
	err := db.pool.QueryRow(ctx, `SELECT latchkey_now(), clock_timestamp()`, pgx.QueryExecModeCacheStatement).Scan(&clock.Now, &clock.Mark)
	if err != nil {
		return nil, GatewayClock{}, fmt.Errorf("poll clock: %w", err)
	}
	if mark.IsZero() {
		return nil, clock, nil
	}
	rows, err := db.pool.Query(ctx, gatewayKeys+` AND c.changed_at >= $1`, pgx.QueryExecModeCacheStatement, mark.Add(-changeOverlap))
	if err != nil {
		return nil, GatewayClock{}, fmt.Errorf("poll keys: %w", err)
	}
	keys, err := collectKeys(rows)
	if err != nil {
		return nil, GatewayClock{}, fmt.Errorf("poll keys: %w", err)
	}
	return keys, clock, nil
}

func collectKeys(rows pgx.Rows) ([]GatewayKey, error) {
	var out []GatewayKey
	err := eachKey(rows, func(k GatewayKey) error {
		out = append(out, k)
		return nil
	})
	return out, err
}

func eachKey(rows pgx.Rows, fn func(GatewayKey) error) error {
	var k GatewayKey
	var hash []byte
	dest := []any{&k.ID, &hash, &k.Connection, &k.Scopes, &k.ExpiresAt, &k.Alive, &k.ChangedAt, &k.Kind, &k.Sealed, &k.DataKeyID}
	_, err := pgx.ForEachRow(rows, dest, func() error {
		k.Hash = [32]byte(hash) // the schema holds it to 32 bytes
		err := fn(k)
		k.Scopes, k.Sealed = nil, nil // fn keeps the slices
		return err
	})
	return err
}

// The channel of the schema's triggers, and how a silent line is told from a
// dead one.
const (
	keyChannel   = "latchkey_key"
	listenProbe  = 15 * time.Second
	probeTimeout = 5 * time.Second
	listenPause  = 100 * time.Millisecond
	listenLull   = 5 * time.Second
)

// ListenKeys calls fn with the credentials whose keys changed, as their
// transactions commit, until ctx ends. It has a connection of its own and
// makes a new one when that breaks. fn(nil) means that it has just begun to
// listen, or has just stopped: anything may have changed before, or will
// unheard. fn must not block.
func (db *DB) ListenKeys(ctx context.Context, fn func(ids []CredentialID)) error {
	pause := listenPause
	for {
		err := db.listenKeys(ctx, func(ids []CredentialID) {
			pause = listenPause
			fn(ids)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		db.log.Warn().Err(err).Dur("again_in", pause).Msg("stopped hearing of key changes")
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, listenLull)
	}
}

// listenKeys listens on one connection until it breaks.
func (db *DB) listenKeys(ctx context.Context, fn func(ids []CredentialID)) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		_ = conn.Close(bye)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+keyChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fn(nil)
	for {
		id, err := awaitKey(ctx, conn)
		if err != nil {
			if ctx.Err() == nil {
				fn(nil)
			}
			return err
		}
		if id != 0 {
			fn([]CredentialID{id})
		}
	}
}

// awaitKey waits for one notification. Zero without an error means that none
// came and the connection is alive.
func awaitKey(ctx context.Context, conn *pgx.Conn) (CredentialID, error) {
	wait, cancel := context.WithTimeout(ctx, listenProbe)
	defer cancel()
	n, err := conn.WaitForNotification(wait)
	if err == nil {
		id, err := strconv.ParseInt(n.Payload, 10, 64)
		if err != nil {
			return 0, nil // not of our triggers
		}
		return CredentialID(id), nil
	}
	if ctx.Err() != nil || !pgconn.Timeout(err) {
		return 0, fmt.Errorf("wait for a change: %w", err)
	}
	probe, cancelProbe := context.WithTimeout(ctx, probeTimeout)
	defer cancelProbe()
	if err := conn.Ping(probe); err != nil {
		return 0, fmt.Errorf("probe the line: %w", err)
	}
	return 0, nil
}
