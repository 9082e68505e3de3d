package storage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// At is a frozen deciding clock.
func (h *house) at(t testing.TB, at time.Time) {
	t.Helper()
	h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT timestamptz `+"''"+at.UTC().Format(time.RFC3339Nano)+"'''")
}

func (h *house) notify(t testing.TB, all ...Notice) (joined []DigestID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		joined, err = tx.Notify(ctx, all)
		return err
	})
	return joined
}

// digests makes those that are due.
func (h *house) digests(t testing.TB) (made []DigestID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) error {
		people, err := tx.DigestsDue(ctx, 100)
		if err == nil && len(people) > 0 {
			made, err = tx.MakeDigests(ctx, people)
		}
		return err
	})
	return made
}

// However often, and by however many, a thing is noted, it is told once, and
// nobody gets two digests within a day.
func TestNoticesAreToldOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	start := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	h.at(t, start)
	ids := h.living(t, alice.PersonID, 200, 300)
	of := func(id CredentialID, who Account, after time.Duration) Notice {
		return Notice{id, NoticeExpiry, start.Add(after), who.PersonID}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { h.notify(t, of(ids[0], alice, 0), of(ids[1], alice, 0), of(ids[0], bob, 0)) })
	}
	all.Wait()
	for range 4 {
		all.Go(func() { h.digests(t) })
	}
	all.Wait()
	if n := h.count(t, `SELECT count(*) FROM digest`); n != 2 || h.count(t, `SELECT count(*) FROM notice WHERE digest_id IS NOT NULL`) != 3 {
		t.Fatalf("%d digests", n)
	}
	h.at(t, start.Add(time.Hour))
	if joined := h.notify(t, of(ids[0], alice, 0), of(ids[1], alice, time.Hour)); joined != nil { // one is told, the other can wait
		t.Errorf("joined %v", joined)
	}
	h.at(t, start.Add(24*time.Hour-time.Microsecond))
	if made := h.digests(t); made != nil {
		t.Errorf("within a day: %v", made)
	}
	h.at(t, start.Add(24*time.Hour))
	if made := h.digests(t); len(made) != 1 {
		t.Errorf("after a day: %v", made)
	}
	if made := h.digests(t); made != nil {
		t.Errorf("and again: %v", made)
	}
	d, err := h.Digest(t.Context(), 3)
	if err != nil || d.PersonID != alice.PersonID || !d.CreatedAt.Equal(start.Add(24*time.Hour)) || len(d.Notices) != 1 || d.Notices[0].CredentialID != ids[1] {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := h.Digest(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	about, err := h.DigestsAbout(t.Context(), ids[1])
	if err != nil || len(about) != 2 {
		t.Errorf("about it: %v, %v", about, err)
	}
	h.at(t, start.Add(40*24*time.Hour))
	if about, err = h.DigestsAbout(t.Context(), ids[1]); err != nil || len(about) > 0 {
		t.Errorf("long after: %v, %v", about, err)
	}
}

// What ends before the next digest joins the last one; whoever had none gets
// one at once.
func TestUrgentNoticesJoinTheLastDigest(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	start := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	h.at(t, start)
	ids := h.living(t, alice.PersonID, 300, 24, 25, 300)
	h.notify(t, Notice{ids[0], NoticeExpiry, start, alice.PersonID})
	first := h.digests(t)
	h.at(t, start.Add(time.Minute))
	joined := h.notify(t, Notice{ids[1], NoticeExpiry, start, alice.PersonID}, Notice{ids[2], NoticeExpiry, start, alice.PersonID},
		Notice{ids[3], NoticeExpired, start, alice.PersonID}, Notice{ids[1], NoticeExpiry, start, bob.PersonID})
	if len(first) != 1 || len(joined) != 1 || joined[0] != first[0] {
		t.Fatalf("%v, joined %v", first, joined)
	}
	d, err := h.Digest(t.Context(), first[0])
	if err != nil || len(d.Notices) != 3 || d.Notices[0].CredentialID != ids[1] {
		t.Errorf("%+v, %v", d, err)
	}
	if made := h.digests(t); len(made) != 1 { // bob's
		t.Errorf("%v", made)
	}
	if n := h.count(t, `SELECT count(*) FROM notice WHERE digest_id IS NULL AND credential_id = $1`, ids[2]); n != 1 { // an hour after tomorrow's
		t.Errorf("%d wait", n)
	}
}

// What came to nothing is dropped, and who has nothing left gets no digest.
func TestNothingIsNoDigest(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	start := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	h.at(t, start)
	ids := h.living(t, alice.PersonID, 100, 100, 100)
	h.notify(t, Notice{ids[0], NoticeExpiry, start, alice.PersonID}, Notice{ids[1], NoticeExpiry, start, alice.PersonID}, Notice{ids[2], NoticeStale, start, alice.PersonID})
	h.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, ids[0])
	h.exec(t, `UPDATE credential SET let_expire = true WHERE id = $1`, ids[1])
	if made := h.digests(t); made != nil || h.count(t, `SELECT count(*) FROM notice`) != 0 || h.count(t, `SELECT count(*) FROM reminder WHERE due_at IS NOT NULL`) != 0 {
		t.Errorf("made %v", made)
	}
	h.notify(t, Notice{ids[0], NoticeExpired, start, alice.PersonID}) // of what is no more it is said that it ended
	if made := h.digests(t); len(made) != 1 {
		t.Errorf("made %v", made)
	}
}

// Whose notices are in doubt, and that taking them back spares what was told.
func TestDoubtfulNotices(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, away := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "away")
	h.exec(t, `UPDATE person SET active = false WHERE id = $1`, away.PersonID)
	mine, theirs := h.living(t, alice.PersonID, 100, 100), h.living(t, away.PersonID, 100)
	at := time.Now().Truncate(time.Microsecond)
	told := Notice{mine[1], NoticeExpiry, at, alice.PersonID}
	h.notify(t, told)
	h.digests(t)
	all := []Notice{{mine[0], NoticeExpiry, at, alice.PersonID}, {mine[0], NoticeExpiry, at, bob.PersonID}, {theirs[0], NoticeStale, at, away.PersonID}}
	h.notify(t, all...)
	h.in(t, func(ctx context.Context, tx Tx) error {
		found, err := tx.Doubtfuls(ctx, []PersonID{alice.PersonID, bob.PersonID, away.PersonID})
		if err != nil {
			return err
		}
		who := map[PersonID]PersonID{}
		for _, d := range found {
			who[d.PersonID] = d.OwnerID
			if d.Connection != "tempo" {
				t.Errorf("%+v", d)
			}
		}
		if len(found) != 2 || who[bob.PersonID] != alice.PersonID || who[away.PersonID] != away.PersonID {
			t.Errorf("%+v", found)
		}
		return tx.Unnotify(ctx, append(all[1:], told))
	})
	if n := h.count(t, `SELECT count(*) FROM notice`); n != 2 {
		t.Errorf("%d are left", n)
	}
}

// Who can be told, and who instead.
func TestReaches(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, boss, gone := h.person(t, "alice"), h.person(t, "boss"), h.person(t, "gone")
	h.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, alice.PersonID, boss.PersonID)
	h.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, boss.PersonID, gone.PersonID)
	h.exec(t, `UPDATE account SET is_deleted = true WHERE id = $1`, gone.ID)
	h.in(t, func(ctx context.Context, tx Tx) error {
		got, err := tx.Reaches(ctx, []PersonID{alice.PersonID, boss.PersonID, gone.PersonID, 999})
		for id, want := range map[PersonID]Reach{alice.PersonID: {alice.PersonID, true, boss.PersonID}, boss.PersonID: {boss.PersonID, true, 0},
			gone.PersonID: {gone.PersonID, false, 0}, 999: {}} {
			if got[id] != want {
				t.Errorf("%d: %+v, want %+v", id, got[id], want)
			}
		}
		return err
	})
}
