package bot

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/storage"
	"latchkey/workflow"
)

// update rewrites the golden files instead of comparing with them.
var update = flag.Bool("update", false, "rewrite golden files")

// messages are every message in every state.
func messages() map[string]message {
	erin := storage.Actor{PersonID: 5, Name: "Erin Evans"}
	self := storage.Actor{PersonID: 1, Name: "Alice Adams"}
	out := map[string]message{
		"card_pending":        cardMessage(pendingRequest(), "You are asked because you are in it-admins and the rule tempo-write wants one approval there.", 2),
		"card_halfway":        cardMessage(halfway(), "", 0),
		"card_voted":          cardMessage(halfway(), "", 2),
		"card_voted_first":    cardMessage(once(), "", 2),
		"card_step_over":      cardMessage(stepOver(), "", 6),
		"card_not_yet":        cardMessage(pendingRequest(), "", 4),
		"card_past":           pastCard(halfway()),
		"card_filed":          cardMessage(filedBy(workflow.Person{ID: 5, Name: "Erin *Evans* <!channel>"}), "", 2),
		"card_filed_own":      cardMessage(filedBy(alice()), "", 2),
		"card_past_denied":    pastCard(endings()["denied"]),
		"card_one":            cardMessage(oneApproval(), "", 2),
		"card_automatic":      cardMessage(automatic(), "", 0),
		"status_pending":      statusMessage(pendingRequest()),
		"status_halfway":      statusMessage(halfway()),
		"status_automatic":    statusMessage(automatic()),
		"status_retrying":     statusMessage(retrying()),
		"status_narrowed":     statusMessage(narrowed()),
		"vote_approve":        voteMessage(halfway(), halfway().Steps[1].Votes[0]),
		"vote_less":           voteMessage(halfway(), halfway().Steps[0].Votes[0]),
		"vote_deny":           voteMessage(pendingRequest(), vote(carol(), 13, storage.Deny, "Use the *read* key. <!channel>")),
		"key_collect":         keyMessage(uncollected(), noon().Add(day24)),
		"key_collect_late":    keyMessage(late(), noon()),
		"key_used":            keyMessage(used(), noon()),
		"key_native":          keyMessage(native(), noon()),
		"last_given_back":     lastMessage(withReason(keyIn(storage.CredentialRevoked), self, "given back")),
		"last_not_collected":  lastMessage(withReason(keyIn(storage.CredentialRevoked), storage.System("sweep"), "not collected in time")),
		"key_revoking_native": keyMessage(revokingNative(), noon()),
		"last_revoked_by":     lastMessage(withReason(keyIn(storage.CredentialRevoked), erin, "Leaked: <https://evil.example|click>")),
		"leak_owner":          leakMessage(leakOf(keyIn(storage.CredentialRevoking)), true),
		"leak_other":          leakMessage(leakOf(native()), false),
		"leak_dead":           leakMessage(leakOf(keyIn(storage.CredentialRevoked)), true),
		"summary":             summaryMessage(fullHome(), "/tokens"),
		"summary_empty":       summaryMessage(workflow.HomeView{}, "/tokens"),
		"summary_waiting":     summaryMessage(workflow.HomeView{Requests: []workflow.RequestView{pendingRequest(), halfway()}}, "/tokens"),
		"mine":                mineMessage(fullHome().Keys),
		"mine_empty":          mineMessage(nil),
		"mine_crowd":          mineMessage(crowd(25).Keys),
		"pending":             pendingMessage(fullHome().Waiting),
		"pending_empty":       pendingMessage(nil),
		"pending_crowd":       pendingMessage(crowd(25).Waiting),
		"show_used":           showMessage(fileOf(used(), erinReads())),
		"sent":                sentMessage(pendingRequest()),
		"sent_automatic":      sentMessage(automatic()),
		"why": whyMessage([]workflow.Because{{Says: "RQ-0001 falls under the rule tempo-write"}, {Says: "Filed by Alice Adams", At: noon()},
			{Says: "Denied by Carol Clark", At: noon(), Reason: "Use the *read* key. <!channel>"}}),
		"why_long":    whyMessage(manyLines(30)),
		"why_nothing": whyMessage(nil),
		"help":        helpMessage("/tokens"),
		"unknown":     unknownMessage("/tokens", "`reqest` <!here>", "request"),
		"unknown_far": unknownMessage("/tokens", "dance", ""),
		"refusal":     refusalMessage("Only admins see other people's keys. `/tokens mine` lists yours. <!channel> & <@U1>"),
	}
	for name, v := range endings() {
		out["card_"+name] = cardMessage(v, "", 2)
		out["status_"+name] = statusMessage(v)
		for _, e := range decisions(v) {
			out["thread_"+name+"_"+strings.TrimPrefix(e.purpose, "decision:")] = e.message
		}
		if endsBadly(v.Request) || v.Request.State == storage.RequestCanceled {
			out["outcome_"+name] = outcomeMessage(v)
		}
		out["request_"+name] = requestMessage(v)
	}
	for _, state := range keyStates() {
		out["key_"+string(state)] = keyMessage(keyIn(state), noon().Add(day24))
		out["show_"+string(state)] = showMessage(fileOf(keyIn(state), reader{ID: 1}))
		if !keyIn(state).Credential.Live() {
			out["last_"+string(state)] = lastMessage(keyIn(state))
		}
	}
	return out
}

