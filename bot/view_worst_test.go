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
	return v
}

func worstHome() workflow.HomeView {
	h := workflow.HomeView{Me: nastyPerson(1), Admin: true}
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
		"list": listMessage(home.Keys, "1.2.x"), "why": whyMessage([]workflow.Because{{Says: longNasty(5000), At: noon(), Reason: longNasty(5000)}, {Says: longNasty(5000)}}), "help": helpMessage("/tokens"),
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
	for _, state := range append(keyStates(), "other") {
		v := worstKey(state)
		out["key_"+string(state)] = keyMessage(v, time.Time{})
		out["show_"+string(state)] = showMessage(v, 9)
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
		"details": detailsModal(pending), "revoke": revokeModal(worstKey(storage.CredentialActive), ""),
		"give_back": giveBackModal(worstKey(storage.CredentialActive), ""), "key": keyModal(worstKey(storage.CredentialActive), 9),
		"keys": modal("", allKeys, "", "", listMessage(worstHome().Keys, "1.2.x").Blocks...),
	}
}

func TestWorstMessages(t *testing.T) {
	t.Parallel()
	for name, m := range worstMessages() {
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
	for name, m := range worstModals() {
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
	for name, m := range worstMessages() {
		kind, _, _ := strings.Cut(name, "_")
		if slices.Contains([]string{"summary", "mine", "pending", "list", "why", "help", "unknown", "refusal", "show", "request"}, kind) {
			answers[name] = slack.WebhookMessage{Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, ResponseType: slack.ResponseTypeEphemeral}
		}
	}
	for name, m := range worstModals() {
		if slices.Contains([]string{"preview", "preview_auto", "notice", "sent", "loading"}, name) {
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
