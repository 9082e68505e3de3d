package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (h *house) sources(t testing.TB, names ...string) (out map[string]GroupSource) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		roll, err := tx.Roll(ctx, names, nil, nil)
		out = roll.Sources
		return err
	})
	return out
}

func (h *house) setMembers(t testing.TB, source string, members ...PersonID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) error {
		_, err := tx.SetGroupMembers(ctx, source, members)
		return err
	})
}

func TestGroupsKnowTheirMembersAndAge(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol := h.person(t, "alice").PersonID, h.person(t, "bob").PersonID, h.person(t, "carol").PersonID
	h.setMembers(t, "slack:S1", alice, bob)
	h.setMembers(t, "slack:S2")
	h.exec(t, `UPDATE group_member SET since = since - interval '1 year'`)
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '10 minutes'`)
	got := h.sources(t, "slack:S1", "slack:S2", "slack:S3")
	if len(got) != 2 || len(got["slack:S2"].Members) != 0 {
		t.Errorf("known: %+v", got)
	}
	if diff := cmp.Diff([]PersonID{alice, bob}, got["slack:S1"].Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if age := got["slack:S1"].Age; age < 10*time.Minute || age > 20*time.Minute {
		t.Errorf("age %s, want about 10m", age)
	}
	h.setMembers(t, "slack:S1", bob, carol)
	got = h.sources(t, "slack:S1")
	if diff := cmp.Diff([]PersonID{bob, carol}, got["slack:S1"].Members); diff != "" || got["slack:S1"].Age > time.Minute {
		t.Errorf("after a refresh, age %s (-want +got):\n%s", got["slack:S1"].Age, diff)
	}
	if n := h.count(t, `SELECT count(*) FROM group_member WHERE since < latchkey_now() - interval '1 day'`); n != 1 {
		t.Errorf("%d members kept the time they joined, want bob alone", n)
	}
}

// The age of knowledge is by the real clock, wherever the deciding clock is.
func TestGroupAgeIgnoresTheDecidingClock(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.setMembers(t, "slack:S1", h.person(t, "alice").PersonID)
	h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT statement_timestamp() + interval '1 year'$$`)
	if age := h.sources(t, "slack:S1")["slack:S1"].Age; age < 0 || age > time.Hour {
		t.Errorf("age %s", age)
	}
}

func TestAGroupThatCannotBeReadKeepsItsMembersAndAges(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice").PersonID
	h.setMembers(t, "slack:S1", alice)
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '1 hour'`)
	for _, source := range []string{"slack:S1", "slack:NEVER"} {
		if err := h.SetGroupProblem(t.Context(), source, "no such group"); err != nil {
			t.Fatal(err)
		}
	}
	got := h.sources(t, "slack:S1", "slack:NEVER")
	if g := got["slack:S1"]; g.Age < time.Hour || g.Problem != "no such group" || len(g.Members) != 1 {
		t.Errorf("known before: %+v", g)
	}
	if g := got["slack:NEVER"]; g.Age < 365*24*time.Hour || len(g.Members) != 0 {
		t.Errorf("never read: %+v", g)
	}
	h.setMembers(t, "slack:NEVER", alice)
	if g := h.sources(t, "slack:NEVER")["slack:NEVER"]; g.Age > time.Hour || g.Problem != "" || len(g.Members) != 1 {
		t.Errorf("read at last: %+v", g)
	}
}

func TestRollHasEverybodyInTheGroupsAndTheOthers(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol, dana := h.person(t, "alice").PersonID, h.person(t, "bob").PersonID, h.person(t, "carol").PersonID, h.person(t, "dana").PersonID
	h.setMembers(t, "slack:S1", bob)
	h.in(t, func(ctx context.Context, tx Tx) error {
		if err := tx.SetActive(ctx, bob, false); err != nil {
			return err
		}
		got, err := tx.Roll(ctx, []string{"slack:S1"}, []string{"alice@example.com", "nobody@example.com"}, []PersonID{carol})
		if diff := cmp.Diff(map[string]PersonID{"alice@example.com": alice}, got.ByEmail); diff != "" {
			t.Errorf("found by e-mail (-want +got):\n%s", diff)
		}
		active := map[PersonID]bool{}
		for id, st := range got.Standing {
			active[id] = st.Active
		}
		if diff := cmp.Diff(map[PersonID]bool{alice: true, bob: false, carol: true}, active); diff != "" {
			t.Errorf("standing (-want +got), without %d:\n%s", dana, diff)
		}
		return err
	})
}
