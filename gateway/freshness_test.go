package gateway

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/storage"
)

// A poll that never comes proves that a change was heard of.
func never(d *Deps) {
	d.PollEvery, d.ReloadEvery, d.MaxStale = time.Hour, time.Hour, 2*time.Hour
}

// changes are the ways in which a key stops, and starts again.
var changes = map[string]struct{ stop, start string }{
	"revoked":      {`UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, ""},
	"suspended":    {`UPDATE credential SET state = 'suspended' WHERE id = $1`, `UPDATE credential SET state = 'active' WHERE id = $1`},
	"owner left":   {`UPDATE person SET active = false WHERE id = (SELECT owner_id FROM credential WHERE id = $1)`, `UPDATE person SET active = true WHERE id = (SELECT owner_id FROM credential WHERE id = $1)`},
	"owner lost":   {`UPDATE credential SET owner_id = NULL WHERE id = $1`, ""},
	"expiry moved": {`UPDATE credential SET activated_at = latchkey_now() - interval '2 hours', expires_at = latchkey_now() WHERE id = $1`, `UPDATE credential SET expires_at = latchkey_now() + interval '1 hour' WHERE id = $1`},
}

func testChanges(t *testing.T, b *bundle) {
	t.Helper()
	for name, change := range changes {
		key, id := b.issue(t, "tempo", "worklogs:view")
		status := func() int { return b.send(t, "GET", "/tempo/4/worklogs", key, "").Status }
		if got := status(); got != http.StatusOK {
			t.Fatalf("%s: before: status %d", name, got)
		}
		b.exec(t, change.stop, id)
		eventually(t, name+" to be refused", func() bool { return status() == http.StatusUnauthorized })
		if change.start == "" {
			continue
		}
		b.exec(t, change.start, id)
		eventually(t, name+" to be undone", func() bool { return status() == http.StatusOK })
	}
	key, id := b.issue(t, "tempo", "worklogs:view")
	b.exec(t, `UPDATE credential SET scopes = '{plans:view}' WHERE id = $1`, id)
	eventually(t, "narrower scopes", func() bool { return b.send(t, "GET", "/tempo/4/worklogs", key, "").Status == http.StatusForbidden })
}

func TestHearsOfChanges(t *testing.T) {
	t.Parallel()
	testChanges(t, start(t, nil, func(d *Deps) {
		never(d)
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	}))
}

// notifyNothing has the schema's triggers stamp changes and tell nobody.
const notifyNothing = `
	CREATE OR REPLACE FUNCTION credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN NEW.changed_at := clock_timestamp(); RETURN NEW; END $$;
	CREATE OR REPLACE FUNCTION person_changed() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN UPDATE credential SET changed_at = clock_timestamp() WHERE owner_id = NEW.id; RETURN NEW; END $$`

func TestPollsForChangesItDidNotHear(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		d.PollEvery, d.ReloadEvery = 20*time.Millisecond, time.Hour
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	})
	if _, err := b.db.Pool().Exec(t.Context(), notifyNothing); err != nil {
		t.Fatal(err)
	}
	testChanges(t, b)
}

// A row that neither the listener nor the poll can find is found by a full
// load: its stamp is old, as if its transaction had taken an hour.
func TestReloadsEverything(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.PollEvery, d.ReloadEvery = 10*time.Millisecond, 50*time.Millisecond })
	key, id := b.issue(t, "tempo", "worklogs:view")
	gone, goneID := b.issue(t, "tempo", "worklogs:view")
	b.exec(t, `ALTER TABLE credential DISABLE TRIGGER USER`)
	b.exec(t, `UPDATE credential SET state = 'suspended', changed_at = changed_at - interval '1 hour' WHERE id = $1`, id)
	b.exec(t, `DELETE FROM credential WHERE id = $1`, goneID)
	for _, k := range []string{key, gone} {
		hash := b.box.Hash(k)
		eventually(t, "the load", func() bool {
			found := b.keeper.snapshot.Load().find(hash)
			return found == nil || !found.alive
		})
	}
}

// Loads that take long come less often; one that failed is repeated.
func TestLoadsRest(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	k := &keeper{now: func() time.Time { return clock }, grants: &grants{made: map[string]*grant{}}}
	k.loading, k.began = true, clock
	clock = clock.Add(3 * time.Second)
	k.install(&snapshot{})
	if want := clock.Add(57 * time.Second); !k.rested.Equal(want) || k.due {
		t.Errorf("rests until %s, want %s; due %t", k.rested, want, k.due)
	}
	k.install(nil)
	if !k.due {
		t.Error("a load that failed is not due again")
	}
}

func TestReloadsAfterItsLineBroke(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.PollEvery, d.ReloadEvery = 10*time.Millisecond, time.Hour })
	key, id := b.issue(t, "tempo", "worklogs:view")
	hash := b.box.Hash(key)
	b.exec(t, `ALTER TABLE credential DISABLE TRIGGER USER`)
	b.exec(t, `UPDATE credential SET state = 'suspended', changed_at = changed_at - interval '1 hour' WHERE id = $1`, id)
	b.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	eventually(t, "the load", func() bool { return !b.keeper.snapshot.Load().find(hash).alive })
}

// An older state of the database takes the place of the one that is served,
// under a gateway that lives on. No key that had ended comes to life before
// somebody compared it with what was published; ends are heard of all the same.
func TestBringsNothingToLifeUnseen(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *bundle){
		"its line broke": func(b *bundle) {
			b.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
		},
		"a poll failed": func(b *bundle) {
			b.exec(t, `ALTER TABLE credential RENAME TO elsewhere`)
			eventually(t, "a poll to fail", func() bool { return strings.Contains(b.logs.String(), "could not poll") })
			b.exec(t, `ALTER TABLE elsewhere RENAME TO credential`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var looked atomic.Pointer[time.Time]
			look := func() { now := time.Now(); looked.Store(&now) }
			look()
			b := start(t, nil, func(d *Deps) {
				d.PollEvery, d.ReloadEvery = 10*time.Millisecond, 20*time.Millisecond
				d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
				d.Doubt = func(since time.Time) error {
					if looked.Load().After(since) {
						return nil
					}
					return errors.New("nobody looked")
				}
			})
			ended, id := b.issue(t, "tempo", "worklogs:view")
			other, otherID := b.issue(t, "tempo", "worklogs:view")
			status := func(key string) int { return b.send(t, "GET", "/tempo/4/worklogs", key, "").Status }
			eventually(t, "the keys to live", func() bool { return status(ended) == http.StatusOK && status(other) == http.StatusOK })
			b.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, id)
			eventually(t, "an end", func() bool { return status(ended) == http.StatusUnauthorized })

			lose(b)
			eventually(t, "the gateway to see that", func() bool { return !b.keeper.sure() })
			b.exec(t, `UPDATE credential SET state = 'active' WHERE id = $1`, id)
			b.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, otherID)
			eventually(t, "another end", func() bool { return status(other) == http.StatusUnauthorized })
			before := b.keeper.reading.Load()
			eventually(t, "some polls", func() bool { return b.keeper.reading.Load().at.Sub(before.at) > 100*time.Millisecond })
			if got := status(ended); got != http.StatusUnauthorized {
				t.Errorf("a key that had ended: status %d", got)
			}
			eventually(t, "the key to live again", func() bool { look(); return status(ended) == http.StatusOK })
		})
	}
}

// testClock is a clock that can be put forward.
type testClock struct{ ahead atomic.Int64 }

func (c *testClock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *testClock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

func TestFailsClosedWhenKeysAreStale(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	b := start(t, nil, func(d *Deps) {
		d.PollEvery, d.ReloadEvery = 10*time.Millisecond, time.Hour
		d.Now = clock.now
	})
	key, _ := b.issue(t, "tempo", "worklogs:view")
	b.exec(t, `ALTER TABLE credential RENAME TO elsewhere`)
	eventually(t, "a poll to fail", func() bool { return strings.Contains(b.logs.String(), "could not poll") })
	last := b.keeper.reading.Load() // one that was under way may have succeeded before
	clock.forward(9 * time.Second)
	if a := b.send(t, "GET", "/tempo/4/worklogs", key, ""); a.Status != http.StatusOK {
		t.Errorf("within the bound: %+v", a)
	}
	clock.forward(2 * time.Second)
	if b.keeper.reading.Load() != last {
		t.Fatal("a poll without its table succeeded")
	}
	served := len(b.vendor.seen())
	for _, k := range []string{key, "lk_live_nonsense", ""} {
		a := b.send(t, "GET", "/tempo/4/worklogs", k, "")
		if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Body, `"not_ready"`) {
			t.Errorf("stale: %+v", a)
		}
	}
	if err := b.Ready(); err == nil || len(b.vendor.seen()) != served {
		t.Errorf("ready %v, %d requests got through", err, len(b.vendor.seen())-served)
	}
	b.exec(t, `ALTER TABLE elsewhere RENAME TO credential`)
	eventually(t, "the gateway to be ready again", func() bool { return b.Ready() == nil })
	if a := b.send(t, "GET", "/tempo/4/worklogs", key, ""); a.Status != http.StatusOK {
		t.Errorf("fresh again: %+v", a)
	}
}

func TestRefusesBeforeKeysAreLoaded(t *testing.T) {
	t.Parallel()
	k := &keeper{now: time.Now, maxStale: time.Second}
	if _, err := k.clock(time.Now()); err == nil {
		t.Error("keys that were never loaded are fresh")
	}
	k.reading.Store(&reading{db: time.Now(), at: time.Now()})
	if _, err := k.clock(time.Now()); err == nil {
		t.Error("keys that were never loaded are fresh once the clock is known")
	}
}

func TestExpiresByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.PollEvery, d.ReloadEvery = 10*time.Millisecond, time.Hour })
	key, _ := b.issue(t, "tempo", "worklogs:view")
	status := func() int { return b.send(t, "GET", "/tempo/4/worklogs", key, "").Status }
	shift := func(by string) {
		b.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
			AS 'SELECT statement_timestamp() + interval ''`+by+`'''`)
		before := b.keeper.reading.Load()
		eventually(t, "two polls", func() bool { r := b.keeper.reading.Load(); return r.at.Sub(before.at) > 20*time.Millisecond })
	}
	shift("59 minutes")
	if got := status(); got != http.StatusOK {
		t.Errorf("a minute before the end: status %d", got)
	}
	shift("61 minutes")
	if got := status(); got != http.StatusUnauthorized {
		t.Errorf("a minute after the end: status %d", got)
	}
}

