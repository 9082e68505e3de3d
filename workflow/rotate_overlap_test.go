package workflow

import (
	"slices"
	"testing"
	"time"

	"latchkey/storage"
)

// The old key ends at the end of the overlap: the rule's, or the one that was
// asked for, or its own end if that comes first; and never before somebody has
// the new one.
func TestWhenTheOldKeyEnds(t *testing.T) {
	t.Parallel()
	rule := func(r Rotation) func(*Document) {
		return func(d *Document) { d.Policies[0].Rotation = r }
	}
	const hour = Duration(time.Hour)
	for name, tt := range map[string]struct {
		rule     Rotation
		oldEnds  time.Duration // asked for, from now
		ownEnd   time.Duration // of the old key, from now
		collects time.Duration // after this
		want     time.Duration // the old one works until then
		end      storage.CredentialState
	}{
		"by default after a day":           {want: 24 * time.Hour},
		"as the rule says":                 {rule: Rotation{Overlap: 48 * hour}, want: 48 * time.Hour},
		"as it was asked, sooner":          {oldEnds: 3 * time.Hour, want: 3 * time.Hour},
		"as it was asked, later":           {oldEnds: 70 * time.Hour, want: 70 * time.Hour},
		"by its own end":                   {ownEnd: 10 * time.Hour, want: 10 * time.Hour, end: storage.CredentialExpired},
		"when the new one is collected":    {rule: Rotation{Overlap: hour}, collects: 20 * time.Hour, want: 20 * time.Hour},
		"collected late, asked for sooner": {oldEnds: time.Hour, collects: 5 * time.Hour, want: 5 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLathe(t, brokeredSystem(), rule(tt.rule))
			old, before := l.key()
			if tt.ownEnd > 0 {
				l.exec(t, `UPDATE credential SET expires_at = latchkey_now() + $2, next_action_at = latchkey_now() WHERE id = $1`, old.ID, tt.ownEnd)
			}
			l.setCalm(false)
			ask := RotateAsk{Reason: "routine"}
			if tt.oldEnds > 0 {
				ask.OldEnds = time.Now().Add(tt.oldEnds)
			}
			next := l.begin(old.ID, ask)
			l.drive()
			at := time.Duration(0)
			to := func(d time.Duration) {
				l.pass(d - at)
				at = d
				l.drive()
			}
			if tt.collects > 0 {
				to(tt.collects - time.Minute)
				if !l.works(before) {
					t.Fatal("the old one ended before somebody had the new one")
				}
				to(tt.collects)
			}
			l.take(next.ID)
			l.drive()
			if tt.want > tt.collects {
				to(tt.want - time.Minute)
				if !l.works(before) {
					t.Error("the old one ended too soon")
				}
				to(tt.want + time.Minute)
			}
			l.rest()
			if got := l.credential(t, old.ID); l.works(before) || tt.end != "" && got.State != tt.end || tt.end == "" && got.State != storage.CredentialRevoked {
				t.Errorf("%s after %s, works: %t", got.State, tt.want, l.works(before))
			}
		})
	}
}

// Where the rule wants it, the old key stays until nobody uses it any more.
func TestTheOldKeyStaysWhileItIsUsed(t *testing.T) {
	t.Parallel()
	l := startLathe(t, brokeredSystem(), func(d *Document) {
		d.Policies[0].Rotation = Rotation{Overlap: day, Quiet: Duration(6 * time.Hour)}
	})
	old, before := l.key()
	l.setCalm(false)
	use := func() {
		l.exec(t, `UPDATE credential SET last_used_at = latchkey_now() WHERE id = $1`, old.ID)
	}
	use()
	next := l.begin(old.ID, RotateAsk{})
	l.drive()
	l.take(next.ID)
	for hours := 1; hours <= 60; hours += 4 { // used on and on, long past the overlap
		use()
		l.pass(4 * time.Hour)
		l.drive()
		if !l.works(before) {
			t.Fatalf("after %d hours the old one is ended, though it is used", hours)
		}
	}
	l.pass(time.Hour) // five hours of silence
	l.drive()
	if !l.works(before) {
		t.Error("it is ended before it was quiet for long enough")
	}
	l.pass(time.Hour + time.Minute)
	l.rest()
	l.settled(old.ID, next.ID)

	// What was asked for in so many words does not wait for silence.
	third := l.begin(next.ID, RotateAsk{OldEnds: time.Now().Add(time.Duration(l.ahead.Load()) + time.Hour)})
	l.drive()
	l.take(third.ID)
	l.pass(2 * time.Hour)
	l.exec(t, `UPDATE credential SET last_used_at = latchkey_now() WHERE id = $1`, next.ID)
	l.rest()
	l.settled(next.ID, third.ID)
}

