package storage

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// campaignOf begins a campaign of alice's over keys, all asked of the same
// people.
func (h *house) campaignOf(t *testing.T, by Account, keys []CredentialID, people ...PersonID) Campaign {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := Campaign{Title: "Review", State: CampaignRunning, Actor: actorOf(by), CreatedAt: now, Deadline: now.Add(time.Hour), NextActionAt: now, SourceKey: "view:1"}
	h.in(t, func(ctx context.Context, tx Tx) error {
		if err := tx.InsertCampaign(ctx, &c); err != nil {
			return err
		}
		var items []CampaignItem
		for _, k := range keys {
			items = append(items, CampaignItem{CredentialID: k, Deciders: people})
		}
		if err := tx.InsertCampaignItems(ctx, c.ID, items); err != nil {
			return err
		}
		return tx.AddAsks(ctx, c.ID)
	})
	return c
}

// keys makes some active ones.
func (h *house) keys(t *testing.T, by Account, labels ...string) []CredentialID {
	t.Helper()
	var out []CredentialID
	for _, l := range labels {
		c := h.credential(t, h.request(t, by, l))
		h.activate(t, &c)
		out = append(out, c.ID)
	}
	return out
}

func (h *house) items(t *testing.T, id CampaignID, f CampaignItemFilter) []CampaignItem {
	t.Helper()
	out, err := h.CampaignItems(t.Context(), id, f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOneCampaignAtATime(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	c := h.campaignOf(t, alice, h.keys(t, alice, "a"), alice.PersonID)
	got, err := h.Campaign(t.Context(), c.ID)
	c.Actor.Ref = "" // of the request, for the log alone
	if diff := cmp.Diff(c, got); err != nil || diff != "" {
		t.Errorf("read back (-want +got), %v:\n%s", err, diff)
	}
	insert := func(key string) (Campaign, error) {
		again := c
		again.ID, again.SourceKey = 0, key
		return again, h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.InsertCampaign(ctx, &again) })
	}
	if again, err := insert("view:1"); !errors.Is(err, ErrDuplicate) || again.ID != c.ID {
		t.Errorf("sent again: %d, %v", again.ID, err)
	}
	if _, err := insert("view:2"); !errors.Is(err, ErrConflict) {
		t.Errorf("a second one: %v", err)
	}
	c.NextActionAt = time.Time{}
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveCampaign(ctx, &c, CampaignCanceled, System("test"), "")
	})
	stale := got
	err = h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		return tx.MoveCampaign(ctx, &stale, CampaignEnding, System("test"), "")
	})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("moved from where it is not: %v", err)
	}
	if _, err := insert("view:3"); err != nil {
		t.Errorf("when the first is over: %v", err)
	}
	want := []string{"campaign.running >running by alice: Review", "campaign.canceled running>canceled by system: test: "}
	if diff := cmp.Diff(want, h.story(t, SubjectCampaign, int64(c.ID))); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
	if all, err := h.Campaigns(t.Context(), 9); err != nil || len(all) != 2 || all[1].State != CampaignCanceled || all[1].EndedAt.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	err = h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		running := got
		running.ID = 3
		return tx.MoveCampaign(ctx, &running, CampaignDone, System("test"), "")
	})
	if err == nil {
		t.Error("a campaign is done without evidence")
	}
}

// Two replicas never look at the same campaign, and what is not due waits.
func TestDueCampaignsAreClaimed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	c := h.campaignOf(t, alice, h.keys(t, alice, "a"), alice.PersonID)
	due := func() (n int) {
		h.in(t, func(ctx context.Context, tx Tx) error {
			all, err := tx.CampaignsDue(ctx, 10)
			n = len(all)
			return err
		})
		return n
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		if all, err := tx.CampaignsDue(ctx, 10); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
		if n := due(); n != 0 {
			t.Errorf("another replica has %d too", n)
		}
		return tx.PlanCampaign(ctx, c.ID, time.Now().Add(time.Hour))
	})
	if n := due(); n != 0 {
		t.Errorf("%d are due too early", n)
	}
}

