package workflow

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// What nobody decided on ends, unless the breaker or a dry run wants an admin
// to say so.
func TestSilenceEndsKeysThroughTheBreaker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		breaker Breaker
		dry     bool
		held    bool
		run     bool
		alive   int
	}{
		{name: "below the breaker", breaker: Breaker{MaxPercent: 100, MinCount: 1000}, alive: 1},
		{name: "run", breaker: Breaker{MaxPercent: 5, MinCount: 1}, held: true, run: true, alive: 1},
		{name: "dropped", breaker: Breaker{MaxPercent: 5, MinCount: 1}, held: true, alive: 5},
		{name: "dry run", breaker: Breaker{MaxPercent: 100, MinCount: 1000}, dry: true, held: true, run: true, alive: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := houseDocument()
			d.Enforcement.Breaker, d.Enforcement.DryRun = tt.breaker, tt.dry
			h := openCampaign(t, d)
			h.mustDecide(t, "alice", h.brokered, keeps)
			h.passDeadline(t)
			h.windUp(t)
			all := h.batches(t)
			if len(all) != 1 || all[0].Total != 4 || (all[0].State == storage.BatchHeld) != tt.held {
				t.Fatalf("%+v", all)
			}
			if tt.held {
				if v := h.look(t); v.Campaign.State != storage.CampaignEnding || v.Batch == nil || v.Batch.State != storage.BatchHeld {
					t.Errorf("while it is held: %+v", v)
				}
				_, err := h.DecideBatch(t.Context(), h.people["alice"], all[0].ID, tt.run)
				refused(t, "somebody", err, RuleAdminOnly)
				if _, err := h.DecideBatch(t.Context(), h.people["erin"], all[0].ID, tt.run); err != nil {
					t.Fatal(err)
				}
				h.windUp(t)
			}
			rows := h.inventory(t, storage.InventoryFilter{})
			if v := h.look(t); v.Campaign.State != storage.CampaignDone || len(rows) != tt.alive || v.Counts[storage.CampaignSilence] != 4 {
				t.Errorf("%d keys live, %+v", len(rows), v)
			}
			if paused, err := h.enforcementPaused(t.Context(), ""); err != nil || paused {
				t.Errorf("the rules rest because of a campaign: %v, %v", paused, err)
			}
			h.checkCampaign(t, h.campaign.ID)
			h.check(t)
		})
	}
}

// The evidence is what the database said at the end, and stays so.
func TestEvidenceStaysAsItWas(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	h.seed(fake.Key{Label: "x", Owner: mailOf("frank"), Scopes: []string{"files:read"}})
	h.exec(t, `UPDATE credential SET label = '=HYPERLINK("x")', class = '+1' WHERE id = $1`, h.alices)
	h.mustDecide(t, "alice", h.alices, keeps)
	h.mustDecide(t, "alice", h.brokered, reduce, "files:read")
	h.mustDecide(t, "bob", h.orphans[0], end)
	h.passDeadline(t)
	h.windUp(t)
	rows, first := h.evidenceRows(t, h.campaign.ID)
	byID := map[string]map[string]string{}
	for _, r := range rows {
		byID[r["id"]] = r
	}
	if r := byID[h.alices.String()]; r["label"] != `'=HYPERLINK("x")` || r["class"] != "'+1" || r["by"] != "alice" || r["decision"] != "keep" || r["account"] != "alice@example.com" {
		t.Errorf("%v", r)
	}
	if r := byID[h.brokered.String()]; r["scopes_before"] != "files:read files:write" || r["scopes_after"] != "files:read" || r["access"] != "read" || r["last_used"] != "never" {
		t.Errorf("%v", r)
	}
	if r := byID[h.orphans[0].String()]; r["state_at_end"] != "revoked" || r["owner"] != "" || !strings.Contains(r["receipt"], ", dead: ") {
		t.Errorf("%v", r)
	}
	if r := byID[h.orphans[1].String()]; r["decision"] != "silence" || r["by"] != "nobody" || r["reason"] != silenceReason {
		t.Errorf("%v", r)
	}
	events, err := h.DB.Events(t.Context(), storage.SubjectCampaign, int64(h.campaign.ID))
	if err != nil {
		t.Fatal(err)
	}
	var story []string
	for _, e := range events {
		story = append(story, fmt.Sprintf("%s %s>%s", e.Action, e.Before, e.After))
	}
	if got := strings.Join(story, ", "); got != "campaign.running >running, campaign.ending running>ending, campaign.done ending>done" {
		t.Errorf("the log: %s", got)
	}
	c, err := h.DB.Campaign(t.Context(), h.campaign.ID)
	if err != nil || len(c.Evidence) != 64 || events[2].Reason != "evidence SHA-256 "+c.Evidence {
		t.Errorf("%+v, %v", c, err)
	}
	h.exec(t, `UPDATE credential SET label = 'other', last_used_at = latchkey_now(), owner_id = $1`, h.person("bob"))
	h.exec(t, `UPDATE person SET name = 'somebody else'`)
	h.clock(t, time.Duration(90*day))
	if _, again := h.evidenceRows(t, h.campaign.ID); !bytes.Equal(first, again) {
		t.Error("the evidence is another one later")
	}
	if err := h.WriteEvidence(t.Context(), h.campaign.ID); err != nil {
		t.Error(err)
	}
	h.exec(t, `UPDATE campaign_item SET record = jsonb_set(record, '{13}', '"keep"') WHERE credential_id = $1`, h.orphans[1])
	if _, _, err := h.CampaignEvidence(t.Context(), h.people["erin"], h.campaign.ID); err == nil {
		t.Error("evidence that was changed is given out")
	}
}

