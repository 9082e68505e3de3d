package workflow

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// The steps of a rotation at which something else can happen.
var rotationSteps = []string{"begun", "issue:leased", "issue:answered", "issue:proven", "issue:stored", "collected"}

// What is left of a rotation when all is quiet.
const (
	leftOld  = "the old key"
	leftNew  = "the new key"
	leftNone = "no key"
)

// meanwhile is something that happens to a rotation from outside: before the
// new key is active, and after.
type meanwhile struct {
	do            func(*lathe, storage.Credential, storage.Credential)
	before, after string
}

func meanwhiles() map[string]meanwhile {
	admin := func(l *lathe) Actor { return l.people["erin"] }
	ok := func(l *lathe, err error) {
		if err != nil {
			l.Error(err)
		}
	}
	return map[string]meanwhile{
		"an admin revokes the old key": {func(l *lathe, old, _ storage.Credential) {
			_, err := l.Revoke(context.Background(), admin(l), old.ID, "leaked")
			ok(l, err)
		}, leftNone, leftNew},
		"an admin suspends the old key": {func(l *lathe, old, _ storage.Credential) {
			_, err := l.Suspend(context.Background(), admin(l), old.ID, "odd traffic")
			ok(l, err)
		}, leftOld, leftNew},
		"the old key expires": {func(l *lathe, old, _ storage.Credential) {
			l.exec(l.T, `UPDATE credential SET expires_at = latchkey_now(), next_action_at = latchkey_now() WHERE id = $1`, old.ID)
			ok(l, l.Sweep(context.Background()))
		}, leftNone, leftNew},
		"an admin revokes the new key": {func(l *lathe, _, next storage.Credential) {
			_, err := l.Revoke(context.Background(), admin(l), next.ID, "not so fast")
			ok(l, err)
		}, leftOld, leftOld},
		"the owner gives the new key back": {func(l *lathe, _, next storage.Credential) {
			_, err := l.Revoke(context.Background(), l.people["alice"], next.ID, "")
			ok(l, err)
		}, leftOld, leftOld},
		"nobody does anything": {func(*lathe, storage.Credential, storage.Credential) {}, leftNew, leftNew},
	}
}

// Whatever happens to either key while a rotation is under way, one of them is
// left that works, or none if somebody ended them; and never an orphan.
func TestWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	for _, sys := range []system{fakeSystem(), brokeredSystem()} {
		l := startLathe(t, sys, nil)
		for what, m := range meanwhiles() {
			for i, step := range rotationSteps {
				t.Run(sys.name+" "+what+" at "+step, func(t *testing.T) {
					l.T = t
					l.happens(m, step, i < 4)
				})
			}
		}
	}
}

func (l *lathe) happens(m meanwhile, step string, early bool) {
	l.Helper()
	old, before := l.key()
	next := l.begin(old.ID, RotateAsk{})
	switch step {
	case "begun":
		m.do(l, old, next)
	case "collected":
	default:
		l.acts[step] = func() { m.do(l, old, next) }
	}
	l.drive()
	want := m.after
	if early {
		want = m.before
	}
	got := l.credential(l.T, next.ID)
	if got.State == storage.CredentialActive {
		value := l.take(next.ID)
		if step == "collected" {
			m.do(l, old, next)
			l.drive()
		}
		if want == leftNew && !l.works(value) {
			l.Errorf("the new key does not work")
		}
	}
	if old := l.credential(l.T, old.ID); old.State == storage.CredentialSuspended && want == leftOld {
		if _, err := l.Resume(context.Background(), l.people["erin"], old.ID, "all is well"); err != nil {
			l.Error(err)
		}
	}
	l.workAll(l.T)
	l.pass(50 * time.Hour)
	l.rest()
	alive := map[string]bool{}
	for id, name := range map[storage.CredentialID]string{old.ID: leftOld, next.ID: leftNew} {
		c := l.credential(l.T, id)
		l.checkStory(l.T, storage.SubjectCredential, int64(id), string(c.State), credentialMachine)
		alive[name] = c.State == storage.CredentialActive
		if c.State != storage.CredentialActive && c.Live() {
			l.Errorf("%s is %s for ever", name, c.State)
		}
	}
	if alive[leftOld] != (want == leftOld) || alive[leftNew] != (want == leftNew) || l.works(before) != alive[leftOld] {
		l.Errorf("left %v, the old one works: %t, want %s", alive, l.works(before), want)
	}
	if n := l.working(); n > 1 || n == 0 != (want == leftNone) {
		l.Errorf("%d keys work", n)
	}
	if want == leftOld && !slices.Contains(l.happened(old.ID), "credential.rotation_failed") {
		l.Errorf("nobody can see that nothing came of it: %v", l.happened(old.ID))
	}
	l.forget()
}

