package bot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/storage"
	"latchkey/workflow"
)

func TestOffboardingMessagesAreGolden(t *testing.T) {
	t.Parallel()
	for name, m := range offboardingMessages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "message_"+name, m)
			judge(t, blockkit.ValidateMessage, m)
		})
	}
}

func TestOffboardingModalsAreGolden(t *testing.T) {
	t.Parallel()
	for name, m := range offboardingModals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "modal_"+name, m)
			judge(t, blockkit.ValidateModal, m)
		})
	}
}

func worstItem(state storage.CredentialState, id storage.CredentialID) workflow.ItemView {
	it := workflow.ItemView{OffboardingItem: storage.OffboardingItem{CredentialID: 1<<40 + id, Sort: storage.ItemShared, DecideBy: noon()}, Key: worstKey(state), To: nastyPerson(3)}
	it.Key.Credential.ID = it.CredentialID
	it.Receipts = it.Key.Receipts
	if id%3 == 0 {
		it.Sort, it.WaivedAt, it.WaivedName, it.WaivedReason, it.Done = storage.ItemOwn, noon(), longNasty(300), longNasty(1000), true
	}
	return it
}

func worstCase(state storage.OffboardingState) caseView {
	v := leftCase()
	o := &v.Case
	o.ID, o.State, o.Source, o.Reason, o.Actor.Name, o.ClosedAt = 1<<60, state, longNasty(300), longNasty(1000), longNasty(300), noon()
	v.Person, v.Email, v.Paged, v.Lost, v.Left = nastyPerson(1), longNasty(300), true, 1<<40, 1<<40
	v.ReportURL = "https://latchkey.example.com/offboarding/" + strings.Repeat("x", 60)
	v.Items, v.Systems = nil, nil
	states := keyStates()
	for i := range 60 {
		v.Items = append(v.Items, worstItem(states[i%len(states)], storage.CredentialID(i)))
		v.Systems = append(v.Systems, storage.OffboardingSystem{Connection: fmt.Sprintf("%d%s", i, strings.Repeat("x", 60)), Passes: i % 2, Problem: longNasty(5000)})
	}
	v.Events = append(v.Events, storage.Event{ID: 2, At: noon(), Actor: longNasty(300), ActorID: 9, Before: "open", After: "undone", Reason: longNasty(1000)})
	return v
}

func worstHeld() workflow.HeldView {
	v := massLeave(15)
	v.Count = 1 << 40
	for i := range v.Cases {
		v.First[i], v.Cases[i].Source = nastyPerson(storage.PersonID(i)), longNasty(300)
	}
	return v
}

func worstOffboardings() map[string]message {
	list := caseList{Of: longNasty(300), Held: worstHeld(), Command: longNasty(60)}
	out := map[string]message{}
	for _, state := range []storage.OffboardingState{storage.OffboardingHeld, storage.OffboardingOpen, storage.OffboardingClosed, storage.OffboardingUndone, "other"} {
		v := worstCase(state)
		for range 3 {
			list.Cases = append(list.Cases, withCase(v, 1<<60+len(list.Cases)))
		}
		out["case_"+string(state)] = caseMessage(v)
		out["page_"+string(state)] = pageMessage(pageView{caseView: v, Call: slices.Repeat([]callee{{Usergroup: nasty}, {People: []workflow.Person{nastyPerson(1), nastyPerson(2)}}}, 20)})
		for _, it := range v.Items[:12] {
			out[fmt.Sprintf("shared_%s_%d", state, it.CredentialID)] = sharedMessage(sharedView{Case: v.Case, Left: v.Person, Item: it, Calls: 1 << 40})
		}
	}
	list.Strange = slices.Repeat([]storage.PersonEvent{{Source: longNasty(300), AccountRef: longNasty(300), Email: longNasty(300), Name: longNasty(300), ReceivedAt: noon()}}, 9)
	waits := map[string]int{}
	for i := range 40 {
		waits[fmt.Sprint(i, longNasty(300))] = 1 << 40
	}
	crowd := crowdView{Crowd: storage.Crowd{Held: 1 << 40, Open: 1 << 40, Closed: 1 << 40, Undone: 1 << 40}, From: noon(), Command: longNasty(60),
		Decided: storage.Event{ID: 1, At: noon(), ActorID: 1, Actor: longNasty(300), After: "undone"}}
	out["offboardings"], out["held"], out["held_decided"], out["crowd"] = casesMessage(list), heldMassMessage(worstHeld()), decidedHeldMessage(crowd), crowdMessage(crowd)
	out["crowd_page"] = crowdPageMessage(1<<40, waits, []callee{{People: []workflow.Person{nastyPerson(1)}}}, longNasty(60))
	e := storage.Event{ID: 1, At: noon(), Action: actionUnentitled, Actor: longNasty(300), Reason: longNasty(1000)}
	for _, state := range keyStates() {
		k := worstKey(state)
		k.Credential.Connection = strings.Repeat("x", 63) // as long as the configuration allows
		k.Events = append(k.Events, e)
		out["unentitled_"+string(state)], out["again_"+string(state)] = unentitledMessage(k, e), entitledAgain(k)
	}
	return out
}

