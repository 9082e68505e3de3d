package bot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/storage"
	"latchkey/workflow"
)

func autumn(state storage.CampaignState) storage.Campaign {
	c := storage.Campaign{ID: 7, Title: "Autumn *review*", Connection: "tempo", State: state, Actor: storage.Actor{PersonID: 5, Name: "Erin Evans"},
		CreatedAt: noon(), Deadline: noon().Add(14 * day24)}
	if !c.UnderWay() {
		c.EndedAt = noon().Add(15 * day24)
	}
	if state == storage.CampaignDone {
		c.Evidence = strings.Repeat("0123456789abcdef", 4)
	}
	return c
}

// campaignIn is a campaign in a state, for an admin.
func campaignIn(state storage.CampaignState) workflow.CampaignView {
	v := workflow.CampaignView{Campaign: autumn(state), Starter: workflow.Person{ID: 5, Name: "Erin Evans", Slack: "U0ERIN"},
		Counts: map[storage.CampaignDecision]int{storage.CampaignKeep: 8, storage.CampaignReduce: 1, storage.CampaignRevoke: 3, storage.CampaignGone: 1},
		Parts:  []workflow.PartView{{Person: alice(), Items: 12, Open: 9}, {Person: dana(), Items: 3, Open: 1}, {Person: bob(), Items: 2}}}
	if state == storage.CampaignRunning {
		v.Counts[storage.CampaignOpen], v.Nobody = 10, 1
	} else {
		v.Counts[storage.CampaignSilence] = 10
	}
	return v
}

func silenceIn(state storage.BatchState) workflow.CampaignView {
	v := campaignIn(storage.CampaignEnding)
	v.Batch = &storage.Batch{ID: 3, Kind: storage.BatchSilence, State: state}
	return v
}

// campaignLineOf is a key of Alice's with what was decided about it.
func campaignLineOf(v workflow.CredentialView, id storage.CredentialID, d storage.CampaignDecision, by workflow.Person) workflow.CampaignLine {
	v = withID(v, id)
	l := workflow.CampaignLine{Key: v, By: by, Scopes: v.Scopes, Item: storage.CampaignItem{CampaignID: 7, CredentialID: id, Decision: d, DecidedBy: by.ID},
		Open: d == storage.CampaignOpen || d == storage.CampaignSilence, Reduce: v.Credential.Brokered}
	if !l.Open {
		l.Item.DecidedAt = noon().Add(day24)
	}
	return l
}

func partIn(state storage.CampaignState, counts map[storage.CampaignDecision]int, open int, lines ...workflow.CampaignLine) workflow.CampaignPart {
	return workflow.CampaignPart{Campaign: autumn(state), Person: alice(), Counts: counts, Open: open, Lines: lines}
}

func openLines() []workflow.CampaignLine {
	suspended := keyIn(storage.CredentialSuspended)
	suspended.Credential.ExpiresAt = noon().Add(day24)
	return []workflow.CampaignLine{campaignLineOf(activeKey(), 1, "", workflow.Person{}), campaignLineOf(foundFor(), 3, "", workflow.Person{}),
		campaignLineOf(unlinked(), 4, "", workflow.Person{}), campaignLineOf(suspended, 6, "", workflow.Person{})}
}

func allCounts(open int) map[storage.CampaignDecision]int {
	return map[storage.CampaignDecision]int{storage.CampaignOpen: open, storage.CampaignKeep: 2, storage.CampaignRevoke: 1}
}

func campaignMessages() map[string]message {
	out := map[string]message{
		"ask":           askMessage(partIn(storage.CampaignRunning, allCounts(4), 4, openLines()...)),
		"ask_many":      askMessage(partIn(storage.CampaignRunning, allCounts(9), 9, openLines()...)),
		"ask_answered":  askMessage(partIn(storage.CampaignRunning, allCounts(0), 0)),
		"ask_late":      askMessage(partIn(storage.CampaignEnding, map[storage.CampaignDecision]int{storage.CampaignSilence: 1}, 1, openLines()[0])),
		"ask_ending":    askMessage(partIn(storage.CampaignEnding, allCounts(0), 0)),
		"ask_done":      askMessage(partIn(storage.CampaignDone, allCounts(0), 0)),
		"ask_canceled":  askMessage(partIn(storage.CampaignCanceled, allCounts(4), 0)),
		"remind":        remindMessage(partIn(storage.CampaignRunning, allCounts(4), 4)),
		"remind_over":   remindMessage(partIn(storage.CampaignRunning, allCounts(0), 0)),
		"running":       campaignMessage(campaignIn(storage.CampaignRunning)),
		"ending":        campaignMessage(campaignIn(storage.CampaignEnding)),
		"ending_held":   campaignMessage(silenceIn(storage.BatchHeld)),
		"ending_runs":   campaignMessage(silenceIn(storage.BatchRunning)),
		"done":          campaignMessage(campaignIn(storage.CampaignDone)),
		"canceled":      campaignMessage(campaignIn(storage.CampaignCanceled)),
		"status":        campaignStatus(campaignIn(storage.CampaignRunning), "/tokens"),
		"status_ending": campaignStatus(silenceIn(storage.BatchHeld), "/tokens"),
		"status_done":   campaignStatus(campaignIn(storage.CampaignDone), "/tokens"),
	}
	held := heldBatch()
	held.Kind, held.Connection, held.Title = storage.BatchSilence, "", "2 keys of the campaign “Autumn review” without an answer"
	held.Reason = "it would end 2 of the campaign's 10 keys at once"
	out["held"] = batchMessage(held)
	return out
}

