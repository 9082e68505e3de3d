package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (h *house) missingFrom(t testing.TB, seen []CredentialID, began time.Time) (gone []Missing, live int) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		gone, live, err = tx.MissingFrom(ctx, "acme", seen, began)
		return err
	})
	return gone, live
}

func (h *house) now(t testing.TB) time.Time {
	t.Helper()
	now, err := h.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func TestMissingFromNamesWhatAWholeWalkShouldHaveSeen(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	rows := []struct{ ref, set string }{
		{"seen", ``},
		{"gone", ``},
		{"gone and suspended", `state = 'suspended'`},
		{"gone and managed", `managed = true, lifetime_s = 60, activated_at = latchkey_now() - interval '1 hour', expires_at = latchkey_now() + interval '1 hour'`},
		{"gone for longer", `missing_since = latchkey_now() - interval '1 day'`},
		{"gone as its time is over", `expires_at = latchkey_now() - interval '1 second'`},
		{"being issued", `state = 'issuing', managed = true, lifetime_s = 60, vendor_ref = NULL`},
		{"being issued, with a ref", `state = 'issuing', managed = true, lifetime_s = 60`},
		{"being revoked", `state = 'revoking'`},
		{"not revoked", `state = 'revoke_failed'`},
		{"revoked", `state = 'revoked'`},
		{"expired", `state = 'expired'`},
		{"brokered", `brokered = true`},
		{"of another system", `connection = 'tempo'`},
		{"activated during the walk", `managed = true, lifetime_s = 60, activated_at = latchkey_now() + interval '1 minute', expires_at = latchkey_now() + interval '1 hour'`},
	}
	var ids []CredentialID
	for _, row := range rows {
		id := h.addListed(t, listed(row.ref))[0]
		if row.set != "" {
			h.exec(t, `UPDATE credential SET `+row.set+` WHERE id = $1`, id)
		}
		ids = append(ids, id)
	}
	began := h.now(t)
	added := h.addListed(t, listed("made during the walk"))[0]
	gone, live := h.missingFrom(t, []CredentialID{ids[0]}, began)
	want := []Missing{
		{ID: ids[1]},
		{ID: ids[2]},
		{ID: ids[3], Managed: true},
		{ID: ids[4], Before: true, Long: true},
		{ID: ids[5], Expired: true},
	}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	if live != 8 { // these, the seen one and the two of the walk
		t.Errorf("%d live rows", live)
	}
	if gone, _ = h.missingFrom(t, []CredentialID{ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], 999}, began); len(gone) != 0 {
		t.Errorf("though all were seen: %+v", gone)
	}
	if gone, _ = h.missingFrom(t, nil, began); len(gone) != 6 {
		t.Errorf("of a walk that saw nothing: %+v", gone)
	}
	if gone, _ = h.missingFrom(t, nil, h.now(t)); len(gone) != 7 || gone[6].ID != added {
		t.Errorf("of the next walk: %+v", gone)
	}
}

func TestMissingSinceIsKeptUntilItIsSeenAgain(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	lost, other := listed("lost"), listed("other")
	ids := h.addListed(t, lost, other)
	mark := func() time.Time {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.MarkMissing(ctx, ids[:1]) })
		return h.stored(t, ids[0]).MissingSince
	}
	first := mark()
	if first.IsZero() || !h.stored(t, ids[1]).MissingSince.IsZero() {
		t.Fatalf("missing since %s and %s", first, h.stored(t, ids[1]).MissingSince)
	}
	if again := mark(); !again.Equal(first) {
		t.Errorf("missing since %s, then since %s", first, again)
	}
	sightings := h.sight(t, lost, other)
	if !sightings[0].Changed || sightings[1].Changed {
		t.Errorf("seen again: %+v", sightings)
	}
	h.refreshListed(t, lost)
	if got := h.stored(t, ids[0]); !got.MissingSince.IsZero() {
		t.Errorf("still missing since %s", got.MissingSince)
	}
	if s := h.sight(t, lost)[0]; s.Changed {
		t.Error("still counted as changed")
	}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.MarkMissing(ctx, nil) })
	if n := h.count(t, `SELECT count(*) FROM credential WHERE missing_since IS NOT NULL`); n != 0 {
		t.Errorf("%d rows are missing after none was named", n)
	}
}
