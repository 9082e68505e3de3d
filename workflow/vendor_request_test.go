package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// wants is what somebody asks for at the vendor itself.
func wants(who string, scopes ...string) fake.Key {
	return fake.Key{Label: who + "'s laptop", Owner: mailOf(who), Scopes: scopes, ExpiresAt: time.Now().Add(5 * 24 * time.Hour)}
}

// filed is the request here of one that was made at the vendor.
func (h *house) filed(t testing.TB, asked fake.Request) (storage.Request, bool) {
	t.Helper()
	all, err := h.DB.Requests(t.Context(), storage.RequestFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.VendorRequest == asked.ID {
			return r, true
		}
	}
	return storage.Request{}, false
}

func (h *house) asked(id string) fake.Request {
	for _, r := range h.vendor.Asked() {
		if r.ID == id {
			return r
		}
	}
	return fake.Request{}
}

// What people ask for at the vendor becomes a request here, once; what is
// decided here is told there, and the key that the vendor then makes is the
// row's.
func TestARequestOfTheVendor(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	asked := h.vendor.Ask("for the yearly report", wants("alice", "files:read", "files:write"))
	h.sync(t)
	h.sync(t)
	r, ok := h.filed(t, asked)
	if !ok || r.State != storage.RequestPending || r.RequesterID != h.person("alice") || r.Reason != "for the yearly report" || r.Lifetime() > 5*24*time.Hour {
		t.Fatalf("%+v", r)
	}
	if all, err := h.DB.Requests(t.Context(), storage.RequestFilter{}); err != nil || len(all) != 1 {
		t.Fatalf("%d requests, %v", len(all), err)
	}
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.workAll(t)
	if got := h.asked(asked.ID); got.State != fake.RequestApproved {
		t.Fatalf("at the vendor it is %s", got.State)
	}
	h.sync(t)
	c := h.keyOf(t, r.ID)
	if k := h.vendor.Live()[0]; c.State != storage.CredentialActive || c.VendorRef != k.ID || h.request(t, r.ID).State != storage.RequestFulfilled {
		t.Errorf("%+v", c)
	}
	h.check(t)
	if _, err := h.Revoke(t.Context(), h.people["erin"], c.ID, "over"); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	if n := len(h.vendor.Live()); n != 0 {
		t.Errorf("%d keys live on", n)
	}
}

// However a request ends without a key, the vendor is told no, and why.
func TestARequestOfTheVendorThatIsDecidedAgainst(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*house, storage.Request) error{
		"denied": func(h *house, r storage.Request) error {
			_, err := h.vote("carol", r.ID, Vote{Decision: storage.Deny, Reason: "use the other system"})
			return err
		},
		"canceled": func(h *house, r storage.Request) error {
			_, err := h.Cancel(t.Context(), h.people["alice"], r.ID)
			return err
		},
		"lapsed": func(h *house, _ storage.Request) error {
			h.clock(t, 2*24*time.Hour)
			return h.Sweep(t.Context())
		},
	} {
		h := guidedHouse(t, houseDocument())
		asked := h.vendor.Ask("for the yearly report", wants("alice", "files:read", "files:write"))
		h.sync(t)
		r, _ := h.filed(t, asked)
		if err := end(h, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h.vendor.Inject(fake.VerbDecide, fake.ServerError, 0)
		h.workAll(t)
		h.vendor.Heal()
		if err := h.TellVendor(t.Context(), r.ID); err != nil { // the job comes again
			t.Fatal(err)
		}
		if got := h.asked(asked.ID); got.State != fake.RequestDenied || got.Reason == "" {
			t.Errorf("%s: %+v", name, got)
		}
		h.sync(t)
		if again, _ := h.filed(t, asked); again.ID != r.ID {
			t.Errorf("%s: filed again as %s", name, again.ID)
		}
	}
}

// A late "no" is not told once the request was approved after all.
func TestALateNoIsNotTold(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	asked := h.vendor.Ask("for the yearly report", wants("alice", "files:read", "files:write"))
	h.sync(t)
	r, _ := h.filed(t, asked)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	if err := h.TellVendor(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.asked(asked.ID); got.State != fake.RequestPending {
		t.Errorf("%+v", got)
	}
}

// What no rule allows is denied at the vendor with the reason. What only can't
// be judged now waits there and holds nobody else up; so do strangers.
func TestRequestsOfTheVendorThatAreNotFiled(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 1, Live: 20}
	d.Enforcement.Unmanaged = Unmanaged{Read: actWarn, After: 7 * day}
	h := guidedHouse(t, d)
	first := h.vendor.Ask("for the yearly report", wants("alice", "files:write"))
	second := h.vendor.Ask("for the monthly report", wants("alice", "files:write"))
	endless := wants("bob", "files:write")
	endless.ExpiresAt = time.Time{}
	forEver := h.vendor.Ask("for the yearly report", endless)
	forbidden := h.vendor.Ask("because", wants("frank", "people:admin"))
	stranger := h.vendor.Ask("for the yearly report", wants("nobody", "files:write"))
	last := h.vendor.Ask("for the yearly report", wants("frank", "files:write"))
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
	for range 2 {
		h.sync(t)
		if c := h.connection(t, "acme"); c.Problem != "" {
			t.Errorf("%+v", c)
		}
	}
	for what, tt := range map[string]struct {
		asked fake.Request
		filed bool
		state string
	}{
		"the first": {first, true, fake.RequestPending}, "over the quota": {second, false, fake.RequestPending}, "for ever": {forEver, false, fake.RequestDenied},
		"forbidden": {forbidden, false, fake.RequestDenied}, "a stranger's": {stranger, false, fake.RequestPending}, "the last": {last, true, fake.RequestPending},
	} {
		_, filed := h.filed(t, tt.asked)
		if got := h.asked(tt.asked.ID); filed != tt.filed || got.State != tt.state {
			t.Errorf("%s: filed %v, at the vendor %s", what, filed, got.State)
		}
	}
	if got := h.asked(forEver.ID); !strings.Contains(got.Reason, "without an end") {
		t.Errorf("the vendor is told %q", got.Reason)
	}
	if row := h.found(t, k.ID); row.WarnedAt.IsZero() {
		t.Error("the rules were not enforced after it")
	}
}

// A request is given up between its approval and the next sync: the key that
// the vendor made for it is ended.
func TestAKeyOfTheVendorThatIsGivenUp(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	asked := h.vendor.Ask("for the yearly report", wants("alice", "files:read", "files:write"))
	h.sync(t)
	r, _ := h.filed(t, asked)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.workAll(t)
	if n := len(h.vendor.Live()); n != 1 {
		t.Fatalf("the vendor made %d keys", n)
	}
	if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	if c := h.keyOf(t, r.ID); c.State != storage.CredentialRevoked || len(h.vendor.Live()) != 0 {
		t.Errorf("%s, %d live keys", c.State, len(h.vendor.Live()))
	}
	h.sync(t)
	h.check(t)
}
