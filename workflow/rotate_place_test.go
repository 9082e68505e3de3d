package workflow

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
)

// placed is a house whose system has no overlap, with a key of alice's that
// came under management.
type placed struct {
	*lathe
	vendor *fake.Vendor
	old    storage.Credential
	before secret.Value
}

func startPlaced(t *testing.T) *placed {
	t.Helper()
	p := &placed{}
	p.lathe = startLathe(t, rotatorSystem(&p.vendor), nil)
	return p
}

// adopt gives alice a key that she made at the system.
func (p *placed) adopt(t *testing.T) {
	t.Helper()
	p.T = t
	k := p.vendor.Seed(fake.Key{Label: "alice's", Owner: mailOf("alice"), Scopes: p.scopes, ExpiresAt: time.Now().AddDate(0, 0, 60)})
	p.sync(t)
	row := p.found(t, k.ID)
	ask, err := p.AdoptAsk(t.Context(), p.people["alice"], row.ID)
	if err != nil {
		t.Fatal(err)
	}
	ask.Lifetime, ask.Reason = 20*day, "for the yearly report"
	p.submit(t, "alice", ask)
	p.old, p.before, p.hand = p.credential(t, row.ID), k.Secret, []secret.Value{k.Secret}
	if !p.old.Managed {
		t.Fatalf("%+v", p.old)
	}
	p.setCalm(false)
}

// Where a system has no overlap that is said before anything happens, and the
// old key's row ends with the new one's beginning. A fault leaves, after all,
// one key that works and that the owner has: the old value until the system
// has done its work, a new one after that. In between there is none; no code
// of ours can change that.
func TestARotationInPlace(t *testing.T) {
	t.Parallel()
	p := startPlaced(t)
	for _, faults := range [][]string{
		{"none"}, {"dies at issue:leased"}, {"dies at issue:answered"}, {"dies at issue:proven"}, {"dies at issue:stored"},
		{"make:500"}, {"make:429"}, {"make:cut"}, {"make:lost"}, {"make:late"}, {"prove:500"}, {"prove:429"}, {"prove:cut"}, {"prove:refused"}, {"prove:lost"},
		{"make:lost", "list:500", "list:cut", "make:late"}, {"dies at issue:answered", "prove:refused", "dies at issue:proven"},
	} {
		t.Run(strings.Join(faults, " "), func(t *testing.T) {
			p.adopt(t)
			plan, err := p.PlanRotation(t.Context(), p.people["alice"], p.old.ID)
			if err != nil || plan.Way != storage.RotateInPlace || plan.Overlap != 0 || plan.Quiet != 0 {
				t.Fatalf("%+v, %v", plan, err)
			}
			p.spoil(faults)
			next := p.begin(p.old.ID, RotateAsk{})
			if !p.works(p.before) {
				t.Error("the old key is dead before its system was asked")
			}
			p.drive()
			after := p.take(next.ID)
			p.rest()
			p.unspent()
			p.settled(p.old.ID, next.ID)
			if p.works(p.before) || !p.works(after) || p.working() != 1 {
				t.Errorf("the old one works: %t, the new one: %t, of %d", p.works(p.before), p.works(after), p.working())
			}
			for range 3 { // the rows and the system's listing agree from then on
				p.sync(t)
				p.rest()
			}
			p.settled(p.old.ID, next.ID)
			if rows := p.inventory(t, storage.InventoryFilter{Connection: "acme"}); len(rows) != 1 || rows[0].ID != next.ID || !p.works(after) {
				t.Errorf("%d live rows, the key works: %t", len(rows), p.works(after))
			}
			p.forget()
		})
	}
}

// Whoever stopped or ended a key has stopped its rotation too, whenever that
// was.
func TestARotationInPlaceThatIsStopped(t *testing.T) {
	t.Parallel()
	p := startPlaced(t)
	for _, point := range []string{"issue:leased", "issue:answered", "issue:proven"} {
		t.Run(point, func(t *testing.T) {
			p.adopt(t)
			p.setCalm(true)
			next := p.begin(p.old.ID, RotateAsk{})
			p.acts[point] = func() {
				if _, err := p.Revoke(context.Background(), p.people["erin"], p.old.ID, "leaked"); err != nil {
					t.Error(err)
				}
			}
			p.rest()
			if old, fresh := p.credential(t, p.old.ID), p.credential(t, next.ID); old.State != storage.CredentialRevoked || fresh.Live() || p.working() != 0 {
				t.Errorf("the old one is %s, the new one %s, %d keys work", old.State, fresh.State, p.working())
			}
			p.forget()
		})
	}
}

// issuerOnly makes keys and gives them other values, and can't end one: there
// can be no overlap.
type issuerOnly struct {
	connectors.Connector
	connectors.Lister
	connectors.Issuer
	connectors.Rotator
	connectors.Verifier
	connectors.ScopeLister
}

func TestARotationWhereKeysCanNotBeEnded(t *testing.T) {
	t.Parallel()
	sys := fakeSystem()
	sys.way = storage.RotateInPlace
	open := sys.open
	sys.open = func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
		c, holds := open(t, rt, now)
		f := c.(*fake.Connector)
		return issuerOnly{f, f, f, f, f, f}, holds
	}
	l := startLathe(t, sys, nil)
	old, before := l.key()
	l.arm("make:lost")
	next := l.begin(old.ID, RotateAsk{})
	l.drive()
	after := l.take(next.ID)
	if l.works(before) || !l.works(after) || l.working() != 1 {
		t.Errorf("the old one works: %t, the new one: %t, of %d", l.works(before), l.works(after), l.working())
	}
	l.settled(old.ID, next.ID)
}
