package workflow

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// keeping opens a house in which alice has an unmanaged key at acme.
func keeping(t *testing.T, k fake.Key) (*house, fake.Key, storage.CredentialID) {
	t.Helper()
	h := open(t)
	k.Owner = mailOf("alice")
	if k.Scopes == nil {
		k.Scopes = []string{"files:read", "files:write"}
	}
	k = h.seed(k)
	h.sync(t)
	return h, k, h.found(t, k.ID).ID
}

func (h *house) keep(t testing.TB, who string, id storage.CredentialID) (storage.Request, error) {
	t.Helper()
	ask, err := h.AdoptAsk(t.Context(), h.people[who], id)
	if err != nil {
		return storage.Request{}, err
	}
	ask.Lifetime, ask.Reason = 5*day, "the nightly import needs it"
	return h.Submit(t.Context(), h.people[who], ask, fresh())
}

// The owner of an unmanaged key asks to keep it; approved, it is managed, has
// an end and a story, and works as before.
func TestAnUnmanagedKeyIsAdopted(t *testing.T) {
	t.Parallel()
	h, k, id := keeping(t, fake.Key{})
	h.exec(t, `UPDATE credential SET warned_at = latchkey_now(), enforce_at = latchkey_now() + interval '1 day' WHERE id = $1`, id)
	r, err := h.keep(t, "alice", id)
	if err != nil || r.AdoptsID != id || r.State != storage.RequestPending {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = h.keep(t, "alice", id)
	refused(t, "a second request for it", err, RuleDecided)
	r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	got := h.credential(t, id)
	if r.State != storage.RequestFulfilled || !got.Managed || got.RequestID != r.ID || !got.WarnedAt.IsZero() ||
		got.ExpiresAt.Sub(got.ActivatedAt).Round(time.Minute) != 5*24*time.Hour || !h.vendor.Works(k.Secret) {
		t.Errorf("%s, %+v", r.State, got)
	}
	_, err = h.keep(t, "alice", id)
	refused(t, "again", err, RuleDecided)
	h.sync(t)
	if row := h.found(t, k.ID); row.ID != id || row.Has(storage.FlagUnmanaged) || row.Has(storage.FlagOverScope) {
		t.Errorf("%v", row.FlagList)
	}
	h.check(t)
	h.clock(t, 6*24*time.Hour)
	h.settle(t)
	if got := h.credential(t, id); got.State != storage.CredentialExpired || h.vendor.Works(k.Secret) {
		t.Errorf("after its time: %s, works %v", got.State, h.vendor.Works(k.Secret))
	}
	h.check(t)
}

// The vendor's own end of a key counts if it comes first.
func TestAnAdoptedKeyKeepsItsOwnEnd(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	h, _, id := keeping(t, fake.Key{ExpiresAt: ends})
	r, err := h.keep(t, "alice", id)
	if err != nil {
		t.Fatal(err)
	}
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	if got := h.credential(t, id); !got.ExpiresAt.Equal(ends) {
		t.Errorf("ends %s, at the vendor %s", got.ExpiresAt, ends)
	}
}

// Who may ask to keep what, and that the policy's ceilings hold for it.
func TestWhatMayNotBeAdopted(t *testing.T) {
	t.Parallel()
	h, _, id := keeping(t, fake.Key{})
	for who, rule := range map[string]string{"bob": RuleAdminOnly, "erin": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest} {
		_, err := h.keep(t, who, id)
		refused(t, who, err, rule)
	}
	_, err := h.keep(t, "alice", 999)
	refused(t, "no such key", err, RuleUnknown)
	ask, err := h.AdoptAsk(t.Context(), h.people["alice"], id)
	if err != nil {
		t.Fatal(err)
	}
	ask.Reason = "the nightly import needs it"
	for what, tt := range map[string]struct {
		change func(*Ask)
		rule   string
	}{
		"longer than the ceiling":  {func(a *Ask) { a.Lifetime = 31 * day }, RuleCeiling},
		"for ever":                 {func(a *Ask) { a.Lifetime = 0 }, RuleCeiling},
		"fewer scopes than it has": {func(a *Ask) { a.Lifetime, a.Scopes = day, []string{"files:read"} }, RuleNotPossible},
		"more scopes than it has":  {func(a *Ask) { a.Lifetime, a.Scopes = day, append(slices.Clone(a.Scopes), "people:read") }, RuleNotPossible},
		"another system":           {func(a *Ask) { a.Lifetime, a.Connection = day, "tempo" }, RuleNotPossible},
	} {
		a := ask
		tt.change(&a)
		_, err := h.Submit(t.Context(), h.people["alice"], a, fresh())
		refused(t, what, err, tt.rule)
	}
	strong := h.seed(fake.Key{Owner: mailOf("frank"), Scopes: []string{"people:admin"}})
	mute := h.vendor.Seed(fake.Key{Label: "mute", Owner: mailOf("alice")})
	h.sync(t)
	_, err = h.keep(t, "frank", h.found(t, strong.ID).ID)
	refused(t, "what no rule gives its owner", err, RuleNoPolicy)
	_, err = h.keep(t, "alice", h.found(t, mute.ID).ID)
	refused(t, "a key of unknown scopes", err, RuleNotPossible)
	if err := h.suspend("erin", id, "not asked for"); err != nil {
		t.Fatal(err)
	}
	_, err = h.keep(t, "alice", id)
	refused(t, "a suspended key", err, RuleDecided)
}

// Approving less than a key can do is no way to keep it: the key would stay
// what it is.
func TestAdoptingLessThanTheKeyCanDo(t *testing.T) {
	t.Parallel()
	h, k, id := keeping(t, fake.Key{})
	r, err := h.keep(t, "alice", id)
	if err != nil {
		t.Fatal(err)
	}
	r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve, Scopes: []string{"files:read"}})
	got := h.credential(t, id)
	if r.State != storage.RequestFailed || got.Managed || got.RequestID != 0 || !h.vendor.Works(k.Secret) {
		t.Errorf("%s, %+v", r.State, got)
	}
	h.check(t)
}

