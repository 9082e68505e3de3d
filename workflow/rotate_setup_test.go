package workflow

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// held is one key as its system itself knows it.
type held struct {
	label  string
	scopes []string
	works  bool
	value  secret.Value
}

// system is one whose keys are rotated. The state of its double is behind the
// funcs.
type system struct {
	name     string
	way      string
	scopes   []string
	open     func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held)
	verb     func(*http.Request) string
	byPerson func(label string, scopes []string, ends time.Time) secret.Value // makes a key as a person does
}

// lathe is a house whose acme is such a system. Its keys are watched at every
// step.
type lathe struct {
	*house
	*testing.T
	system
	*wire
	ahead atomic.Int64 // nanoseconds
	holds func() []held

	mu     sync.Mutex
	deaths map[string]int
	acts   map[string]func()
	hand   []secret.Value // what the owner has
	calm   bool           // the keys are not watched: some are to go
}

func startLathe(t *testing.T, sys system, change func(*Document)) *lathe {
	t.Helper()
	l := &lathe{T: t, system: sys, deaths: map[string]int{}, acts: map[string]func(){}, calm: true}
	l.wire = &wire{verb: sys.verb, step: l.watch, faults: map[string][]string{}, calls: map[string]int{}}
	now := func() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }
	conn, holds := sys.open(t, l.wire, now)
	d := latheDocument(t, conn)
	if change != nil {
		change(&d)
	}
	l.house = openWith(t, d, func(deps *Deps) {
		deps.Connectors = map[string]connectors.Connector{"acme": conn}
		deps.Fault = l.fault
	})
	if l.holds = holds; holds == nil {
		l.holds = l.atTheGateway
	}
	return l
}

// latheDocument lets everybody have every key of acme for a month at once.
func latheDocument(t *testing.T, conn connectors.Connector) Document {
	t.Helper()
	d := Document{
		Admins:      []string{"it-admins"},
		Groups:      map[string]Group{"it-admins": {SlackUsergroup: "S0IT"}},
		Connections: map[string]ConnectionRules{"acme": {Kind: "fake", Owners: "it-admins"}},
		Quotas:      Quotas{Pending: 1000, Live: 1000},
		Policies: []Policy{{Name: "keys", Connections: []string{"acme"}, Scopes: []string{"*"}, Requesters: []string{Everyone},
			Approval: Approval{Auto: true}, MaxLifetime: 30 * day}},
	}
	lister, ok := connectors.As[connectors.ScopeLister](conn)
	if !ok {
		t.Fatal("the system has no scopes")
	}
	scopes, err := lister.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := d.Connections["acme"]
	for _, s := range scopes {
		c.Scopes = append(c.Scopes, ScopeRule{Name: s.Name, Title: s.Title, Access: s.Access})
	}
	d.Connections["acme"] = c
	return d
}

// atTheGateway is the truth about brokered keys.
func (l *lathe) atTheGateway() []held {
	now, err := l.DB.Now(context.Background())
	if err != nil {
		l.Errorf("read clock: %v", err)
	}
	l.mu.Lock()
	hand := slices.Clone(l.hand)
	l.mu.Unlock()
	var out []held
	err = l.DB.GatewayKeys(context.Background(), func(k storage.GatewayKey) error {
		h := held{label: l.label(k.ID), scopes: k.Scopes, works: k.Alive && now.Before(k.ExpiresAt)}
		for _, v := range hand {
			if l.Keys.Box.Hash(v.Expose()) == k.Hash {
				h.value = v
			}
		}
		if h.works {
			out = append(out, h)
		}
		return nil
	})
	if err != nil {
		l.Errorf("load gateway keys: %v", err)
	}
	return out
}

// fault is the outbox's hook: it watches the keys, lets a test act, and kills
// the worker where a test wants that.
func (l *lathe) fault(point string) {
	l.watch(point)
	l.mu.Lock()
	act := l.acts[point]
	delete(l.acts, point)
	dies := l.deaths[point] > 0
	if dies {
		l.deaths[point]--
	}
	l.mu.Unlock()
	if act != nil {
		act()
	}
	if dies {
		runtime.Goexit() // no statement follows, as after kill -9
	}
}

// watch checks what holds at every step: a key that the owner has works, and
// no more than two do, which may do the same.
func (l *lathe) watch(where string) {
	l.mu.Lock()
	calm, hand := l.calm, slices.Clone(l.hand)
	l.mu.Unlock()
	if calm {
		return
	}
	working, mine := 0, 0
	for _, h := range l.holds() {
		if !h.works {
			continue
		}
		working++
		if slices.ContainsFunc(hand, func(v secret.Value) bool { return v.Expose() == h.value.Expose() }) {
			mine++
		}
		if !sameScopes(h.scopes, l.scopes) {
			l.Errorf("%s: %s may do %v, want %v", where, h.label, h.scopes, l.scopes)
		}
	}
	if working > 2 {
		l.Errorf("%s: %d keys work", where, working)
	}
	// Where a system has no overlap the old value is dead when it has answered,
	// and the owner has the new one only later. Nothing can be promised between.
	if mine == 0 && l.way != storage.RotateInPlace {
		l.Errorf("%s: no key that the owner has works", where)
	}
}