func keyStates() []storage.CredentialState {
	return []storage.CredentialState{storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended, storage.CredentialExpired,
		storage.CredentialRevoking, storage.CredentialRevokeFailed, storage.CredentialRevoked, storage.CredentialIssueFailed}
}

// endings are requests in every state.
func endings() map[string]workflow.RequestView {
	return map[string]workflow.RequestView{
		"waiting":   pendingRequest(),
		"approved":  decided(storage.RequestApproved, "", storage.CredentialIssuing),
		"fulfilled": decided(storage.RequestFulfilled, "", storage.CredentialActive),
		"ended":     decided(storage.RequestFulfilled, "", storage.CredentialRevoked),
		"denied":    decided(storage.RequestDenied, "Use the read key.\n<!channel> *please*", ""),
		"lapsed":    decided(storage.RequestLapsed, "nobody decided in time", ""),
		"canceled":  decided(storage.RequestCanceled, "canceled by Alice Adams", ""),
		"failed":    decided(storage.RequestFailed, "the system refused to make the key; an admin can see why in the log", storage.CredentialIssueFailed),
	}
}

// filedBy is a request of Alice's that somebody's key filed.
func filedBy(who workflow.Person) workflow.RequestView {
	v := pendingRequest()
	v.Request.FiledBy, v.Filer = who.ID, who
	return v
}

func retrying() workflow.RequestView {
	v := decided(storage.RequestApproved, "", storage.CredentialIssuing)
	v.Credential.StateReason = "the system does not answer as it should"
	return v
}

// narrowed was approved with less than was asked for.
func narrowed() workflow.RequestView {
	v := decided(storage.RequestFulfilled, "", storage.CredentialActive)
	v.Scopes[1].Granted, v.Request.GrantedS = false, int64(7*86400)
	return v
}

// once has one approval of two, by Bob.
func once() workflow.RequestView {
	v := pendingRequest()
	v.Steps = v.Steps[:1]
	v.Steps[0].Quorum, v.Steps[0].Votes = 2, []workflow.VoteView{vote(bob(), 11, storage.Approve, "")}
	return v
}

// oneApproval needs a single one.
func oneApproval() workflow.RequestView {
	v := pendingRequest()
	v.Steps = v.Steps[:1]
	return v
}

// stepOver has passed its first step without Frank, who is in it.
func stepOver() workflow.RequestView {
	v := halfway()
	v.Steps[0].Eligible = append(v.Steps[0].Eligible, workflow.Person{ID: 6, Name: "Frank Ford", Slack: "U0FRANK"})
	return v
}

func late() workflow.CredentialView {
	v := uncollected()
	v.RevealURL = ""
	return v
}

func used() workflow.CredentialView {
	v := activeKey()
	v.Credential.LastUsedAt = noon()
	v.Credential.LifetimeS, v.Credential.ExpiresAt = 3600, noon().Add(day24/24)
	return v
}

func native() workflow.CredentialView {
	v := activeKey()
	v.Credential.Brokered, v.Credential.UseKnown, v.Credential.KeyPrefix, v.ClientsURL = false, false, "", ""
	return v
}

