package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"latchkey/storage/storagetest"
)

// keyBundle is a migrated database with a connection "tempo" and two persons.
type keyBundle struct {
	*DB
	alice, frank PersonID
}

func openKeys(t testing.TB) *keyBundle {
	t.Helper()
	key, err := MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	dsn := storagetest.Database(t, storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := Open(ctx, Config{DSN: dsn, MaxConns: 2, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}})
	db, err := Open(t.Context(), Config{DSN: dsn, MaxConns: 8, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	b := &keyBundle{DB: db}
	b.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('tempo', 'tempo', true)`)
	b.alice, b.frank = b.person(t, "alice"), b.person(t, "frank")
	return b
}

func (b *keyBundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *keyBundle) person(t testing.TB, name string) (id PersonID) {
	t.Helper()
	err := b.pool.QueryRow(t.Context(), `INSERT INTO person (email, name) VALUES ($1, $2) RETURNING id`, name+"@example.com", name).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func keyHash(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// insert makes an active brokered key named by its label.
func (b *keyBundle) insert(t testing.TB, label string, owner PersonID) (id CredentialID) {
	t.Helper()
	hash := keyHash(label)
	err := b.pool.QueryRow(t.Context(), `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, label, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		VALUES ('tempo', 'api_key', true, true, $1, $2, '{worklogs:view,plans:view}', 3600, 'active', $2, $3,
		        latchkey_now(), latchkey_now() + interval '1 hour', true)
		RETURNING id`, owner, label, hash[:]).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestGatewayKeysLoadsEveryKeyThatMayBeMet(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	active := b.insert(t, "active", b.alice)
	suspended := b.insert(t, "suspended", b.alice)
	left := b.insert(t, "left", b.frank)
	nobody := b.insert(t, "nobody", b.alice)
	ended := b.insert(t, "ended", b.alice)
	issuing := b.insert(t, "issuing", b.alice)
	longAgo, native, keyless := b.insert(t, "long ago", b.alice), b.insert(t, "native", b.alice), b.insert(t, "keyless", b.alice)
	b.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, suspended)
	b.exec(t, `UPDATE person SET active = false WHERE id = $1`, b.frank)
	b.exec(t, `UPDATE credential SET owner_id = NULL WHERE id = $1`, nobody)
	b.exec(t, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, ended)
	b.exec(t, `UPDATE credential SET state = 'issuing', activated_at = NULL, expires_at = NULL WHERE id = $1`, issuing)
	b.exec(t, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() - interval '31 days' WHERE id = $1`, longAgo)
	b.exec(t, `UPDATE credential SET brokered = false WHERE id = $1`, native)
	b.exec(t, `UPDATE credential SET key_hash = NULL WHERE id = $1`, keyless)

	got := map[CredentialID]GatewayKey{}
	err := b.GatewayKeys(t.Context(), func(k GatewayKey) error {
		got[k.ID] = k
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	alive := map[CredentialID]bool{}
	for id, k := range got {
		alive[id] = k.Alive
	}
	want := map[CredentialID]bool{active: true, suspended: false, left: false, nobody: false, ended: false, issuing: false}
	if diff := cmp.Diff(want, alive); diff != "" {
		t.Errorf("keys and whether they are alive (-want +got):\n%s", diff)
	}
	now, err := b.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantActive := GatewayKey{ID: active, Hash: keyHash("active"), Connection: "tempo", Scopes: []string{"worklogs:view", "plans:view"},
		ExpiresAt: now.Add(time.Hour), Alive: true, ChangedAt: now, Kind: "api_key"}
	if diff := cmp.Diff(wantActive, got[active], cmpopts.EquateApproxTime(time.Minute)); diff != "" {
		t.Errorf("active key (-want +got):\n%s", diff)
	}
	if !got[issuing].ExpiresAt.IsZero() {
		t.Errorf("a key that was never active expires %s", got[issuing].ExpiresAt)
	}
}

// A key of an OAuth grant lives as long as the grant has a token, and every
// change of the token is one of the key.
func TestGatewayKeysOfOAuthGrants(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.exec(t, `INSERT INTO data_key (id, sealed) VALUES (1, ''), (7, '')`)
	plain, given, pending := b.insert(t, "plain", b.alice), b.insert(t, "given", b.alice), b.insert(t, "pending", b.alice)
	b.exec(t, `UPDATE credential SET kind = 'oauth_grant' WHERE id <> $1`, plain)
	b.exec(t, `INSERT INTO oauth_grant (credential_id, data_key_id, access) VALUES ($1, 1, 'stray'), ($2, 7, 'sealed')`, plain, given)
	read := func() map[CredentialID]string {
		t.Helper()
		keys, err := b.GatewayKeysByID(t.Context(), []CredentialID{plain, given, pending})
		if err != nil {
			t.Fatal(err)
		}
		out := map[CredentialID]string{}
		for _, k := range keys {
			out[k.ID] = fmt.Sprintf("%s alive=%t %s by %d", k.Kind, k.Alive, k.Sealed, k.DataKeyID)
		}
		return out
	}
	want := map[CredentialID]string{
		plain:   "api_key alive=true  by 0",
		given:   "oauth_grant alive=true sealed by 7",
		pending: "oauth_grant alive=false  by 0",
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for _, change := range []struct{ sql, want string }{
		{`UPDATE oauth_grant SET access = 'renewed' WHERE credential_id = $1`, "oauth_grant alive=true renewed by 7"},
		{`UPDATE oauth_grant SET access = NULL WHERE credential_id = $1`, "oauth_grant alive=false  by 7"},
	} {
		b.exec(t, `UPDATE credential SET changed_at = clock_timestamp() - interval '1 hour'`)
		_, clock, err := b.GatewayKeysSince(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		b.exec(t, change.sql, given)
		changed, _, err := b.GatewayKeysSince(t.Context(), clock.Mark)
		if err != nil || len(changed) != 1 || changed[0].ID != given {
			t.Errorf("%s: changed %v, %v", change.sql, changed, err)
		}
		if got := read()[given]; got != change.want {
			t.Errorf("%s: %s, want %s", change.sql, got, change.want)
		}
	}
}

func TestGatewayKeysEndsWithTheCallersError(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.insert(t, "one", b.alice)
	b.insert(t, "two", b.alice)
	stop, calls := errors.New("enough"), 0
	err := b.GatewayKeys(t.Context(), func(GatewayKey) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("err = %v after %d calls", err, calls)
	}
}

func TestGatewayKeysByID(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	one, two := b.insert(t, "one", b.alice), b.insert(t, "two", b.frank)
	b.insert(t, "three", b.alice)
	b.exec(t, `UPDATE person SET active = false WHERE id = $1`, b.frank)
	keys, err := b.GatewayKeysByID(t.Context(), []CredentialID{one, two, 999})
	if err != nil {
		t.Fatal(err)
	}
	got := map[CredentialID]bool{}
	for _, k := range keys {
		got[k.ID] = k.Alive
	}
	if diff := cmp.Diff(map[CredentialID]bool{one: true, two: false}, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestGatewayKeysSinceFindsWhatChanged(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	states := b.insert(t, "state", b.alice)
	persons := b.insert(t, "person", b.frank)
	untouched := b.insert(t, "untouched", b.alice)
	b.exec(t, `UPDATE credential SET changed_at = clock_timestamp() - interval '1 hour'`)

	keys, clock, err := b.GatewayKeysSince(t.Context(), time.Time{})
	if err != nil || len(keys) != 0 {
		t.Fatalf("zero mark: %d keys, err %v", len(keys), err)
	}
	// A transaction that began long before the mark and commits after it.
	late, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(t.Context(), `UPDATE credential SET state = 'suspended' WHERE id = $1`, states); err != nil {
		t.Fatal(err)
	}
	keys, clock, err = b.GatewayKeysSince(t.Context(), clock.Mark)
	if err != nil || len(keys) != 0 {
		t.Fatalf("before the commit: %d keys, err %v", len(keys), err)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE person SET active = false WHERE id = $1`, b.frank)
	keys, _, err = b.GatewayKeysSince(t.Context(), clock.Mark)
	if err != nil {
		t.Fatal(err)
	}
	got := map[CredentialID]bool{}
	for _, k := range keys {
		got[k.ID] = k.Alive
	}
	if diff := cmp.Diff(map[CredentialID]bool{states: false, persons: false}, got); diff != "" {
		t.Errorf("changed, %v untouched (-want +got):\n%s", untouched, diff)
	}
}

func TestGatewayKeysSinceReadsBothClocks(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
		AS 'SELECT statement_timestamp() + interval ''40 days'''`)
	_, clock, err := b.GatewayKeysSince(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	shift := clock.Now.Sub(clock.Mark).Round(time.Minute)
	if shift != 40*24*time.Hour {
		t.Errorf("the deciding clock is %s ahead of the real one", shift)
	}
}

// The poll and the listener run every second among many keys.
func TestGatewayKeyReadsUseIndexes(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.exec(t, `ALTER TABLE credential DISABLE TRIGGER USER`)
	b.exec(t, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, key_hash, use_known, changed_at)
		SELECT 'tempo', 'api_key', true, true, $1, '{a}', 1, 'issuing', sha256(n::text::bytea), true, clock_timestamp() - n * interval '1 minute'
		FROM generate_series(1, 20000) n`, b.alice)
	b.exec(t, `ANALYZE`)
	for _, tt := range []struct{ where, index string }{
		{` AND c.changed_at >= '` + time.Now().Add(-10*time.Minute).Format(time.RFC3339) + `'`, "credential_changed"},
		{` AND c.id = ANY('{1,2,3}')`, "credential_pkey"},
	} {
		rows, err := b.pool.Query(t.Context(), `EXPLAIN `+gatewayKeys+tt.where)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, tt.index) {
			t.Errorf("%s does not use %s:\n%s", tt.where, tt.index, plan)
		}
	}
}

func TestListenKeys(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	first, second := b.insert(t, "first", b.frank), b.insert(t, "second", b.frank)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan []CredentialID, 100)
	done := make(chan error, 1)
	go func() { done <- b.ListenKeys(ctx, func(ids []CredentialID) { heard <- ids }) }()
	next := func(n int) string {
		var all []string
		for range n {
			select {
			case ids := <-heard:
				all = append(all, fmt.Sprint(ids))
			case <-time.After(20 * time.Second):
				t.Fatalf("heard only %v", all)
			}
		}
		sort.Strings(all)
		return strings.Join(all, " ")
	}
	same := func(what, want, got string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: heard %s, want %s", what, got, want)
		}
	}
	same("connected", "[]", next(1))
	b.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, first)
	same("suspended", fmt.Sprint([]CredentialID{first}), next(1))
	b.exec(t, `UPDATE credential SET last_used_at = latchkey_now() WHERE id = $1`, first) // not a change
	b.exec(t, `UPDATE person SET active = false WHERE id = $1`, b.frank)
	both := []string{fmt.Sprint([]CredentialID{first}), fmt.Sprint([]CredentialID{second})}
	sort.Strings(both)
	same("person left", strings.Join(both, " "), next(2))
	b.exec(t, `NOTIFY latchkey_key, 'nonsense'`)
	b.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	same("connected again", "[] []", next(2)) // once that the line broke, and once that there is another
	third := b.insert(t, "third", b.alice)
	same("inserted", fmt.Sprint([]CredentialID{third}), next(1))
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
