package storage

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownKey makes an active key of Latchkey's own that an account asked for.
func (h *house) ownKey(t *testing.T, name string, by Account) CredentialID {
	t.Helper()
	r := h.request(t, by, "own:"+name, by.PersonID)
	hash := keyHash(name)
	var id CredentialID
	err := h.pool.QueryRow(t.Context(), `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, request_id, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		VALUES ('latchkey', 'api_key', true, true, $1, $2, '{credentials:rotate}', 3600, 'active', $3, $4,
		        latchkey_now(), latchkey_now() + interval '1 hour', true)
		RETURNING id`, by.PersonID, r.ID, name, hash[:]).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var ownConnections = []string{"latchkey"}

func openOwnKeys(t *testing.T) (h *house, erin Account) {
	t.Helper()
	h = openHouse(t)
	h.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('latchkey', 'latchkey', true)`)
	h.person(t, "alice")
	return h, h.person(t, "erin")
}

func TestOwnKeyIsFoundWhileItLives(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sql  string // with the key and the person
		live bool
	}{
		"live":              {`SELECT $1::bigint, $2::bigint`, true},
		"suspended":         {`UPDATE credential SET state = 'suspended' WHERE id = $1 AND $2 > 0`, false},
		"revoked":           {`UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1 AND $2 > 0`, false},
		"expires now":       {`UPDATE credential SET expires_at = latchkey_now() WHERE id = $1 AND $2 > 0`, false},
		"not active yet":    {`UPDATE credential SET state = 'issuing', activated_at = NULL, expires_at = NULL WHERE id = $1 AND $2 > 0`, false},
		"owner left":        {`UPDATE person SET active = false WHERE $1 > 0 AND id = $2`, false},
		"nobody's":          {`UPDATE credential SET owner_id = NULL WHERE id = $1 AND $2 > 0`, false},
		"of another system": {`UPDATE credential SET connection = 'tempo' WHERE id = $1 AND $2 > 0`, false},
		"account closed":    {`UPDATE account SET is_deleted = true WHERE $1 > 0 AND person_id = $2`, false},
		"guest by now":      {`UPDATE account SET is_guest = true WHERE $1 > 0 AND person_id = $2`, false},
		"without a request": {`UPDATE credential SET request_id = NULL WHERE id = $1 AND $2 > 0`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, erin := openOwnKeys(t)
			id := h.ownKey(t, "ci", erin)
			h.exec(t, tt.sql, id, erin.PersonID)
			k, err := h.OwnKey(t.Context(), keyHash("ci"), ownConnections)
			if !tt.live {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("err = %v, want ErrNotFound", err)
				}
				return
			}
			if err != nil || k.ID != id || k.Account.ID != erin.ID || k.Account.PersonID != erin.PersonID || k.Account.Name != "erin" || k.Scopes[0] != "credentials:rotate" {
				t.Errorf("OwnKey = %+v, %v", k, err)
			}
		})
	}
}

func TestOwnKeyOfNoConnectionOrNobody(t *testing.T) {
	t.Parallel()
	h, erin := openOwnKeys(t)
	h.ownKey(t, "ci", erin)
	for what, err := range map[string]error{
		"no connections": second(h.OwnKey(t.Context(), keyHash("ci"), []string{})),
		"unknown":        second(h.OwnKey(t.Context(), keyHash("other"), ownConnections)),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: err = %v, want ErrNotFound", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The log says who acted: the account that asked, and not just any.
func TestOwnKeyActsByTheAccountThatAsked(t *testing.T) {
	t.Parallel()
	h, erin := openOwnKeys(t)
	admin := erin
	h.exec(t, `INSERT INTO account (person_id, system, team, external_id, name) VALUES ($1, 'slack', 'T1', 'UERINADM', 'erin (admin)')`, erin.PersonID)
	if err := h.pool.QueryRow(t.Context(), `SELECT id FROM account WHERE external_id = 'UERINADM'`).Scan(&admin.ID); err != nil {
		t.Fatal(err)
	}
	h.ownKey(t, "ci", admin)
	k, err := h.OwnKey(t.Context(), keyHash("ci"), ownConnections)
	if err != nil || k.Account.ID != admin.ID {
		t.Errorf("acts by account %d, want %d, which asked: %v", k.Account.ID, admin.ID, err)
	}
	h.exec(t, `UPDATE account SET is_deleted = true WHERE id = $1`, admin.ID)
	k, err = h.OwnKey(t.Context(), keyHash("ci"), ownConnections)
	if err != nil || k.Account.ID != erin.ID {
		t.Errorf("acts by account %d, want %d, which is left: %v", k.Account.ID, erin.ID, err)
	}
}

func TestUseOfOwnKeysIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	h, erin := openOwnKeys(t)
	id := h.ownKey(t, "ci", erin)
	used := func() (at time.Time) {
		t.Helper()
		if err := h.NoteOwnKeyUse(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := h.pool.QueryRow(t.Context(), `SELECT last_used_at FROM credential WHERE id = $1`, id).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	noted := func() bool {
		t.Helper()
		k, err := h.OwnKey(t.Context(), keyHash("ci"), ownConnections)
		if err != nil {
			t.Fatal(err)
		}
		return k.Used
	}
	if noted() {
		t.Error("a key that was never used counts as used")
	}
	first := used()
	if !noted() || !used().Equal(first) {
		t.Error("a second use within the minute is noted anew")
	}
	h.exec(t, `UPDATE credential SET last_used_at = last_used_at - interval '61 seconds'`)
	if noted() || !used().After(first) {
		t.Error("a use a minute later is not noted")
	}
}

// Every call to the API begins with this look-up.
func TestOwnKeyIsFoundByItsHash(t *testing.T) {
	t.Parallel()
	h, _ := openOwnKeys(t)
	h.exec(t, `
		INSERT INTO credential (connection, kind, brokered, managed, scopes, lifetime_s, state, vendor_ref, key_hash, activated_at, expires_at, use_known)
		SELECT 'latchkey', 'api_key', true, true, '{a}', 60, 'active', n::text, sha256(int8send(n)), latchkey_now(), latchkey_now() + interval '1 day', true
		FROM generate_series(1, 20000) n`)
	h.exec(t, `ANALYZE credential`)
	rows, err := h.pool.Query(t.Context(), `EXPLAIN SELECT id FROM credential WHERE key_hash = sha256('x') AND connection = ANY('{latchkey}') AND state = 'active'`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "credential_key_hash_key") {
		t.Errorf("the look-up walks more than one key:\n%s", plan)
	}
}
