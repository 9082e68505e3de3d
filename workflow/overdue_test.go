package workflow

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

const oneDay = 24 * time.Hour

// idle is a policy under which keys may be unused for thirty days.
func idle() Document {
	d := houseDocument()
	d.Quotas = Quotas{Pending: 50, Live: 50}
	d.Policies[0].StaleAfter = 30 * day
	d.Policies[0].NotifyBefore = []Duration{Duration(time.Second)}
	d.Enforcement.Breaker = Breaker{MaxPercent: 100, MinCount: 1000}
	return d
}

// enforceAt has the sweep and the jobs do what the rules want so far ahead.
func (h *house) enforceAt(t testing.TB, ahead time.Duration) {
	t.Helper()
	for range 2 {
		h.sweepAt(t, ahead)
		for _, err := range h.work(t) {
			t.Error(err)
		}
		h.workAll(t)
	}
}

// use has the gateway see a key now.
func (h *house) use(t testing.TB, id storage.CredentialID) {
	t.Helper()
	h.exec(t, `UPDATE credential SET last_used_at = latchkey_now(), use_known = true WHERE id = $1`, id)
}

// is fails unless a key is in a state, warned of or not.
func (h *house) is(t testing.TB, when string, id storage.CredentialID, state storage.CredentialState, warned bool) {
	t.Helper()
	if c := h.credential(t, id); c.State != state || c.WarnedAt.IsZero() == warned {
		t.Errorf("%s: %s is %s, warned %s, want %s, %v", when, id, c.State, c.WarnedAt, state, warned)
	}
}

// A key that is warned about and used again is spared, and warned about, and
// its owner told, again when it is unused again.
func TestAnUnusedKeyIsUsedAgain(t *testing.T) {
	t.Parallel()
	h := openWith(t, idle(), nil)
	c := h.held(t, "alice", ofTempo("files:read", 90*day))
	h.enforceAt(t, 30*oneDay-time.Minute)
	h.is(t, "before its time", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 30*oneDay+time.Minute)
	h.is(t, "unused for thirty days", c.ID, storage.CredentialActive, true)
	if got := h.credential(t, c.ID); got.EnforceAt.Sub(got.WarnedAt).Round(time.Second) != 7*oneDay {
		t.Errorf("warned at %s, and stopped at %s", got.WarnedAt, got.EnforceAt)
	}
	h.use(t, c.ID)
	h.enforceAt(t, 37*oneDay+2*time.Minute)
	h.is(t, "used again", c.ID, storage.CredentialActive, false)
	if got := h.said(t, "alice", c.ID); !slices.Equal(got, []string{storage.NoticeStale}) {
		t.Errorf("told %v", got)
	}
	h.enforceAt(t, 60*oneDay+2*time.Minute) // thirty days after that
	h.is(t, "unused again", c.ID, storage.CredentialActive, true)
	if got := h.said(t, "alice", c.ID); !slices.Equal(got, []string{storage.NoticeStale, storage.NoticeStale}) {
		t.Errorf("told %v", got)
	}
	if e := h.events(t, c.ID); count(e, "credential.warned") != 2 || count(e, "credential.spared") != 1 {
		t.Errorf("%+v", e)
	}
}

// Warned, suspended, ended: a grace apart, at its system too.
func TestAnUnusedKeyIsStoppedAndEnded(t *testing.T) {
	t.Parallel()
	h := openWith(t, idle(), nil)
	native := h.held(t, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 90 * day, Reason: "r"})
	ours := h.held(t, "bob", ofTempo("files:read", 90*day))
	h.exec(t, `UPDATE credential SET use_known = true`)
	k := h.vendor.Live()[0]
	for _, tt := range []struct {
		after time.Duration
		state storage.CredentialState
	}{
		{30*oneDay + time.Minute, storage.CredentialActive}, {37 * oneDay, storage.CredentialActive}, {37*oneDay + 2*time.Minute, storage.CredentialSuspended},
		{44 * oneDay, storage.CredentialSuspended}, {44*oneDay + 3*time.Minute, storage.CredentialRevoked}, {60 * oneDay, storage.CredentialRevoked},
	} {
		h.enforceAt(t, tt.after)
		for _, id := range []storage.CredentialID{native.ID, ours.ID} {
			h.is(t, tt.after.String(), id, tt.state, true)
		}
		if works := h.vendor.Works(k.Secret); works != (tt.state == storage.CredentialActive) {
			t.Errorf("after %s it works there: %v", tt.after, works)
		}
	}
	if got := h.credential(t, ours.ID); !strings.Contains(got.StateReason, "nobody used it for 30 days") {
		t.Errorf("%q", got.StateReason)
	}
	var verbs []string
	for _, r := range h.receipts(t, native.ID) {
		verbs = append(verbs, r.Verb)
	}
	if !slices.Equal(verbs, []string{"suspend", "revoke"}) {
		t.Errorf("receipts of %v", verbs)
	}
	if n := len(h.batches(t)); n != 4 { // for each system, each step
		t.Errorf("%d batches", n)
	}
	h.check(t)
}

