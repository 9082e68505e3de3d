package workflow

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/storage"
)

// year is a house over a long time: three replicas sweep it, which die and
// come again, while people ask for keys, put their ends off, let them expire,
// come and go. Beside it stands a second opinion on who has to hear what, and
// when, which knows nothing of the code's own tables.
type year struct {
	*house
	rng      *rand.Rand
	document Document
	replicas []*Service
	now      time.Time // the deciding clock stands still until it is moved
	sweeps   []time.Time
	keys     []*yearKey
	puttings []putting // extensions that wait for a review
	absent   map[string]bool
	manager  map[string]string
	presence []presence // newest last
	waiting  *yearKey   // something of it waits to be told; nil: of none
}

// yearKey is what the second opinion knows of one key.
type yearKey struct {
	id        storage.CredentialID
	owner     string
	system    string
	ladder    []time.Duration
	life      time.Duration // the most its rule gives
	write     bool
	collected bool
	born      time.Time
	spans     []span // newest last
	died      time.Time
	revoked   bool // it came to an end before its time
}

// span is a time during which nothing changed about how a key ends.
type span struct {
	from, ends time.Time
	silent     bool
	to         time.Time          // zero while it lasts
	told       map[yearNotice]int // by the end of it
}

// yearNotice is a rung that somebody was told.
type yearNotice struct {
	due  time.Time
	whom string
}

type putting struct {
	key *yearKey
	id  storage.RequestID
}

// presence is who can't be told, who answers for whom, and who owns what,
// from a time on.
type presence struct {
	from    time.Time
	absent  map[string]bool
	manager map[string]string
	owner   map[storage.CredentialID]string
}

// What is asked for, by scope, and the ladders of its rule.
var yearRules = map[string]struct {
	ladder []time.Duration
	life   time.Duration
	write  bool
}{
	"files:read":  {[]time.Duration{14 * 24 * time.Hour, 7 * 24 * time.Hour, 3 * 24 * time.Hour, 24 * time.Hour}, 90 * 24 * time.Hour, false},
	"people:read": {[]time.Duration{7 * 24 * time.Hour, 24 * time.Hour}, 60 * 24 * time.Hour, false}, // the default
	"files:write": {[]time.Duration{time.Hour}, 30 * 24 * time.Hour, true},
}

func yearDocument() Document {
	d := houseDocument()
	d.Quotas = Quotas{Pending: 100, Live: 100}
	tempo := d.Connections["tempo"]
	tempo.Owners = "security"
	d.Connections["tempo"] = tempo
	d.Policies = []Policy{
		{Name: "steps", Connections: []string{"*"}, Scopes: []string{"files:read"}, Requesters: []string{Everyone}, Approval: Approval{Auto: true},
			MaxLifetime: 90 * day, NotifyBefore: []Duration{14 * day, 7 * day, 3 * day, day}},
		{Name: "plain", Connections: []string{"*"}, Scopes: []string{"people:read"}, Requesters: []string{Everyone}, Approval: Approval{Auto: true}, MaxLifetime: 60 * day},
		{Name: "hour", Connections: []string{"*"}, Scopes: []string{"files:write"}, Requesters: []string{Everyone},
			Approval: Approval{Steps: []StepRule{{Group: "it-admins"}}}, MaxLifetime: 30 * day, NotifyBefore: []Duration{Duration(time.Hour)}},
	}
	return d
}

// The clerks hold most of the keys, and come and go; who answers for the
// systems and for everything (bob and erin) stays.
var (
	clerks     = []string{"p0", "p1", "p2", "p3", "p4", "p5"}
	comeAndGo  = append([]string{"frank", "dana", "carol"}, clerks...)
	answerable = map[string][]string{"acme": {"bob", "carol", "erin"}, "tempo": {"dana", "erin"}}
)

func openYear(t *testing.T, seed uint64) *year {
	t.Helper()
	y := &year{rng: rand.New(rand.NewPCG(seed, 4)), document: yearDocument(), absent: map[string]bool{},
		manager: map[string]string{"p0": "p1", "p1": "p2", "p3": "frank", "p4": "p0", "p5": "dana"}}
	y.house = openWith(t, y.document, nil)
	y.exec(t, `CREATE TABLE test_clock (at timestamptz NOT NULL)`)
	y.exec(t, `INSERT INTO test_clock VALUES (now())`)
	y.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM test_clock'`)
	for _, name := range clerks {
		y.in(t, func(ctx context.Context, tx storage.Tx) error {
			a, err := tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T1", ExternalID: "U" + name, Name: name, Email: name + "@example.com"}, "")
			y.people[name] = Actor{Account: a, Ref: "slack:" + name}
			return err
		})
	}
	for who, boss := range y.manager {
		y.answersFor(t, boss, who)
	}
	y.replicas = []*Service{y.Service, y.service(t, y.document, nil), y.service(t, y.document, nil)}
	start := time.Now().UTC().Truncate(time.Second)
	y.vendor.SetClock(func() time.Time { return start }) // what ends there, we end
	y.move(t, start)
	y.noteWhoIsThere()
	return y
}

// move sets the deciding clock.
func (y *year) move(t *testing.T, to time.Time) {
	t.Helper()
	y.now = to.UTC()
	y.exec(t, `UPDATE test_clock SET at = $1`, y.now)
}

