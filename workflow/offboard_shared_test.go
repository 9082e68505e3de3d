package workflow

import (
	"slices"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// sharedHouse is a house in which alice has a service account at acme with a
// key that was asked for here.
func sharedHouse(t testing.TB, change func(*Document)) (*house, storage.Credential) {
	t.Helper()
	d := houseDocument()
	d.People = []PersonEntry{{Email: "alice@example.com", Accounts: map[string][]string{"acme": {servicePrefix + "robot-7"}}}}
	if change != nil {
		change(&d)
	}
	h := openWith(t, d, nil)
	ask := asking("files:read")
	ask.Holder, ask.Lifetime = h.serviceAccount(t, "robot-7"), 30*day
	r := h.submit(t, "alice", ask)
	c := h.keyOf(t, r.ID)
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), ""); err != nil {
		t.Fatal(err)
	}
	c = h.credential(t, c.ID)
	if c.State != storage.CredentialActive {
		t.Fatalf("%s is %s", c.ID, c.State)
	}
	h.sync(t)
	return h, h.credential(t, c.ID)
}

func (h *house) liveAt(ref string) bool {
	return slices.ContainsFunc(h.vendor.Live(), func(k fake.Key) bool { return k.ID == ref })
}

// What a leaver's service account holds works on under whoever answers for the
// system. They hand it to somebody, who gets a fresh key, or end it, or say
// nothing, which ends it.
func TestWhatAServiceHolds(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"kept", "ended", "silence", "undone"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, c := sharedHouse(t, nil)
			o := h.gone(t, "alice")
			h.finish(t)
			got, v := h.credential(t, c.ID), h.see(t, o.ID)
			if got.State != storage.CredentialActive || got.OwnerID == h.person("alice") || !h.liveAt(c.VendorRef) {
				t.Fatalf("%s, of %d", got.State, got.OwnerID)
			}
			if v.Case.State != storage.OffboardingOpen || v.Left != 1 || len(v.Items) != 1 || v.Items[0].Sort != storage.ItemShared || v.Items[0].DecideBy.Year() <= 1 {
				t.Fatalf("%s, %+v", v.Case.State, states(v))
			}
			decide := func(who, to, reason string) error {
				id := storage.PersonID(0)
				if to != "" {
					id = h.person(to)
				}
				return h.DecideShared(t.Context(), h.people[who], o.ID, c.ID, id, reason)
			}
			refused(t, "by somebody else", decide("dana", "frank", "r"), RuleAdminOnly)
			refused(t, "without a reason", decide("bob", "frank", ""), RuleReason)
			refused(t, "to the leaver", decide("bob", "alice", "r"), RuleInactive)
			refused(t, "of another case", h.DecideShared(t.Context(), h.people["bob"], 999, c.ID, 0, "r"), RuleUnknown)
			refused(t, "of another key", h.DecideShared(t.Context(), h.people["bob"], o.ID, 999, 0, "r"), RuleUnknown)
			switch what {
			case "kept":
				if err := decide("bob", "frank", "the nightly job needs it"); err != nil {
					t.Fatal(err)
				}
				refused(t, "twice", decide("carol", "", "r"), RuleDecided)
				h.finish(t)
				h.isClosed(t, o.ID)
				next := h.successor(t, c.ID)
				if next.OwnerID != h.person("frank") || next.State != storage.CredentialActive || next.AccountID != c.AccountID || !h.liveAt(c.VendorRef) {
					t.Errorf("the fresh key: %+v; the old one lives: %t", next, h.liveAt(c.VendorRef))
				}
			case "ended":
				if err := decide("erin", "", "nobody needs it"); err != nil {
					t.Fatal(err)
				}
				h.finish(t)
				h.isClosed(t, o.ID)
				if h.liveAt(c.VendorRef) {
					t.Error("it lives on")
				}
			case "silence":
				h.clock(t, 6*24*time.Hour)
				h.finish(t)
				if !h.liveAt(c.VendorRef) {
					t.Error("it ended too soon")
				}
				h.clock(t, 7*24*time.Hour+time.Hour)
				h.finish(t)
				h.isClosed(t, o.ID)
				if got := h.credential(t, c.ID); h.liveAt(c.VendorRef) || got.State != storage.CredentialRevoked {
					t.Errorf("%s", got.State)
				}
			case "undone":
				if err := h.UndoLeave(t.Context(), h.people["erin"], o.ID, "HR was wrong"); err != nil {
					t.Fatal(err)
				}
				refused(t, "after the undo", decide("bob", "frank", "r"), RuleDecided)
				h.clock(t, 8*24*time.Hour-time.Minute)
				h.finish(t)
				if got := h.credential(t, c.ID); got.OwnerID != h.person("alice") || got.State == storage.CredentialRevoked {
					t.Errorf("%s of %d", got.State, got.OwnerID)
				}
			}
		})
	}
}