// A worker is killed at every step of a campaign's end; whoever takes it up
// finishes it, once.
func TestAKilledCampaignIsFinished(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"campaign:swept", "batch:taken", "batch:step", "campaign:gathered", "campaign:done"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h := openCampaign(t, lenient())
			h.mustDecide(t, "alice", h.brokered, keeps)
			h.passDeadline(t)
			h.exec(t, `UPDATE campaign SET next_action_at = latchkey_now()`)
			id := storage.CredentialID(h.campaign.ID)
			switch verb, _, _ := strings.Cut(point, ":"); {
			case point == "campaign:swept":
				h.crash(t, "sweep", 0, point)
				if v := h.look(t); v.Campaign.State != storage.CampaignRunning || v.Open() != 4 {
					t.Errorf("after the death: %+v", v)
				}
			case verb == "batch":
				h.turn(t)
				h.crash(t, "batch", storage.CredentialID(h.batches(t)[0].ID), point)
			default:
				h.turn(t)
				h.workAll(t)
				h.batches(t)
				h.turn(t)
				h.crash(t, "evidence", id, point)
				if v := h.look(t); (v.Campaign.State == storage.CampaignDone) != (point == "campaign:done") {
					t.Errorf("after the death: %+v", v)
				}
			}
			if all := h.batches(t); len(all) == 1 && all[0].State == storage.BatchRunning {
				if err := h.RunBatch(t.Context(), all[0].ID); err != nil { // as River's rescue
					t.Fatal(err)
				}
			}
			h.windUp(t)
			if v := h.look(t); v.Campaign.State != storage.CampaignDone || len(h.batches(t)) != 1 || v.Counts[storage.CampaignSilence] != 4 {
				t.Errorf("%+v", v)
			}
			h.checkCampaign(t, h.campaign.ID)
			h.check(t)
		})
	}
}

// A campaign over 500 keys of 40 people, with three replicas that sweep and
// take decisions all the time, ends with nothing undecided and with evidence
// that matches the database.
func TestALargeCampaignOnThreeReplicas(t *testing.T) {
	t.Parallel()
	d := lenient()
	d.Quotas.Live = 1000
	h := &asked{house: openWith(t, d, nil)}
	replicas := []*Service{h.Service, h.service(t, d, nil), h.service(t, d, nil)}
	var people []Actor
	for i := range 40 {
		h.in(t, func(ctx context.Context, tx storage.Tx) error {
			name := fmt.Sprintf("p%02d", i)
			a, err := tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T1", ExternalID: "U1" + strings.ToUpper(name), Name: name, Email: name + "@example.com"}, "")
			people = append(people, Actor{Account: a, Ref: "slack:" + name})
			return err
		})
	}
	for i := range 490 {
		h.seed(fake.Key{Label: fmt.Sprint("key ", i), Owner: mailOf(fmt.Sprintf("p%02d", i%41)), Scopes: []string{"files:read"}}) // the last one is nobody we know
	}
	h.sync(t)
	for range 10 {
		h.brokeredKey(t, "alice")
	}
	h.campaign = h.begin(t, CampaignAsk{Title: "All", Length: 14 * day})
	if v := h.look(t); v.Total() != 500 || len(v.Parts) != 44 {
		t.Fatalf("%d keys, %d people", v.Total(), len(v.Parts))
	}
	stop := make(chan struct{})
	var sweeping, deciding sync.WaitGroup
	for _, s := range replicas {
		sweeping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i, a := range append(people[:39:39], h.people["alice"], h.people["bob"]) {
		deciding.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			svc := replicas[i%3]
			items, err := h.DB.CampaignItems(context.Background(), h.campaign.ID, storage.CampaignItemFilter{PersonID: a.Account.PersonID, Limit: 1000})
			if err != nil {
				t.Error(err)
			}
			for _, it := range items {
				ch := CampaignChoice{Key: it.CredentialID, Decision: []storage.CampaignDecision{keeps, keeps, end, reduce}[rng.IntN(4)], Scopes: []string{"files:read"}}
				if rng.IntN(5) == 0 {
					continue // no answer
				}
				_, err := svc.DecideInCampaign(context.Background(), a, h.campaign.ID, ch)
				if _, refusal := AsRefusal(err); err != nil && !refusal {
					t.Error(err)
				}
			}
		})
	}
	deciding.Wait()
	close(stop)
	sweeping.Wait()
	h.leaves(t, people[39].Account.PersonID)
	h.turn(t)
	h.passDeadline(t)
	h.windUp(t)
	v := h.look(t)
	if v.Campaign.State != storage.CampaignDone || v.Open() != 0 || v.Counts[keeps] == 0 || v.Counts[end] == 0 || v.Counts[reduce] == 0 || v.Counts[storage.CampaignSilence] == 0 {
		t.Errorf("%+v", v.Counts)
	}
	if rows := h.checkCampaign(t, h.campaign.ID); len(rows) != 500 {
		t.Errorf("%d rows of evidence", len(rows))
	}
	if n := len(h.batches(t)); n != 1 {
		t.Errorf("%d batches", n)
	}
}

// leaves ends somebody's time in the house.
func (h *house) leaves(t testing.TB, id storage.PersonID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx storage.Tx) error { return tx.SetActive(ctx, id, false) })
}
