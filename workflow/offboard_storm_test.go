package workflow

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// town is a house with many people, each with keys at several systems and a
// brokered one.
type town struct {
	*house
	vendors []*fake.Vendor
	people  []storage.PersonID
	ours    []storage.CredentialID
}

func (tn *town) live() int {
	n := 0
	for _, v := range tn.vendors {
		n += len(v.Live())
	}
	return n
}

// openTown opens one; change adjusts the policy.
func openTown(t testing.TB, people, systems int, change func(*Document)) *town {
	t.Helper()
	d := houseDocument()
	tn := &town{}
	conns := map[string]connectors.Connector{}
	d.Connections["hr"] = ConnectionRules{Kind: "webhook"}
	for i := range systems {
		v := fake.NewVendor()
		name := fmt.Sprintf("system%d", i)
		c, err := fake.Open(v.Settings(name, v.Start(t)), &http.Transport{MaxIdleConnsPerHost: 8})
		if err != nil {
			t.Fatal(err)
		}
		d.Connections[name], conns[name], tn.vendors = ConnectionRules{Kind: "fake", Owners: "it-admins"}, c, append(tn.vendors, v)
		v.SetPage(500)
		for p := range people {
			who := fmt.Sprintf("person%d", p)
			v.Seed(fake.Key{Label: "key of " + who, Owner: mailOf(who), Scopes: []string{"files:read"}})
		}
	}
	if change != nil {
		change(&d)
	}
	tn.house = openWith(t, d, func(deps *Deps) {
		withHR(deps)
		maps.Copy(deps.Connectors, conns)
	})
	tn.exec(t, `INSERT INTO person (email, name) SELECT 'person' || i || '@example.com', 'person' || i FROM generate_series(0, $1::int - 1) i`, people)
	tn.exec(t, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, label, scopes, lifetime_s, state, use_known, vendor_ref, access, policy_name,
		                        key_hash, activated_at, expires_at, next_action_at)
		SELECT 'tempo', 'api_key', true, true, p.id, 'ours', '{files:read}', 7776000, 'active', true, 'ref-' || p.id, 'read', 'read',
		       sha256(p.email::bytea), latchkey_now(), latchkey_now() + interval '30 days', latchkey_now() + interval '20 days'
		FROM person p WHERE p.name LIKE 'person%' ORDER BY p.id`)
	tn.sync(t)
	rows, err := tn.DB.Pool().Query(context.Background(), `
		SELECT p.id, c.id FROM person p JOIN credential c ON c.owner_id = p.id AND c.brokered WHERE p.name LIKE 'person%' ORDER BY p.id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p storage.PersonID
		var c storage.CredentialID
		if err := rows.Scan(&p, &c); err != nil {
			t.Fatal(err)
		}
		tn.people, tn.ours = append(tn.people, p), append(tn.ours, c)
	}
	tn.exec(t, `ANALYZE`)
	return tn
}

// allLeave has hr tell of everybody at once, a few deliveries at a time.
func (tn *town) allLeave(t testing.TB) {
	t.Helper()
	var wg sync.WaitGroup
	const senders = 8
	for s := range senders {
		wg.Go(func() {
			for i := s; i < len(tn.people); i += senders {
				tn.tells(t, "hr", said(fmt.Sprint("gone", i), fmt.Sprint("person", i), false, 1))
			}
		})
	}
	wg.Wait()
}

func (tn *town) fenced(t testing.TB) int {
	t.Helper()
	keys, err := tn.DB.GatewayKeysByID(t.Context(), tn.ours)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, k := range keys {
		if !k.Alive {
			n++
		}
	}
	return n
}

func (tn *town) count(t testing.TB, state storage.OffboardingState) int {
	t.Helper()
	var n int
	if err := tn.DB.Pool().QueryRow(t.Context(), `SELECT count(*) FROM offboarding WHERE state = $1`, state).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Many leave at once: every fence stands, and what vendors have waits for a
// human, who lets it end or undoes it all, however long that takes.
func TestAMassLeave(t *testing.T) {
	t.Parallel()
	const people, limit = 60, 12
	for _, run := range []bool{true, false} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			tn := openTown(t, people, 2, func(d *Document) { d.Offboarding.Breaker = Breaker{MaxPercent: 5, MinCount: limit} })
			tn.allLeave(t)
			if n := tn.fenced(t); n != people {
				t.Fatalf("%d of %d fences", n, people)
			}
			held, open := tn.count(t, storage.OffboardingHeld), tn.count(t, storage.OffboardingOpen)
			if held+open != people || open < limit || open > limit+8 { // eight were under way at a time
				t.Fatalf("%d held, %d open", held, open)
			}
			tn.finish(t)
			if n := tn.live(); n != 2*held {
				t.Errorf("%d keys live, of %d people held", n, held)
			}
			refused(t, "by no admin", func() error { _, err := tn.DecideHeld(t.Context(), tn.house.people["dana"], run, held); return err }(), RuleAdminOnly)
			refused(t, "of more than were seen", func() error { _, err := tn.DecideHeld(t.Context(), tn.house.people["erin"], run, held-1); return err }(), RuleNotPossible)
			tn.clock(t, 3*24*time.Hour) // over a weekend
			tn.finish(t)
			if n := tn.count(t, storage.OffboardingHeld); n != held {
				t.Fatalf("%d held", n)
			}
			var calls []int
			for _, v := range tn.vendors {
				calls = append(calls, v.Calls()[fake.VerbList])
			}
			n, err := tn.DecideHeld(t.Context(), tn.house.people["erin"], run, held)
			if err != nil || n != held {
				t.Fatalf("%d, %v", n, err)
			}
			refused(t, "again", func() error { _, err := tn.DecideHeld(t.Context(), tn.house.people["erin"], run, held); return err }(), RuleDecided)
			if !run {
				tn.undone(t, held)
				return
			}
			tn.finish(t)
			if n := tn.count(t, storage.OffboardingClosed); n != people || tn.live() != 0 || tn.fenced(t) != people {
				t.Errorf("%d closed, %d live, %d fenced", n, tn.live(), tn.fenced(t))
			}
			for i, v := range tn.vendors {
				if n := v.Calls()[fake.VerbList] - calls[i]; n > 8 { // a page each: walks serve everybody
					t.Errorf("the system was listed %d times for %d people", n, held)
				}
			}
			var final int
			if err := tn.DB.Pool().QueryRow(t.Context(), `SELECT count(*) FROM offboarding WHERE final`).Scan(&final); err != nil || final != people-held {
				t.Errorf("%d are final: the grace period begins with the confirmation; %v", final, err)
			}
		})
	}
}

