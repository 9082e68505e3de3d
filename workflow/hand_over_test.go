package workflow

import (
	"testing"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// A key gets another owner by an admin's word, and the new owner is told and
// has every right of one.
func TestHandOver(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	give := func(who, to string, id storage.CredentialID, reason string) error {
		_, err := h.HandOver(t.Context(), h.people[who], id, h.person(to), reason)
		return err
	}
	refused(t, "by its owner", give("alice", "bob", c.ID, "please"), RuleAdminOnly)
	refused(t, "by an outsider", give("olga", "bob", c.ID, "please"), RuleOutsider)
	refused(t, "without a reason", give("erin", "bob", c.ID, " "), RuleReason)
	refused(t, "of nothing", give("erin", "bob", 999, "she leaves"), RuleUnknown)
	h.setActive(t, "frank", false)
	refused(t, "to somebody who left", give("erin", "frank", c.ID, "she leaves"), RuleInactive)
	refused(t, "to nobody", func() error { _, err := h.HandOver(t.Context(), h.people["erin"], c.ID, 0, "r"); return err }(), RuleInactive)
	_ = h.told(t)
	for range 2 { // again is no error
		if err := give("erin", "bob", c.ID, "she leaves"); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.credential(t, c.ID); got.OwnerID != h.person("bob") || h.told(t)[subject(c.ID)] != 1 {
		t.Errorf("%+v", got)
	}
	h.sync(t)
	if got := h.credential(t, c.ID); got.OwnerID != h.person("bob") {
		t.Error("the sync gave it back")
	}
	_, err := h.Revoke(t.Context(), h.people["alice"], c.ID, "")
	refused(t, "the former owner", err, RuleAdminOnly)
	if _, err := h.Revoke(t.Context(), h.people["bob"], c.ID, ""); err != nil {
		t.Error(err)
	}
	h.settle(t)
	refused(t, "of what ended", give("erin", "alice", c.ID, "back"), RuleDecided)
}

// Whose an unmanaged key is says its system, and the next sync would say so
// again.
func TestHandOverOfAnUnmanagedKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
	h.sync(t)
	id := h.found(t, k.ID).ID
	_, err := h.HandOver(t.Context(), h.people["erin"], id, h.person("alice"), "he leaves")
	refused(t, "an unmanaged key", err, RuleNotPossible)
	if v, err := h.Show(t.Context(), h.people["erin"], id); err != nil || v.Can.HandOver {
		t.Errorf("%+v, %v", v.Can, err)
	}
}