// happened lists the events of a credential.
func (l *lathe) happened(id storage.CredentialID) []string {
	l.Helper()
	all, err := l.DB.Events(context.Background(), storage.SubjectCredential, int64(id))
	if err != nil {
		l.Fatal(err)
	}
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.Action
	}
	return out
}

// The owner leaves: a key that was not made by then is not made, and one that
// they did not collect is ended. What they hold is the offboarding's.
func TestTheOwnerLeavesMeanwhile(t *testing.T) {
	t.Parallel()
	l := startLathe(t, fakeSystem(), nil)
	for i, step := range rotationSteps[:5] {
		t.Run(step, func(t *testing.T) {
			l.T = t
			old, before := l.key()
			next := l.begin(old.ID, RotateAsk{})
			leaves := func() { l.setActive(t, "alice", false) }
			if step == "begun" {
				leaves()
			} else {
				l.acts[step] = leaves
			}
			l.drive()
			if got := l.credential(t, next.ID); (got.State == storage.CredentialActive) != (i == 4) {
				t.Errorf("the new key is %s: %s", got.State, got.StateReason)
			}
			l.pass(25 * time.Hour)
			l.rest()
			if got := l.credential(t, next.ID); got.Live() || !l.works(before) || l.working() != 1 {
				t.Errorf("the new key is %s, %d work", got.State, l.working())
			}
			l.setActive(t, "alice", true)
			l.forget()
		})
	}
}

// A new key that is suspended while both overlap does not cost the old one:
// that waits until it is resumed.
func TestTheNewKeyIsSuspendedMeanwhile(t *testing.T) {
	t.Parallel()
	l := startLathe(t, fakeSystem(), nil)
	old, before := l.key()
	next := l.begin(old.ID, RotateAsk{})
	l.drive()
	value := l.take(next.ID)
	if _, err := l.Suspend(t.Context(), l.people["erin"], next.ID, "odd traffic"); err != nil {
		t.Fatal(err)
	}
	l.workAll(t)
	for range 3 {
		l.pass(20 * time.Hour)
		l.rest()
	}
	if !l.works(before) || l.works(value) {
		t.Fatalf("the old one works: %t, the new one: %t", l.works(before), l.works(value))
	}
	if _, err := l.Resume(t.Context(), l.people["erin"], next.ID, "all is well"); err != nil {
		t.Fatal(err)
	}
	l.workAll(t)
	l.pass(2 * time.Hour)
	l.rest()
	if l.works(before) || !l.works(value) {
		t.Errorf("after it is resumed the old one works: %t, the new one: %t", l.works(before), l.works(value))
	}
	l.settled(old.ID, next.ID)
}

// Somebody ends a key at the system itself. The other one stays, and the rows
// say so.
func TestTheSystemEndsAKeyMeanwhile(t *testing.T) {
	t.Parallel()
	for name, endsNew := range map[string]bool{"the new one": true, "the old one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var vendor *fake.Vendor
			l := startLathe(t, watched(&vendor), nil)
			old, _ := l.key()
			next := l.begin(old.ID, RotateAsk{})
			l.drive()
			l.take(next.ID)
			other, ended := old, l.credential(t, next.ID)
			if !endsNew {
				other, ended = ended, old
			}
			vendor.SetState(ended.VendorRef, fake.StateRevoked)
			l.sync(t)
			l.sync(t)
			l.rest()
			l.pass(30 * time.Hour)
			l.rest()
			if got := l.credential(t, ended.ID); got.State != storage.CredentialRevoked {
				t.Errorf("the ended one is %s", got.State)
			}
			if got := l.credential(t, other.ID); got.State != storage.CredentialActive || l.working() != 1 {
				t.Errorf("the other one is %s, %d work", got.State, l.working())
			}
			if failed := slices.Contains(l.happened(old.ID), "credential.rotation_failed"); failed != endsNew {
				t.Errorf("the rotation failed: %t", failed)
			}
		})
	}
}

