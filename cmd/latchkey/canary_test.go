package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/storage/postgres"
)

// Markup in a reason reaches nobody as markup.
func TestMarkupStaysText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reason := "Please <!channel> ask <@U0CAROL> at <https://evil.example|our wiki> \u202eyawa dna\u202c *now* &lt;b&gt;"
	id := w.request("U0ALICE", "tempo", "write", "7d", reason)
	card := w.channelCard(id)
	if strings.ContainsRune(shown(card), '\u202e') {
		t.Error("a bidi control came through")
	}
	w.says(w.slash("U0ALICE", "/tokens show "+id), id)
	for _, e := range w.sim.Traffic() {
		if e.Kind != "api" && e.Kind != "ack" && e.Kind != "response_url" {
			continue
		}
		for _, s := range markup(e.Request) {
			for _, bad := range []string{"<!channel>", "ask <@U0CAROL>", "<https://evil.example"} {
				if strings.Contains(s, bad) {
					t.Errorf("%s carries %s as markup: %s", e.Name, bad, s)
				}
			}
		}
		if strings.ContainsRune(string(e.Request), '\u202e') || strings.Contains(string(e.Request), `\u202e`) {
			t.Errorf("%s carries a bidi control", e.Name)
		}
	}
}

// markup lists the texts of a payload in which Slack reads markup: mrkdwn
// objects and the fallback text.
func markup(doc json.RawMessage) []string {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return nil
	}
	var out []string
	var walk func(v any, top bool)
	walk = func(v any, top bool) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x, false)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok && (v["type"] == "mrkdwn" || top) {
				out = append(out, s)
			}
			for _, x := range v {
				if s, ok := x.(string); ok && (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) {
					var inner any
					if json.Unmarshal([]byte(s), &inner) == nil {
						walk(inner, false)
						continue
					}
				}
				walk(x, false)
			}
		}
	}
	walk(v, true)
	return out
}

// No secret is anywhere but where it was delivered: not in Slack, logs,
// metrics, jobs, or a dump of the database.
func TestNoSecretAnywhere(t *testing.T) {
	t.Parallel()
	w := newLivedInWorld(t)
	vendors := w.vendorSecrets() // before any is revoked
	w.sync("jira", "github", "gitlab", "timepiece")
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	link := ""
	w.await("the reveal button", func() bool {
		link = revealURLs.FindString(w.transcript("U0ALICE", w.user("U0ALICE").DM()))
		return link != ""
	})
	key, token := w.reveal("U0ALICE")
	w.use(key, "/4/worklogs")
	w.use(key, "/4/worklogs?access_token="+key)
	w.use(key, "/4/../admin")
	w.until(key+"x", "/4/worklogs", 401)
	acme := w.request("U0ALICE", "acme", "read", "7d", "Look at the customers")
	w.click("U0ERIN", acme, "approve")
	w.await("the vendor's key", func() bool { return len(w.acme.Live()) == 1 })
	w.await("the second reveal button", func() bool { return w.count(`SELECT count(*) FROM ticket`) == 2 })
	w.slash("U0ERIN", "/tokens revoke "+token+" it leaked")
	w.until(key, "/4/worklogs", 401)
	connected := w.connectTempo("U0ALICE")
	w.until(connected, "/4/worklogs", 200)
	pair := w.vendorSecrets()
	w.makeByHand()
	w.slash("U0ERIN", "/tokens list --csv")
	w.dryRun("jira")
	script := w.found("jira", "old sync script")
	w.slash("U0ERIN", "/tokens revoke "+script+" it leaked")
	w.eventually("the vendor's answer", func() bool { return w.state(script) == "revoked" })
	w.says(w.slash("U0ERIN", "/tokens show "+script), "What the system answered")

	ticket := link[strings.LastIndex(link, "/")+1:]
	secrets := map[string]string{
		"the issued key": key, "the vendor's key": w.acme.Live()[0].Secret.Expose(),
		"the Tempo token": w.env["DEMO_TEMPO_TOKEN"], "the Acme token": w.env["DEMO_ACME_TOKEN"],
		"the keeper's key": w.env["DEMO_KEY"], "the bot token": w.sim.BotToken(), "the app token": w.sim.AppToken(),
		"the connected key": connected,
	}
	maps.Copy(secrets, vendors)
	maps.Copy(secrets, pair)
	maps.Copy(secrets, w.vendorSecrets())
	if len(secrets) < 55 {
		t.Fatalf("only %d secrets are looked for", len(secrets))
	}
	_, metrics := w.get(w.main.URL()+"/metrics", "")
	traffic, err := json.Marshal(w.sim.Traffic())
	w.must(err)
	places := map[string]string{"Slack": string(traffic), "the log": w.log.String(), "the metrics": metrics, "the database": w.dump()}
	if !strings.Contains(places["the database"], "river_job") || !strings.Contains(places["Slack"], "chat.postMessage") || !strings.Contains(metrics, "latchkey") {
		t.Fatal("a place that was to be searched is empty")
	}
	for where, text := range places {
		for what, s := range secrets {
			for _, form := range forms(s) {
				if strings.Contains(text, form) {
					t.Errorf("%s is in %s", what, where)
				}
			}
		}
		if where != "Slack" && strings.Contains(text, ticket) {
			t.Errorf("the ticket is in %s", where)
		}
	}
}

// vendorSecrets are the value of everything that gives access at a vendor, and
// what Latchkey itself works with there.
func (w *world) vendorSecrets() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, s := range w.systems() {
		for _, h := range s.holdings() {
			if !h.Secret.Empty() {
				out[s.Name+"'s "+h.Sort+" "+h.ID] = h.Secret.Expose()
			}
		}
	}
	for _, name := range []string{envTempoSecret, envJiraKey, envGitHubOwner, envGitLabToken, envTimepieceToken} {
		out["what demo.yaml reads from "+name] = w.env[name]
	}
	pem := strings.Split(w.env[envGitHubKey], "\n")
	out["a line of the GitHub App's key"] = pem[len(pem)/2]
	raw, err := w.tempo.Save()
	w.must(err)
	var saved struct {
		Pairs []struct{ Access, Refresh string }
	}
	w.must(json.Unmarshal(raw, &saved))
	for i, p := range saved.Pairs {
		out[fmt.Sprintf("access token %d", i)], out[fmt.Sprintf("refresh token %d", i)] = p.Access, p.Refresh
	}
	return out
}

// forms are the ways a secret may be written down.
func forms(s string) []string {
	b := []byte(s)
	return []string{s, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), base64.StdEncoding.EncodeToString(b)[:len(s)],
		base64.URLEncoding.EncodeToString(b)[:len(s)], url.QueryEscape(s), reverse(s)}
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// dump is the whole database as text.
func (w *world) dump() string {
	w.t.Helper()
	bin, err := postgres.FindBinaries()
	w.must(err)
	server, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")) // pg_dump is beside the real one
	w.must(err)
	cfg := w.main.db.Pool().Config().ConnConfig
	out, err := exec.CommandContext(w.ctx, filepath.Join(filepath.Dir(server), "pg_dump"), "-h", cfg.Host, "-U", cfg.User, "-p", "5432", cfg.Database).CombinedOutput()
	if err != nil {
		w.t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return string(out)
}