// A new key that nobody collects is ended, and the old one lives on as if
// nothing had been: its owner is told, and hears of its end again.
func TestANewKeyThatNobodyCollects(t *testing.T) {
	t.Parallel()
	for _, sys := range []system{fakeSystem(), brokeredSystem()} {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			l := startLathe(t, sys, func(d *Document) { d.Policies[0].NotifyBefore = []Duration{5 * day} })
			old, before := l.key()
			l.setCalm(false)
			l.pass(14 * 24 * time.Hour)
			l.drive()
			next := l.begin(old.ID, RotateAsk{})
			l.drive()
			l.pass(23 * time.Hour)
			l.drive()
			if got := l.credential(t, next.ID); got.State != storage.CredentialActive {
				t.Errorf("before its time is up it is %s", got.State)
			}
			_ = l.told(t)
			l.pass(2 * time.Hour) // one day and one hour: the rung of the old key too
			l.rest()
			if got := l.credential(t, next.ID); got.State != storage.CredentialRevoked || got.StateReason != "not collected in time" {
				t.Errorf("%s, %q", got.State, got.StateReason)
			}
			got := l.credential(t, old.ID)
			if got.State != storage.CredentialActive || !l.works(before) || l.working() != 1 {
				t.Errorf("the old one is %s, %d work", got.State, l.working())
			}
			if told := l.told(t); told[subject(old.ID)] == 0 {
				t.Errorf("nobody is told: %v", told)
			}
			if got.NoticedUntil.IsZero() {
				t.Error("its owner does not hear of its end")
			}
			if !slices.Contains(l.happened(old.ID), "credential.rotation_failed") {
				t.Errorf("events: %v", l.happened(old.ID))
			}
			again := l.begin(old.ID, RotateAsk{})
			l.drive()
			l.take(again.ID)
		})
	}
}

// A key that ends before anybody collected it, because its system gave it less
// life, is no replacement either.
func TestANewKeyThatEndsUncollected(t *testing.T) {
	t.Parallel()
	l := startLathe(t, brokeredSystem(), func(d *Document) { d.Policies[0].NotifyBefore = []Duration{19 * day} })
	old, before := l.key()
	l.setCalm(false)
	next := l.begin(old.ID, RotateAsk{Ends: time.Now().Add(6 * time.Hour)})
	l.drive()
	for range 3 {
		l.pass(10 * time.Hour)
		l.rest()
	}
	if got := l.credential(t, next.ID); got.State != storage.CredentialExpired || !l.works(before) || l.working() != 1 {
		t.Errorf("the new one is %s, %d work", got.State, l.working())
	}
	if got := l.credential(t, old.ID); got.NoticedUntil.IsZero() {
		t.Error("the old one's end is forgotten")
	}
}

// A system that is away for longer than the new key was to live: nothing is
// made that would outlive what was asked for.
func TestARotationThatComesTooLate(t *testing.T) {
	t.Parallel()
	l := startLathe(t, fakeSystem(), nil)
	old, before := l.key()
	l.setCalm(false)
	l.arm("make:500")
	next := l.begin(old.ID, RotateAsk{Ends: time.Now().Add(2 * time.Hour)})
	if err := l.Issue(t.Context(), next.ID); err != nil {
		t.Fatal(err)
	}
	l.pass(3 * time.Hour)
	l.rest()
	if got := l.credential(t, next.ID); got.State != storage.CredentialIssueFailed || !l.works(before) || l.working() != 1 {
		t.Errorf("%s, %d work", got.State, l.working())
	}
}

// A system that refuses its own new key again and again: the old one stays,
// and people see why.
func TestANewKeyThatIsNeverProven(t *testing.T) {
	t.Parallel()
	for _, sys := range []system{fakeSystem(), gitlabSystem()} {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			l := startLathe(t, sys, nil)
			old, before := l.key()
			l.setCalm(false)
			for range proofTries {
				l.arm("prove:refused")
			}
			next := l.begin(old.ID, RotateAsk{})
			l.rest()
			l.unspent()
			got := l.credential(t, next.ID)
			if got.State != storage.CredentialRevoked || got.StateReason != "the system refuses the new key" || !l.works(before) || l.working() != 1 {
				t.Errorf("%s, %q, %d work", got.State, got.StateReason, l.working())
			}
			if made := l.calls[wireMake]; made != proofTries+1 {
				t.Errorf("%d keys were made", made)
			}
			if proofs := l.receipts(t, next.ID); len(proofs) != 1 || proofs[0].Liveness != "dead" {
				t.Errorf("receipts: %+v", proofs)
			}
		})
	}
}
