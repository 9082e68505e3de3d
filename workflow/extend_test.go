package workflow

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/storage"
)

// about compares two times that the real clock had a hand in.
func about(a, b time.Time) bool { return a.Sub(b).Abs() < time.Minute }

func (h *house) extend(who string, id storage.CredentialID, life Duration, key string) (storage.Request, error) {
	return h.Extend(context.Background(), h.people[who], id, life, "for the yearly report", key)
}

// noExtension fails if anything about a key is other than it was.
func (h *house) noExtension(t *testing.T, what string, was storage.Credential) {
	t.Helper()
	if now := h.credential(t, was.ID); !now.ExpiresAt.Equal(was.ExpiresAt) || count(h.events(t, was.ID), "credential.extended") != 0 {
		t.Errorf("%s: the end moved from %s to %s", what, was.ExpiresAt, now.ExpiresAt)
	}
}

// More time to read is its owner's to take, up to the ceiling, once a click.
func TestExtendToRead(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	p, err := h.PlanExtension(t.Context(), h.people["alice"], c.ID)
	if err != nil || p.Review || p.Longest < 90*day-Duration(time.Minute) || p.Longest > 90*day {
		t.Fatalf("%+v, %v", p, err)
	}
	for what, tt := range map[string]struct {
		who  string
		life Duration
		rule string
	}{
		"somebody else": {"frank", 20 * day, RuleAdminOnly}, "an admin": {"erin", 20 * day, RuleAdminOnly}, "an outsider": {"olga", 20 * day, RuleOutsider},
		"less than it has": {"alice", 9 * day, RuleNotPossible}, "too long": {"alice", 90*day + Duration(time.Second), RuleCeiling},
		"for ever": {"alice", 1 << 62, RuleCeiling}, "nothing": {"alice", 0, RuleCeiling}, "less than nothing": {"alice", -day, RuleCeiling},
	} {
		_, err := h.extend(tt.who, c.ID, tt.life, fresh())
		refused(t, what, err, tt.rule)
	}
	_, err = h.extend("alice", 999, day, fresh())
	refused(t, "what is not there", err, RuleUnknown)
	h.noExtension(t, "after refusals", c)
	h.sweepAt(t, 9*24*time.Hour+time.Minute)
	var ids [4]storage.RequestID
	var all sync.WaitGroup
	for i := range ids { // she clicks again and again
		all.Go(func() {
			r, err := h.extend("alice2", c.ID, 90*day, "click:1")
			if err != nil || r.State != storage.RequestFulfilled {
				t.Errorf("%s, %v", r.State, err)
			}
			ids[i] = r.ID
		})
	}
	all.Wait()
	if len(slices.Compact(slices.Clone(ids[:]))) != 1 {
		t.Errorf("requests %v", ids)
	}
	now, _ := h.DB.Now(t.Context())
	if got := h.credential(t, c.ID); !about(got.ExpiresAt, now.Add(90*24*time.Hour)) || count(h.events(t, c.ID), "credential.extended") != 1 || !got.ActivatedAt.Equal(c.ActivatedAt) {
		t.Errorf("it ends at %s", got.ExpiresAt)
	}
	h.sweepAt(t, 30*24*time.Hour)
	if got := h.said(t, "alice", c.ID); len(got) != 2 {
		t.Errorf("told of it: %v", got) // of its first end, a week and a day before
	}
	_, err = h.PlanExtension(t.Context(), h.people["alice"], c.ID)
	if err != nil {
		t.Error(err) // the ceiling counts from now
	}
}

