package workflow

import (
	"strings"
	"testing"

	"latchkey/storage"
)

// The same as in TestARotationSurvivesEveryFault with real processes that are
// killed: what a dying worker leaves is nothing but what is committed.
func TestAKilledRotationIsFinished(t *testing.T) {
	t.Parallel()
	for _, deaths := range [][]string{{"issue:answered", "issue:proven"}, {"issue:leased", "issue:stored"}} {
		t.Run(strings.Join(deaths, " "), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			old := h.reads(t, "acme")
			before := h.collect(t, old.ID)
			out, err := h.Rotate(t.Context(), h.people["alice"], old.ID, RotateAsk{}, fresh())
			if err != nil {
				t.Fatal(err)
			}
			for _, point := range deaths {
				h.crash(t, "issue", out.New.ID, point)
				h.leaseEnds(t)
				if !h.vendor.Works(before) || len(h.vendor.Live()) > 2 {
					t.Errorf("after a death at %s the old one works: %t, of %d", point, h.vendor.Works(before), len(h.vendor.Live()))
				}
			}
			h.settle(t)
			after := h.collect(t, out.New.ID)
			h.exec(t, `UPDATE rotation SET old_ends_at = latchkey_now()`)
			h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE id = $1`, old.ID)
			if err := h.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, point := range []string{"revoke:leased", "revoke:answered"} {
				h.crash(t, "revoke", old.ID, point)
				h.leaseEnds(t)
			}
			h.settle(t)
			if got := h.credential(t, old.ID); got.State != storage.CredentialRevoked || h.vendor.Works(before) || !h.vendor.Works(after) || len(h.vendor.Live()) != 1 {
				t.Errorf("the old one is %s, works: %t, the new one: %t", got.State, h.vendor.Works(before), h.vendor.Works(after))
			}
		})
	}
}