func TestWorstOffboardingMessages(t *testing.T) {
	t.Parallel()
	for name, m := range worstOffboardings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, blockkit.ValidateMessage, m)
			harmless(t, m)
			if strings.Trim(m.Text, " \n") == "" {
				t.Error("the message has no text")
			}
			if name == "offboardings" {
				fits(t, slack.WebhookMessage{Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, ResponseType: slack.ResponseTypeEphemeral})
			}
		})
	}
}

// fits fails for what is too large for the ack it travels in.
func fits(t *testing.T, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > maxAck {
		t.Errorf("%d bytes, want at most %d", len(b), maxAck)
	}
}

func TestWorstOffboardingModals(t *testing.T) {
	t.Parallel()
	plan := workflow.LeavePreview{Person: nastyPerson(1), Own: 1 << 40, Fenced: 1 << 40, Shared: 1 << 40, Pending: 1 << 40, Systems: slices.Repeat([]string{longNasty(300)}, 60), Grace: workflow.MaxDuration}
	key := worstKey(storage.CredentialActive)
	modals := map[string]slack.ModalViewRequest{
		"offboard": offboardModal(plan, longNasty(3000), strings.Repeat("x", 3000)), "waive": waiveModal(worstCase(storage.OffboardingOpen), longNasty(300), ""),
		"keep": keepSharedModal(nastyName, key, ""), "end": endSharedModal(key, ""), "run": heldModal(true, worstHeld()), "undo": heldModal(false, worstHeld()),
	}
	for _, state := range []storage.OffboardingState{storage.OffboardingHeld, storage.OffboardingOpen, storage.OffboardingClosed, storage.OffboardingUndone} {
		v := worstCase(state)
		modals["undo_"+string(state)] = undoLeaveModal(v)
		for _, from := range []int{-1, 0, 24, 1 << 40} {
			modals[fmt.Sprintf("case_%s_%d", state, from)] = caseModal(v, from)
		}
	}
	for name, m := range modals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, blockkit.ValidateModal, m)
			harmless(t, m)
		})
	}
}

// Every key of a case is on exactly one page of its details.
func TestCaseDetailsShowEveryKeyOnce(t *testing.T) {
	t.Parallel()
	v := leftCase()
	for i := range 40 {
		v.Items = append(v.Items, itemOf(storage.CredentialID(100+i), storage.CredentialRevoked, false))
	}
	seen := map[string]int{}
	for from := 0; from < len(v.Items); from += caseKeysAPage {
		page := string(encode(t, caseModal(v, from)))
		for _, it := range v.Items {
			if strings.Contains(page, "`"+it.CredentialID.String()+"` for") {
				seen[it.CredentialID.String()]++
			}
		}
	}
	for _, it := range v.Items {
		if seen[it.CredentialID.String()] != 1 {
			t.Errorf("%s is shown %d times", it.CredentialID, seen[it.CredentialID.String()])
		}
	}
	first := string(encode(t, caseModal(v, 0)))
	if !strings.Contains(first, `"waive/1.`+storage.CredentialID(4).String()+`"`) || !strings.Contains(first, `"waive/1.wiki"`) {
		t.Error("what is not accounted for is not first, or can't be answered for")
	}
}

func TestPacesLetAnEditThroughOnceInAWhile(t *testing.T) {
	t.Parallel()
	p := newPaces()
	if p.wait(1, time.Hour) != 0 {
		t.Error("the first edit has to wait")
	}
	p.began(1)
	if p.wait(1, time.Hour) <= 0 || p.wait(2, time.Hour) != 0 || p.wait(1, 0) != 0 {
		t.Error("a second edit does not wait, or another message does")
	}
	for i := range int64(2 * maxPaced) {
		p.began(i)
	}
	if len(p.last) > maxPaced {
		t.Errorf("%d messages are remembered", len(p.last))
	}
}