// An admin who resumes a suspended key means it to be used: there is time for
// that. Its owner can't put off what the rules want.
func TestASuspendedKeyIsResumed(t *testing.T) {
	t.Parallel()
	h := openWith(t, idle(), nil)
	c, mine := h.held(t, "alice", ofTempo("files:read", 90*day)), h.held(t, "alice", ofTempo("files:read", 90*day))
	h.enforceAt(t, 30*oneDay+time.Minute)
	for range 2 { // she stops it, and starts it
		if err := h.suspend("alice", mine.ID, ""); err != nil {
			t.Fatal(err)
		}
		if err := h.resume("alice", mine.ID, ""); err != nil {
			t.Fatal(err)
		}
	}
	h.is(t, "which changes nothing", mine.ID, storage.CredentialActive, true)
	h.enforceAt(t, 37*oneDay+2*time.Minute)
	h.is(t, "stopped", c.ID, storage.CredentialSuspended, true)
	h.is(t, "hers too", mine.ID, storage.CredentialSuspended, true)
	refused(t, "her, against the rules", h.resume("alice", c.ID, ""), RuleAdminOnly)
	if err := h.resume("erin", c.ID, "it is for the yearly report"); err != nil {
		t.Fatal(err)
	}
	h.enforceAt(t, 37*oneDay+3*time.Minute)
	h.is(t, "resumed", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 44*oneDay)
	h.is(t, "with time to use it", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 44*oneDay+4*time.Minute)
	h.is(t, "and unused", c.ID, storage.CredentialActive, true)
	if got := h.said(t, "alice", c.ID); !slices.Equal(got, []string{storage.NoticeStale, storage.NoticeStale}) {
		t.Errorf("told %v", got)
	}
	h.use(t, c.ID)
	h.enforceAt(t, 52*oneDay)
	h.is(t, "and used at last", c.ID, storage.CredentialActive, false)
	h.is(t, "hers, which nobody resumed", mine.ID, storage.CredentialRevoked, true)
	if e := h.events(t, c.ID); count(e, "credential.spared") != 2 {
		t.Errorf("%+v", e)
	}
	h.check(t)
}

// A key that people suspended is theirs to decide on.
func TestWhatPeopleSuspendedStaysSo(t *testing.T) {
	t.Parallel()
	h := openWith(t, idle(), nil)
	c := h.held(t, "alice", ofTempo("files:read", 90*day))
	if err := h.suspend("erin", c.ID, "under inquiry"); err != nil {
		t.Fatal(err)
	}
	h.enforceAt(t, 50*oneDay)
	h.enforceAt(t, 70*oneDay)
	h.is(t, "after seventy days", c.ID, storage.CredentialSuspended, false)
	if err := h.resume("erin", c.ID, "nothing came of it"); err != nil {
		t.Fatal(err)
	}
	h.enforceAt(t, 76*oneDay)
	h.is(t, "resumed, there is time to use it", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 77*oneDay+time.Minute)
	h.is(t, "and no more than that", c.ID, storage.CredentialActive, true)
}

// noSuspend is a system whose keys can only be ended.
type noSuspend struct {
	connectors.Connector
	connectors.Lister
	connectors.Issuer
	connectors.Revoker
	connectors.Verifier
}

