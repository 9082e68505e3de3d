package workflow

import (
	"context"
	"math"
	"testing"
	"time"
	_ "time/tzdata" // the clocks of Europe, wherever this runs

	"latchkey/storage"
)

// freeze stops the deciding clock at a moment.
func (h *house) freeze(t testing.TB, at time.Time) {
	t.Helper()
	h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT timestamptz `+"''"+at.UTC().Format(time.RFC3339Nano)+"'''")
	h.vendor.SetClock(func() time.Time { return at })
}

// A lifetime is at least a second and at most what the rule says. There is no
// way to say "for ever", or to overflow.
func TestLifetimesOfRequests(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 50, Live: 50}
	d.Policies = append([]Policy{{Name: "ten years", Connections: []string{"tempo"}, Scopes: []string{"people:read"}, Requesters: []string{Everyone},
		Approval: Approval{Auto: true}, MaxLifetime: MaxDuration}}, d.Policies...)
	h := openWith(t, d, nil)
	now := time.Date(2028, 2, 28, 12, 0, 0, 0, time.UTC)
	h.freeze(t, now)
	const second = Duration(time.Second)
	until := func(year int) Duration { return Duration(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Sub(now)) } // far away it is the longest there is
	for _, scope := range []string{"files:read", "people:read"} {
		most := map[string]Duration{"files:read": 90 * day, "people:read": MaxDuration}[scope]
		for _, tt := range []struct {
			life Duration
			ok   bool
		}{
			{math.MinInt64, false}, {-day, false}, {-1, false}, {0, false}, {1, false}, {second - 1, false}, {second, true}, {second + 1, true},
			{most - second, true}, {most, true}, {most + 1, false}, {most + second, false}, {until(2099), false}, {until(9999), false}, {math.MaxInt64, false},
		} {
			ask := ofTempo(scope, tt.life)
			r, err := h.Submit(t.Context(), h.people["frank"], ask, fresh())
			if !tt.ok {
				refused(t, time.Duration(tt.life).String()+" of "+scope, err, RuleCeiling)
				continue
			}
			if err != nil {
				t.Fatalf("%s of %s: %v", time.Duration(tt.life), scope, err)
			}
			_ = h.work(t)
			c, want := h.keyOf(t, r.ID), time.Duration(tt.life).Truncate(time.Second)
			if c.State != storage.CredentialActive || !c.ExpiresAt.Equal(now.Add(want)) || r.Granted() != want || c.LifetimeS != int64(want/time.Second) {
				t.Errorf("%s of %s: %s until %s", time.Duration(tt.life), scope, c.State, c.ExpiresAt)
			}
		}
	}
	h.check(t)
}

// ends are moments at which a key might be made to end; the ceiling is ninety
// days away.
func ends(now time.Time) map[string]struct {
	at time.Time
	ok bool
} {
	most := now.Add(90 * 24 * time.Hour)
	return map[string]struct {
		at time.Time
		ok bool
	}{
		"before there was time": {time.Unix(math.MinInt64/2, 0), false}, "long ago": {time.Unix(0, 0), false}, "a second ago": {now.Add(-time.Second), false},
		"a moment ago": {now.Add(-1), false}, "now": {now, false}, "in a moment": {now.Add(1), false}, "in a second": {now.Add(time.Second), true},
		"a second less": {most.Add(-time.Second), true}, "as far as it goes": {most, true}, "a moment more": {most.Add(1), true}, // of which a second's part is cut
		"a second more": {most.Add(time.Second), false}, "2099": {time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC), false},
		"9999": {time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), false}, "10000": {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		"after all time": {time.Unix(math.MaxInt64/2, 0), false},
		"the leap day":   {time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC), true},
	}
}

// An end is in the future and within the ceiling, by whatever door it comes.
func TestEndsOfKeys(t *testing.T) {
	t.Parallel()
	h := open(t)
	now := time.Date(2028, 2, 28, 12, 0, 0, 0, time.UTC)
	h.freeze(t, now)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	for what, e := range ends(now) {
		want := e.at.Truncate(time.Second)
		at := e.at
		got, err := h.Edit(t.Context(), h.people["bob"], c.ID, Edit{ExpiresAt: &at, Reason: "another plan"})
		if e.ok && (err != nil || !got.ExpiresAt.Equal(want) || !h.credential(t, c.ID).ExpiresAt.Equal(want)) {
			t.Errorf("edit, %s: %s, %v", what, got.ExpiresAt, err)
		}
		if !e.ok {
			refused(t, "edit, "+what, err, RuleCeiling)
		}
		rot, err := h.checkRotation(c, RotateAsk{Ends: e.at}, now)
		switch {
		case e.ok && (err != nil || !rot.EndsAt.Equal(want)):
			t.Errorf("rotate, %s: %s, %v", what, rot.EndsAt, err)
		case !e.ok:
			refused(t, "rotate, "+what, err, RuleCeiling)
		}
		rot, err = h.checkRotation(c, RotateAsk{OldEnds: e.at, Ends: now.Add(90 * 24 * time.Hour)}, now)
		switch ok := e.ok && !want.After(c.ExpiresAt); {
		case ok && (err != nil || !rot.OldEndsAt.Equal(want)):
			t.Errorf("the old one, %s: %s, %v", what, rot.OldEndsAt, err)
		case !ok:
			refused(t, "the old one, "+what, err, RuleCeiling)
		}
		_, err = h.Exempt(t.Context(), h.people["bob"], c.ID, e.at, "needed")
		if exempt := e.at.After(now) && !e.at.After(now.Add(time.Duration(maxExemption))); exempt && err != nil {
			t.Errorf("exempt, %s: %v", what, err)
		} else if !exempt {
			refused(t, "exempt, "+what, err, RuleCeiling)
		}
	}
	_, err := h.checkRotation(c, RotateAsk{Ends: now.Add(24 * time.Hour), OldEnds: now.Add(24*time.Hour + time.Second)}, now)
	refused(t, "the old key after the new one", err, RuleCeiling)
	if _, err = h.checkRotation(c, RotateAsk{Ends: now.Add(24 * time.Hour), OldEnds: now.Add(24 * time.Hour)}, now); err != nil {
		t.Errorf("the old key with the new one: %v", err)
	}
}

// No rule, however it was made, has a latest end without end.
func TestTheLatestEndIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2028, 2, 28, 12, 0, 0, 0, time.UTC)
	c := storage.Credential{ActivatedAt: now.Add(-24 * time.Hour), ExpiresAt: now.Add(time.Hour)}
	decade := now.Add(time.Duration(MaxDuration))
	for what, tt := range map[string]struct {
		p    plan
		want time.Time
	}{
		"no rule any more": {plan{}, c.ExpiresAt}, "a rule": {plan{ceiling: 30 * day}, now.Add(30 * 24 * time.Hour)}, "a decade": {plan{ceiling: MaxDuration}, decade},
		"more than that": {plan{ceiling: math.MaxInt64}, decade}, "a greatest age": {plan{ceiling: 30 * day, maxAge: 3 * day}, now.Add(48 * time.Hour)},
		"an age it is past": {plan{ceiling: 30 * day, maxAge: Duration(time.Hour)}, now.Add(-23 * time.Hour)},
		"an age of ages":    {plan{ceiling: 30 * day, maxAge: MaxDuration}, now.Add(30 * 24 * time.Hour)},
	} {
		if got := tt.p.latest(c, now); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", what, got, tt.want)
		}
	}
	c.VendorCreatedAt = now.Add(-10 * 24 * time.Hour)
	if got := (plan{ceiling: 30 * day, maxAge: 20 * day}).latest(c, now); !got.Equal(now.Add(10 * 24 * time.Hour)) {
		t.Errorf("counted from when its system made it: %s", got)
	}
}

// A day is 24 hours, in the nights when the clocks of Europe change and on the
// leap day too: for the end, for its rungs and between two digests.
func TestADayIsADay(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, start := range map[string]time.Time{
		"an hour is left out":   time.Date(2027, 3, 27, 3, 30, 0, 0, berlin),
		"in the hour before it": time.Date(2027, 3, 28, 1, 59, 59, 0, berlin),
		"an hour comes twice":   time.Date(2027, 10, 30, 2, 30, 0, 0, berlin),
		"in that hour":          time.Date(2027, 10, 31, 0, 30, 0, 0, time.UTC),
		"before the leap day":   time.Date(2028, 2, 28, 23, 59, 59, 0, berlin),
		"on the leap day":       time.Date(2028, 2, 29, 12, 0, 0, 0, berlin),
		"the year turns":        time.Date(2027, 12, 31, 23, 59, 59, 0, berlin),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openWith(t, houseDocument(), nil)
			h.exec(t, `ALTER ROLE CURRENT_USER IN DATABASE `+h.database(t)+` SET timezone = 'Europe/Berlin'`)
			h.Service = h.service(t, houseDocument(), nil)
			h.freeze(t, start)
			c := h.held(t, "alice", ofTempo("files:read", 2*day))
			other := h.held(t, "alice", ofTempo("files:read", 2*day+Duration(25*time.Hour)))
			if !c.ExpiresAt.Equal(start.Add(48 * time.Hour)) {
				t.Fatalf("two days from %s it ends at %s", start, c.ExpiresAt)
			}
			at := func(after time.Duration) {
				t.Helper()
				h.freeze(t, start.Add(after))
				if err := h.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			at(24*time.Hour - time.Microsecond)
			if n := len(h.said(t, "alice", c.ID)); n != 0 {
				t.Errorf("too early: %d", n)
			}
			at(24 * time.Hour)
			if n := len(h.said(t, "alice", c.ID)); n != 1 {
				t.Errorf("a day before its end: %d", n)
			}
			at(48*time.Hour - time.Microsecond)
			if got := h.credential(t, c.ID); got.State != storage.CredentialActive || len(h.mail(t, "alice")) != 1 {
				t.Errorf("just before its end: %s, %d digests", got.State, len(h.mail(t, "alice")))
			}
			at(48 * time.Hour)
			if got := h.credential(t, c.ID); got.State != storage.CredentialExpired || len(h.mail(t, "alice")) != 2 {
				t.Errorf("at its end: %s, %d digests", got.State, len(h.mail(t, "alice")))
			}
			if n := len(h.said(t, "alice", other.ID)); n != 1 { // its day begins within this one
				t.Errorf("of the other one: %d", n)
			}
		})
	}
}

func (h *house) database(t testing.TB) (name string) {
	t.Helper()
	if err := h.DB.Pool().QueryRow(context.Background(), `SELECT quote_ident(current_database())`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}