// More time to change anything is a decision of others, who may give less or
// none. Quotas are about more keys, not about more time.
func TestExtendToWrite(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 5, Live: 1}
	h := openWith(t, d, nil)
	c := h.held(t, "alice", ofTempo("files:write", 2*day))
	if p, err := h.PlanExtension(t.Context(), h.people["alice"], c.ID); err != nil || !p.Review {
		t.Fatalf("%+v, %v", p, err)
	}
	r, err := h.extend("alice", c.ID, 6*day, fresh())
	if err != nil || r.State != storage.RequestPending || r.ExtendsID != c.ID {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = h.extend("alice", c.ID, 5*day, fresh())
	refused(t, "while another asks", err, RuleDecided)
	_, err = h.approves("alice", r.ID)
	refused(t, "her own", err, RuleSelfReview)
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Deny, Reason: "no"})
	h.noExtension(t, "denied", c)
	if r, err = h.extend("alice", c.ID, 10*day, fresh()); err != nil { // two groups are asked
		t.Fatal(err)
	}
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve, Lifetime: 8 * day})
	h.noExtension(t, "approved by one", c)
	if r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestFulfilled || r.Granted() != 8*24*time.Hour {
		t.Fatalf("%s, %s", r.State, r.Granted())
	}
	now, _ := h.DB.Now(t.Context())
	if got := h.credential(t, c.ID); !about(got.ExpiresAt, now.Add(8*24*time.Hour)) || got.State != storage.CredentialActive {
		t.Errorf("%s until %s", got.State, got.ExpiresAt)
	}
	if r, err = h.extend("alice", c.ID, 20*day, fresh()); err != nil {
		t.Fatal(err)
	}
	h.mustVote(t, "erin", r.ID, Vote{Decision: storage.Approve, Lifetime: 3 * day}) // less than it has
	if r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestFailed || !strings.Contains(r.StateReason, "as it is") {
		t.Errorf("less than it has: %s, %q", r.State, r.StateReason)
	}
	if n := count(h.events(t, c.ID), "credential.extended"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

// A key that is gone, or another's, when its extension is approved: the
// request says that it failed, and nothing comes back.
func TestExtendWhatIsGone(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*testing.T, *house, storage.CredentialID){
		"given back": func(t *testing.T, h *house, id storage.CredentialID) {
			if _, err := h.Revoke(t.Context(), h.people["alice"], id, ""); err != nil {
				t.Fatal(err)
			}
		},
		"expired":                  func(t *testing.T, h *house, _ storage.CredentialID) { h.sweepAt(t, 2*time.Hour+time.Minute) },
		"its time is up this very": func(t *testing.T, h *house, _ storage.CredentialID) { h.clock(t, 2*time.Hour+time.Minute) },
		"handed over": func(t *testing.T, h *house, id storage.CredentialID) {
			if _, err := h.HandOver(t.Context(), h.people["erin"], id, h.person("frank"), "another team"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.held(t, "alice", ofTempo("files:write", Duration(2*time.Hour)))
			r, err := h.extend("alice", c.ID, 2*day, fresh())
			if err != nil {
				t.Fatal(err)
			}
			happens(t, h, c.ID)
			was := h.credential(t, c.ID)
			if r = h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestFailed || r.StateReason == "" {
				t.Errorf("the request is %s, %q", r.State, r.StateReason)
			}
			if got := h.credential(t, c.ID); got.State != was.State {
				t.Errorf("the key was %s and is %s", was.State, got.State)
			}
			h.noExtension(t, name, was)
			_, err = h.extend("alice", c.ID, 2*day, fresh())
			if _, refusal := AsRefusal(err); !refusal {
				t.Errorf("asked again: %v", err)
			}
		})
	}
}

