package bot

import (
	"time"

	"github.com/slack-go/slack"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

func frank() workflow.Person { return workflow.Person{ID: 6, Name: "Frank Ford", Slack: "U0FRANK"} }

// itemOf is a key of Frank's as a case has it.
func itemOf(id storage.CredentialID, state storage.CredentialState, brokered bool) workflow.ItemView {
	v := withID(keyIn(state), id)
	c := &v.Credential
	c.OwnerID, c.Brokered, c.StateReason = 6, brokered, ""
	if !brokered {
		c.Connection, c.Class = "jira", "user token"
	}
	v.Owner, v.Events, v.Endpoints, v.Days, v.Unused, v.Request = frank(), nil, nil, nil, nil, nil
	it := workflow.ItemView{OffboardingItem: storage.OffboardingItem{CredentialID: id, Sort: storage.ItemOwn}, Key: v}
	switch {
	case brokered && c.Live():
		it.Done = true
		it.Receipts = []storage.Receipt{{At: noon(), Verb: "fence", Answer: "The gateway refuses it since its owner left.", Liveness: string(connectors.Dead), Attempts: 1}}
	case !c.Live():
		it.Done = true
		it.Receipts = []storage.Receipt{{At: noon().Add(time.Minute), Verb: "revoke", Answer: "DELETE /tokens/7: 204 No Content\nGET /tokens/7: 404 Not Found", Liveness: string(connectors.Dead), Attempts: 2}}
	case state == storage.CredentialRevokeFailed:
		c.StateReason = "the system answers 503"
	}
	return it
}

// serviceItem is a service's key that is to be decided on.
func serviceItem() workflow.ItemView {
	it := itemOf(9, storage.CredentialActive, true)
	it.Sort, it.DecideBy, it.Done, it.Receipts = storage.ItemShared, noon().Add(7*day24), false, nil
	it.Key.Owner, it.Key.Credential.OwnerID = bob(), 2
	it.Key.Credential.Label, it.Key.Credential.LastUsedAt = "nightly import", noon().Add(-time.Hour)
	it.Key.Account = workflow.AccountView{Ref: "svc-import", Name: "Import robot", Service: true}
	it.Key.Can.Rotate = true
	return it
}

func waivedItem() workflow.ItemView {
	it := itemOf(10, storage.CredentialRevokeFailed, false)
	it.WaivedName, it.WaivedReason, it.WaivedAt, it.Done = "Erin Evans", "Their support confirmed it in ticket 4711.", noon().Add(time.Hour), true
	return it
}

func keptItem() workflow.ItemView {
	it := serviceItem()
	it.CredentialID, it.Key.Credential.ID = 11, 11
	it.DecideBy, it.HandedTo, it.To, it.Done = time.Time{}, 3, carol(), true
	it.Key.Owner, it.Key.Credential.OwnerID = carol(), 3
	return it
}

func leftCase() caseView {
	v := caseView{ReportURL: "https://latchkey.example.com/offboarding/1-0123456789abcdef0123456789abcdef"}
	v.Case = storage.Offboarding{ID: 1, PersonID: 6, State: storage.OffboardingOpen, Source: "hr", Actor: storage.System("events of hr"),
		Reason: "hr says the person left", BeganAt: noon(), Listed: true, GraceUntil: noon().Add(day24), Version: 4}
	v.Person, v.Email, v.Now, v.Undo = frank(), "frank@example.com", noon().Add(time.Hour), true
	v.Items = []workflow.ItemView{itemOf(1, storage.CredentialActive, true), itemOf(2, storage.CredentialRevoked, false), itemOf(3, storage.CredentialRevoking, false),
		itemOf(4, storage.CredentialRevokeFailed, false), itemOf(5, storage.CredentialExpired, true), serviceItem(), waivedItem(), keptItem()}
	v.Items[4].Receipts = nil
	v.Systems = []storage.OffboardingSystem{
		{Connection: "github", Passes: 2, CleanAt: noon().Add(5 * time.Minute)},
		{Connection: "gitlab", WaivedName: "Erin Evans", WaivedReason: "It was shut down.", WaivedAt: noon().Add(time.Hour)},
		{Connection: "jira", Passes: 1},
		{Connection: "okta"},
		{Connection: "wiki", Problem: "the system answers 503 to <everything>"},
	}
	v.Lost, v.Left = 4, 6
	v.Events = []storage.Event{{ID: 1, At: noon(), Action: "offboarding.open", Actor: "system: events of hr", After: "open", Reason: "hr says the person left"}}
	return v
}

// justLeft is a case of which nothing is written down yet.
func justLeft() caseView {
	v := leftCase()
	v.Case.Listed, v.Items, v.Case.Source, v.Case.Reason, v.Case.Actor = false, nil, workflow.SourceAdmin, "Their last day.", storage.Actor{PersonID: 5, Name: "Erin Evans"}
	return v
}

// saidByKey is a case that a key of an admin's opened.
func saidByKey() caseView {
	v := justLeft()
	v.Case.Source, v.Case.Actor.Name = workflow.SourceAPI, "Erin Evans by key TK-7F3K"
	return v
}

func closedCase() caseView {
	v := leftCase()
	v.Case.State, v.Case.ClosedAt, v.Left, v.Undo = storage.OffboardingClosed, noon().Add(2*time.Hour), 0, false
	v.Items = []workflow.ItemView{v.Items[0], v.Items[1], waivedItem(), keptItem()}
	v.Systems = v.Systems[:2]
	return v
}

func undoneCase() caseView {
	v := leftCase()
	v.Case.State, v.Case.ClosedAt, v.Undo = storage.OffboardingUndone, noon().Add(3*time.Hour), false
	v.Events = append(v.Events, storage.Event{ID: 2, At: noon().Add(3 * time.Hour), Action: "offboarding.undone", ActorID: 5, Actor: "Erin Evans", Before: "open", After: "undone", Reason: "HR corrected it. <!channel>"})
	return v
}

func heldCase() caseView {
	v := justLeft()
	v.Case.State, v.Case.Source, v.Case.Reason = storage.OffboardingHeld, "scim", "the directory deactivated the account"
	return v
}

func nothingHeld() caseView {
	v := closedCase()
	v.Items, v.Lost, v.Systems, v.Undo = nil, 0, nil, true
	v.Case.Source = workflow.SourceSlack
	return v
}

func massLeave(n int) workflow.HeldView {
	v := workflow.HeldView{Count: n}
	for i := range min(n, 15) {
		v.First = append(v.First, workflow.Person{ID: storage.PersonID(100 + i), Name: "Person <" + string(rune('A'+i)) + ">"})
		v.Cases = append(v.Cases, storage.Offboarding{ID: storage.OffboardingID(i + 1), Source: "scim", BeganAt: noon()})
	}
	return v
}

func pagedCase() pageView {
	v := leftCase()
	v.Paged = true
	return pageView{caseView: v, Call: []callee{{Usergroup: "S0ITADMIN"}, {People: []workflow.Person{bob(), dana()}}}, Since: map[string]time.Time{"wiki": noon().Add(-time.Hour), "jira": noon()}}
}

func sharedCase(it workflow.ItemView, calls int64) sharedView {
	return sharedView{Case: leftCase().Case, Left: frank(), Item: it, Calls: calls}
}

func crowdOf(held bool) crowdView {
	v := crowdView{Crowd: storage.Crowd{Open: 120, Closed: 800, Undone: 60}, From: noon(), Command: "/tokens"}
	if held {
		v.Decided = storage.Event{ID: 1, At: noon().Add(time.Hour), ActorID: 5, Actor: "Erin Evans", Before: "held", After: "open"}
	}
	return v
}

// lostGroup is Alice's key after she lost a group.
func lostGroup(state storage.CredentialState) (workflow.CredentialView, storage.Event) {
	v := withID(keyIn(state), 7)
	v.Flags = []storage.Flag{storage.FlagUnentitled}
	e := storage.Event{ID: 91, At: noon(), Action: actionUnentitled, Actor: "system: roles", Reason: "No rule lets you ask for worklogs:manage on tempo: you are not in payroll."}
	v.Events = append(v.Events, e)
	return v, e
}

func withCase(v caseView, id int) caseView {
	v.Case.ID = storage.OffboardingID(id)
	return v
}

func eightCases() []caseView {
	out := []caseView{pagedCase().caseView}
	for i := range 7 {
		out = append(out, withCase(leftCase(), 2+i))
	}
	return out
}

func offboardingMessages() map[string]message {
	strange := []storage.PersonEvent{
		{Source: "hr", EventID: "1", AccountRef: "4711", Email: "ghost@example.com", Name: "A. <!here> Ghost", ReceivedAt: noon()},
		{Source: "okta", EventID: "2", AccountRef: "00u1", ReceivedAt: noon()},
	}
	undone := sharedCase(serviceItem(), 3)
	undone.Case.State = storage.OffboardingUndone
	ended := serviceItem()
	ended.DecideBy, ended.Key.Credential.State, ended.Done = time.Time{}, storage.CredentialRevoked, true
	waived := serviceItem()
	waived.DecideBy, waived.WaivedName, waived.WaivedAt = time.Time{}, "Erin Evans", noon()
	native := serviceItem()
	native.Key.Credential.Brokered, native.Key.Credential.UseKnown, native.Key.Account, native.Key.Credential.LastUsedAt = false, false, workflow.AccountView{}, time.Time{}
	active, why := lostGroup(storage.CredentialActive)
	suspended, _ := lostGroup(storage.CredentialSuspended)
	again, gone := active, suspended
	again.Flags, gone.Credential.State = nil, storage.CredentialRevoked
	waiting := pagedCase()
	waiting.Systems, waiting.Call = nil, nil
	return map[string]message{
		"case_open": caseMessage(leftCase()), "case_begun": caseMessage(justLeft()), "case_by_key": caseMessage(saidByKey()), "case_closed": caseMessage(closedCase()), "case_undone": caseMessage(undoneCase()),
		"case_held": caseMessage(heldCase()), "case_nothing": caseMessage(nothingHeld()),
		"case_page": pageMessage(pagedCase()), "case_page_keys": pageMessage(waiting), "case_page_closed": pageMessage(pageView{caseView: closedCase()}), "case_page_undone": pageMessage(pageView{caseView: undoneCase()}),
		"held_leave": heldMassMessage(massLeave(1000)), "held_leave_few": heldMassMessage(massLeave(3)), "held_leave_decided": decidedHeldMessage(crowdOf(true)),
		"held_leave_gone": decidedHeldMessage(crowdView{From: noon(), Command: "/tokens"}),
		"crowd":           crowdMessage(crowdOf(false)), "crowd_page": crowdPageMessage(120, map[string]int{"jira": 100, "wiki": 1}, pagedCase().Call, "/tokens"), "crowd_page_over": crowdPageMessage(0, nil, nil, "/tokens"),
		"shared_ask": sharedMessage(sharedCase(serviceItem(), 12)), "shared_ask_native": sharedMessage(sharedCase(native, -1)), "shared_kept": sharedMessage(sharedCase(keptItem(), -1)),
		"shared_ended": sharedMessage(sharedCase(ended, -1)), "shared_waived": sharedMessage(sharedCase(waived, -1)), "shared_undone": sharedMessage(undone),
		"offboardings":       casesMessage(caseList{Cases: []caseView{leftCase(), withCase(justLeft(), 2), withCase(heldCase(), 3)}, Held: massLeave(12), Strange: strange, Command: "/tokens"}),
		"offboardings_none":  casesMessage(caseList{Command: "/tokens"}),
		"offboardings_one":   casesMessage(caseList{Cases: []caseView{closedCase(), withCase(undoneCase(), 2)}, Of: "Frank Ford", Command: "/tokens"}),
		"offboardings_many":  casesMessage(caseList{Cases: eightCases(), Command: "/tokens"}),
		"unentitled_active":  unentitledMessage(active, why),
		"unentitled_stopped": unentitledMessage(suspended, why),
		"unentitled_again":   entitledAgain(again),
		"unentitled_ended":   entitledAgain(gone),
		"show_unentitled":    showMessage(fileOf(active, erinReads())),
	}
}

func offboardingModals() map[string]slack.ModalViewRequest {
	many := leftCase()
	for i := range 20 {
		many.Items = append(many.Items, itemOf(storage.CredentialID(100+i), storage.CredentialRevoked, false))
	}
	plan := workflow.LeavePreview{Person: frank(), Active: true, Own: 12, Fenced: 5, Shared: 2, Pending: 1, Systems: []string{"github", "jira"}, Grace: days(1)}
	bare := workflow.LeavePreview{Person: frank(), Active: true, Grace: days(1)}
	fixed := serviceItem()
	fixed.Key.Can.Rotate = false
	return map[string]slack.ModalViewRequest{
		"case": caseModal(leftCase(), 0), "case_first": caseModal(many, 0), "case_middle": caseModal(many, 10), "case_last": caseModal(many, 99),
		"case_closed": caseModal(closedCase(), 0), "case_undone": caseModal(undoneCase(), 0), "case_held": caseModal(heldCase(), 0), "case_nothing": caseModal(nothingHeld(), 0),
		"offboard": offboardModal(plan, "Their last day.", "{}"), "offboard_bare": offboardModal(bare, "", "{}"),
		"undo_leave": undoLeaveModal(leftCase()), "undo_leave_nothing": undoLeaveModal(nothingHeld()),
		"waive": waiveModal(leftCase(), "TK-0004", "1.TK-0004"), "keep_shared": keepSharedModal("Frank Ford", serviceItem().Key, "1.TK-0009"),
		"keep_shared_fixed": keepSharedModal("Frank Ford", fixed.Key, "1.TK-0009"), "end_shared": endSharedModal(serviceItem().Key, "1.TK-0009"),
		"run_held": heldModal(true, massLeave(1000)), "undo_held": heldModal(false, massLeave(2)),
	}
}
