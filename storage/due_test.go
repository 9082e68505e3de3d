package storage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// living makes active credentials of somebody, which end and are looked at
// after so many hours.
func (h *house) living(t testing.TB, owner PersonID, hours ...int) []CredentialID {
	t.Helper()
	var out []CredentialID
	for _, n := range hours {
		var id CredentialID
		err := h.pool.QueryRow(context.Background(), `
			INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, use_known, vendor_ref, activated_at, expires_at, next_action_at)
			VALUES ('tempo', 'api_key', true, true, $1, '{a}', 60, 'active', true, 'ref-' || gen_random_uuid(), latchkey_now() - interval '90 days',
			        latchkey_now() + $2 * interval '1 hour', latchkey_now() + $2 * interval '1 hour') RETURNING id`, owner, n).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}

func (h *house) reading(t testing.TB, id CredentialID) Credential {
	t.Helper()
	c, err := h.Credential(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Expire ends what is over and alive, and nothing else, once.
func TestExpire(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	over, left := h.living(t, alice.PersonID, -1, -2, -3), h.living(t, alice.PersonID, 1)
	h.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, over[1])
	h.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, over[2])
	all := slices.Concat(over, left, []CredentialID{999})
	for i := range 2 {
		h.in(t, func(ctx context.Context, tx Tx) error {
			ended, err := tx.Expire(ctx, all, System("sweep"))
			slices.Sort(ended)
			if want := over[:2]; err != nil || i == 0 && !slices.Equal(ended, want) || i == 1 && len(ended) > 0 {
				t.Errorf("ended %v, %v", ended, err)
			}
			return nil
		})
	}
	for i, was := range []string{"active", "suspended"} {
		if c := h.reading(t, over[i]); c.State != CredentialExpired || c.EndedAt.IsZero() || !c.NextActionAt.IsZero() {
			t.Errorf("%+v", c)
		}
		if got := h.story(t, SubjectCredential, int64(over[i])); len(got) != 1 || got[0] != "credential.expired "+was+">expired by system: sweep: " {
			t.Errorf("%v", got)
		}
	}
	if a, b := h.reading(t, over[2]), h.reading(t, left[0]); a.State != CredentialRevoking || b.State != CredentialActive {
		t.Errorf("%s, %s", a.State, b.State)
	}
}

// Turns are written for many rows at once; a zero one leaves what was told.
func TestTakeTurns(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	ids := h.living(t, h.person(t, "alice").PersonID, -1, -1, -1)
	at := time.Date(2030, 2, 28, 12, 0, 0, 1000, time.UTC)
	take := func(turns ...Turn) {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.TakeTurns(ctx, turns) })
	}
	take()
	take(Turn{ids[0], at, at.Add(-time.Hour)}, Turn{ID: ids[1], Next: at}, Turn{ID: ids[2]})
	take(Turn{ID: ids[0], Next: at.Add(time.Second)})
	a, b, c := h.reading(t, ids[0]), h.reading(t, ids[1]), h.reading(t, ids[2])
	if !a.NextActionAt.Equal(at.Add(time.Second)) || !a.NoticedUntil.Equal(at.Add(-time.Hour)) || !b.NextActionAt.Equal(at) || !b.NoticedUntil.IsZero() || !c.NextActionAt.IsZero() {
		t.Errorf("%+v %+v %+v", a, b, c)
	}
}

// What comes up is read a page at a time: of some people, and of those who
// can't be told; nobody's row twice, and none that another holds.
func TestComingUp(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, away := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "away")
	h.exec(t, `UPDATE account SET is_deleted = true WHERE id = $1`, away.ID)
	mine := h.living(t, alice.PersonID, 5, 5, 5, 5, 5, 23)
	h.exec(t, `UPDATE credential SET next_action_at = (SELECT min(next_action_at) FROM credential) WHERE id <= $1`, mine[4]) // at the same moment
	theirs := h.living(t, away.PersonID, 6)
	h.living(t, alice.PersonID, 25, -1)
	h.living(t, bob.PersonID, 5)
	dead := h.living(t, alice.PersonID, 7)
	h.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, dead[0])
	want := slices.Concat(mine, theirs)
	slices.Sort(want)
	pages := func(ctx context.Context, tx Tx) []CredentialID {
		var got []CredentialID
		var last Credential
		for {
			page, err := tx.ComingUp(ctx, []PersonID{alice.PersonID}, time.Now().Add(24*time.Hour), last, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return got
			}
			for _, c := range page {
				got = append(got, c.ID)
			}
			last = page[len(page)-1]
		}
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		got := pages(ctx, tx)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return h.InTx(ctx, func(ctx context.Context, other Tx) error {
			if got := pages(ctx, other); got != nil {
				t.Errorf("and another one got %v", got)
			}
			return nil
		})
	})
}

// Every live managed row is due after a replanning, and none is later than it
// was.
func TestReplan(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	ids := h.living(t, alice.PersonID, -5, 5, 6, 7, 8)
	h.exec(t, `UPDATE credential SET next_action_at = NULL WHERE id = $1`, ids[1])
	h.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, ids[2])
	h.exec(t, `UPDATE credential SET managed = false WHERE id = $1`, ids[3])
	before := h.reading(t, ids[0]).NextActionAt
	var after CredentialID
	for rounds := 0; ; rounds++ {
		next, err := h.Replan(t.Context(), after, 2)
		if err != nil || rounds > 5 {
			t.Fatal(rounds, err)
		}
		if next == 0 {
			break
		}
		after = next
	}
	for i, due := range []bool{true, true, false, false, true} {
		c := h.reading(t, ids[i])
		if got := !c.NextActionAt.IsZero() && !c.NextActionAt.After(time.Now().Add(time.Minute)); got != due {
			t.Errorf("row %d is looked at at %s", i, c.NextActionAt)
		}
	}
	if got := h.reading(t, ids[0]).NextActionAt; !got.Equal(before) {
		t.Errorf("what was due at %s is due at %s", before, got)
	}
}

// A part that fails leaves the rest of its transaction as it was.
func TestApart(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	ids := h.living(t, h.person(t, "alice").PersonID, 1, 1, 1)
	touch := func(id CredentialID) func(context.Context, Tx) error {
		return func(ctx context.Context, tx Tx) error {
			_, err := tx.exec(ctx, `UPDATE credential SET note = 'touched' WHERE id = $1`, id)
			return err
		}
	}
	own := errors.New("own")
	h.in(t, func(ctx context.Context, tx Tx) error {
		if failed, err := tx.Apart(ctx, touch(ids[0])); failed != nil || err != nil {
			t.Errorf("%v, %v", failed, err)
		}
		failed, err := tx.Apart(ctx, func(ctx context.Context, tx Tx) error {
			if err := touch(ids[1])(ctx, tx); err != nil {
				return err
			}
			return own
		})
		if failed != own || err != nil { //nolint:errorlint // it comes as it is
			t.Errorf("%v, %v", failed, err)
		}
		failed, err = tx.Apart(ctx, func(ctx context.Context, tx Tx) error {
			_, err := tx.exec(ctx, `SELECT 1 / 0`)
			return err
		})
		if failed == nil || !strings.Contains(failed.Error(), "division") || err != nil {
			t.Errorf("%v, %v", failed, err)
		}
		return touch(ids[2])(ctx, tx)
	})
	for i, want := range []string{"touched", "", "touched"} {
		if got := h.reading(t, ids[i]).Note; got != want {
			t.Errorf("row %d: %q", i, got)
		}
	}
}
