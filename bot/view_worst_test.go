package bot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// nasty is everything people could put into a text to reach others or to look
// like something else: calls, mentions, links, dates, bidirectional controls,
// zero-width and filler characters, markup, emoji and right-to-left letters.
const nasty = "<!channel> <!here|x> <@U1EVIL> <https://evil.example|Approve> <!date^0^{date}|x> &amp; @everyone *b* _i_ ~s~ `c` ```p```\n" +
	"> quote :tada: \U0001F469\u200d\U0001F469\u200d\U0001F467 \u202etxt\u2066\u200b\ufeff\u200d\u3164\u2800 שלום مرحبا 漢字 \x00\xff "

func longNasty(n int) string { return strings.Repeat(nasty, n/len([]rune(nasty))+1) }

// nastyName is made once, because thousands of people bear it.
var nastyName = longNasty(3000)

func nastyPerson(id storage.PersonID) workflow.Person {
	p := workflow.Person{ID: id, Name: nastyName}
	if id%2 == 0 {
		p.Slack = "U1>" + nasty // no ID of Slack's
	}
	return p
}

func nastyScopes(n int) []workflow.ScopeRule {
	access := []connectors.Access{connectors.Read, connectors.Write, connectors.Admin, "other"}
	out := make([]workflow.ScopeRule, n)
	for i := range out {
		out[i] = workflow.ScopeRule{Name: fmt.Sprintf("%d%s", i, longNasty(300)), Title: longNasty(3000), Access: access[i%4], Description: longNasty(3000)}
	}
	return out
}

func ruleNames(rules []workflow.ScopeRule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.Name
	}
	return out
}

func worstRequest(state storage.RequestState) workflow.RequestView {
	rules := nastyScopes(50)
	v := pendingRequest()
	v.Requester, v.Rule, v.Scopes = nastyPerson(1), longNasty(300), ruleViews(rules, ruleNames(rules))
	r := &v.Request
	r.ID, r.Connection, r.Reason, r.PolicyName, r.State, r.StateReason = 1<<40, longNasty(300), longNasty(1000), v.Rule, state, longNasty(1000)
	r.DecidedAt = noon()
	v.Steps, v.Holds = nil, nil
	for i := range 10 {
		st := workflow.StepView{Group: longNasty(300), Quorum: 30, Current: i == 3 && state == storage.RequestPending, Done: i < 3}
		for j := range 200 {
			st.Eligible = append(st.Eligible, nastyPerson(storage.PersonID(j)))
		}
		for j := range 30 {
			one := vote(nastyPerson(storage.PersonID(j)), int64(100*i+j), storage.Approve, nastyName)
			if j%7 == 0 {
				one.Decision = storage.Deny
			}
			one.Less = j%2 == 0
			st.Votes = append(st.Votes, one)
		}
		v.Steps = append(v.Steps, st)
	}
	for range 5 {
		v.Holds = append(v.Holds, worstKey(storage.CredentialRevokeFailed))
	}
	v.Scopes[0].Granted, v.Scopes[7].Granted = false, false
	c := worstKey(storage.CredentialIssuing).Credential
	v.Credential = &c
	return v
}

func worstKey(state storage.CredentialState) workflow.CredentialView {
	v := keyIn(state)
	rules := nastyScopes(50)
	v.Owner, v.Scopes = nastyPerson(1), ruleViews(rules, ruleNames(rules))
	c := &v.Credential
	c.ID, c.Connection, c.StateReason, c.KeyPrefix, c.KeyLast4 = 1<<40, longNasty(300), longNasty(1000), longNasty(30), "````"
	v.Request = &storage.Request{ID: 1 << 40, Reason: longNasty(1000), PolicyName: longNasty(300)}
	v.RevealURL = "https://latchkey.example.com/reveal/" + strings.Repeat("x", 100)
	for range 40 {
		v.Events = append(v.Events, storage.Event{At: noon(), Action: "credential." + nasty, Actor: longNasty(300), ActorID: 9, Reason: longNasty(1000)})
		v.Endpoints = append(v.Endpoints, storage.EndpointUse{Method: "DELETE", Route: longNasty(2000), Count: 1 << 60, LastAt: noon(), LastStatus: 599})
	}
	v.Events = append(v.Events, storage.Event{At: noon(), Action: "credential.revoking", Actor: longNasty(300), ActorID: 9, Reason: longNasty(1000)})
	c.Brokered, c.Managed, c.Label, c.Class, c.Access, c.VendorScopes = false, state != storage.CredentialSuspended, longNasty(300), longNasty(300), "write", ruleNames(rules)
	v.Flags = storage.Flags
	v.Account = workflow.AccountView{Ref: longNasty(300), Name: longNasty(300), Email: longNasty(300), Service: true}
	v.Task = &connectors.Task{URL: "https://example.com/" + strings.Repeat("x", 200), Steps: slices.Repeat([]string{longNasty(1000)}, 60)}
	v.Receipts = slices.Repeat([]storage.Receipt{{At: noon(), Verb: longNasty(300), Answer: longNasty(5000), Liveness: longNasty(30)}}, 10)
	v.Can = workflow.Options{Revoke: true, ByHand: true, Suspend: true, Resume: true, HandOver: true, Adopt: true}
	return v
}

