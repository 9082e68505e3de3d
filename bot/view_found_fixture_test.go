package bot

import (
	"time"

	"github.com/slack-go/slack"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// foundFor is Alice's token at jira that nobody asked for here, with all that
// can be done with it.
func foundFor() workflow.CredentialView {
	v := found()
	c := &v.Credential
	c.ID, c.Label, c.Class, c.Access, c.LifetimeS = 3, "deploy <bot>", "user API token", "write", 0
	c.Scopes = []string{"write:jira-work", "read:jira-work"}
	c.VendorScopes, c.VendorCreatedAt, c.ActivatedAt, c.UseKnown = c.Scopes, noon().Add(-500*day24), time.Time{}, true
	v.Scopes = []workflow.ScopeView{{Name: "write:jira-work", Title: "Issues: change", Access: connectors.Write, Granted: true},
		{Name: "read:jira-work", Title: "Issues: read", Access: connectors.Read, Granted: true}}
	v.Flags = []storage.Flag{storage.FlagOverScope, storage.FlagUnmanaged, storage.FlagOverAge, storage.FlagNeverUsed}
	v.Account = workflow.AccountView{Ref: "5b10a2844c20165700ede21g", Name: "Alice Adams", Email: "alice@example.com"}
	v.Can = workflow.Options{Revoke: true, Suspend: true, Adopt: true}
	return v
}

// managedKey can be handed over.
func managedKey() workflow.CredentialView {
	v := activeKey()
	v.Can = workflow.Options{Revoke: true, Suspend: true, HandOver: true}
	return v
}

// unlinked is a grant of an account that belongs to nobody we know.
func unlinked() workflow.CredentialView {
	v := withID(foundFor(), 4)
	c := &v.Credential
	c.OwnerID, c.Kind, c.Label, c.Class, c.Access, c.Scopes, c.VendorScopes, c.UseKnown = 0, workflow.OAuthGrant, "", "OAuth grant", "", nil, nil, false
	v.Owner, v.Scopes, v.Account = workflow.Person{}, nil, workflow.AccountView{Ref: "118", Email: "ada@example.com"}
	v.Flags = []storage.Flag{storage.FlagOwnerUnknown, storage.FlagUnmanaged, storage.FlagMissing}
	v.Can = workflow.Options{Revoke: true, ByHand: true}
	return v
}

// ofService is held through a service account, and its owner left.
func ofService() workflow.CredentialView {
	v := withID(foundFor(), 5)
	v.Account = workflow.AccountView{Ref: "svc-7", Name: "Nightly build", Service: true}
	v.Credential.LastUsedAt, v.Credential.Class, v.Credential.Label = noon().Add(-90*day24), "service account token", ""
	v.Flags = []storage.Flag{storage.FlagOwnerLeft, storage.FlagUnmanaged, storage.FlagStale, storage.FlagExpiring}
	v.Credential.ExpiresAt = noon().Add(3 * day24)
	return v
}

func eventAt(id int64, action, before, after string, by storage.Actor, reason string) storage.Event {
	return storage.Event{ID: id, At: noon().Add(time.Hour), Action: action, Before: before, After: after, Actor: by.Name, ActorID: by.PersonID, Reason: reason}
}

func byErin() storage.Actor { return storage.Actor{PersonID: 5, Name: "Erin Evans"} }

// warnedOf is a key that the rules will end.
func warnedOf(v workflow.CredentialView) workflow.CredentialView {
	v.Credential.WarnedAt, v.Credential.EnforceAt = noon(), noon().Add(7*day24)
	v.Events = append(v.Events, eventAt(21, actionWarned, "", "", storage.System("enforcement"), "Nobody asked for it here, and it can write. It is older than 365 days."))
	return v
}

func suspendedBy(by storage.Actor, reason string) workflow.CredentialView {
	v := foundFor()
	v.Credential.State, v.Credential.StateReason = storage.CredentialSuspended, reason
	v.Can = workflow.Options{Revoke: true, Resume: true}
	v.Events = append(v.Events, eventAt(31, "credential.suspended", "active", "suspended", by, reason))
	return v
}

// handmade is approved, and only its owner can make it.
func handmade() workflow.CredentialView {
	v := keyIn(storage.CredentialIssuing)
	v.Credential.Brokered, v.Credential.Connection = false, "jira"
	v.ClientsURL = ""
	v.Credential.StateReason = "waits for its owner"
	v.Can = workflow.Options{Revoke: true}
	v.Task = &connectors.Task{URL: "https://id.example.com/manage-profile/security/api-tokens",
		Steps: []string{"Open your API tokens and choose Create API token with scopes.", "Name it latchkey-TK-0001.", "Choose the scope read:jira-work, and no other.", "Let it expire on 21 Dec 2026 at the latest."}}
	return v
}

// endByHand is to be revoked where only a person can.
func endByHand() workflow.CredentialView {
	v := keyIn(storage.CredentialRevokeFailed)
	v.Credential.Brokered, v.Credential.Connection, v.Credential.Managed = false, "jira", false
	v.ClientsURL = ""
	v.Task = &connectors.Task{URL: "https://admin.example.com/o/1/keys", Steps: []string{"Sign in as an admin of the organisation.", "Delete the key named <deploy>."}}
	v.Receipts = []storage.Receipt{{At: noon(), Verb: "suspend", Answer: "POST /admin/v1/keys/7/suspend\n204 <!channel>", Liveness: "unknown", Attempts: 1}}
	return v
}

func toConnect() workflow.CredentialView {
	v := keyIn(storage.CredentialIssuing)
	v.Credential.Kind, v.Credential.StateReason, v.ConnectURL = workflow.OAuthGrant, "waits to be connected", "https://latchkey.example.com/oauth/tempo/start/0123456789abcdef"
	return v
}

func revokedThere() workflow.CredentialView {
	v := keyIn(storage.CredentialRevoked)
	v.Credential.Brokered = false
	v.ClientsURL = ""
	v.Receipts = []storage.Receipt{{At: noon(), Verb: "revoke", Answer: "DELETE /users/1/manage/api-tokens/7\n204 No Content", Liveness: "dead", Attempts: 1},
		{At: noon(), Verb: "verify", Answer: "GET /users/1/manage/api-tokens/7\n404", Liveness: "dead", Attempts: 1}}
	return v
}

// adopting is a request about a key that is there.
func adopting() workflow.RequestView {
	v := oneApproval()
	v.Request.AdoptsID, v.Request.Connection, v.Request.Scopes = 3, "jira", []string{"write:jira-work", "read:jira-work"}
	v.Scopes, v.Holds = foundFor().Scopes, []workflow.CredentialView{foundFor(), activeKey()}
	return v
}

func systemsOf() []workflow.SystemView {
	return []workflow.SystemView{
		{Name: "jira", Kind: "atlassian", Owners: "it-admins", Live: 40, ByFlag: map[storage.Flag]int{storage.FlagUnmanaged: 12, storage.FlagNeverUsed: 3, storage.FlagOwnerLeft: 1},
			Listed: true, SyncedAt: noon(), Problem: "GET /users answered 503 <!channel>", Can: []string{"list", "revoke", "verify", "guide_issue"}},
		{Name: "okta", Kind: "okta", Live: 0, ByFlag: map[storage.Flag]int{}, Listed: true},
		{Name: "tempo", Kind: "tempo", Live: 1, ByFlag: map[storage.Flag]int{storage.FlagExpiring: 1}, Can: []string{"list", "issue", "revoke", "scopes", "broker"}, SyncedAt: noon()},
		{Name: "git", Kind: "gitlab", Live: 7, Listed: true, SyncedAt: noon(), Can: []string{"list"}},
	}
}

func adminsHome() workflow.HomeView {
	h := fullHome()
	h.Keys, h.Systems = append(h.Keys, foundFor(), withID(toConnect(), 6)), systemsOf()
	h.Busiest = []storage.ConnectionUse{
		{Connection: "tempo", Keys: 12, Days: []storage.DayUse{{Count: 900}, {Count: 0}, {Count: 4000, Failed: 12}}},
		{Connection: "wiki <b>", Keys: 1, Days: []storage.DayUse{{}, {}, {Count: 1}}},
	}
	return h
}

func planOf() workflow.Enforcing {
	return workflow.Enforcing{Connection: "jira", Live: 40, Findings: []workflow.Finding{
		{Key: foundFor(), Action: "revoke", Why: "Nobody asked for it here, and it can write.", At: noon().Add(-day24)},
		{Key: unlinked(), Action: "warn", Why: "Nobody asked for it here, and it may do what the system does not say.", At: noon().Add(7 * day24)},
		{Key: ofService(), Action: "wait", Why: "Nobody asked for it here, and it can write.", At: noon().Add(day24)},
		{Key: withID(foundFor(), 9), Action: "report", Why: "Nobody asked for it here, and it can read. Its owner asks to keep it (RQ-0001)."},
	}}
}

func trippedPlan() workflow.Enforcing {
	e := planOf()
	e.Tripped, e.DryRun = true, true
	for i := range 11 {
		e.Findings = append(e.Findings, workflow.Finding{Key: withID(foundFor(), storage.CredentialID(100+i)), Action: "revoke", Why: "Nobody asked for it here, and it can write."})
	}
	return e
}

func batchIn(state storage.BatchState) batchView {
	v := batchView{Batch: storage.Batch{ID: 7, Kind: storage.BatchRevoke, Title: "every key of jira", Connection: "jira", Actor: byErin(), Reason: "The <jira> laptop was stolen.",
		State: state, CreatedAt: noon(), Total: 12, Begun: 9, ByState: map[storage.CredentialState]int{storage.CredentialRevoked: 6, storage.CredentialRevoking: 3, storage.CredentialActive: 3}}}
	return v
}

func heldBatch() batchView {
	v := batchIn(storage.BatchHeld)
	v.Kind, v.Actor, v.Title, v.Reason = storage.BatchEnforce, storage.System("enforcement"), "12 keys of jira that the rules don't allow", "it would end 12 of the 40 keys of jira at once"
	v.Sample = []storage.Item{{ID: 3, Why: "Nobody asked for it here, and it can write."}, {ID: 4, Why: "Nobody asked for it here, and it can <b>."}}
	return v
}

func decidedBatch(state storage.BatchState) batchView {
	v := heldBatch()
	v.State, v.Sample, v.Decided, v.DecidedAt = state, nil, "Erin Evans", noon().Add(time.Hour)
	return v
}

func doneBatch() batchView {
	v := batchIn(storage.BatchDone)
	v.ByState = map[storage.CredentialState]int{storage.CredentialRevoked: 9, storage.CredentialExpired: 1, storage.CredentialRevokeFailed: 2}
	v.BySystem = map[string]tally{"jira": {Ended: 8, Stuck: 2}, "tempo": {Ended: 2}}
	v.Stuck = []workflow.CredentialView{endByHand()}
	return v
}

func massRevoke() workflow.MassRevoke {
	return workflow.MassRevoke{Selection: workflow.Selection{Owner: 1}, Title: "every key of Alice Adams", Count: 7, BySys: map[string]int{"jira": 5, "tempo": 2}, Confirm: "Alice Adams"}
}

// foundMessages are the messages about what was found at the systems.
func foundMessages() map[string]message {
	narrow := page{Listing: workflow.Listing{Owner: 1, Connection: "jira", Flag: storage.FlagUnmanaged, Kind: workflow.OAuthGrant, All: true}, Trail: []storage.CredentialID{900}}
	late := []lateSystem{{"jira", noon(), "GET /users answered 503 <!channel>"}, {"okta", time.Time{}, ""}}
	keys := []workflow.CredentialView{managedKey(), foundFor(), unlinked(), ofService(), withID(suspendedBy(byErin(), "Odd calls at night."), 6)}
	handedOver := eventAt(41, actionHandedOver, "2", "1", byErin(), "Bob moved to another team.")
	left := warnedOf(unlinked())
	spared, managed, gone := foundFor(), activeKey(), keyIn(storage.CredentialRevoked)
	resumed := foundFor()
	resumed.Events = append(resumed.Events, eventAt(32, "credential.active", "suspended", "active", byErin(), "It was a drill."))
	adopted := adopting()
	adopted.Request.State, adopted.Request.DecidedAt = storage.RequestFulfilled, noon()
	adopted.Credential = &managed.Credential
	return map[string]message{
		"list":               listMessage(listing{Keys: keys, Reader: erinReads(), Late: late, Older: true}),
		"list_narrow":        listMessage(listing{Keys: []workflow.CredentialView{foundFor()}, Page: narrow, Reader: reader{ID: 1}}),
		"list_empty":         listMessage(listing{}),
		"list_empty_narrow":  listMessage(listing{Page: narrow, Late: late[:1]}),
		"mine_found":         mineMessage([]workflow.CredentialView{foundFor(), toConnect()}),
		"show_found":         showMessage(fileOf(foundFor(), erinReads())),
		"show_found_own":     showMessage(fileOf(foundFor(), reader{ID: 1})),
		"show_unlinked":      showMessage(fileOf(unlinked(), erinReads())),
		"show_of_service":    showMessage(fileOf(ofService(), erinReads())),
		"show_handmade":      showMessage(fileOf(handmade(), reader{ID: 1})),
		"show_to_connect":    showMessage(fileOf(toConnect(), reader{ID: 1})),
		"show_uncollected":   showMessage(fileOf(uncollected(), reader{ID: 1})),
		"show_by_hand":       showMessage(fileOf(endByHand(), erinReads())),
		"show_receipts":      showMessage(keyFile{CredentialView: revokedThere(), Asked: new(narrowed()), Reader: erinReads()}),
		"systems":            systemsMessage(systemsOf(), 0),
		"systems_none":       systemsMessage(nil, 0),
		"systems_more":       systemsMessage(manySystems(20), systemsPage),
		"sync":               syncMessage("jira", "/tokens"),
		"enforce":            enforceMessage(planOf(), "/tokens"),
		"enforce_tripped":    enforceMessage(trippedPlan(), "/tokens"),
		"enforce_nothing":    enforceMessage(workflow.Enforcing{Connection: "okta"}, "/tokens"),
		"enforce_all":        enforceAllMessage([]workflow.Enforcing{trippedPlan(), {Connection: "okta"}}, "/tokens"),
		"enforce_none":       enforceAllMessage(nil, "/tokens"),
		"batch_held":         batchMessage(heldBatch()),
		"batch_let_run":      batchMessage(decidedBatch(storage.BatchRunning)),
		"batch_dropped":      batchMessage(decidedBatch(storage.BatchDropped)),
		"batch_running":      batchMessage(batchIn(storage.BatchRunning)),
		"batch_done":         batchMessage(doneBatch()),
		"warning":            warningMessage(warnedOf(foundFor()), warnedOf(foundFor()).Events[0], 0, true),
		"warning_asked":      warningMessage(warnedOf(foundFor()), warnedOf(foundFor()).Events[0], 1, true),
		"warning_nobody":     warningMessage(left, left.Events[0], 0, false),
		"warning_spared":     warningOver(spared),
		"warning_managed":    warningOver(managed),
		"warning_gone":       warningOver(gone),
		"turn_suspended":     turnMessage(suspendedBy(byErin(), "Odd calls at night."), suspendedBy(byErin(), "Odd calls at night.").Events[0]),
		"turn_resumed":       turnMessage(resumed, resumed.Events[0]),
		"hand_over_new":      newOwnerMessage(activeKey(), handedOver),
		"hand_over_old":      oldOwnerMessage(activeKey(), handedOver),
		"hand_over_key":      handedOnMessage(activeKey()),
		"todo_task":          taskMessage(handmade()),
		"todo_connect":       connectMessage(toConnect()),
		"todo_being_made":    todoOver(keyIn(storage.CredentialIssuing)),
		"todo_over":          todoOver(activeKey()),
		"by_hand":            byHandMessage(endByHand()),
		"by_hand_over":       byHandMessage(keyIn(storage.CredentialRevoked)),
		"key_handmade":       keyMessage(handmadeDone(), time.Time{}),
		"last_found_revoked": lastMessage(foundRevoked()),
		"card_adopting":      cardMessage(adopting(), "", 2),
		"request_adopting":   requestMessage(adopting()),
		"status_adopting":    statusMessage(adopting()),
		"thread_adopted":     decisions(adopted)[1].message,
		"turned_suspended":   turnedMessage(foundFor().Credential, "suspended", 5),
		"turned_own":         turnedMessage(activeKey().Credential, "resumed", 1),
	}
}

func handmadeDone() workflow.CredentialView {
	v := native()
	v.Collected = false
	return v
}

func foundRevoked() workflow.CredentialView {
	v := foundFor()
	v.Credential.State, v.Credential.StateReason = storage.CredentialRevokeFailed, "It leaked."
	v.Events = append(v.Events, eventAt(51, "credential.revoking", "active", "revoking", byErin(), "It leaked."))
	return v
}

func manySystems(n int) []workflow.SystemView {
	var out []workflow.SystemView
	for i := range n {
		s := systemsOf()[i%4]
		s.Name += string(rune('a' + i))
		out = append(out, s)
	}
	return out
}

// foundModals are the forms about what was found at the systems.
func foundModals() map[string]slack.ModalViewRequest {
	byHand := unlinked()
	oauth := chosenForm()
	oauth.OAuth, oauth.Kind = true, workflow.OAuthGrant
	ask := workflow.Ask{Connection: "jira", Kind: workflow.APIKey, Scopes: foundFor().Credential.Scopes, Lifetime: days(30), Reason: "The nightly deploy uses it.", Adopts: 3}
	connect := chosenAsk()
	connect.Kind = workflow.OAuthGrant
	return map[string]slack.ModalViewRequest{
		"revoke_found":          revokeModal(foundFor(), erinReads(), ""),
		"revoke_by_hand":        revokeModal(byHand, erinReads(), "Nobody knows it."),
		"suspend":               suspendModal(foundFor(), erinReads()),
		"suspend_own":           suspendModal(activeKey(), reader{ID: 1}),
		"resume":                resumeModal(suspendedBy(byErin(), "Odd calls at night."), erinReads()),
		"hand_over":             handOverModal(managedKey()),
		"keep":                  keepModal(foundFor(), days(90)),
		"keep_unknown":          keepModal(foundFor(), 0),
		"preview_keep":          previewModal(ask, previewOf(), scopeRules(foundFor().Scopes), ""),
		"preview_keep_at":       previewModal(ask, workflow.Preview{Policy: "keep", Auto: true}, scopeRules(foundFor().Scopes), ""),
		"preview_oauth":         previewModal(connect, workflow.Preview{Policy: "tempo-read", Auto: true}, tempoScopes(), ""),
		"request_oauth":         requestModal(oauth, 3),
		"approve_less_adopting": approveLessModal(adopting(), "RQ-0001"),
		"revoke_many":           revokeManyModal(massRevoke(), "Left.", `{"Owner":1}`),
		"systems":               modal("", allSystems, "", "", systemsMessage(manySystems(20), 0).Blocks...),
	}
}