func (l *lathe) setCalm(calm bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calm = calm
}

// works tells whether a value does at its system.
func (l *lathe) works(v secret.Value) bool {
	return slices.ContainsFunc(l.holds(), func(h held) bool { return h.works && h.value.Expose() == v.Expose() })
}

// working is how many keys do.
func (l *lathe) working() int {
	return len(slices.DeleteFunc(l.holds(), func(h held) bool { return !h.works }))
}

// pass lets time pass, here and there.
func (l *lathe) pass(d time.Duration) {
	l.Helper()
	l.clock(l.T, time.Duration(l.ahead.Add(int64(d))))
	l.setGroup(l.T, "slack:S0IT", slackGroups["S0IT"]...)
}

// drive sweeps and works until nothing is left to do but what a person has to,
// however often work has to be put off.
func (l *lathe) drive() {
	l.Helper()
	for range 60 {
		l.exec(l.T, `UPDATE credential SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL`)
		l.exec(l.T, `
			UPDATE credential SET next_action_at = latchkey_now()
			WHERE state IN ('revoking', 'revoke_failed') OR state = 'issuing' AND state_reason <> 'waits for its owner'`)
		if err := l.Sweep(context.Background()); err != nil {
			l.Fatal(err)
		}
		for _, err := range l.work(l.T) {
			l.Log(err)
		}
		l.watch("at rest")
		var busy int
		err := l.DB.Pool().QueryRow(context.Background(), `
			SELECT (SELECT count(*) FROM credential WHERE state IN ('revoking', 'revoke_failed') OR state = 'issuing' AND state_reason <> 'waits for its owner') +
			       (SELECT count(*) FROM river_job WHERE kind NOT IN ('notify', 'match_state') AND state = 'available')`).Scan(&busy)
		if err != nil {
			l.Fatal(err)
		}
		if busy == 0 {
			return
		}
	}
	l.Fatal("work is never done")
}

// rest is drive, with what is put off for systems that answer late.
func (l *lathe) rest() {
	l.Helper()
	l.drive()
	l.exec(l.T, `UPDATE river_job SET state = 'available' WHERE state = 'scheduled' AND kind = 'revoke_strays'`)
	l.drive()
}

// key is a fresh key of alice's, collected.
func (l *lathe) key() (storage.Credential, secret.Value) {
	l.Helper()
	r := l.submit(l.T, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: l.scopes, Lifetime: 20 * day, Reason: "for the yearly report"})
	return l.follow(l.keyOf(l.T, r.ID).ID)
}

// follow brings a key that is to be made to its owner: by a person's hand
// where the system wants that.
func (l *lathe) follow(id storage.CredentialID) (storage.Credential, secret.Value) {
	l.Helper()
	l.drive()
	value := l.take(id)
	return l.credential(l.T, id), value
}

// take is what the owner does to have a key.
func (l *lathe) take(id storage.CredentialID) secret.Value {
	l.Helper()
	var value secret.Value
	if l.way == storage.RotateGuided {
		c := l.credential(l.T, id)
		value = l.byPerson(l.label(id), c.Scopes, time.Now().Add(time.Duration(l.ahead.Load())+time.Duration(c.LifetimeS)*time.Second))
		l.mu.Lock()
		l.hand = append(l.hand, value)
		l.mu.Unlock()
		l.sync(l.T)
		l.drive()
		if c := l.credential(l.T, id); c.State != storage.CredentialActive {
			l.Fatalf("the handmade %s is %s: %s", id, c.State, c.StateReason)
		}
		return value
	}
	value, ticket, err := l.Reveal(context.Background(), l.ticket(l.T, id), "")
	if err != nil || ticket.State != TicketReady {
		l.Fatalf("collect %s, %s: %s, %v", id, l.credential(l.T, id).State, ticket.State, err)
	}
	l.mu.Lock()
	l.hand = append(l.hand, value)
	l.mu.Unlock()
	return value
}

// begin rotates a key of alice's.
func (l *lathe) begin(id storage.CredentialID, ask RotateAsk) storage.Credential {
	l.Helper()
	out, err := l.Rotate(context.Background(), l.people["alice"], id, ask, fresh())
	if err != nil {
		l.Fatalf("rotate %s: %v", id, err)
	}
	return out.New
}

// unspent fails if a fault that was prepared was never met.
func (l *lathe) unspent() {
	l.Helper()
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	for verb, left := range l.faults {
		if len(left) > 0 {
			l.Errorf("nobody came to %v of %s", left, verb)
		}
		delete(l.faults, verb)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for point, left := range l.deaths {
		if left > 0 {
			l.Errorf("nobody died at %s", point)
		}
	}
}

// forget ends all keys, so that the next test begins with none.
func (l *lathe) forget() {
	l.Helper()
	l.setCalm(true)
	l.exec(l.T, `UPDATE credential SET expires_at = latchkey_now(), next_action_at = latchkey_now() WHERE managed AND state IN ('active', 'suspended')`)
	l.rest()
	if n := l.working(); n != 0 {
		l.Errorf("%d orphans at the system: %+v", n, l.holds())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hand = nil
	clear(l.deaths)
	clear(l.acts)
}