func worstLate() []lateSystem {
	return slices.Repeat([]lateSystem{{longNasty(300), noon(), longNasty(5000)}}, 30)
}

// worstPage is as far into a listing as a button can carry.
func worstPage() page {
	p := page{Listing: workflow.Listing{Owner: 1 << 40, Flag: storage.FlagOwnerUnknown, Kind: workflow.OAuthGrant, All: true, Connection: strings.Repeat("x", 63)}}
	for i := range 2 * maxTrail {
		p = p.older(storage.CredentialID(1<<40 + i))
	}
	return p
}

func worstSystems() []workflow.SystemView {
	counts := map[storage.Flag]int{}
	for _, f := range storage.Flags {
		counts[f] = 1 << 40
	}
	var out []workflow.SystemView
	for i := range 30 {
		out = append(out, workflow.SystemView{Name: fmt.Sprint(i, longNasty(60)[:60]), Kind: longNasty(300), Live: 1 << 40, ByFlag: counts, Listed: true, SyncedAt: noon(),
			Problem: longNasty(5000), Can: []string{"list", "issue", "rotate", "revoke", "verify", "suspend", "list_grants", "revoke_grant", "close_account", "events", "broker", longNasty(300)}})
	}
	return out
}

func worstPlan() workflow.Enforcing {
	e := workflow.Enforcing{Connection: longNasty(300), Live: 1 << 40, Tripped: true, DryRun: true}
	key := worstKey(storage.CredentialActive)
	for i := range 200 {
		e.Findings = append(e.Findings, workflow.Finding{Key: key, Action: enforceActs[i%4], Why: longNasty(5000), At: noon()})
	}
	return e
}

func worstBatch(state storage.BatchState) batchView {
	v := doneBatch()
	v.State, v.Title, v.Reason, v.Decided, v.DecidedAt, v.Connection = state, longNasty(300), longNasty(1000), longNasty(300), noon(), strings.Repeat("x", 63)
	v.Actor.Name = longNasty(300)
	for i := range 40 {
		v.BySystem[fmt.Sprint(i, longNasty(300))] = tally{1 << 40, 1 << 40, 1 << 40, 1 << 40}
	}
	v.Sample, v.Stuck = slices.Repeat([]storage.Item{{ID: 1 << 40, Why: longNasty(5000)}}, maxSample), slices.Repeat([]workflow.CredentialView{worstKey(storage.CredentialRevokeFailed)}, maxSample)
	return v
}

// worstFound are the messages about what was found at the systems, at their
// worst.
func worstFound() map[string]message {
	out := map[string]message{
		"systems": systemsMessage(worstSystems(), 8), "enforce": enforceMessage(worstPlan(), "/tokens"),
		"sync":  syncMessage(longNasty(300), "/tokens"),
		"plans": enforceAllMessage(slices.Repeat([]workflow.Enforcing{worstPlan()}, 30), "/tokens"),
	}
	for _, state := range []storage.BatchState{storage.BatchHeld, storage.BatchRunning, storage.BatchDone, storage.BatchDropped} {
		out["batch_"+string(state)] = batchMessage(worstBatch(state))
	}
	e := storage.Event{At: noon(), Actor: longNasty(300), ActorID: 9, Reason: longNasty(1000)}
	adopting := worstRequest(storage.RequestPending)
	for _, state := range append(keyStates(), "other") {
		v := worstKey(state)
		v.ConnectURL = v.RevealURL
		adopting.Request.AdoptsID, adopting.Holds[0] = v.Credential.ID, v
		out["card_adopting_"+string(state)] = cardMessage(adopting, longNasty(3000), 0)
		out["request_adopting_"+string(state)] = requestMessage(adopting)
		out["warning_"+string(state)] = warningMessage(v, e, 1<<40, true)
		out["nobody_"+string(state)] = warningMessage(v, e, 0, false)
		out["over_"+string(state)] = warningOver(v)
		out["turn_"+string(state)] = turnMessage(v, e)
		out["new_"+string(state)] = newOwnerMessage(v, e)
		out["old_"+string(state)] = oldOwnerMessage(v, e)
		out["on_"+string(state)] = handedOnMessage(v)
		out["task_"+string(state)] = taskMessage(v)
		out["connect_"+string(state)] = connectMessage(v)
		out["todo_"+string(state)] = todoOver(v)
		out["hand_"+string(state)] = byHandMessage(v)
	}
	return out
}