func decidedLines() []workflow.CampaignLine {
	return []workflow.CampaignLine{
		campaignLineOf(activeKey(), 1, storage.CampaignKeep, alice()), campaignLineOf(activeKey(), 2, storage.CampaignReduce, alice()),
		campaignLineOf(keyIn(storage.CredentialRevoking), 3, storage.CampaignRevoke, alice()), campaignLineOf(activeKey(), 4, storage.CampaignKeep, bob()),
		campaignLineOf(keyIn(storage.CredentialExpired), 5, storage.CampaignGone, workflow.Person{}),
	}
}

func pageOf(all bool, number, pages int, lines ...workflow.CampaignLine) workflow.CampaignPage {
	return workflow.CampaignPage{CampaignPart: partIn(storage.CampaignRunning, allCounts(4), 4, lines...), Number: number, Pages: pages, All: all}
}

func campaignModals() map[string]slack.ModalViewRequest {
	ask := workflow.CampaignAsk{Title: "Autumn *review*", Length: days(14)}
	plan := workflow.CampaignPlan{Keys: 12, BySystem: map[string]int{"tempo": 10, "jira": 2}, People: 4, Ownerless: 3, Nobody: 1}
	less := campaignLineOf(activeKey(), 1, storage.CampaignReduce, alice())
	less.Scopes = slices.Clone(less.Scopes)
	less.Scopes[0].Granted = false
	return map[string]slack.ModalViewRequest{
		"start":        campaignModal([]string{"jira", "tempo"}, ""),
		"start_one":    campaignModal([]string{"jira", "tempo"}, "tempo"),
		"plan":         campaignPlanModal(ask, plan, "{}"),
		"plan_easy":    campaignPlanModal(ask, workflow.CampaignPlan{Keys: 1, BySystem: map[string]int{"tempo": 1}, People: 1}, "{}"),
		"page":         campaignPageModal(pageOf(false, 0, 3, openLines()...), 1, "", "{}"),
		"page_all":     campaignPageModal(pageOf(true, 1, 3, append(openLines(), decidedLines()...)...), 5, "Saved: 2 kept.", "{}"),
		"page_decided": campaignPageModal(pageOf(false, 2, 3, decidedLines()...), 1, "", "{}"),
		"page_others":  campaignPageModal(pageOf(false, 0, 1, decidedLines()[2:]...), 1, "", "{}"),
		"saved":        savedNotice(campaignPlace{1, false, 2}, "Saved: 2 kept."),
		"sure":         campaignSureModal([]storage.CredentialID{1, 2}, 3, "{}"),
		"sure_one":     campaignSureModal([]storage.CredentialID{1}, 0, "{}"),
		"reduce":       campaignReduceModal(campaignLineOf(activeKey(), 1, "", workflow.Person{}), "7.TK-0001"),
		"reduce_again": campaignReduceModal(less, "7.TK-0001"),
	}
}

func TestCampaignViewsAreGolden(t *testing.T) {
	t.Parallel()
	for name, m := range campaignMessages() {
		golden(t, "message_campaign_"+name, m)
		judge(t, blockkit.ValidateMessage, m)
	}
	for name, m := range campaignModals() {
		golden(t, "modal_campaign_"+name, m)
		judge(t, blockkit.ValidateModal, m)
	}
}

func worstLines(d storage.CampaignDecision) []workflow.CampaignLine {
	var out []workflow.CampaignLine
	for i := range workflow.CampaignPageSize {
		l := campaignLineOf(worstKey(storage.CredentialActive), storage.CredentialID(1<<40+i), d, workflow.Person{})
		l.By, l.Reduce = nastyPerson(storage.PersonID(i)), true
		l.Item.DecidedBy = 1
		out = append(out, l)
	}
	return out
}