// With nobody to take it over it stays with its owner, behind the fence, and
// the case stays open until somebody can.
func TestWhatAServiceHoldsWithNobodyThere(t *testing.T) {
	t.Parallel()
	h, c := sharedHouse(t, nil)
	h.setGroup(t, "slack:S0IT")
	o := h.gone(t, "alice")
	h.finish(t)
	if got, v := h.credential(t, c.ID), h.see(t, o.ID); got.OwnerID != h.person("alice") || v.Case.State != storage.OffboardingOpen || v.Left != 1 {
		t.Fatalf("of %d, %s with %d left", got.OwnerID, v.Case.State, v.Left)
	}
	h.setGroup(t, "slack:S0IT", "bob")
	h.clock(t, 5*time.Minute) // it is looked at again by itself
	h.finish(t)
	if got := h.credential(t, c.ID); got.OwnerID != h.person("bob") || got.State != storage.CredentialActive {
		t.Errorf("of %d, %s", got.OwnerID, got.State)
	}
}

// A shared key that comes to its end by itself closes the case too.
func TestWhatAServiceHoldsEndsByItself(t *testing.T) {
	t.Parallel()
	h, c := sharedHouse(t, func(d *Document) { d.Offboarding.Decide = 90 * day })
	o := h.gone(t, "alice")
	h.finish(t)
	h.clock(t, 31*24*time.Hour)
	h.finish(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialExpired {
		t.Fatalf("%s", got.State)
	}
	if v := h.see(t, o.ID); v.Case.State != storage.OffboardingClosed {
		t.Errorf("%s, %+v", v.Case.State, states(v))
	}
}

// A service's key that nobody asked for here is decided on, too.
func TestWhatAServiceHoldsUnmanaged(t *testing.T) {
	t.Parallel()
	h, c := sharedHouse(t, nil)
	robot := fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}}
	robot.Owner.ID, robot.Owner.Email, robot.Owner.Service = "robot-7", "", true
	k := h.seed(robot)
	h.sync(t)
	o := h.gone(t, "alice")
	h.finish(t)
	h.sync(t)
	row := h.found(t, k.ID)
	if v := h.see(t, o.ID); len(v.Items) != 2 || v.Left != 2 || row.State != storage.CredentialActive {
		t.Fatalf("%+v", states(v))
	}
	for _, id := range []storage.CredentialID{c.ID, row.ID} {
		if err := h.DecideShared(t.Context(), h.people["bob"], o.ID, id, h.person("frank"), "the nightly job needs it"); err != nil {
			t.Fatal(err)
		}
	}
	h.finish(t)
	h.isClosed(t, o.ID)
	if !h.liveAt(k.ID) {
		t.Error("it ended")
	}
}

// successor is the key that replaces another.
func (h *house) successor(t testing.TB, id storage.CredentialID) storage.Credential {
	t.Helper()
	all, err := h.DB.Credentials(t.Context(), storage.CredentialFilter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c storage.Credential) bool { return c.ReplacesID == id })
	if i < 0 {
		t.Fatalf("nothing replaces %s", id)
	}
	return all[i]
}
