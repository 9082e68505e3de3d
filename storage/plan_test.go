package storage

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// lastQuery remembers the statement bun sent last.
type lastQuery struct{ text string }

func (*lastQuery) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (q *lastQuery) AfterQuery(_ context.Context, e *bun.QueryEvent) { q.text = e.Query }

// walks fails unless a statement reads its rows in order from an index.
func walks(t *testing.T, h *house, query, index string) {
	t.Helper()
	rows, err := h.pool.Query(context.Background(), `EXPLAIN `+query)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(query, "SKIP LOCKED") || !strings.Contains(plan, "Index Scan using "+index) || strings.Contains(plan, "Sort") {
		t.Errorf("%s does not walk %s:\n%s", query, index, plan)
	}
}

// The sweep runs every second on every replica, among all rows there ever
// were.
func TestSweepQueriesUsePartialIndexes(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	sent := &lastQuery{}
	h.bun = h.bun.WithQueryHook(sent)
	alice := h.person(t, "alice")
	h.exec(t, `
		INSERT INTO request (requester_id, account_id, connection, kind, scopes, lifetime_s, reason, policy_hash, policy_name,
		                     granted_scopes, granted_s, state, source_key, lapses_at)
		SELECT $1, $2, 'acme', 'api_key', '{a}', 60, 'r', $3, 'p', '{a}', 60,
		       CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'fulfilled' END, 'k' || n, latchkey_now() + (n - 50) * interval '1 minute'
		FROM generate_series(1, 20000) n`, alice.PersonID, alice.ID, housePolicy)
	h.exec(t, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, request_id, scopes, lifetime_s, state, use_known, next_action_at)
		SELECT 'acme', 'api_key', false, true, $1, id, '{a}', 60, CASE WHEN id % 100 = 0 THEN 'issuing' ELSE 'revoked' END, true,
		       CASE WHEN id % 100 = 0 THEN latchkey_now() + id * interval '1 second' END
		FROM request`, alice.PersonID)
	h.exec(t, `ANALYZE`)
	for _, clock := range []string{`statement_timestamp()`, `statement_timestamp() + interval '40 days'`} { // also as tests and the demo replace it
		h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$SELECT `+clock+`$$`)
		h.in(t, func(ctx context.Context, tx Tx) error {
			_, err := tx.LapseDue(ctx, 200)
			walks(t, h, sent.text, "request_due")
			return err
		})
		h.in(t, func(ctx context.Context, tx Tx) error {
			_, err := tx.CredentialsDue(ctx, 200)
			walks(t, h, sent.text, "credential_due")
			return err
		})
	}
}