// Where a system can't suspend, the step is left out, and the time is the same.
func TestAnUnusedKeyOfASystemThatCantSuspend(t *testing.T) {
	t.Parallel()
	h := withConnector(t, idle(), func(c *fake.Connector) connectors.Connector { return noSuspend{c, c, c, c, c} })
	c := h.held(t, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 90 * day, Reason: "r"})
	h.exec(t, `UPDATE credential SET use_known = true`)
	h.enforceAt(t, 30*oneDay+time.Minute)
	h.enforceAt(t, 44*oneDay)
	h.is(t, "two graces later", c.ID, storage.CredentialActive, true)
	h.enforceAt(t, 44*oneDay+2*time.Minute)
	h.is(t, "and then", c.ID, storage.CredentialRevoked, true)
	if n := len(h.vendor.Live()); n != 0 {
		t.Errorf("%d live keys", n)
	}
	h.check(t)
}

// What the rules leave alone: everything in a dry run, keys whose use is not
// known, keys that are exempt as long as they are.
func TestWhatIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Document)
		act    func(*testing.T, *house, storage.CredentialID)
		warned bool
	}{
		"a dry run":          {func(d *Document) { d.Enforcement.DryRun = true }, nil, false},
		"no rule":            {func(d *Document) { d.Policies[0].StaleAfter = 0 }, nil, false},
		"the house's rule":   {func(d *Document) { d.Policies[0].StaleAfter, d.Enforcement.StaleAfter = 0, 20*day }, nil, true},
		"its own rule first": {func(d *Document) { d.Policies[0].StaleAfter, d.Enforcement.StaleAfter = 80*day, 20*day }, nil, false},
		"use unknown": {nil, func(t *testing.T, h *house, _ storage.CredentialID) {
			h.exec(t, `UPDATE credential SET use_known = false`)
		}, false},
		"unknown is unused": {func(d *Document) { d.Enforcement.StaleUnknown = true }, func(t *testing.T, h *house, _ storage.CredentialID) {
			h.exec(t, `UPDATE credential SET use_known = false`)
		}, true},
		"too old":              {func(d *Document) { d.Policies[0].StaleAfter, d.Enforcement.MaxAge = 0, 31*day }, nil, true},
		"old, but used":        {func(d *Document) { d.Enforcement.MaxAge = 31 * day }, func(t *testing.T, h *house, id storage.CredentialID) { h.clock(t, 31*oneDay); h.use(t, id) }, true},
		"used, and not so old": {func(d *Document) { d.Enforcement.MaxAge = 60 * day }, func(t *testing.T, h *house, id storage.CredentialID) { h.clock(t, 31*oneDay); h.use(t, id) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := idle()
			if tt.change != nil {
				tt.change(&d)
			}
			h := openWith(t, d, nil)
			c := h.held(t, "alice", ofTempo("files:read", 90*day))
			if tt.act != nil {
				tt.act(t, h, c.ID)
			}
			h.enforceAt(t, 32*oneDay)
			h.is(t, "after a month", c.ID, storage.CredentialActive, tt.warned)
			kind := storage.NoticeStale
			if strings.Contains(name, "old") {
				kind = storage.NoticeOverAge
			}
			if got := h.said(t, "alice", c.ID); tt.warned != slices.Equal(got, []string{kind}) {
				t.Errorf("told %v", got)
			}
		})
	}
}

// An exemption takes a warning back and ends on its day.
func TestAnExemptionEnds(t *testing.T) {
	t.Parallel()
	h := openWith(t, idle(), nil)
	c := h.held(t, "alice", ofTempo("files:read", 90*day))
	h.enforceAt(t, 30*oneDay+time.Minute)
	h.is(t, "unused", c.ID, storage.CredentialActive, true)
	if _, err := h.Exempt(t.Context(), h.people["bob"], c.ID, time.Now().Add(50*oneDay), "once a quarter"); err != nil {
		t.Fatal(err)
	}
	h.enforceAt(t, 38*oneDay)
	h.enforceAt(t, 50*oneDay-time.Minute)
	h.is(t, "exempt", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 50*oneDay+time.Minute)
	h.is(t, "no more", c.ID, storage.CredentialActive, true)
	if got := h.credential(t, c.ID); got.EnforceAt.Before(time.Now().Add(57 * oneDay)) {
		t.Errorf("stopped at %s", got.EnforceAt)
	}
}
