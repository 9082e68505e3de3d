package workflow

import (
	"context"
	"slices"
	"testing"
	"time"

	"latchkey/storage"
)

// look follows what ended by itself since the last look: keys whose time is
// up, and keys that nobody collected within a day.
func (y *year) look(t *testing.T) {
	t.Helper()
	keys := y.ends(t)
	for _, k := range y.living() {
		c := keys[k.id]
		last := k.spans[len(k.spans)-1]
		want := storage.CredentialActive
		switch {
		case !y.now.Before(last.ends):
			want = storage.CredentialExpired
			y.dies(t, k, false)
		case !k.collected && !y.now.Before(k.born.Add(ticketUnopened)):
			want = storage.CredentialRevoked
			y.dies(t, k, true)
		}
		if c.State != want && !(want == storage.CredentialRevoked && c.State == storage.CredentialRevoking) { // its worker died
			t.Fatalf("at %s %s, which ends at %s, is %s", y.now, k.id, last.ends, c.State)
		}
		if !c.ExpiresAt.Equal(last.ends) {
			t.Fatalf("%s ends at %s, not at %s", k.id, c.ExpiresAt, last.ends)
		}
	}
	if len(y.sweeps)%25 == 0 {
		y.checkDoors(t)
	}
}

// ends reads the states and the ends of all keys.
func (y *year) ends(t *testing.T) map[storage.CredentialID]storage.Credential {
	t.Helper()
	rows, err := y.DB.Pool().Query(t.Context(), `SELECT id, state, expires_at FROM credential WHERE expires_at IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[storage.CredentialID]storage.Credential{}
	for rows.Next() {
		var c storage.Credential
		if err := rows.Scan(&c.ID, &c.State, &c.ExpiresAt); err != nil {
			t.Fatal(err)
		}
		out[c.ID] = c
	}
	return out
}

// checkDoors fails if a key that is over gets in anywhere, or one that is not
// is turned away.
func (y *year) checkDoors(t *testing.T) {
	t.Helper()
	if len(y.living()) > 0 { // let revocations end
		for range 3 {
			y.exec(t, `UPDATE credential SET next_action_at = latchkey_now(), lease_until = NULL WHERE state IN ('revoking', 'revoke_failed')`)
			y.settleNow(t)
		}
	}
	lets := map[storage.CredentialID]bool{}
	err := y.DB.GatewayKeys(context.Background(), func(k storage.GatewayKey) error {
		lets[k.ID] = k.Alive && y.now.Before(k.ExpiresAt)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	byLabel := map[string]bool{}
	for _, k := range y.vendor.Live() {
		byLabel[k.Label] = true
	}
	for _, k := range y.keys {
		alive := k.died.IsZero()
		if k.system == "acme" {
			if byLabel[y.label(k.id)] != alive {
				t.Errorf("at %s %s, alive %v, works at acme %v", y.now, k.id, alive, !alive)
			}
			continue
		}
		if alive && y.inactive(t, k.owner) {
			alive = false // the fence
		}
		if lets[k.id] != alive {
			t.Errorf("at %s the gateway lets %s in: %v, want %v", y.now, k.id, lets[k.id], alive)
		}
	}
}

func (y *year) inactive(t *testing.T, who string) (left bool) {
	t.Helper()
	if err := y.DB.Pool().QueryRow(context.Background(), `SELECT NOT active FROM person WHERE id = $1`, y.person(who)).Scan(&left); err != nil {
		t.Fatal(err)
	}
	return left
}

// closeBooks compares everything that was told with what had to be.
func (y *year) closeBooks(t *testing.T, awake bool) {
	t.Helper()
	for _, k := range y.living() {
		y.close(t, k)
	}
	due, told := 0, 0
	for _, k := range y.keys {
		left := y.toldOf(t, k.id, storage.NoticeExpiry)
		told += len(left)
		for i, s := range k.spans {
			for _, before := range k.ladder {
				due += y.checkRung(t, k, s, s.ends.Add(-before), left, awake)
			}
			if i == len(k.spans)-1 && !k.died.IsZero() && !k.revoked {
				y.checkExpired(t, k)
			}
		}
		for n := range left {
			t.Errorf("%s was told at %s of %s, of which nothing was to be said", n.whom, n.due, k.id)
		}
		for n, times := range y.toldOf(t, k.id, storage.NoticeExpired) {
			if k.died.IsZero() || k.revoked || times != 1 || !n.due.Equal(k.died) {
				t.Errorf("%s was told %d times that %s expired at %s", n.whom, times, k.id, n.due)
			}
		}
	}
	var soonest *time.Duration
	var digests, wrong int
	err := y.DB.Pool().QueryRow(t.Context(), `
		SELECT min(gap), (SELECT count(*) FROM digest), (SELECT count(*) FROM notice n JOIN digest d ON d.id = n.digest_id WHERE d.person_id <> n.person_id)
		FROM (SELECT created_at - lag(created_at) OVER (PARTITION BY person_id ORDER BY created_at, id) AS gap FROM digest) g`).Scan(&soonest, &digests, &wrong)
	if err != nil {
		t.Fatal(err)
	}
	if soonest == nil || *soonest < 24*time.Hour || wrong > 0 {
		t.Errorf("somebody got two digests within %v; %d notices are in another's", soonest, wrong)
	}
	if due < 10 && !testing.Short() || told < due {
		t.Errorf("%d rungs had to be told, %d were", due, told)
	}
	t.Logf("%d rungs had to be told, %d were, in %d digests", due, told, digests)
}

// checkRung holds one rung of one span to the rules, takes what was told of it
// out of what is left, and says whether it had to be told.
func (y *year) checkRung(t *testing.T, k *yearKey, s span, rung time.Time, left map[yearNotice]int, awake bool) int {
	t.Helper()
	var whom []string
	for n := range left {
		if !n.due.Equal(rung) {
			continue
		}
		whom = append(whom, n.whom)
		if _, then := s.told[n]; !then {
			t.Errorf("%s of %s was told to %s after %s, when it was put off or silenced", rung, k.id, n.whom, s.to)
		}
		if left[n] != 1 {
			t.Errorf("%s of %s was told to %s %d times", rung, k.id, n.whom, left[n])
		}
	}
	for _, w := range whom {
		delete(left, yearNotice{rung, w})
	}
	natural := !k.revoked && k.died.Equal(s.ends) && !s.to.Before(s.ends)
	to := s.to
	if natural {
		to = s.ends
	}
	// At its very end nothing is told any more: not on time, and not when
	// nobody collected it.
	looked, last := y.sweptIn(s.from, to), s.from
	if n := len(looked); n > 0 && natural && !looked[n-1].Before(to) {
		looked = looked[:n-1]
	}
	if n := len(looked); n > 0 {
		last = looked[n-1]
	}
	switch {
	case s.silent && len(whom) > 0 && rung.After(s.from.Add(lookAhead)),
		!rung.After(s.from) && len(whom) > 0 && !y.toldBefore(k, s, rung),
		rung.After(last.Add(lookAhead)) && len(whom) > 0:
		t.Errorf("%s of %s was told to %v; it ends at %s, silent %v, from %s to %s", rung, k.id, whom, s.ends, s.silent, s.from, s.to)
	}
	if s.silent || !rung.After(s.from) {
		return 0
	}
	if n := len(looked); n > 0 && !k.collected && !looked[n-1].Before(to) {
		looked, last = looked[:n-1], last.Add(-time.Nanosecond)
	}
	first := slices.IndexFunc(looked, func(at time.Time) bool { return !at.Before(rung) })
	if first < 0 {
		return 0
	}
	might, settled := y.mightHear(k, rung.Add(-lookAhead), looked[first].Add(lookAhead))
	for _, w := range whom {
		if !slices.Contains(might, w) {
			t.Errorf("%s of %s was told to %s; %v were to hear it", rung, k.id, w, might)
		}
	}
	// A person's day may have to end first, and where people come and go those
	// of several.
	waits := 1
	if !settled {
		waits = 4
	}
	at := looked[first]
	for range waits {
		next := y.sweptIn(at.Add(lookAhead), last)
		if len(next) == 0 {
			at = time.Time{}
			break
		}
		at = next[0]
	}
	if at.IsZero() && !(awake && natural && settled) {
		return 0
	}
	if len(whom) == 0 || settled && len(whom) != len(might) {
		t.Errorf("%s of %s, which ends at %s, was told to %v, want %v; %s to %s", rung, k.id, s.ends, whom, might, s.from, s.to)
	}
	return 1
}

// toldBefore tells whether a rung is one of an earlier span too.
func (y *year) toldBefore(k *yearKey, s span, rung time.Time) bool {
	return slices.ContainsFunc(k.spans, func(o span) bool {
		return o.from.Before(s.from) && slices.ContainsFunc(k.ladder, func(b time.Duration) bool { return o.ends.Add(-b).Equal(rung) })
	})
}

// mightHear is everybody who was to hear of a key at some moment of a time, and
// whether those were the same all along.
func (y *year) mightHear(k *yearKey, from, to time.Time) (all []string, settled bool) {
	settled = true
	for i, p := range y.presence {
		if i+1 < len(y.presence) && y.presence[i+1].from.Before(from) || p.from.After(to) || p.owner[k.id] == "" {
			continue
		}
		who := p.hears(k)
		if all != nil && !slices.Equal(all, who) {
			settled = false
		}
		all = append(all, who...)
	}
	slices.Sort(all)
	return slices.Compact(all), settled
}

// checkExpired fails unless those who have to were told that a key expired.
func (y *year) checkExpired(t *testing.T, k *yearKey) {
	t.Helper()
	looked := y.sweptIn(k.died, y.now)
	if len(looked) == 0 || y.now.Before(looked[0].Add(5*lookAhead)) {
		return
	}
	might, settled := y.mightHear(k, looked[0], looked[0].Add(lookAhead))
	told := y.toldOf(t, k.id, storage.NoticeExpired)
	if len(told) == 0 || settled && len(told) != len(might) {
		t.Errorf("that %s expired at %s was told to %v, want %v", k.id, k.died, told, might)
	}
}
