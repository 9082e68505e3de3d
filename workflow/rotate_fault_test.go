package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

// turn rotates a fresh key and follows both to the end of the overlap.
func (l *lathe) turn(prepare func(old storage.Credential)) {
	l.Helper()
	old, before := l.key()
	l.setCalm(false)
	prepare(old)
	next := l.begin(old.ID, RotateAsk{Reason: "routine"})
	l.drive()
	after := l.take(next.ID)
	if !l.works(before) || !l.works(after) || before.Expose() == after.Expose() {
		l.Errorf("while they overlap the old one works: %t, the new one: %t", l.works(before), l.works(after))
	}
	l.drive()
	l.pass(23 * time.Hour)
	l.drive()
	if got := l.credential(l.T, old.ID); got.State != storage.CredentialActive || !l.works(before) {
		l.Errorf("before the overlap is over %s is %s", old.ID, got.State)
	}
	l.pass(2 * time.Hour)
	l.rest()
	l.settled(old.ID, next.ID)
	if l.works(before) || !l.works(after) || l.working() != 1 {
		l.Errorf("after the overlap the old one works: %t, the new one: %t, of %d", l.works(before), l.works(after), l.working())
	}
	l.unspent()
	l.forget()
}

// settled checks what the rows of a rotation say that went well.
func (l *lathe) settled(oldID, newID storage.CredentialID) {
	l.Helper()
	old, next := l.credential(l.T, oldID), l.credential(l.T, newID)
	if old.State != storage.CredentialRevoked || next.State != storage.CredentialActive || next.ReplacesID != oldID {
		l.Errorf("the old one is %s (%s), the new one %s (%s)", old.State, old.StateReason, next.State, next.StateReason)
	}
	if !sameScopes(old.Scopes, next.Scopes) || old.OwnerID != next.OwnerID || old.PolicyName != next.PolicyName || old.Label != next.Label {
		l.Errorf("the new one has %v, owner %d, %q and %q; the old one %v, %d, %q, %q", next.Scopes, next.OwnerID, next.PolicyName, next.Label,
			old.Scopes, old.OwnerID, old.PolicyName, old.Label)
	}
	for _, c := range []storage.Credential{old, next} {
		l.checkStory(l.T, storage.SubjectCredential, int64(c.ID), string(c.State), credentialMachine)
	}
	if proofs := l.receipts(l.T, oldID); len(proofs) == 0 || proofs[len(proofs)-1].Liveness != "dead" {
		l.Errorf("receipts of the old one: %+v", proofs)
	}
	l.checkNoSecrets(l.T)
}

// Acceptance: a rotation survives a fault at every step, at every sort of
// system: at all times the owner has a key that works, never more than two do,
// they may do the same, and once all is quiet one is left and no orphan.
func TestARotationSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			l := startLathe(t, sys, nil)
			for _, faults := range faultsOf(sys) {
				done := t.Run(strings.Join(faults, " "), func(t *testing.T) {
					l.T = t // one house for all, one after the other
					l.turn(func(storage.Credential) { l.spoil(faults) })
				})
				if !done {
					return
				}
			}
		})
	}
}

// spoil has workers die at points, and calls go wrong.
func (l *lathe) spoil(faults []string) {
	for _, f := range faults {
		if f == "none" {
			continue
		}
		if point, dies := strings.CutPrefix(f, "dies at "); dies {
			l.mu.Lock()
			l.deaths[point]++
			l.mu.Unlock()
			continue
		}
		l.arm(f)
	}
}

// faultsOf is every fault that a rotation at a system can meet, and some that
// come together.
func faultsOf(sys system) [][]string {
	out := [][]string{{"none"}}
	add := func(faults ...string) { out = append(out, faults) }
	points := []string{"issue:leased", "issue:answered", "issue:proven", "issue:stored", "revoke:leased", "revoke:answered", "revoke:stored"}
	if sys.way == storage.RotateGuided { // a person makes the key, and the sync finds it
		points = append(points[:1], points[4:]...)
	}
	for _, p := range points {
		add("dies at " + p)
	}
	add("dies at issue:leased", "dies at issue:leased", "dies at revoke:answered", "dies at revoke:leased")
	if sys.verb == nil {
		return out // nothing but us is asked
	}
	if sys.way != storage.RotateGuided {
		for _, verb := range []string{wireMake, wireProve} {
			for _, how := range []string{wireBroken, wireLimited, wireCut, wireLost, wireLate} {
				add(verb + ":" + how)
			}
		}
		add("prove:refused")
		// An answer is lost, and then what would find the key again fails.
		add("make:lost", "list:500", "list:cut", "list:429")
		add("make:lost", "revoke:500", "revoke:lost")
		add("make:lost", "revoke:429", "look:cut")
		add("make:late", "make:late", "prove:refused", "make:lost")
		add("dies at issue:answered", "dies at issue:proven", "make:lost", "dies at issue:answered")
	}
	for _, how := range []string{wireBroken, wireLimited, wireCut, wireLost, wireLate} {
		add(wireRevoke + ":" + how)
		if sys.way == storage.RotateOverlap {
			add(wireLook + ":" + how)
		}
	}
	return out
}
