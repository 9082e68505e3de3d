package storage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsThatEndedAreReported(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	ends := map[string]struct {
		set  string
		want bool
	}{
		"revoked":              {`state = 'revoked'`, true},
		"managed, revoked":     {`state = 'revoked', managed = true, lifetime_s = 60`, true},
		"managed, expired":     {`state = 'expired', managed = true, lifetime_s = 60`, true},
		"unmanaged, expired":   {`state = 'expired'`, false}, // its end was a word of the vendor's, who may prolong it
		"never issued":         {`state = 'issue_failed'`, false},
		"of another system":    {`state = 'revoked', connection = 'tempo'`, false},
		"brokered and expired": {`state = 'expired', managed = true, brokered = true, lifetime_s = 60`, true},
	}
	for ref, end := range ends {
		id := h.addListed(t, listed(ref))[0]
		h.exec(t, `UPDATE credential SET `+end.set+` WHERE id = $1`, id)
		s := h.sight(t, listed(ref))[0]
		if s.ID != 0 || s.State != "" || s.Managed || s.Changed {
			t.Errorf("%s: a live row: %+v", ref, s)
		}
		if got := s.EndedID != 0; got != end.want || got && s.EndedID != id {
			t.Errorf("%s: ended as %d, want %t", ref, s.EndedID, end.want)
		}
	}
	again := h.addListed(t, listed("revoked"))
	if len(again) != 1 {
		t.Fatalf("a ref that ended was added as %v", again)
	}
	if s := h.sight(t, listed("revoked"))[0]; s.ID != again[0] || s.EndedID != 0 {
		t.Errorf("a live row beside one that ended: %+v", s)
	}
	h.exec(t, `UPDATE credential SET state = 'revoked' WHERE id = $1`, again[0])
	if s := h.sight(t, listed("revoked"))[0]; s.ID != 0 || s.EndedID != again[0] {
		t.Errorf("of two that ended, the latest is %d: %+v", again[0], s)
	}
}

func TestLiveStatesAreSightedAndRefreshed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for _, state := range []CredentialState{CredentialIssuing, CredentialActive, CredentialSuspended, CredentialRevoking, CredentialRevokeFailed} {
		l := listed(string(state))
		id := h.addListed(t, l)[0]
		h.exec(t, `UPDATE credential SET state = $2 WHERE id = $1`, id, state)
		l.Label = "another"
		want := Sighting{Ref: l.Ref, ID: id, State: state, Changed: true}
		if diff := cmp.Diff(want, h.sight(t, l)[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
		if n := h.refreshListed(t, l); n != 1 {
			t.Errorf("%s: %d rows were refreshed", state, n)
		}
		if got := h.stored(t, id); got.Label != "another" || got.State != state {
			t.Errorf("%s: %q, %s", state, got.Label, got.State)
		}
	}
}

func TestRefsBelongToTheirConnection(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	l := listed("k")
	theirs := h.addListed(t, l)[0]
	h.exec(t, `UPDATE credential SET connection = 'tempo' WHERE id = $1`, theirs)
	if diff := cmp.Diff([]Sighting{{Ref: "k"}}, h.sight(t, l)); diff != "" {
		t.Errorf("a ref of tempo's (-want +got):\n%s", diff)
	}
	l.Label = "another"
	if n := h.refreshListed(t, l); n != 0 {
		t.Errorf("%d rows of another connection were refreshed", n)
	}
	ours := h.addListed(t, l)
	if len(ours) != 1 {
		t.Fatalf("added %v", ours)
	}
	if s := h.sight(t, l)[0]; s.ID != ours[0] || s.Changed {
		t.Errorf("ours: %+v", s)
	}
	if got := h.stored(t, theirs); got.Label != "deploy of k" {
		t.Errorf("theirs became %q", got.Label)
	}
}

// A vendor that repeats a row does not break a walk: one of them counts.
func TestRepeatedRefsInABatch(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	first, second := listed("k"), listed("k")
	first.Label, second.Label = "first", "second"
	if got := h.sight(t, first, listed("other"), second); len(got) != 3 || got[0] != got[2] || got[0].Ref != "k" || got[1].Ref != "other" {
		t.Errorf("new ones: %+v", got)
	}
	ids := h.addListed(t, first, listed("other"), second)
	if len(ids) != 2 {
		t.Fatalf("added %v", ids)
	}
	sightings := h.sight(t, first, second)
	if sightings[0].ID == 0 || sightings[0].ID != sightings[1].ID || sightings[0].Changed == sightings[1].Changed {
		t.Errorf("known: %+v", sightings)
	}
	third := second
	third.Label = "third"
	if n := h.refreshListed(t, second, third); n != 1 {
		t.Errorf("%d rows were refreshed", n)
	}
	if got := h.stored(t, sightings[0].ID).Label; got != "second" && got != "third" {
		t.Errorf("refreshed to %q", got)
	}
}

func TestAddListedLeavesOutWhatIsHere(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.addListed(t, listed("here"))
	horizon := h.horizon(t)
	other := listed("here")
	other.Label = "another"
	if ids := h.addListed(t, other); len(ids) != 0 {
		t.Errorf("added %v", ids)
	}
	if n := h.writtenSince(t, horizon); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	if ids := h.addListed(t, other, listed("new")); len(ids) != 1 || h.stored(t, ids[0]).VendorRef != "new" {
		t.Errorf("beside one that is here, added %v", ids)
	}
	for name, fn := range map[string]func() int{
		"sight":   func() int { return len(h.sight(t)) },
		"add":     func() int { return len(h.addListed(t)) },
		"refresh": func() int { return int(h.refreshListed(t)) },
	} {
		if n := fn(); n != 0 {
			t.Errorf("%s of nothing: %d", name, n)
		}
	}
}

// Everybody who names a token decides on its label: no label may stop the
// walk of a whole system.
func TestLabelsThatPostgresDoesNotTake(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	l := listed("k")
	l.Label, l.Class, l.Match, l.Scopes = "a\x00b", "c\xff", "d\x00", []string{"e\x00", "f"}
	ids := h.addListed(t, l)
	if len(ids) != 1 {
		t.Fatalf("added %v", ids)
	}
	got := h.stored(t, ids[0])
	if got.Label != "ab" || got.Class != "c\uFFFD" || got.VendorMatch != "d" || !cmp.Equal(got.VendorScopes, []string{"e", "f"}) {
		t.Errorf("stored %q %q %q %q", got.Label, got.Class, got.VendorMatch, got.VendorScopes)
	}
	if s := h.sight(t, l)[0]; s.Changed {
		t.Error("changed, though it is listed as before")
	}
	h.refreshListed(t, l)
}