// watched is fakeSystem with its vendor at hand.
func watched(vendor **fake.Vendor) system {
	sys := rotatorSystem(vendor)
	open := sys.open
	sys.way = storage.RotateOverlap
	sys.open = func(t *testing.T, rt http.RoundTripper, now func() time.Time) (conn connectors.Connector, holds func() []held) {
		conn, holds = open(t, rt, now)
		return conn.(rotator).Connector, holds
	}
	return sys
}

// Any number of clicks, on two replicas, are one rotation.
func TestManyClicksAreOneRotation(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{true, false} {
		l := startLathe(t, fakeSystem(), nil)
		other := l.service(t, l.Rules().Document, func(d *Deps) { d.Connectors = l.Connectors })
		old, _ := l.key()
		l.setCalm(false)
		var mu sync.Mutex
		made := map[storage.CredentialID]int{}
		refusals := 0
		var clicks sync.WaitGroup
		for i := range 12 {
			key := "one click"
			if !same {
				key = fresh()
			}
			clicks.Go(func() {
				out, err := []*Service{l.Service, other}[i%2].Rotate(context.Background(), l.people["alice"], old.ID, RotateAsk{}, key)
				mu.Lock()
				defer mu.Unlock()
				if r, refused := AsRefusal(err); refused && r.Rule == RuleDecided {
					refusals++
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				made[out.New.ID]++
			})
		}
		clicks.Wait()
		if want := map[bool]int{true: 0, false: 11}[same]; len(made) != 1 || refusals != want {
			t.Fatalf("the same click %t: made %v, refused %d", same, made, refusals)
		}
		next := slices.Collect(maps.Keys(made))[0]
		var workers sync.WaitGroup
		for i := range 6 {
			workers.Go(func() {
				if err := []*Service{l.Service, other}[i%2].Issue(context.Background(), next); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		l.rest()
		if n := l.working(); n != 2 {
			t.Errorf("%d keys work", n)
		}
		l.take(next)
	}
}

// While a rotation is under way neither of its keys is rotated again, however
// that is asked for: a third key would work.
func TestNoSecondRotationMeanwhile(t *testing.T) {
	t.Parallel()
	l := startLathe(t, fakeSystem(), nil)
	old, _ := l.key()
	next := l.begin(old.ID, RotateAsk{})
	again := func(when string, id storage.CredentialID) {
		t.Helper()
		_, err := l.Rotate(t.Context(), l.people["alice"], id, RotateAsk{}, fresh())
		refused(t, when, err, RuleDecided)
		_, err = l.PlanRotation(t.Context(), l.people["alice"], id)
		refused(t, when+", planned", err, RuleDecided)
	}
	again("the new key is not made", old.ID)
	l.drive()
	again("it is not collected", old.ID)
	l.take(next.ID)
	again("both work", old.ID)
	again("both work, the new one", next.ID)
	l.arm("revoke:500")
	l.pass(25 * time.Hour)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.FinishRevoke(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	again("the old one is not yet dead at its system", next.ID)
	l.rest()
	third := l.begin(next.ID, RotateAsk{})
	l.drive()
	l.take(third.ID)
	if n := l.working(); n != 2 {
		t.Errorf("%d keys work", n)
	}

	// A key that failed to replace another one and is not yet gone counts too.
	if _, err := l.Revoke(t.Context(), l.people["alice"], third.ID, ""); err != nil {
		t.Fatal(err)
	}
	again("its successor is not yet gone", next.ID)
	l.rest()
	l.begin(next.ID, RotateAsk{})
}

// The same click for another key is a mistake, not a rotation of that one.
func TestAClickIsForOneKey(t *testing.T) {
	t.Parallel()
	l := startLathe(t, brokeredSystem(), nil)
	one, _ := l.key()
	two, _ := l.key()
	if _, err := l.Rotate(t.Context(), l.people["alice"], one.ID, RotateAsk{}, "click"); err != nil {
		t.Fatal(err)
	}
	_, err := l.Rotate(t.Context(), l.people["alice"], two.ID, RotateAsk{}, "click")
	refused(t, "another key", err, RuleReplay)
	if errors.Is(err, storage.ErrConflict) || l.credential(t, two.ID).State != storage.CredentialActive {
		t.Errorf("%v", err)
	}
}