func worstHome() workflow.HomeView {
	h := workflow.HomeView{Me: nastyPerson(1), Admin: true, Systems: worstSystems()}
	for i := range 30 {
		h.Waiting = append(h.Waiting, withRequestID(worstRequest(storage.RequestPending), storage.RequestID(1<<40+i)))
		key := withID(worstKey(storage.CredentialActive), storage.CredentialID(1<<40+i))
		key.Collected = false
		h.Keys = append(h.Keys, key)
		h.Requests = append(h.Requests, withRequestID(worstRequest(storage.RequestFailed), storage.RequestID(1<<41+i)))
	}
	return h
}

func worstMessages() map[string]message {
	home := worstHome()
	out := map[string]message{
		"summary": summaryMessage(home, longNasty(60)), "mine": mineMessage(home.Keys), "pending": pendingMessage(home.Waiting),
		"list": listMessage(listing{Keys: home.Keys, Reader: erinReads(), Older: true, Late: worstLate(), Page: worstPage()}), "why": whyMessage([]workflow.Because{{Says: longNasty(5000), At: noon(), Reason: longNasty(5000)}, {Says: longNasty(5000)}}), "help": helpMessage("/tokens"),
		"unknown": unknownMessage("/tokens", longNasty(5000), longNasty(50)), "refusal": refusalMessage(longNasty(5000)), "refusal_empty": refusalMessage("\u200b"),
	}
	for _, state := range []storage.RequestState{storage.RequestPending, storage.RequestApproved, storage.RequestFulfilled, storage.RequestDenied,
		storage.RequestLapsed, storage.RequestCanceled, storage.RequestFailed, "other"} {
		v := worstRequest(state)
		out["card_"+string(state)] = cardMessage(v, longNasty(3000), 0)
		out["card_as_"+string(state)] = cardMessage(v, longNasty(3000), 1)
		out["past_"+string(state)] = pastCard(v)
		out["outcome_"+string(state)] = outcomeMessage(v)
		out["sent_"+string(state)] = sentMessage(v)
		out["status_"+string(state)] = statusMessage(v)
		for _, e := range decisions(v) {
			out["thread_"+string(state)+"_"+e.purpose] = e.message
		}
		out["request_"+string(state)] = requestMessage(v)
		out["vote_"+string(state)] = voteMessage(v, v.Steps[0].Votes[2])
		out["denial_"+string(state)] = voteMessage(v, v.Steps[0].Votes[0])
	}
	asked := worstRequest(storage.RequestFulfilled)
	for _, state := range append(keyStates(), "other") {
		v := worstKey(state)
		out["key_"+string(state)] = keyMessage(v, time.Time{})
		out["show_"+string(state)] = showMessage(keyFile{CredentialView: v, Asked: &asked, Reader: erinReads()})
		out["last_"+string(state)] = lastMessage(v)
		v.Collected = false
		out["collect_"+string(state)] = keyMessage(v, noon())
	}
	return out
}

func worstModals() map[string]slack.ModalViewRequest {
	rules := nastyScopes(120)
	form := requestForm{System: longNasty(70)[:70], Preset: presetChoose, Scopes: nil, Reason: longNasty(3000), Lifetime: days(400), Offer: offerOf(rules, workflow.MaxDuration)}
	for _, r := range rules {
		form.Scopes = append(form.Scopes, optionValue(r.Name))
	}
	read := form
	read.Preset = "no such preset"
	ask := read.ask()
	ask.Scopes, ask.Reason, ask.Kind = ruleNames(rules[:50]), longNasty(1000), string(connectors.OAuthGrant)
	pending := worstRequest(storage.RequestPending)
	return map[string]slack.ModalViewRequest{
		"request_choose": requestModal(form, 1000), "request_read": requestModal(read, 1000), "request_start": requestModal(requestForm{}, 1000),
		"preview":      previewModal(ask, workflow.Preview{Policy: longNasty(300), PendingFor: days(3), Steps: pending.Steps}, rules, strings.Repeat("x", 3000)),
		"preview_auto": previewModal(ask, workflow.Preview{Policy: longNasty(300), Auto: true}, nil, ""),
		"notice":       noticeModal(longNasty(100), longNasty(5000)),
		"approve_less": approveLessModal(pending, pending.Request.ID.String()), "deny": denyModal(pending, ""),
		"details": detailsModal(pending), "revoke": revokeModal(worstKey(storage.CredentialActive), erinReads(), longNasty(3000)),
		"give_back": giveBackModal(worstKey(storage.CredentialActive), ""), "key": keyModal(fileOf(worstKey(storage.CredentialActive), erinReads())),
		"suspend": suspendModal(worstKey(storage.CredentialActive), erinReads()), "resume": resumeModal(worstKey(storage.CredentialSuspended), reader{ID: 1}),
		"hand_over": handOverModal(worstKey(storage.CredentialActive)), "keep": keepModal(worstKey(storage.CredentialActive), workflow.MaxDuration),
		"revoke_many": revokeManyModal(workflow.MassRevoke{Title: longNasty(300), Count: 1 << 40, Confirm: longNasty(300), BySys: map[string]int{longNasty(300): 1 << 40}}, longNasty(3000), ""),
		"keys":        modal("", allKeys, "", "", listMessage(listing{Keys: worstHome().Keys, Reader: reader{ID: 1}, Older: true, Page: worstPage()}).Blocks...),
	}
}