// An approval, a give-back and the key's end at the same moment: whatever comes
// first, what is over stays over, and the request tells how it came out.
func TestExtendRacesWithTheEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	for i := range 6 {
		life := Duration(time.Hour)
		c := h.held(t, "alice", ofTempo("files:write", life))
		r, err := h.extend("alice", c.ID, 2*day, fresh())
		if err != nil {
			t.Fatal(err)
		}
		h.exec(t, `UPDATE credential SET expires_at = latchkey_now() + interval '30 milliseconds', next_action_at = latchkey_now() WHERE id = $1`, c.ID)
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := h.approves("bob", r.ID); err != nil {
				t.Error(err)
			}
		})
		for range 2 {
			all.Go(func() {
				for range 8 {
					if err := other.Sweep(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		if i%2 == 0 {
			all.Go(func() { _, _ = h.Revoke(context.Background(), h.people["alice"], c.ID, "") }) // or it is over by then
		}
		all.Wait()
		got, r := h.credential(t, c.ID), h.request(t, r.ID)
		extended := count(h.events(t, c.ID), "credential.extended") == 1
		if (r.State == storage.RequestFulfilled) != extended || r.State != storage.RequestFulfilled && r.State != storage.RequestFailed ||
			got.State == storage.CredentialExpired && extended {
			t.Errorf("the request is %s, the key %s, extended %v", r.State, got.State, extended)
		}
	}
}

// Where a system ends its keys by itself, more time is another key.
func TestExtendWhatItsSystemEnds(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	_, err := h.extend("alice", c.ID, 20*day, fresh())
	refused(t, "a native key", err, RuleNotPossible)
	_, err = h.PlanExtension(t.Context(), h.people["alice"], c.ID)
	refused(t, "its plan", err, RuleNotPossible)
	later := c.ExpiresAt.Add(24 * time.Hour)
	_, err = h.Edit(t.Context(), h.people["erin"], c.ID, Edit{ExpiresAt: &later})
	refused(t, "by an admin", err, RuleNotPossible)
	sooner := c.ExpiresAt.Add(-24 * time.Hour)
	if _, err := h.Edit(t.Context(), h.people["alice"], c.ID, Edit{ExpiresAt: &sooner}); err != nil {
		t.Error(err)
	}
	if got := h.credential(t, c.ID); !about(got.ExpiresAt, sooner) || !got.VendorExpiresAt.Equal(c.VendorExpiresAt) {
		t.Errorf("it ends at %s, there at %s", got.ExpiresAt, got.VendorExpiresAt)
	}
}

// A rule that changed, or went, and the greatest age bound what is approved.
func TestAnExtensionStaysWithinTodaysRules(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.held(t, "alice", ofTempo("files:write", 2*day))
	r, err := h.extend("alice", c.ID, 6*day, fresh())
	if err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		change func(*Document)
		ends   time.Duration // from now; zero: it stays as it is
	}{
		"a lower ceiling":   {func(d *Document) { d.Policies[2].MaxLifetime = 4 * day }, 4 * 24 * time.Hour},
		"the rule is gone":  {func(d *Document) { d.Policies[2].Name = "another" }, 0},
		"a greatest age":    {func(d *Document) { d.Enforcement.MaxAge = 5 * day }, 5 * 24 * time.Hour},
		"an age it is past": {func(d *Document) { d.Enforcement.MaxAge = Duration(time.Hour) }, 0},
	} {
		d := houseDocument()
		tt.change(&d)
		s := h.service(t, d, nil)
		err := s.DB.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) error {
			r := r
			if err := moveRequest(ctx, tx, &r, eventApprove, storage.System("test"), ""); err != nil {
				return err
			}
			if err := s.prolong(ctx, tx, &r, storage.System("test")); err != nil {
				return err
			}
			got, err := tx.LockCredential(ctx, c.ID)
			want, state := time.Now().Add(tt.ends), storage.RequestFulfilled
			if tt.ends == 0 {
				want, state = c.ExpiresAt, storage.RequestFailed
			}
			if !about(got.ExpiresAt, want) || r.State != state {
				t.Errorf("%s: %s, it ends at %s, want %s", what, r.State, got.ExpiresAt, want)
			}
			if err == nil {
				err = errUndo
			}
			return err
		})
		if err != errUndo { //nolint:errorlint // it comes as it is
			t.Fatal(err)
		}
	}
}