func TestKeyLivesUntilItsLastMoment(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	k := &key{alive: true, expires: end}
	for after, want := range map[time.Duration]bool{-time.Nanosecond: true, 0: false, time.Nanosecond: false} {
		if got := k.lives(end.Add(after)); got != want {
			t.Errorf("%s after the end: lives is %t", after, got)
		}
	}
	if (&key{alive: true}).lives(end) || (&key{expires: end.Add(1)}).lives(end) {
		t.Error("a key lives that never began or is not alive")
	}
}

// Every replica hears by itself.
func TestEveryReplicaHears(t *testing.T) {
	t.Parallel()
	first := start(t, nil, never)
	g, err := New(Deps{DB: first.db, Box: first.box, PollEvery: time.Hour, ReloadEvery: time.Hour, MaxStale: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	second := &bundle{Gateway: g, db: first.db, box: first.box, owner: first.owner}
	runReplica(t, second)
	key, id := first.issue(t, "tempo", "worklogs:view")
	hash := first.box.Hash(key)
	alive := func(b *bundle) bool { k := b.keeper.snapshot.Load().find(hash); return k != nil && k.alive }
	eventually(t, "both to know the key", func() bool { return alive(first) && alive(second) })
	first.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, id)
	eventually(t, "both to drop the key", func() bool { return !alive(first) && !alive(second) })
}

func TestSnapshotSharesWhatDidNotChange(t *testing.T) {
	t.Parallel()
	g := &grants{made: map[string]*grant{}}
	row := func(n int, alive bool) storage.GatewayKey {
		return storage.GatewayKey{ID: storage.CredentialID(n), Hash: [32]byte{byte(n >> 8), byte(n)}, Connection: "c", Alive: alive}
	}
	first := &snapshot{}
	for n := range 5000 {
		first.fill(row(n, true), &snapshot{}, g)
	}
	first.find([32]byte{0, 7}).use.enter(9)
	second := first.with([]storage.GatewayKey{row(7, false), row(8, true), row(60000, true)}, g)
	if first.size != 5000 || second.size != 5001 {
		t.Errorf("sizes %d and %d", first.size, second.size)
	}
	if k := first.find([32]byte{0, 7}); !k.alive {
		t.Error("the first snapshot changed")
	}
	k := second.find([32]byte{0, 7})
	if k.alive || k.use.flying.Load() != 1 {
		t.Errorf("changed key: alive %t, %d under way", k.alive, k.use.flying.Load())
	}
	if second.find([32]byte{0, 8}) != first.find([32]byte{0, 8}) || second.find([32]byte{1, 1}) != first.find([32]byte{1, 1}) {
		t.Error("unchanged keys were made anew")
	}
	third := &snapshot{}
	third.fill(row(7, true), second, g)
	third.fill(row(8, true), second, g)
	if third.find([32]byte{0, 7}).use != k.use || third.find([32]byte{0, 8}) != first.find([32]byte{0, 8}) || third.size != 2 {
		t.Error("a load does not carry over what it should")
	}
}
