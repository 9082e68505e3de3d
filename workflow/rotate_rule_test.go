package workflow

import (
	"context"
	"testing"
	"time"

	"latchkey/storage"
)

// rotations counts how often a key was to be replaced.
func (l *lathe) rotations(id storage.CredentialID) int {
	l.Helper()
	all, err := l.DB.Rotations(context.Background(), id)
	if err != nil {
		l.Fatal(err)
	}
	n := 0
	for _, r := range all {
		if r.OldID == id {
			n++
		}
	}
	return n
}

// A rule has keys rotated on time, and gives nobody more time by it.
func TestARuleRotates(t *testing.T) {
	t.Parallel()
	for _, sys := range []system{fakeSystem(), brokeredSystem()} {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			l := startLathe(t, sys, func(d *Document) { d.Policies[0].Rotation = Rotation{Every: 5 * day} })
			old, _ := l.key()
			first := old
			l.setCalm(false)
			lived := time.Duration(0)
			for turn := range 3 {
				l.pass(5*24*time.Hour - time.Hour - lived)
				l.drive()
				if n := l.rotations(old.ID); n != 0 {
					t.Fatalf("turn %d: it is rotated too soon", turn)
				}
				l.pass(2 * time.Hour)
				l.drive()
				next := l.successor(old.ID)
				l.drive()
				l.take(next.ID)
				l.drive()
				lived = 25 * time.Hour
				l.pass(lived)
				l.rest()
				l.settled(old.ID, next.ID)
				old = l.credential(t, next.ID)
				if old.ExpiresAt.After(first.ExpiresAt) {
					t.Fatalf("it ends %s, the first one ended %s", old.ExpiresAt, first.ExpiresAt)
				}
			}
			l.pass(20 * time.Hour) // less than an overlap is left of its life
			l.rest()
			if n := l.rotations(old.ID); n != 0 || l.working() > 1 {
				t.Errorf("a key that ends soon is rotated %d times", n)
			}
		})
	}
}

// successor is the key that takes another one's place.
func (l *lathe) successor(id storage.CredentialID) storage.Credential {
	l.Helper()
	by, err := l.DB.ReplacedBy(context.Background(), []storage.CredentialID{id})
	if err != nil || by[id] == 0 {
		l.Fatalf("%s has no successor: %v", id, err)
	}
	return l.credential(l.T, by[id])
}

// What comes to nothing is tried again a day later, and not before.
func TestARuleIsPatient(t *testing.T) {
	t.Parallel()
	l := startLathe(t, brokeredSystem(), func(d *Document) { d.Policies[0].Rotation = Rotation{Every: 2 * day} })
	old, before := l.key()
	l.setCalm(false)
	for range 12 * 4 { // twelve days, and nobody ever collects
		l.pass(6 * time.Hour)
		l.rest()
	}
	// It begins on day 2. Each one waits a day for its owner, and then another.
	if n := l.rotations(old.ID); n < 4 || n > 6 {
		t.Errorf("%d rotations in twelve days", n)
	}
	if !l.works(before) || l.working() > 2 {
		t.Errorf("the old one works: %t, of %d", l.works(before), l.working())
	}
}

// A rule that lets keys live less by now still rotates those from before.
func TestARuleThatBecameStricter(t *testing.T) {
	t.Parallel()
	l := startLathe(t, brokeredSystem(), nil)
	old, _ := l.key()
	d := l.Rules().Document
	d.Policies[0].Rotation = Rotation{Every: day}
	d.Policies[0].MaxLifetime = 3 * day
	l.Service = l.service(t, d, func(deps *Deps) { deps.Connectors = l.Connectors })
	l.exec(t, `UPDATE credential SET next_action_at = latchkey_now()`)
	l.pass(25 * time.Hour)
	l.drive()
	next := l.successor(old.ID)
	l.take(next.ID)
	next = l.credential(t, next.ID)
	if lives := next.ExpiresAt.Sub(next.ActivatedAt); lives > 3*24*time.Hour || lives < 2*24*time.Hour {
		t.Errorf("it lives %s", lives)
	}
}

// A sweep that finds a rotation under way begins no other, and is not stopped
// by it.
func TestARuleMeetsARotationUnderWay(t *testing.T) {
	t.Parallel()
	l := startLathe(t, fakeSystem(), func(d *Document) { d.Policies[0].Rotation = Rotation{Every: 2 * day} })
	old, _ := l.key()
	other, _ := l.key()
	l.pass(49 * time.Hour)
	l.drive()
	next := l.successor(old.ID)
	if _, err := l.Revoke(t.Context(), l.people["alice"], next.ID, ""); err != nil {
		t.Fatal(err)
	}
	// Its system can't be reached for days, so the successor is not yet gone.
	l.exec(t, `UPDATE credential SET next_action_at = latchkey_now() + interval '30 days' WHERE id = $1`, next.ID)
	_ = l.jobs(t, RevokeArgs{}.Kind())
	l.pass(30 * time.Hour)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := l.rotations(old.ID); n != 1 {
		t.Errorf("%d rotations of it", n)
	}
	if n := l.rotations(other.ID); n == 0 {
		t.Error("the sweep did not go on")
	}
}
