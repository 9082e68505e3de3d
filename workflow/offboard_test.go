package workflow

import (
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// A person leaves: what we enforce stops with the event, what vendors have is
// ended and proven, and the case closes.
func TestALeaverHoldsNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	native, ours := h.active(t, "alice"), h.brokeredKey(t, "alice")
	stray := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:write"}})
	bobs := h.active(t, "bob")
	h.sync(t)
	h.settle(t)
	o := h.gone(t, "alice")
	if o.State != storage.OffboardingOpen || h.honoured(t, ours.ID) {
		t.Fatalf("%s; the gateway honours it: %t", o.State, h.honoured(t, ours.ID))
	}
	if got := h.see(t, o.ID); len(got.Items) != 0 || got.Left == 0 || !got.Undo {
		t.Errorf("at the fence: %+v", got)
	}
	h.finish(t)
	v := h.isClosed(t, o.ID)
	if len(v.Items) != 3 || v.Lost != 2 || len(v.Systems) != 1 || v.Systems[0].Passes != 2 {
		t.Errorf("%d items, %d lost, systems %+v", len(v.Items), v.Lost, v.Systems)
	}
	for _, k := range h.vendor.Live() {
		if k.Owner.Email == "alice@example.com" || k.ID == stray.ID || k.ID == native.VendorRef {
			t.Errorf("%s lives on", k.ID)
		}
	}
	if h.credential(t, bobs.ID).State != storage.CredentialActive {
		t.Error("somebody else's key ended")
	}
	if c := h.credential(t, ours.ID); c.State != storage.CredentialActive {
		t.Errorf("the brokered key is %s within the grace period", c.State)
	}
	if got := h.auditOf(t, storage.SubjectPerson, int64(h.person("alice"))); got["person.left"] != 1 {
		t.Errorf("%v", got)
	}
	h.clock(t, 25*time.Hour)
	h.finish(t)
	if c := h.credential(t, ours.ID); c.State != storage.CredentialRevoked || h.honoured(t, ours.ID) {
		t.Errorf("the brokered key is %s after the grace period", c.State)
	}
	if v := h.isClosed(t, o.ID); !v.Case.Final || v.Undo || len(h.cases(t, "alice")) != 1 {
		t.Errorf("final %t, undo %t", v.Case.Final, v.Undo)
	}
	h.check(t)
}
