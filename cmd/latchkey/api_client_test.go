package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/bot/slacksim"
	"latchkey/workflow"
)

// nodeTools is where the programs of Node are that read the API's document:
// .ci/run puts them there. Who has none skips, but for CI.
func nodeTools(t *testing.T) string {
	t.Helper()
	at := os.Getenv("LATCHKEY_NODE_TOOLS")
	if at == "" && os.Getenv("CI") == "true" {
		t.Fatal("this test needs LATCHKEY_NODE_TOOLS, a node_modules with @hey-api/openapi-ts, typescript and @types/node")
	}
	if at == "" {
		t.Skip("this test needs LATCHKEY_NODE_TOOLS, and it is not set: see .ci/run")
	}
	return at
}

// node runs one of the programs in a folder and returns what it says.
func (w *world) node(tools, dir string, env []string, program string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.ctx, filepath.Join(tools, ".bin", program), args...)
	if program == "node" {
		cmd = exec.CommandContext(w.ctx, "node", args...)
	}
	var said, wrong bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &wrong
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s: %v\n%s\n%s", program, err, said.String(), wrong.String())
	}
	return said.String()
}

// apiKey asks for a key of Latchkey's own in Slack, has it approved there, and
// collects it.
func (w *world) apiKey(who, approver string, scopes ...string) string {
	w.t.Helper()
	u := w.user(who)
	known := requestIDs.FindAllString(w.transcript(who, u.DM()), -1)
	_, err := u.Slash(w.ctx, "C0GENERAL", "/tokens request latchkey")
	w.must(err)
	w.await("the request form", func() bool { v, ok := u.Modal(); return ok && v.CallbackID == "request" })
	before, _ := u.Modal()
	w.must(u.Fill(w.ctx, "preset/latchkey", "preset/latchkey", slacksim.Value{Option: "choose"}))
	w.await("the form to offer scopes", func() bool { v, ok := u.Modal(); return ok && v.Hash != before.Hash })
	form, _ := u.Modal()
	_, err = u.Suggest(w.ctx, form.ID, "scopes/latchkey", "") // what may be chosen is what was offered
	w.must(err)
	w.must(u.Fill(w.ctx, "scopes/latchkey", "", slacksim.Value{Options: scopes}))
	w.must(u.Fill(w.ctx, "lifetime/latchkey", "", slacksim.Value{Option: "7d"}))
	w.must(u.Fill(w.ctx, "reason", "", slacksim.Value{Text: "Rotate keys from the pipeline"}))
	for _, page := range []string{"the form", "the preview"} {
		res, err := u.Submit(w.ctx)
		w.must(err)
		if len(res.Errors) > 0 {
			w.t.Fatalf("%s was refused: %v", page, res.Errors)
		}
	}
	var id string
	w.await("the status of the request for a key of the API", func() bool {
		for _, found := range requestIDs.FindAllString(w.transcript(who, u.DM()), -1) {
			if !slices.Contains(known, found) {
				id = found
			}
		}
		return id != ""
	})
	w.click(approver, id, "approve")
	key, _ := w.reveal(who)
	return key
}

// A client in another language, generated from the document, lists, rotates
// and revokes in the demo's world, with a key that was asked for and approved
// in Slack.
func TestAGeneratedClientListsRotatesAndRevokes(t *testing.T) {
	t.Parallel()
	tools := nodeTools(t)
	w := newWorld(t)
	dir := t.TempDir()
	for _, name := range []string{"main.ts", "tsconfig.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", "client", name))
		w.must(err)
		w.must(os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	w.must(os.Symlink(tools, filepath.Join(dir, "node_modules")))
	status, document := w.get(w.main.URL()+"/v1/openapi.json", "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, document)
	}
	w.must(os.WriteFile(filepath.Join(dir, "openapi.json"), []byte(document), 0o600))
	w.node(tools, dir, nil, "openapi-ts", "-i", "openapi.json", "-o", "api", "-c", "@hey-api/client-fetch")
	w.node(tools, dir, nil, "tsc", "-p", ".")

	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	old, _ := w.reveal("U0ALICE")
	w.until(old, "/4/worklogs", http.StatusOK)
	key := w.apiKey("U0ERIN", "U0DANA", workflow.ScopeRead, workflow.ScopeRotate, workflow.ScopeRevoke)
	said := w.node(tools, dir, []string{"LATCHKEY_URL=" + w.main.URL(), "LATCHKEY_KEY=" + key, "LATCHKEY_PSK=" + w.env[envPSK], "LATCHKEY_OWNER=alice@example.com"},
		"node", "built/main.js")
	var did struct {
		Old, State, Fresh, Replaces, Key, Why string
		Refused                               int
	}
	w.must(json.Unmarshal([]byte(said), &did))
	if did.State != "revoking" || did.Replaces != did.Old || did.Fresh == did.Old || !strings.HasPrefix(did.Key, "lk_live_") || did.Refused != http.StatusForbidden || did.Why != workflow.RuleScope {
		t.Fatalf("the client said %s", strings.ReplaceAll(said, did.Key, "[key]"))
	}
	w.until(did.Key, "/4/worklogs", http.StatusOK)
	w.until(old, "/4/worklogs", http.StatusUnauthorized)
}