// Items follow decisions, ends and silence, and the messages of whoever is
// asked fall behind with them.
func TestCampaignItems(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "carol")
	keys := h.keys(t, alice, "a", "b", "c", "d")
	c := h.campaignOf(t, alice, keys, alice.PersonID, bob.PersonID)
	shown := func() {
		t.Helper()
		for {
			a, ok, err := h.ClaimAsk(t.Context(), c.ID, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			if err := h.ReleaseAsk(t.Context(), a, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	behind := func() []PersonID {
		t.Helper()
		var out []PersonID
		rows, err := h.pool.Query(t.Context(), `SELECT person_id FROM campaign_ask WHERE shown < version ORDER BY person_id`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var p PersonID
			if err := rows.Scan(&p); err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
		return out
	}
	shown()
	h.in(t, func(ctx context.Context, tx Tx) error {
		i, err := tx.LockCampaignItem(ctx, c.ID, keys[0])
		if err != nil {
			return err
		}
		i.Decision, i.DecidedBy, i.Reason, i.ScopesAfter = CampaignReduce, bob.PersonID, "fewer", []string{"files:read"}
		return tx.SetDecision(ctx, &i)
	})
	if got := behind(); !slices.Equal(got, []PersonID{alice.PersonID, bob.PersonID}) {
		t.Errorf("after a decision behind: %v", got)
	}
	shown()
	first := h.items(t, c.ID, CampaignItemFilter{IDs: keys[:1]})[0]
	if first.Decision != CampaignReduce || first.DecidedBy != bob.PersonID || first.DecidedAt.IsZero() || !slices.Equal(first.ScopesBefore, []string{"files:read", "files:write"}) ||
		!slices.Equal(first.ScopesAfter, []string{"files:read"}) {
		t.Errorf("%+v", first)
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		open, err := tx.CampaignOpenItems(ctx, c.ID)
		if err != nil || len(open) != 3 || open[0].Credential.OwnerID != alice.PersonID || len(open[2].Deciders) != 2 {
			t.Errorf("%+v, %v", open, err)
		}
		return tx.Reassign(ctx, c.ID, []CampaignItem{{CredentialID: keys[0], Deciders: []PersonID{carol.PersonID}}, {CredentialID: keys[1], Deciders: []PersonID{carol.PersonID}}})
	})
	if got := behind(); !slices.Equal(got, []PersonID{alice.PersonID, bob.PersonID, carol.PersonID}) {
		t.Errorf("after others are asked behind: %v", got)
	}
	if got := h.items(t, c.ID, CampaignItemFilter{PersonID: carol.PersonID}); len(got) != 1 || got[0].CredentialID != keys[1] {
		t.Errorf("carol is asked about %+v; what is decided keeps its people", got)
	}
	shown()
	h.exec(t, `UPDATE credential SET state = 'revoke_failed' WHERE id = $1`, keys[2])
	h.in(t, func(ctx context.Context, tx Tx) error {
		if n, err := tx.MarkGone(ctx, c.ID); err != nil || n != 1 {
			t.Errorf("%d are gone, %v", n, err)
		}
		if n, err := tx.CountCampaignLive(ctx, c.ID); err != nil || n != 3 {
			t.Errorf("%d live, %v", n, err)
		}
		silent, err := tx.MarkSilent(ctx, c.ID, "nobody")
		slices.Sort(silent)
		if err != nil || !slices.Equal(silent, []CredentialID{keys[1], keys[3]}) {
			t.Errorf("silent: %v, %v", silent, err)
		}
		return nil
	})
	if got := behind(); !slices.Equal(got, []PersonID{alice.PersonID, bob.PersonID}) {
		t.Errorf("after one is gone behind: %v", got)
	}
	counts, err := h.CampaignCounts(t.Context(), c.ID, 0)
	if diff := cmp.Diff(map[CampaignDecision]int{CampaignReduce: 1, CampaignGone: 1, CampaignSilence: 2}, counts); err != nil || diff != "" {
		t.Errorf("counts %v:\n%s", err, diff)
	}
	if n, err := h.CountOpen(t.Context(), c.ID, alice.PersonID); err != nil || n != 1 {
		t.Errorf("%d wait for alice, %v", n, err)
	}
	places, err := h.OpenPlaces(t.Context(), c.ID, 0, 2)
	if err != nil || !slices.Equal(places, []int{3}) {
		t.Errorf("from the third on something waits at %v, %v", places, err)
	}
	if places, err = h.OpenPlaces(t.Context(), c.ID, 0, 4); err != nil || !slices.Equal(places, []int{1}) {
		t.Errorf("after the last it goes on at %v, %v", places, err)
	}
	if n, err := h.CountItemsBefore(t.Context(), c.ID, 0, keys[3]); err != nil || n != 3 {
		t.Errorf("%d before the last, %v", n, err)
	}
	parts, err := h.CampaignParts(t.Context(), c.ID)
	if err != nil || len(parts) != 3 || parts[0].Items != 3 || parts[2].Items != 1 {
		t.Errorf("%+v, %v", parts, err)
	}
}

// A claim keeps others away until it is given back or its time is over, and
// what changed meanwhile is not lost.
func TestAsksAreClaimed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	c := h.campaignOf(t, alice, h.keys(t, alice, "a"), alice.PersonID)
	claim := func(hold time.Duration) (CampaignAsk, bool) {
		t.Helper()
		a, ok, err := h.ClaimAsk(t.Context(), c.ID, hold)
		if err != nil {
			t.Fatal(err)
		}
		return a, ok
	}
	a, ok := claim(time.Minute)
	if !ok || a.PersonID != alice.PersonID || a.Reminder != 0 {
		t.Fatalf("%+v, %v", a, ok)
	}
	if _, ok := claim(time.Minute); ok {
		t.Error("claimed twice")
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		n, err := tx.Remind(ctx, &c, System("test"))
		if n != 1 || c.Reminders != 1 || c.RemindedAt.IsZero() {
			t.Errorf("%d are reminded, %+v", n, c)
		}
		return err
	})
	if err := h.ReleaseAsk(t.Context(), a, true); err != nil {
		t.Fatal(err)
	}
	if a, ok = claim(-time.Minute); !ok || a.Reminder != 1 {
		t.Fatalf("what changed meanwhile: %+v, %v", a, ok)
	}
	if a, ok = claim(time.Minute); !ok {
		t.Fatal("a claim that is over is in the way")
	}
	if err := h.ReleaseAsk(t.Context(), a, false); err != nil {
		t.Fatal(err)
	}
	if yes, err := h.AsksBehind(t.Context(), c.ID); err != nil || !yes {
		t.Errorf("after a failure behind: %v, %v", yes, err)
	}
}

// Lines of the evidence come back as they were, a page at a time.
func TestCampaignRecords(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	keys := h.keys(t, alice, "a", "b", "c")
	c := h.campaignOf(t, alice, keys, alice.PersonID)
	lines := [][]string{{"a", "<&> \u2028 é\t\"\\", ""}, {"b", "'=1", "x\ny"}}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.SetRecords(ctx, c.ID, keys[:2], lines) })
	var got [][]string
	after := CredentialID(0)
	for range 3 {
		page, last, err := h.CampaignRecords(t.Context(), c.ID, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if len(page) > 0 {
			after = last
		}
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