// Whatever people call things, Slack takes the views, nothing of it reaches
// anybody, and what answers in an ack fits.
func TestWorstCampaigns(t *testing.T) {
	t.Parallel()
	counts := map[storage.CampaignDecision]int{}
	for _, d := range decisionsInOrder {
		counts[d] = 1 << 40
	}
	var acks []any
	for _, state := range []storage.CampaignState{storage.CampaignRunning, storage.CampaignEnding, storage.CampaignDone, storage.CampaignCanceled} {
		v := campaignIn(state)
		v.Campaign.ID, v.Campaign.Title, v.Campaign.Connection, v.Counts, v.Starter = 1<<60, longNasty(300), longNasty(300), counts, nastyPerson(1)
		for i := range 200 {
			v.Parts = append(v.Parts, workflow.PartView{Person: nastyPerson(storage.PersonID(i)), Items: 1 << 40, Open: 1 << 40})
		}
		p := partIn(state, counts, 1<<40, worstLines("")...)
		p.Campaign = v.Campaign
		for _, m := range []message{campaignMessage(v), campaignStatus(v, longNasty(60)), askMessage(p), remindMessage(p)} {
			judge(t, blockkit.ValidateMessage, m)
			harmless(t, m)
		}
		shown := campaignMessage(v)
		acks = append(acks, slack.WebhookMessage{Text: shown.Text, Blocks: &slack.Blocks{BlockSet: shown.Blocks}})
		for _, d := range decisionsInOrder {
			page := workflow.CampaignPage{CampaignPart: p, Number: 5, Pages: 1 << 40, All: true}
			page.Lines = worstLines(d)
			m := campaignPageModal(page, 1, longNasty(5000), strings.Repeat("x", 3000))
			judge(t, blockkit.ValidateModal, m)
			harmless(t, m)
		}
	}
	systems := make([]string, 300)
	by := map[string]int{}
	for i := range systems {
		systems[i] = fmt.Sprint(i, longNasty(60)[:50])
		by[systems[i]] = 1 << 40
	}
	plan := campaignPlanModal(workflow.CampaignAsk{Title: longNasty(300), Length: workflow.MaxDuration}, workflow.CampaignPlan{Keys: 1 << 40, BySystem: by, People: 1 << 40, Ownerless: 1 << 40, Nobody: 1 << 40}, "")
	var many []storage.CredentialID
	var seen []workflow.CampaignChoice
	for i := range workflow.CampaignPageSize {
		many = append(many, storage.CredentialID(1<<60+i))
		seen = append(seen, workflow.CampaignChoice{Key: many[i], Decision: storage.CampaignRevoke})
	}
	metadata, err := json.Marshal(sureMetadata{campaignPlace{1 << 60, true, 1 << 30}.String(), seen})
	if err != nil || len(metadata) > maxMetadata {
		t.Errorf("the last question carries %d bytes, %v", len(metadata), err)
	}
	sure := campaignSureModal(many, 1<<40, "")
	for _, m := range []slack.ModalViewRequest{plan, sure, campaignModal(systems, longNasty(60)[:60]), campaignReduceModal(worstLines("")[0], "x"),
		campaignReduceModal(worstLines(storage.CampaignReduce)[0], "x")} {
		judge(t, blockkit.ValidateModal, m)
		harmless(t, m)
	}
	for _, a := range append(acks, slack.NewPushViewSubmissionResponse(&plan), slack.NewPushViewSubmissionResponse(&sure)) {
		b, err := json.Marshal(a)
		if err != nil || len(b) > maxAck {
			t.Errorf("an answer has %d bytes, %v:\n%.200s", len(b), err, b)
		}
	}
}

func TestCampaignControlsCarryWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	k := campaignKey{7, 42}
	if got, err := readCampaignKey(k.String()); err != nil || got != k {
		t.Errorf("%v, %v", got, err)
	}
	for _, p := range []campaignPlace{{7, false, nextOpen}, {1 << 60, true, 12}} {
		if got, err := readCampaignPlace(p.String()); err != nil || got != p {
			t.Errorf("%v, %v", got, err)
		}
	}
	for _, s := range []string{"", ".", "7", "7.", "7.TK-", "x.TK-7F3K", "7.RQ-0001", "7.mine", "7.mine.x", "7.mine.1.2", "x.mine.1"} {
		if got, err := readCampaignKey(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
		if got, err := readCampaignPlace(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	if _, _, err := readPageMetadata("{"); err == nil {
		t.Error("half a page is read")
	}
}
