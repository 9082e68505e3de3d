package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// evidenceOf runs commands about a world's evidence as its operator does.
func evidenceOf(w *world) func(args ...string) ran {
	w.t.Helper()
	cfg := w.main.Config
	env := map[string]string{
		"SLACK_BOT_TOKEN": w.sim.BotToken(), "SLACK_APP_TOKEN": w.sim.AppToken(), "DATABASE_URL": cfg.DatabaseURL.Expose(), "DATA_DIR": w.t.TempDir(),
		"PUBLIC_URL": w.main.URL(), "LATCHKEY_KEY": strings.TrimPrefix(cfg.Keeper.Expose(), "base64key://"), "TEMPO_TOKEN": "unused",
		"TEMPO_URL": "http://127.0.0.1:9", "LONGEST": "90d", "SCOPE": "*:view",
	}
	return func(args ...string) ran { return latchkey(w.ctx, env, args...) }
}

// TestBrowserEvidence makes the evidence of a world in which Alice got a key
// that was revoked, and Frank left; checks it offline; and reads it in a
// browser.
func TestBrowserEvidence(t *testing.T) {
	t.Parallel()
	p := player{newBrowser(t), newLivedInWorld(t)}
	w := p.w
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.says(w.click("U0BOB", id, "approve"), "counted")
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	_, token := w.reveal("U0ALICE")
	w.says(w.slash("U0ERIN", "/tokens revoke "+token+" the import is done"), "revoked")
	w.await("the end of the key", func() bool {
		return w.count(`SELECT count(*) FROM credential WHERE state = 'revoked' AND managed`) == 1
	})

	run := evidenceOf(w)
	folder := filepath.Join(t.TempDir(), "evidence")
	from := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	made := run("audit", "evidence", "--from", from, "--seed", "demo", "-o", folder, "--config", siteConfig)
	if made.status != 0 {
		t.Fatalf("%s%s", made.out, made.err)
	}
	w.says(made.out, "verified", "1 grants", "1 terminations", "the seed demo")
	if again := run("audit", "evidence", "--from", from, "-o", folder, "--config", siteConfig); again.status != 1 || !strings.Contains(again.err, "is there already") {
		t.Errorf("over a pack that is there: %d %s", again.status, again.err)
	}

	key := strings.TrimSpace(run("audit", "key", "--config", siteConfig).out)
	checked := run("audit", "check-evidence", folder, "--key", key)
	if checked.status != 0 || strings.Contains(checked.out, "THE KEY WAS TAKEN") {
		t.Errorf("%s%s", checked.out, checked.err)
	}
	w.says(run("audit", "check-evidence", folder).out, "THE KEY WAS TAKEN FROM THE PACK ITSELF")
	for _, name := range []string{"audit.jsonl", "proofs.jsonl"} {
		if got := run("audit", "verify", filepath.Join(folder, name), "--key", key); got.status != 0 {
			t.Errorf("%s: %s%s", name, got.out, got.err)
		}
	}
	sums := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	sums.Dir = folder
	if out, err := sums.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}

	page := url.URL{Scheme: "file", Path: filepath.Join(folder, "index.html")}
	p.do(chromedp.Navigate(page.String()))
	p.reads("main", "nothing was found", "Fix last month", token, "Bob", "Carol", "the import is done", "tempo-write", "it-admins")
	p.picture("evidence-01")
	p.phonePicture("evidence-01")
	p.do(chromedp.Click("nav a[href='#sample-terminations']", chromedp.NodeVisible))
	p.picture("evidence-02-sample")

	item := filepath.Join(folder, "evidence.json")
	text, err := os.ReadFile(item)
	w.must(err)
	w.must(os.WriteFile(item, []byte(strings.Replace(string(text), "the import is done", "the import was done", 1)), 0o600))
	if got := run("audit", "check-evidence", folder, "--key", key); got.status != 1 || !strings.Contains(got.out, "evidence.json was changed") {
		t.Errorf("a word was changed: %d %s%s", got.status, got.out, got.err)
	}
}

// Whoever checks evidence needs no Latchkey of their own, and learns what is
// wrong with what they ask.
func TestEvidenceRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no pack":   {[]string{"audit", "check-evidence", t.TempDir()}, "this is no evidence pack"},
		"no folder": {[]string{"audit", "check-evidence", filepath.Join(t.TempDir(), "none")}, "open the pack"},
		"no time":   {[]string{"audit", "evidence", "--from", "yesterday", "-o", "x"}, "is no time like"},
		"no sample": {[]string{"audit", "evidence", "--from", "2026-01-01", "--sample", "0", "-o", filepath.Join(t.TempDir(), "x")}, "at least 1"},
	} {
		if got := latchkey(t.Context(), nil, c.args...); got.status == 0 || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %d, %q", name, got.status, got.err)
		}
	}
}