func (tn *town) undone(t *testing.T, held int) {
	t.Helper()
	tn.finish(t)
	if n := tn.count(t, storage.OffboardingUndone); n != held || tn.live() != 2*held || tn.fenced(t) != len(tn.people)-held {
		t.Errorf("%d undone, %d live, %d fenced", n, tn.live(), tn.fenced(t))
	}
	// The next one who leaves is one, not one more of many.
	o, err := tn.Offboard(t.Context(), tn.fromHR("frank", "1"))
	if err != nil || o.State != storage.OffboardingOpen {
		t.Errorf("%s, %v", o.State, err)
	}
}

// What an admin says is confirmed, and leaves of an hour ago are no storm.
func TestTheBreakerCountsWhatSourcesSayOfLate(t *testing.T) {
	t.Parallel()
	tn := openTown(t, 20, 1, func(d *Document) { d.Offboarding.Breaker = Breaker{MaxPercent: 1, MinCount: 5} })
	leave := func(i int, source string) storage.OffboardingState {
		t.Helper()
		o, err := tn.Offboard(t.Context(), Leave{Person: tn.people[i], Source: source, SourceKey: "1", By: storage.System(source), Reason: "left"})
		if err != nil {
			t.Fatal(err)
		}
		return o.State
	}
	for i := range 10 {
		want := storage.OffboardingOpen
		if i >= 5 {
			want = storage.OffboardingHeld
		}
		if got := leave(i, "hr"); got != want {
			t.Errorf("the %d. is %s", i+1, got)
		}
	}
	if got := leave(10, SourceAdmin); got != storage.OffboardingOpen {
		t.Errorf("an admin's is %s", got)
	}
	tn.clock(t, 61*time.Minute)
	if got := leave(11, "hr"); got != storage.OffboardingOpen {
		t.Errorf("an hour later it is %s", got)
	}
}

// A key is a program: what it says counts as a storm and waits like what any
// source says, whoever's key it is. Its owner confirms in person.
func TestTheBreakerCountsWhatKeysSay(t *testing.T) {
	t.Parallel()
	tn := openTown(t, 20, 1, func(d *Document) { d.Offboarding.Breaker = Breaker{MaxPercent: 1, MinCount: 5} })
	erin := tn.house.people["erin"]
	robot := erin
	robot.Key, robot.Scopes = tn.ours[0], []string{ScopeOffboard}
	leave := func(a Actor, i int) storage.Offboarding {
		t.Helper()
		o, err := tn.OffboardPerson(t.Context(), a, tn.people[i], "the list says so", fmt.Sprint("run:", i))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	var last storage.Offboarding
	for i := range 10 {
		want := storage.OffboardingOpen
		if i >= 5 {
			want = storage.OffboardingHeld
		}
		if last = leave(robot, i); last.State != want || last.Source != SourceAPI {
			t.Errorf("the %d. is %s, says %s", i+1, last.State, last.Source)
		}
	}
	if got := leave(erin, 10); got.State != storage.OffboardingOpen {
		t.Errorf("what its owner says in person is %s", got.State)
	}
	o, err := tn.Offboard(t.Context(), Leave{Person: tn.people[11], Source: "hr", SourceKey: "1", By: storage.System("hr"), Reason: "left"})
	if err != nil || o.State != storage.OffboardingHeld {
		t.Errorf("what hr says meanwhile is %s, %v", o.State, err)
	}
	if err := tn.UndoLeave(t.Context(), erin, last.ID, "the list was of last year"); err != nil {
		t.Fatal(err)
	}
	if n, err := tn.DecideHeld(t.Context(), erin, false, 5); err != nil || n != 5 {
		t.Errorf("%d undone, %v", n, err)
	}
}
