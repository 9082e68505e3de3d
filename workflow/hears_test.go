package workflow

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// Whom to tell: the owner, else the manager, else who answers for the system,
// else the admins.
func TestWhoHears(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Connections["tempo"] = ConnectionRules{Kind: "brokered", Owners: "security", Scopes: d.Connections["tempo"].Scopes}
	d.Connections["other"] = ConnectionRules{Kind: "fake", Scopes: d.Connections["tempo"].Scopes}
	h := openWith(t, d, nil)
	h.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, h.person("alice"), h.person("frank"))
	gone := func(names ...string) func(*testing.T) {
		return func(t *testing.T) {
			for _, who := range names {
				h.exec(t, `UPDATE account SET is_deleted = true WHERE person_id = $1`, h.person(who))
			}
		}
	}
	left := func(who string) func(*testing.T) { return func(t *testing.T) { h.setActive(t, who, false) } }
	for _, tt := range []struct { // each begins with what was before
		what       string
		change     func(*testing.T)
		owner      string
		connection string
		want       []string
	}{
		{"she is there", nil, "alice", "tempo", []string{"alice"}},
		{"she has left", left("alice"), "alice", "tempo", []string{"frank"}},
		{"her manager can't be told", gone("frank"), "alice", "tempo", []string{"dana", "erin"}},
		{"nobody knows whose it is", nil, "", "tempo", []string{"dana", "erin"}},
		{"one of them is gone", gone("dana"), "alice", "tempo", []string{"erin"}},
		{"the other one too", gone("erin"), "alice", "tempo", []string{"bob", "carol"}},
		{"a system that nobody answers for", nil, "alice", "other", []string{"bob", "carol"}},
		{"a system of the admins", nil, "", "acme", []string{"bob", "carol"}},
		{"who can be told is", nil, "bob", "acme", []string{"bob"}},
		{"nobody is left", gone("bob", "carol"), "alice", "tempo", nil},
	} {
		if tt.change != nil {
			tt.change(t)
		}
		key := storage.Credential{ID: 1, Connection: tt.connection}
		if tt.owner != "" {
			key.OwnerID = h.person(tt.owner)
		}
		var got []string
		h.in(t, func(ctx context.Context, tx storage.Tx) error {
			told, err := h.whoHears(ctx, tx, []storage.Credential{key})
			for _, who := range memberNames {
				if slices.Contains(told[1], h.person(who)) {
					got = append(got, who)
				}
			}
			return err
		})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
}

// While nobody can be told, nothing counts as told.
func TestRungsWaitForSomebody(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	h.exec(t, `UPDATE account SET is_deleted = true`)
	h.sweepAt(t, 4*24*time.Hour)
	h.exec(t, `UPDATE account SET is_deleted = false WHERE person_id = $1`, h.person("alice"))
	h.sweepAt(t, 9*24*time.Hour+time.Minute)
	if got := h.said(t, "alice", c.ID); len(got) != 2 {
		t.Errorf("alice was told %v", got)
	}
}

// What waits for somebody who leaves, comes back or gives the key away is told
// to whoever is to hear of it by then.
func TestWhatWaitsIsReaddressed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*testing.T, *house, storage.CredentialID)
		want   string
	}{
		"nothing happens": {func(*testing.T, *house, storage.CredentialID) {}, "alice"},
		"she leaves": {func(t *testing.T, h *house, _ storage.CredentialID) {
			h.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, h.person("alice"), h.person("frank"))
			h.setActive(t, "alice", false)
		}, "frank"},
		"it is another's": {func(t *testing.T, h *house, id storage.CredentialID) {
			h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
			if _, err := h.HandOver(t.Context(), h.people["erin"], id, h.person("dana"), "another team"); err != nil {
				t.Fatal(err)
			}
		}, "dana"},
		"nobody is there": {func(t *testing.T, h *house, _ storage.CredentialID) {
			h.exec(t, `UPDATE account SET is_deleted = true`)
		}, "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.waits(t, "alice")
			tt.change(t, h, c.ID)
			for range 2 {
				h.sweepAt(t, 4*24*time.Hour+time.Hour)
			}
			for _, who := range memberNames {
				if got := len(h.said(t, who, c.ID)); (got == 1) != (who == tt.want) || got > 1 {
					t.Errorf("%s was told %d times", who, got)
				}
			}
		})
	}
}
