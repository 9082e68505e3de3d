package bot

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/bot/slacksim"
	"latchkey/storage"
	"latchkey/workflow"
)

// lenient lets a campaign end what it has to.
func lenient() workflow.Enforcement {
	return workflow.Enforcement{Breaker: workflow.Breaker{MaxPercent: 100, MinCount: 10_000}}
}

// begin starts a campaign as an admin does, over the two forms.
func (h *house) begin(title string) storage.CampaignID {
	h.t.Helper()
	h.open("U0ERIN", "/tokens campaign", callbackCampaign)
	h.fill("U0ERIN", blockTitle, title)
	h.submit("U0ERIN")
	h.awaitModal("U0ERIN", callbackCampaignPlan)
	h.submit("U0ERIN")
	var id storage.CampaignID
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT max(id) FROM campaign`).Scan(&id))
	return id
}

// ahead moves the deciding clock.
func (h *house) ahead(d time.Duration) {
	h.t.Helper()
	_, err := h.db.Pool().Exec(h.ctx, fmt.Sprintf(`CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
		AS 'SELECT statement_timestamp() + interval ''%d seconds'''`, int(d.Seconds())))
	h.must(err)
}

// sweeping does all the time what is due.
func (h *house) sweeping() {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.ctx)
	done := make(chan struct{})
	go func() { defer close(done); h.rules.RunSweep(ctx) }()
	h.t.Cleanup(func() { stop(); <-done })
}

// finished is a campaign of which its admin was told that it is done.
func (h *house) finished(id storage.CampaignID) storage.Campaign {
	h.t.Helper()
	h.told("U0ERIN", "", "Done", "SHA-256 of the evidence file")
	c, err := h.db.Campaign(h.ctx, id)
	h.must(err)
	return c
}

// evidence is the last file in somebody's direct messages.
func (h *house) evidence(who string, n int) []byte {
	h.t.Helper()
	u := h.sim.User(who)
	h.await("the evidence", func() bool { return len(u.Files(u.DM())) >= n })
	files := u.Files(u.DM())
	return files[len(files)-1].Content
}

// An admin begins a campaign, people decide in the message and in the pages,
// are reminded, and the admin gets the evidence, as often as wanted.
func TestACampaignInSlack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, lenient())
	for i := range 12 {
		seed(h.acme, fmt.Sprint("bot ", i), "alice@example.com")
	}
	seed(h.acme, "franks", "frank@example.com")
	seed(h.vault, "orphan", "ghost@example.com")
	h.sync()
	h.sweeping()
	if got := h.slash("U0ALICE", "/tokens campaign"); !says(got, "Only an admin") {
		t.Errorf("Alice is shown:\n%s", got.Show())
	}
	if got := h.slash("U0ERIN", "/tokens campaign nothing"); !says(got, "no system called nothing") {
		t.Errorf("a campaign of nothing:\n%s", got.Show())
	}
	h.open("U0ERIN", "/tokens campaign", callbackCampaign)
	h.fill("U0ERIN", blockTitle, "Autumn review")
	h.submit("U0ERIN")
	plan := h.awaitModal("U0ERIN", callbackCampaignPlan)
	for _, part := range []string{"Autumn review", "3 people are asked", "14 keys", "14 days", "acme", "vault", "1 key without an owner"} {
		if !strings.Contains(plan.Show(), part) {
			t.Errorf("the preview lacks %q:\n%s", part, plan.Show())
		}
	}
	h.submit("U0ERIN")
	h.told("U0ERIN", "", "The campaign “Autumn review” has begun", "3 people are asked about 14 keys")
	h.told("U0ERIN", "", "You are asked about 1 key", h.key("orphan"))
	ask := h.told("U0ALICE", "", "You are asked about 12 keys", "12 keys wait", "7 more keys not shown here")
	if got := h.slash("U0ERIN", "/tokens campaign"); !says(got, "14 keys wait for a decision, of 14", "Send a reminder now", ": 12 of 12") {
		t.Errorf("the progress:\n%s", got.Show())
	}

	// In the message.
	first := campaignKey{1, h.id("bot 0")}
	h.click("U0ALICE", ask.Place(), verbCampaignKeep, first.String())
	h.told("U0ALICE", "", "You are asked about 12 keys", "11 keys wait")
	h.click("U0FRANK", h.told("U0FRANK", "", "You are asked about 1 key").Place(), verbCampaignRevoke, campaignKey{1, h.id("franks")}.String())
	h.told("U0FRANK", "", "Thank you: nothing waits for you", "1 revoked")
	h.told("U0FRANK", "", h.key("franks"), "was revoked", "not needed any more (campaign Autumn review)")

	// In the pages: some by hand, then all that is left of the page.
	page := campaignPlace{1, false, nextOpen}.String()
	h.click("U0ALICE", ask.Place(), verbCampaignPage, page)
	v := h.awaitModal("U0ALICE", callbackCampaignPage)
	if !strings.Contains(v.Show(), "page 1 of 2. 11 keys wait") || !strings.Contains(v.Show(), "Kept") {
		t.Errorf("the page:\n%s", v.Show())
	}
	h.choice("U0ALICE", "bot 1", storage.CampaignRevoke)
	h.choice("U0ALICE", "bot 2", storage.CampaignKeep)
	h.choice("U0ALICE", "bot 0", storage.CampaignRevoke) // decided otherwise
	h.submit("U0ALICE")
	sure := h.awaitModal("U0ALICE", callbackCampaignSure)
	if !strings.Contains(sure.Show(), "You revoke") || !strings.Contains(sure.Show(), h.key("bot 0")) || !strings.Contains(sure.Show(), h.key("bot 1")) {
		t.Errorf("the last question:\n%s", sure.Show())
	}
	if n := h.live(); n != 13 { // without Frank's
		t.Errorf("%d keys live before the last question is answered", n)
	}
	h.submit("U0ALICE")
	h.await("what was saved", func() bool { v, ok := h.sim.User("U0ALICE").Modal(); return ok && v.Title == "Saved" })
	h.must(h.sim.User("U0ALICE").CloseModal(h.ctx))
	h.await("the page that is left", func() bool {
		v, ok := h.sim.User("U0ALICE").Modal()
		return ok && v.CallbackID == callbackCampaignPage && strings.Contains(v.Show(), "9 keys wait")
	})
	v, _ = h.sim.User("U0ALICE").Modal()
	h.click("U0ALICE", v.Place(), verbCampaignKeepAll, campaignPlace{1, false, 0}.String())
	h.await("the second page", func() bool {
		v, ok := h.sim.User("U0ALICE").Modal()
		return ok && strings.Contains(v.Show(), "page 2 of 2. 2 keys wait") && strings.Contains(v.Show(), "Saved: 7 kept.")
	})
	h.choice("U0ALICE", "bot 10", storage.CampaignKeep)
	h.submit("U0ALICE")
	h.await("the rest", func() bool {
		v, ok := h.sim.User("U0ALICE").Modal()
		return ok && strings.Contains(v.Show(), "1 key waits")
	})
	h.must(h.sim.User("U0ALICE").CloseAll(h.ctx))
	h.told("U0ALICE", "", "1 key waits", h.key("bot 11"))

	// Reminders, once each.
	h.ahead(7*24*time.Hour + time.Minute)
	h.told("U0ALICE", "", "A reminder: 1 key waits", "Autumn review")
	h.told("U0ERIN", "", "A reminder: 1 key waits")
	h.silent("U0FRANK", "A reminder")
	h.click("U0ERIN", h.slash("U0ERIN", "/tokens campaign").Place(), verbCampaignRemind, "1")
	h.told("U0ERIN", "C0GENERAL", "less than an hour ago")

	// An admin decides for others.
	h.click("U0ERIN", h.slash("U0ERIN", "/tokens campaign").Place(), verbCampaignPage, campaignPlace{1, true, nextOpen}.String())
	h.awaitModal("U0ERIN", callbackCampaignPage)
	h.choice("U0ERIN", "bot 11", storage.CampaignKeep)
	h.submit("U0ERIN")
	h.told("U0ALICE", "", "Thank you: nothing waits for you", "10 kept, 2 revoked")
	h.told("U0ALICE", "", "A reminder of the campaign", "nothing waits for you any more")

	// The orphan has no answer.
	h.ahead(15 * 24 * time.Hour)
	c := h.finished(1)
	h.told("U0ERIN", "", "Done", "10 kept, 3 revoked, 1 without an answer", c.Evidence)
	h.told("U0ALICE", "", "The campaign “Autumn review” is over", "10 kept, 2 revoked")
	file := h.evidence("U0ERIN", 1)
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != c.Evidence || strings.Count(string(file), "\n") != 15 {
		t.Errorf("the evidence has another hash, or is not whole:\n%s", file)
	}
	h.click("U0ERIN", h.slash("U0ERIN", "/tokens campaign").Place(), verbCampaignFile, "1")
	if again := h.evidence("U0ERIN", 2); !slices.Equal(again, file) {
		t.Error("the evidence is another one the second time")
	}
	h.click("U0ERIN", h.slash("U0ERIN", "/tokens campaign").Place(), verbCampaignNew, "")
	h.awaitModal("U0ERIN", callbackCampaign)
}

// choice makes a choice on the page that is open.
func (h *house) choice(who, label string, d storage.CampaignDecision) {
	h.t.Helper()
	h.must(h.sim.User(who).Fill(h.ctx, blockOf(blockChoice, h.key(label)), "", slacksim.Value{Option: string(d)}))
}

func (h *house) id(label string) storage.CredentialID {
	h.t.Helper()
	_, id, err := storage.ParseID(h.key(label))
	h.must(err)
	return id
}

// live counts the keys that are not being ended.
func (h *house) live() int {
	h.t.Helper()
	var n int
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT count(*) FROM credential WHERE state IN ('active', 'suspended')`).Scan(&n))
	return n
}