// nextDue is when the house has something to do next.
func (y *year) nextDue(t *testing.T) (at time.Time) {
	t.Helper()
	err := y.DB.Pool().QueryRow(t.Context(), `
		SELECT least((SELECT min(next_action_at) FROM credential WHERE next_action_at > latchkey_now()),
		             (SELECT min(due_at) FROM reminder WHERE due_at > latchkey_now()), latchkey_now() + interval '1 year')`).Scan(&at)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// pass lets time pass, and the replicas sweep: some of them are cut short, and
// some are not there any more. At last one is left in peace.
func (y *year) pass(t *testing.T, to time.Time) {
	t.Helper()
	y.move(t, to)
	var all sync.WaitGroup
	for i, s := range y.replicas {
		if y.rng.IntN(3) == 0 {
			continue
		}
		cut := y.rng.IntN(6) == 0
		within := time.Duration(100+y.rng.IntN(4000)) * time.Microsecond
		all.Go(func() {
			ctx := context.Background()
			if cut {
				short, cancel := context.WithTimeout(ctx, within)
				defer cancel()
				ctx = short
			}
			if err := s.Sweep(ctx); err != nil && !cut {
				t.Errorf("replica %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if i := y.rng.IntN(60); i < len(y.replicas) {
		y.restart(t, i)
		y.Service = y.replicas[i]
		y.exec(t, `DELETE FROM river_job WHERE kind = 'notify'`)
	}
	y.Service = y.replicas[y.rng.IntN(len(y.replicas))]
	if y.rng.IntN(15) == 0 { // a worker dies with its jobs
		_ = y.jobs(t, RevokeArgs{}.Kind(), IssueArgs{}.Kind())
	}
	y.settleNow(t)
	y.sweeps = append(y.sweeps, y.now)
	y.look(t)
}

// settleNow sweeps and works until nothing is to be done at this moment.
func (y *year) settleNow(t *testing.T) {
	t.Helper()
	for range 20 {
		if err := y.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var due, jobs int
		err := y.DB.Pool().QueryRow(t.Context(), `
			SELECT (SELECT count(*) FROM credential WHERE next_action_at <= latchkey_now()) + (SELECT count(*) FROM reminder WHERE due_at <= latchkey_now()),
			       (SELECT count(*) FROM river_job WHERE kind <> 'notify' AND state = 'available')`).Scan(&due, &jobs)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case due+jobs == 0:
			return
		case jobs > 0:
			for _, err := range y.work(t) {
				t.Error(err)
			}
		default: // what was cut short may still hold rows: wait until it does not
			y.exec(t, `SELECT FROM credential WHERE next_action_at <= latchkey_now() FOR UPDATE`)
			y.exec(t, `SELECT FROM reminder WHERE due_at <= latchkey_now() FOR UPDATE`)
		}
	}
	t.Fatalf("at %s work is never done", y.now)
}

// restart has a replica die and another one come in its place.
func (y *year) restart(t *testing.T, i int) {
	t.Helper()
	fresh := y.service(t, y.document, nil)
	y.replicas[i].DB.Close()
	y.replicas[i] = fresh
}

// Each rung of each key's ladder is told once to each of those who have to
// hear it, nothing is told of what its owner lets expire or what was put off,
// nobody gets two messages within a day, and what is over is over everywhere:
// over 400 days, three replicas and what people do in that time. One house is
// awake all the time, the other sleeps for days.
func TestFourHundredDays(t *testing.T) {
	t.Parallel()
	for i, awake := range []bool{true, false} {
		t.Run(fmt.Sprintf("awake %v", awake), func(t *testing.T) {
			t.Parallel()
			days := 400
			if testing.Short() {
				days = 60
			}
			y := openYear(t, uint64(i)+1)
			start := y.now
			for y.now.Before(start.AddDate(0, 0, days)) {
				next := y.now.Add(time.Duration(y.rng.Int64N(int64(60*time.Hour))) + time.Second).Truncate(time.Microsecond)
				switch due := y.nextDue(t); {
				case awake && due.Before(next):
					next = due
				case !awake && y.rng.IntN(5) == 0:
					next = next.Add(time.Duration(y.rng.Int64N(int64(5 * 24 * time.Hour)))).Truncate(time.Microsecond)
				}
				y.pass(t, next)
				y.peopleAct(t)
				if t.Failed() {
					t.Fatalf("after %s", y.now.Sub(start))
				}
			}
			y.settleNow(t)
			y.closeBooks(t, awake)
			y.checkDoors(t)
			ends := map[string]int{}
			for _, k := range y.keys {
				ends[map[bool]string{true: "revoked", false: "expired"}[k.revoked]]++
			}
			t.Logf("%d looks, %d keys: %v", len(y.sweeps), len(y.keys), ends)
		})
	}
}

// sweptIn lists the looks of a time, both ends within.
func (y *year) sweptIn(from, to time.Time) []time.Time {
	i, _ := slices.BinarySearchFunc(y.sweeps, from, time.Time.Compare)
	j, found := slices.BinarySearchFunc(y.sweeps, to, time.Time.Compare)
	if found {
		j++
	}
	return y.sweeps[min(i, j):j]
}