func TestWorstMessages(t *testing.T) {
	t.Parallel()
	all := worstMessages()
	maps.Copy(all, worstFound())
	maps.Copy(all, worstEndings())
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, blockkit.ValidateMessage, m)
			harmless(t, m)
			if strings.Trim(m.Text, " \n") == "" {
				t.Error("the message has no text")
			}
		})
	}
}

func TestWorstModals(t *testing.T) {
	t.Parallel()
	all := worstModals()
	maps.Copy(all, worstEndingModals())
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, blockkit.ValidateModal, m)
			harmless(t, m)
		})
	}
}

func TestWorstHome(t *testing.T) {
	t.Parallel()
	home := homeView(worstHome(), "/tokens")
	judge(t, blockkit.ValidateHome, home)
	harmless(t, home)
	if n := len(home.Blocks.BlockSet); n > 100 {
		t.Errorf("home has %d blocks", n)
	}
	if !strings.Contains(string(encode(t, home)), "more keys not shown here. `/tokens mine` shows more.") {
		t.Error("home does not say that keys are left out")
	}
}

// maxAck leaves room for the envelope in the 20 KiB a frame may have.
const maxAck = 20_480 - 200

// TestAnswersFitIntoAnAck: these are answered with the ack of a command or a
// submission, which has a size limit of its own.
func TestAnswersFitIntoAnAck(t *testing.T) {
	t.Parallel()
	answers := map[string]any{}
	all := worstMessages()
	maps.Copy(all, worstFound())
	maps.Copy(all, worstEndings())
	for name, m := range all {
		kind, _, _ := strings.Cut(name, "_")
		if slices.Contains([]string{"summary", "mine", "pending", "list", "why", "help", "unknown", "refusal", "show", "request", "systems", "sync"}, kind) {
			answers[name] = slack.WebhookMessage{Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, ResponseType: slack.ResponseTypeEphemeral}
		}
	}
	modals := worstModals()
	maps.Copy(modals, worstEndingModals())
	for name, m := range modals {
		if slices.Contains([]string{"preview", "preview_auto", "preview_extend", "preview_rotate", "preview_sink", "notice", "sent", "loading"}, name) {
			m.PrivateMetadata = ""
			answers["modal "+name] = slack.NewPushViewSubmissionResponse(&m)
		}
	}
	for name, a := range answers {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > maxAck {
			t.Errorf("%s has %d bytes, want at most %d", name, len(b), maxAck)
		}
	}
	if len(answers) < 20 {
		t.Errorf("only %d answers were measured", len(answers))
	}
}

// harmless checks what no schema can: nothing of nasty is read as a mention,
// a link or a date, and nothing invisible is left.
func harmless(t *testing.T, v any) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(encode(t, v), &doc); err != nil {
		t.Fatal(err)
	}
	walk(doc, true, func(s string, isMarkup bool) {
		for _, r := range s {
			if invisible(r) {
				t.Errorf("invisible %U in %.80q", r, s)
				return
			}
		}
		if !isMarkup {
			return
		}
		for _, bad := range []string{"<!channel", "<!here", "<@U1", "<https:", "<!date^0"} {
			if strings.Contains(s, bad) {
				t.Errorf("markup has %s: %.200q", bad, s)
			}
		}
		if i := strings.LastIndexByte(s, '<'); i > strings.LastIndexByte(s, '>') {
			t.Errorf("markup is cut inside %.60q", s[i:])
		}
	})
}

// walk visits the texts of a document. Markup is mrkdwn and the message's own
// text.
func walk(v any, top bool, visit func(string, bool)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, false, visit)
		}
	case map[string]any:
		for key, x := range v {
			if s, ok := x.(string); ok && key != "private_metadata" && key != "initial_value" {
				visit(s, key == "text" && (top || v["type"] == "mrkdwn"))
				continue
			}
			walk(x, false, visit)
		}
	}
}
