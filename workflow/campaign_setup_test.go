package workflow

import (
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// lenient is a policy whose breaker lets a campaign end what it has to.
func lenient() Document {
	d := houseDocument()
	d.Enforcement.Breaker = Breaker{MaxPercent: 100, MinCount: 1000}
	return d
}

// asked is a house with a campaign over: a brokered key and a found one of
// alice's, one of frank's, and two that nobody we know holds.
type asked struct {
	*house
	campaign storage.Campaign
	brokered storage.CredentialID // alice's, at tempo: files:read and files:write
	alices   storage.CredentialID // alice's, at acme
	franks   storage.CredentialID
	orphans  []storage.CredentialID
}

func openCampaign(t *testing.T, d Document) *asked {
	t.Helper()
	h := &asked{house: openWith(t, d, nil)}
	h.brokered = h.brokeredKey(t, "alice").ID
	for _, who := range []string{"alice", "frank", "nobody", "noone"} {
		h.seed(fake.Key{Label: who, Owner: mailOf(who), Scopes: []string{"files:read"}})
	}
	h.sync(t)
	for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme"}) {
		switch row.OwnerID {
		case h.person("alice"):
			h.alices = row.ID
		case h.person("frank"):
			h.franks = row.ID
		default:
			h.orphans = append(h.orphans, row.ID)
		}
	}
	h.campaign = h.begin(t, CampaignAsk{Title: "Autumn review", Length: 14 * day})
	return h
}

func (h *house) brokeredKey(t testing.TB, who string) storage.Credential {
	t.Helper()
	r := h.submit(t, who, Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read", "files:write"}, Lifetime: 30 * day, Reason: "for the yearly report"})
	if r.State == storage.RequestPending {
		r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	}
	if r.State == storage.RequestPending {
		r = h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Approve})
	}
	c := h.keyOf(t, r.ID)
	if err := h.Issue(context.Background(), c.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Reveal(context.Background(), h.ticket(t, c.ID), ""); err != nil { // else it is revoked after a day
		t.Fatal(err)
	}
	return h.credential(t, c.ID)
}

func (h *house) begin(t testing.TB, ask CampaignAsk) storage.Campaign {
	t.Helper()
	c, err := h.StartCampaign(context.Background(), h.people["erin"], ask, fresh())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *asked) decide(who string, key storage.CredentialID, d storage.CampaignDecision, scopes ...string) error {
	_, err := h.DecideInCampaign(context.Background(), h.people[who], h.campaign.ID, CampaignChoice{key, d, scopes})
	return err
}

func (h *asked) mustDecide(t testing.TB, who string, key storage.CredentialID, d storage.CampaignDecision, scopes ...string) {
	t.Helper()
	if err := h.decide(who, key, d, scopes...); err != nil {
		t.Fatalf("%s says %s of %s: %v", who, d, key, err)
	}
}

func (h *asked) item(t rapid.TB, key storage.CredentialID) storage.CampaignItem {
	t.Helper()
	items, err := h.DB.CampaignItems(context.Background(), h.campaign.ID, storage.CampaignItemFilter{IDs: []storage.CredentialID{key}})
	if err != nil || len(items) != 1 {
		t.Fatalf("items %v, %v", items, err)
	}
	return items[0]
}

func (h *asked) look(t rapid.TB) CampaignView {
	t.Helper()
	v, err := h.LookAtCampaign(context.Background(), h.campaign.ID)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// turn sweeps after making the campaign due.
func (h *house) turn(t rapid.TB) {
	t.Helper()
	h.exec(t, `UPDATE campaign SET next_action_at = latchkey_now() WHERE next_action_at IS NOT NULL`)
	if err := h.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// windUp does all there is to do until the campaign stands still.
func (h *house) windUp(t testing.TB) {
	t.Helper()
	for range 4 {
		h.turn(t)
		h.workAll(t)
		h.batches(t) // notes which of them are done
		for _, j := range h.jobs(t, EvidenceArgs{}.Kind()) {
			if err := h.WriteEvidence(context.Background(), storage.CampaignID(j.ID)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// passDeadline moves the clock beyond the campaign's end.
func (h *asked) passDeadline(t testing.TB) {
	t.Helper()
	h.clock(t, time.Duration(14*day)+time.Minute)
}

// evidenceRows reads the file of a campaign that is done.
func (h *house) evidenceRows(t testing.TB, id storage.CampaignID) ([]map[string]string, []byte) {
	t.Helper()
	_, file, err := h.CampaignEvidence(context.Background(), h.people["erin"], id)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range rows[1:] {
		line := map[string]string{}
		for i, name := range rows[0] {
			line[name] = r[i]
		}
		out = append(out, line)
	}
	return out, file
}

// checkCampaign holds a campaign that is done to the database: an item a row,
// each with its decision, and nothing of it undecided.
func (h *house) checkCampaign(t testing.TB, id storage.CampaignID) []map[string]string {
	t.Helper()
	rows, _ := h.evidenceRows(t, id)
	items, err := h.DB.CampaignItems(t.Context(), id, storage.CampaignItemFilter{Limit: 100_000})
	if err != nil || len(items) != len(rows) {
		t.Fatalf("%d items, %d rows of evidence, %v", len(items), len(rows), err)
	}
	for i, it := range items {
		c := h.credential(t, it.CredentialID)
		r := rows[i]
		after := it.ScopesBefore
		if it.ScopesAfter != nil {
			after = it.ScopesAfter
		}
		want := fmt.Sprint(it.CredentialID, c.Connection, c.Label, it.Decision, stamp(it.DecidedAt), it.Reason, c.State, it.ScopesBefore, after)
		got := fmt.Sprint(r["id"], r["system"], r["label"], r["decision"], r["decided_at"], r["reason"], r["state_at_end"], strings.Fields(r["scopes_before"]), strings.Fields(r["scopes_after"]))
		if got != want {
			t.Errorf("evidence has\n%s, the database\n%s", got, want)
		}
		if it.Decision == storage.CampaignOpen || (r["by"] == "nobody") != (it.DecidedBy == 0) {
			t.Errorf("%s: decided %q by %q", r["id"], r["decision"], r["by"])
		}
		if ended := c.State == storage.CredentialRevoked; ended != (r["receipt"] != "") {
			t.Errorf("%s is %s with the receipt %q", r["id"], c.State, r["receipt"])
		}
		if it.Decision == storage.CampaignRevoke && c.Live() || it.Decision == storage.CampaignReduce && c.Live() && !sameScopes(c.Scopes, it.ScopesAfter) {
			t.Errorf("%s: %s, but it is %s with %v", r["id"], it.Decision, c.State, c.Scopes)
		}
	}
	return rows
}
