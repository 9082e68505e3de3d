package storage

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// planOf is how the server would run a statement about these arguments.
func (h *house) planOf(t *testing.T, query string, args []any) string {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `EXPLAIN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// A walk looks refs and accounts up batch by batch. What a batch costs must
// not grow with what the connection has, neither right after the first walk,
// when the server knows nothing of the tables, nor later.
func TestSyncQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for _, table := range []string{"account", "credential", "connection"} {
		h.exec(t, `ALTER TABLE `+table+` SET (autovacuum_enabled = false)`)
	}
	system := madeSystem{credentials: 20_000}
	err := pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error { return copyAndUpsert(t.Context(), tx, system) })
	if err != nil {
		t.Fatal(err)
	}
	h.exec(t, `UPDATE credential SET state = 'revoked' WHERE id % 2 = 0`)
	h.exec(t, `INSERT INTO connection (name, kind, brokered, sync_due_at) SELECT 'c' || n, 'fake', false, latchkey_now() + (n - 50) * interval '1 minute'
		FROM generate_series(1, 20000) n`)
	var batch []Listed
	var owners []VendorAccount
	var refs []string
	for i := range 1000 {
		batch, owners, refs = append(batch, system.credential(i)), append(owners, system.owner(i)), append(refs, system.credential(i).Ref)
	}
	seen := make([]CredentialID, system.credentials)
	checks := map[string]struct {
		query   string
		args    []any
		want    []string
		without []string
	}{
		"live":    {liveQuery, planned("acme", refs), []string{"Index Scan using credential_vendor_ref", "vendor_ref = i.ref"}, []string{"Seq Scan", "Hash"}},
		"ended":   {endedQuery, planned("acme", refs), []string{"Index Scan using credential_ended_ref", "vendor_ref = i.ref"}, []string{"Seq Scan", "Hash"}},
		"refresh": {refreshQuery, planned("acme", columnsOf(batch)...), []string{"Index Scan using credential_vendor_ref", "vendor_ref = "}, nil},
		"accounts": {knownAccountsQuery, planned("acme", accountColumns(owners)...),
			[]string{"Index Scan using account_system_team_external_id_key", "external_id = i.external_id"}, []string{"Seq Scan", "Hash"}},
		"missing": {missingQuery, planned("acme", seen, time.Now()), []string{"Except"}, []string{"Nested Loop"}},
		"follow":  {followQuery, planned("acme"), nil, []string{"credential_connection"}},
		"due":     {claimQuery, planned(time.Hour), []string{"Index Scan using connection_sync_due"}, []string{"Sort", "Seq Scan"}},
	}
	for _, when := range []string{"before the server knows the tables", "after"} {
		for name, check := range checks {
			plan := h.planOf(t, check.query, check.args)
			for _, want := range check.want {
				if !strings.Contains(plan, want) {
					t.Errorf("%s, %s: no %q in\n%s", name, when, want, plan)
				}
			}
			for _, no := range check.without {
				if strings.Contains(plan, no) {
					t.Errorf("%s, %s: %q in\n%s", name, when, no, plan)
				}
			}
		}
		h.exec(t, `ANALYZE`)
	}
}

// The plan of a statement that pgx caches would be for the empty tables that
// a new connection saw.
func TestABatchIsPlannedForItself(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.in(t, func(ctx context.Context, tx Tx) error {
		for range 8 { // Postgres keeps a plan from the sixth time on
			if _, err := tx.Sight(ctx, "acme", []Listed{listed("k")}); err != nil {
				return err
			}
		}
		var prepared int
		err := tx.queryRow(ctx, `SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%' || $1 || '%'`, []any{"vendor_ref = i.ref"}, &prepared)
		if prepared != 0 {
			t.Errorf("%d statements about refs are kept", prepared)
		}
		return err
	})
}