func revokingNative() workflow.CredentialView {
	v := keyIn(storage.CredentialRevoking)
	v.Credential.Brokered = false
	v.ClientsURL = ""
	return v
}

// modals are every modal in every state.
func modals() map[string]slack.ModalViewRequest {
	form := chosenForm()
	choose := form
	choose.Preset, choose.Scopes, choose.Lifetime, choose.Reason = presetChoose, []string{"worklogs:manage", "gone"}, days(90), "Import."
	write := form
	write.Preset = presetWrite
	admin := requestForm{System: "tempo", Offer: offerOf(tempoScopes()[3:4], 0)}
	auto := workflow.Preview{Policy: "tempo-read", Auto: true, MaxLifetime: days(90), PendingFor: days(3)}
	return map[string]slack.ModalViewRequest{
		"request_nothing":    requestModal(requestForm{}, 0),
		"request_start":      requestModal(requestForm{}, 3),
		"request_read":       requestModal(form, 1),
		"request_write":      requestModal(write, 3),
		"request_choose":     requestModal(choose, 3),
		"request_admin":      requestModal(admin, 3),
		"preview":            previewModal(chosenAsk(), previewOf(), tempoScopes(), `{"system":"tempo"}`),
		"preview_auto":       previewModal(chosenAsk(), auto, tempoScopes(), ""),
		"notice":             noticeModal(notDone, "RQ-0001 is already denied. `/tokens` & <!here>"),
		"approve_less":       approveLessModal(pendingRequest(), "RQ-0001"),
		"approve_less_again": approveLessModal(halfway(), "RQ-0001"),
		"deny":               denyModal(pendingRequest(), "RQ-0001"),
		"revoke":             revokeModal(activeKey(), erinReads(), ""),
		"give_back":          giveBackModal(activeKey(), "TK-0001"),
		"details":            detailsModal(halfway()),
		"details_denied":     detailsModal(endings()["denied"]),
		"key":                keyModal(fileOf(keyIn(storage.CredentialRevoked), reader{ID: 1})),
		"key_owner":          keyModal(fileOf(activeKey(), reader{ID: 1})),
		"key_admin":          keyModal(fileOf(activeKey(), erinReads())),
	}
}

// fileOf is a key as one reader sees it.
func fileOf(v workflow.CredentialView, r reader) keyFile {
	return keyFile{CredentialView: v, Reader: r}
}

// erinReads is an admin who owns no key here.
func erinReads() reader { return reader{ID: 5, Admin: true} }

func chosenAsk() workflow.Ask {
	f := chosenForm()
	f.Preset, f.Lifetime, f.Reason = presetWrite, days(30), "Nightly import of worklogs into payroll."
	return f.ask()
}

func homes() map[string]slack.HomeTabViewRequest {
	return map[string]slack.HomeTabViewRequest{
		"full":  homeView(fullHome(), "/tokens"),
		"admin": homeView(adminsHome(), "/tokens"),
		"ends":  homeView(endingHome(), "/tokens"),
		"empty": homeView(workflow.HomeView{Me: alice()}, "/tokens"),
		"crowd": homeView(crowd(40), "/tokens"),
	}
}

func TestMessagesAreGolden(t *testing.T) {
	t.Parallel()
	all := messages()
	maps.Copy(all, foundMessages())
	maps.Copy(all, endingMessages())
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "message_"+name, m)
			judge(t, blockkit.ValidateMessage, m)
		})
	}
}

func TestModalsAreGolden(t *testing.T) {
	t.Parallel()
	all := modals()
	maps.Copy(all, foundModals())
	maps.Copy(all, endingModals())
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "modal_"+name, m)
			judge(t, blockkit.ValidateModal, m)
		})
	}
}

func TestHomesAreGolden(t *testing.T) {
	t.Parallel()
	for name, m := range homes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "home_"+name, m)
			judge(t, blockkit.ValidateHome, m)
		})
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got := encode(t, v)
	path := filepath.Join("testdata", "view", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func judge(t *testing.T, check func([]byte) []blockkit.Problem, v any) {
	t.Helper()
	for _, p := range check(encode(t, v)) {
		t.Errorf("%s: %s", p.Pointer, p.Message)
	}
}