// The key changed or ended while its request waited.
func TestTheKeyIsNotThereAnyMore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*house, fake.Key, storage.CredentialID) error{
		"revoked by an admin": func(h *house, _ fake.Key, id storage.CredentialID) error {
			_, err := h.Revoke(t.Context(), h.people["erin"], id, "leaked")
			return err
		},
		"gone at the vendor": func(h *house, k fake.Key, _ storage.CredentialID) error {
			h.seed(fake.Key{})
			h.vendor.SetState(k.ID, fake.StateRevoked)
			h.sync(t)
			h.sync(t)
			return nil
		},
		"it can do more by now": func(h *house, k fake.Key, _ storage.CredentialID) error {
			h.vendor.Forget(k.ID)
			k.Scopes = append(slices.Clone(k.Scopes), "people:admin")
			h.vendor.Seed(k)
			h.sync(t)
			return nil
		},
	} {
		h, k, id := keeping(t, fake.Key{})
		r, err := h.keep(t, "alice", id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := change(h, k, id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
		if got := h.credential(t, id); r.State != storage.RequestFailed || got.Managed {
			t.Errorf("%s: %s, managed %v", name, r.State, got.Managed)
		}
		h.workAll(t)
		h.check(t)
	}
}

// Several requests for one key at the same moment: one is filed.
func TestAdoptionsAreNotRaced(t *testing.T) {
	t.Parallel()
	h, _, id := keeping(t, fake.Key{})
	ask, err := h.AdoptAsk(t.Context(), h.people["alice"], id)
	if err != nil {
		t.Fatal(err)
	}
	ask.Lifetime, ask.Reason = day, "the nightly import needs it"
	other := h.service(t, houseDocument(), nil)
	var mu sync.Mutex
	var filed int
	var all sync.WaitGroup
	for i := range 8 {
		s := []*Service{h.Service, other}[i%2]
		all.Go(func() {
			_, err := s.Submit(t.Context(), h.people[[]string{"alice", "alice2"}[i%2]], ask, fresh())
			mu.Lock()
			defer mu.Unlock()
			if r, refusal := AsRefusal(err); err == nil {
				filed++
			} else if !refusal || r.Rule != RuleDecided || !strings.Contains(r.Reason, id.String()) {
				t.Errorf("answered %v", err)
			}
		})
	}
	all.Wait()
	if filed != 1 {
		t.Errorf("%d filed", filed)
	}
	if _, err := h.DB.CredentialOf(t.Context(), 999); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}

// Only what was asked for here counts against a person's quota.
func TestQuotasCountManagedKeysOnly(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 5, Live: 2}
	h := openWith(t, d, nil)
	var first fake.Key
	for range 5 {
		first = h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:write"}})
	}
	h.sync(t)
	h.active(t, "alice")
	r, err := h.keep(t, "alice", h.found(t, first.ID).ID)
	if err != nil {
		t.Fatal(err)
	}
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	_, err = h.Submit(t.Context(), h.people["alice"], write(), fresh())
	refused(t, "the third managed key", err, RuleQuota)
}