// A campaign is called off, and clicks on old messages say so.
func TestACampaignIsCalledOffInSlack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, lenient())
	seed(h.acme, "bot", "alice@example.com")
	seed(h.acme, "other", "alice@example.com")
	h.sync()
	h.begin("Oops")
	ask := h.told("U0ALICE", "", "You are asked about 2 keys")
	key := campaignKey{1, h.id("bot")}.String()
	h.sim.Knobs().Duplicate(1) // Slack sends it twice
	h.click("U0ALICE", ask.Place(), verbCampaignKeep, key)
	h.told("U0ALICE", "", "1 key waits")
	h.click("U0ERIN", h.slash("U0ERIN", "/tokens campaign").Place(), verbCampaignCancel, "1")
	h.told("U0ERIN", "C0GENERAL", "“Oops” is called off")
	h.told("U0ALICE", "", "The campaign “Oops” was called off")
	if got := h.slash("U0ERIN", "/tokens campaign"); !says(got, "Called off", "1 kept, 1 undecided", "New campaign") {
		t.Errorf("the progress:\n%s", got.Show())
	}
	var kept int
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT count(*) FROM audit_event WHERE action = 'credential.kept'`).Scan(&kept))
	if kept != 1 {
		t.Errorf("kept %d times", kept)
	}
}

// company has as many people besides those of the default world.
func company(n int) slacksim.World {
	w := slacksim.DefaultWorld()
	for i := range n {
		id := fmt.Sprintf("U1P%02d", i)
		w.Users = append(w.Users, slacksim.WorldUser{ID: id, Name: fmt.Sprintf("p%02d", i), RealName: fmt.Sprintf("Person %02d", i), Email: fmt.Sprintf("p%02d@example.com", i), TZ: "UTC"})
		w.Channels[0].Members = append(w.Channels[0].Members, id)
	}
	return w
}

// 500 keys of 40 people, all in Slack: everybody is asked once, most go
// through the pages, some don't answer, and the evidence matches the database
// row by row. It takes as long as the system's rate limit makes it.
func TestACampaignOverFiveHundredKeys(t *testing.T) {
	t.Parallel()
	const humans, keys = 40, 500
	h := newHouseIn(t, lenient(), company(humans))
	for i := range keys {
		seed(h.acme, fmt.Sprintf("key %03d", i), fmt.Sprintf("p%02d@example.com", i%humans))
	}
	h.sync()
	h.sweeping()
	id := h.begin("All keys")
	var all sync.WaitGroup
	for i := range humans {
		who := fmt.Sprintf("U1P%02d", i)
		ask := h.told(who, "", fmt.Sprintf("You are asked about %d keys", keys/humans+(humans-1-i)/(humans/2)*(keys%humans)/(humans/2)))
		if i%20 == 19 {
			continue // no answer
		}
		all.Go(func() { h.goThrough(who, ask, id, i) })
	}
	all.Wait()
	for i := range humans {
		if n := h.countMessages(fmt.Sprintf("U1P%02d", i), "asked about"); n > 1 {
			t.Errorf("U1P%02d was asked %d times", i, n)
		}
	}
	h.ahead(15 * 24 * time.Hour)
	c := h.finished(id)
	file := h.evidence("U0ERIN", 1)
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != c.Evidence {
		t.Error("the evidence has another hash")
	}
	rows, err := csv.NewReader(strings.NewReader(string(file))).ReadAll()
	h.must(err)
	items, err := h.db.CampaignItems(h.ctx, id, storage.CampaignItemFilter{Limit: 2 * keys})
	h.must(err)
	if len(items) != keys || len(rows) != keys+1 {
		t.Fatalf("%d items, %d rows", len(items), len(rows))
	}
	counts := map[storage.CampaignDecision]int{}
	for i, it := range items {
		counts[it.Decision]++
		key, err := h.db.Credential(h.ctx, it.CredentialID)
		h.must(err)
		want := []string{it.CredentialID.String(), key.Label, string(it.Decision), it.Reason, string(key.State)}
		r := rows[i+1]
		if got := []string{r[0], r[4], r[13], r[16], r[17]}; !slices.Equal(got, want) {
			t.Errorf("evidence %v, database %v", got, want)
		}
		ends := it.Decision == storage.CampaignRevoke || it.Decision == storage.CampaignSilence
		if ends != (key.State == storage.CredentialRevoked) || ends != (r[18] != "") {
			t.Errorf("%s: %s, and it is %s with the receipt %q", key.ID, it.Decision, key.State, r[18])
		}
	}
	if counts[storage.CampaignOpen] != 0 || counts[storage.CampaignSilence] != keys/20 || counts[storage.CampaignRevoke] == 0 || counts[storage.CampaignKeep] == 0 {
		t.Errorf("%v", counts)
	}
	if n := len(h.acme.Live()); n != counts[storage.CampaignKeep] {
		t.Errorf("%d keys live at the system, %v", n, counts)
	}
}

// goThrough decides on everything somebody is asked: one key is revoked in the
// message, the rest is kept page by page.
func (h *house) goThrough(who string, ask slacksim.Message, id storage.CampaignID, n int) {
	key := storage.CredentialID(0)
	err := h.db.Pool().QueryRow(h.ctx, `SELECT min(id) FROM credential WHERE label = $1`, fmt.Sprintf("key %03d", n)).Scan(&key)
	if err == nil {
		_, err = h.sim.User(who).Click(h.ctx, ask.Place(), actionID(verbCampaignRevoke, campaignKey{id, key}.String()))
	}
	if err != nil {
		h.t.Errorf("%s revokes: %v", who, err)
		return
	}
	u := h.sim.User(who)
	_, err = u.Click(h.ctx, ask.Place(), actionID(verbCampaignPage, campaignPlace{id, false, nextOpen}.String()))
	if err != nil {
		h.t.Errorf("%s opens the page: %v", who, err)
		return
	}
	for number := range 2 {
		place := campaignPlace{id, false, number}.String()
		var v slacksim.View
		err := h.sim.Wait(h.ctx, func() bool {
			found, ok := u.Modal()
			v = found
			return ok && strings.Contains(string(v.Blocks), `"`+actionID(verbCampaignKeepAll, place)+`"`)
		})
		if err == nil {
			_, err = u.Click(h.ctx, v.Place(), actionID(verbCampaignKeepAll, place))
		}
		if err != nil {
			h.t.Errorf("%s keeps page %d: %v", who, number, err)
			return
		}
	}
	if err := h.sim.Wait(h.ctx, func() bool {
		v, ok := u.Modal()
		return ok && strings.Contains(v.Show(), "nothing waits for a decision")
	}); err != nil {
		v, _ := u.Modal()
		h.t.Errorf("%s is not done: %v\n%s", who, err, v.Show())
	}
}
