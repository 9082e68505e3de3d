package server

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// axePath names the file of axe-core, which looks for what keeps people from
// using a page.
const axePath = "LATCHKEY_AXE"

func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv(axePath)
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(axePath + " does not name axe-core's axe.min.js; `bash .ci/run documents tests` fetches it")
		}
		t.Skip(axePath + " does not name axe-core's axe.min.js: npm pack axe-core@4.14.1")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// TestBrowserConsole reads every page as people do: at a desk and on a phone,
// in light and in dark, with nothing that keeps anybody from using it.
func TestBrowserConsole(t *testing.T) {
	t.Parallel()
	script := axe(t)
	b := setupConsole(t)
	id := b.live(t)
	ctx, cancel := chromedp.NewContext(newBrowser(t))
	defer cancel()
	page := tab{t, ctx}
	call(page, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	page.window(1200, "light")
	page.do(chromedp.Navigate(b.http.URL + "/console"))
	page.checkAxe(script, "sign-in")
	page.picture("console-sign-in")
	page.do(chromedp.Click(chromedp.CSS("a.button"), chromedp.NodeVisible), chromedp.Click(chromedp.CSS(`button[value="`+erin+`"]`), chromedp.NodeVisible),
		chromedp.WaitVisible(chromedp.CSS(".tiles")))
	for _, path := range b.everyPage(t, id) {
		name := pictureName(path)
		for _, look := range []struct {
			width  int64
			scheme string
		}{{1200, "light"}, {390, "dark"}} {
			page.do(chromedp.EmulateViewport(look.width, 844))
			page.window(look.width, look.scheme)
			page.do(chromedp.Navigate(b.http.URL+path), chromedp.WaitVisible(heading))
			page.checkAxe(script, path)
			page.checkTables(path)
			page.picture(fmt.Sprintf("console-%s-%d-%s", name, look.width, look.scheme))
			if look.scheme == "light" {
				page.keep(name)
			}
		}
	}
	page.window(1200, "dark")
	page.do(chromedp.Navigate(b.http.URL+"/console"), chromedp.WaitVisible(heading))
	page.checkAxe(script, "overview in the dark")
	page.picture("console-overview-1200-dark")
	page.window(390, "light")
	page.do(chromedp.Navigate(b.http.URL + "/console"))
	page.picture("console-overview-390-light")
	if get(page, chromedp.Evaluate[int](`document.scripts.length`)) != 0 {
		t.Error("the console has a script")
	}
	b.useKeyboard(page, id)
}

// useKeyboard revokes a key with the keyboard alone, and without a script.
func (b *consoleBundle) useKeyboard(page tab, id string) {
	page.t.Helper()
	page.window(1200, "light")
	page.do(chromedp.Navigate(b.http.URL+"/console/credentials/"+id+"/revoke"), chromedp.WaitVisible(heading))
	page.do(chromedp.KeyEvent("\t"))
	if got := get(page, chromedp.Evaluate[string](`document.activeElement.className`)); got != "skip" {
		page.t.Errorf("the first stop of the keyboard is %q, want the link to the content", got)
	}
	page.do(chromedp.KeyEvent("\r"), chromedp.KeyEvent("\t"))
	page.do(chromedp.KeyEvent("\t"))
	if got := get(page, chromedp.Evaluate[string](`document.activeElement.name + " " + getComputedStyle(document.activeElement).outlineStyle`)); got != "reason solid" {
		page.t.Errorf("the keyboard is at %q, want the reason, and to be seen there", got)
	}
	page.do(chromedp.KeyEvent("found in a log"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS(".done")))
	if got := get(page, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(got, "It is being revoked") || !strings.Contains(got, "found in a log") {
		page.t.Errorf("after the keyboard the page says %q", got)
	}
}

// TestBrowserConsoleShowsMarkupAsText has hostile words everywhere that others
// can write, and looks at every page.
func TestBrowserConsoleShowsMarkupAsText(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	const evil = `"><script>window.hit=1</script><img src=x onerror="window.hit=1"><a href="javascript:window.hit=1">x</a>{{.Form}}</textarea><svg onload=window.hit=1>`
	hidden := "pay\u202eroll\u200b"
	b.wiki.found = []connectors.Credential{{Ref: connectors.Ref{ID: evil}, Kind: connectors.APIKey, Class: evil, Label: evil + hidden,
		Owner: connectors.AccountRef{ID: evil, Name: evil}, Scopes: []string{evil, "javascript:window.hit=1"}}}
	if err := b.service.SyncDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := b.askFor(t, "worklogs:manage", evil+hidden)
	if _, err := b.service.Review(t.Context(), b.people["U0BOB"], r.ID, workflow.Vote{Decision: storage.Deny, Reason: evil, SourceKey: "1"}); err != nil {
		t.Fatal(err)
	}
	keys, err := b.service.List(t.Context(), b.people[erin], workflow.Listing{Connection: "wiki"})
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys were found: %v", len(keys), err)
	}
	id := keys[0].Credential.ID
	note := evil
	if _, err := b.service.Edit(t.Context(), b.people[erin], id, workflow.Edit{Note: &note}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(newBrowser(t))
	defer cancel()
	page := tab{t, ctx}
	page.do(chromedp.Navigate(b.http.URL+"/console/sign-in/start"), chromedp.Click(chromedp.CSS(`button[value="`+erin+`"]`), chromedp.NodeVisible),
		chromedp.WaitVisible(chromedp.CSS(".tiles")))
	paths := append(b.everyPage(t, id.String()), "/console/credentials?q="+url.QueryEscape(evil)+"&owner="+url.QueryEscape(evil),
		"/console/people?email="+url.QueryEscape(evil), "/console/audit?about="+url.QueryEscape(evil)+"&action="+url.QueryEscape(evil), "/console/requests/"+r.ID.String(),
		"/console/sign-in?next="+url.QueryEscape("javascript:window.hit=1"), "/console/credentials?done="+url.QueryEscape(evil))
	for _, path := range paths {
		page.do(chromedp.Navigate(b.http.URL+path), chromedp.WaitVisible(heading))
		found := get(page, chromedp.Evaluate[string](`(() => {
			const all = (s) => document.querySelectorAll(s).length;
			const bad = [...document.querySelectorAll("[href], [src], [action]")].filter((e) => /^\s*javascript:/i.test(e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action")));
			const text = document.documentElement.textContent + [...document.querySelectorAll("input")].map((e) => e.value).join("");
			return [window.hit ? "it ran" : "", all("main script, img, [onload], [onerror]") ? "it is markup" : "", bad.length ? "it is a link" : "",
				/[\u202a-\u202e\u2066-\u2069\u200b]/.test(text) ? "it turns the text around" : ""].filter(Boolean).join(", ");
		})()`))
		if found != "" {
			t.Errorf("%s: %s", path, found)
		}
	}
}

// checkAxe lets axe-core judge the page that is open.
func (p tab) checkAxe(script, name string) {
	p.t.Helper()
	p.do(evaluated(script))
	found := get(p, chromedp.Evaluate[string](`axe.run().then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => v.id + ": " + v.help + " at " + v.nodes.slice(0, 3).map((n) => n.target + " " + (n.any[0]?.message ?? "")).join(" | ")).join("\n"))`, chromedp.EvalAwaitPromise))
	if found != "" {
		p.t.Errorf("%s:\n%s", name, found)
	}
}

// checkTables looks at what tells people which cell they are in.
func (p tab) checkTables(name string) {
	p.t.Helper()
	if got := get(p, chromedp.Evaluate[int](`document.querySelectorAll("table:not(:has(thead th[scope=col])), tbody tr:not(:has(th[scope=row])), [style]").length`)); got > 0 {
		p.t.Errorf("%s: %d tables or rows without headers, or style in the page", name, got)
	}
}

// pictureName is what a picture of a page is called.
func pictureName(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/console"), "?")
	name = regexp.MustCompile(`/([0-9]+|[A-Z]{2}-[0-9A-Z]+)`).ReplaceAllString(name, "/one")
	name = strings.Trim(strings.ReplaceAll(name, "/", "-"), "-")
	if name == "" {
		return "overview"
	}
	return name
}

// kept are the pages that the README shows.
var kept = map[string]bool{"overview": true, "credentials": true, "credentials-one": true, "credentials-one-revoke": true, "requests-one": true, "systems-wiki": true,
	"people-one": true, "offboardings-one": true, "access": true, "audit": true, "sessions": true}

// keep writes a picture for the README, small, when the test is told to.
func (p tab) keep(name string) {
	p.t.Helper()
	if !*update || !kept[name] {
		return
	}
	shot, err := png.Decode(bytes.NewReader(get(p, chromedp.FullScreenshot(100))))
	if err != nil {
		p.t.Fatal(err)
	}
	bounds := shot.Bounds()
	bounds.Max.Y = min(bounds.Max.Y, 1100)
	small := image.NewPaletted(bounds, paletteOf(shot))
	draw.Draw(small, bounds, shot, bounds.Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, small); err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join("testdata", "pictures"), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "pictures", "console-"+name+".png"), out.Bytes(), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// paletteOf are the 256 colours that a picture has most of.
func paletteOf(shot image.Image) color.Palette {
	counts, bounds := map[color.Color]int{}, shot.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[shot.At(x, y)]++
		}
	}
	out := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return out[:min(256, len(out))]
}

// evaluated runs a script that is too long to bring anything.
func evaluated(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script + "\n;undefined")
}

// everyPage are all pages of the console, about one credential and the rest of
// the world.
func (b *consoleBundle) everyPage(t *testing.T, id string) []string {
	t.Helper()
	alice := fmt.Sprintf("/console/people/%d", b.alice.Account.PersonID)
	key := "/console/credentials/" + id
	out := []string{"/console", "/console/credentials", key, key + "/revoke", key + "/suspend", key + "/resume", key + "/edit", "/console/requests", "/console/systems",
		"/console/systems/tempo", "/console/systems/wiki", "/console/people", alice, alice + "/offboard", "/console/offboardings", "/console/access?days=30",
		"/console/audit", "/console/audit/1", "/console/sessions"}
	requests, err := b.service.Requests(t.Context(), b.people[erin], storage.RequestFilter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		out = append(out, "/console/requests/"+r.Request.ID.String())
	}
	cases, err := b.service.Offboardings(t.Context(), b.people[erin], 0, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range cases {
		out = append(out, fmt.Sprintf("/console/offboardings/%d", v.Case.ID))
	}
	return out
}

func (b *consoleBundle) ask(t *testing.T, scope string) storage.Request {
	t.Helper()
	return b.askFor(t, scope, "correct the hours of the migration week")
}

// askFor has Alice ask for a key that somebody has to approve.
func (b *consoleBundle) askFor(t *testing.T, scope, reason string) storage.Request {
	t.Helper()
	r, err := b.service.Submit(t.Context(), b.alice, workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{scope},
		Lifetime: workflow.Duration(30 * 24 * time.Hour), Reason: reason}, "ask:"+scope+reason)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// live fills the world: keys of several systems, their use, a leaver, and a
// request that waits. It brings the key with the longest story.
func (b *consoleBundle) live(t *testing.T) string {
	t.Helper()
	now := time.Now().UTC()
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	mail := func(name string) connectors.AccountRef {
		return connectors.AccountRef{ID: name, Email: name + "@example.com", Name: name}
	}
	used := func(n int) connectors.LastUsed { return connectors.LastUsed{At: day(n), Known: true} }
	b.wiki.found = []connectors.Credential{
		{Ref: connectors.Ref{ID: "w1"}, Kind: connectors.APIKey, Class: "personal token", Label: "old sync script", Owner: mail("alice"), Access: connectors.Write, CreatedAt: day(-800), LastUsed: used(-150)},
		{Ref: connectors.Ref{ID: "w2"}, Kind: connectors.APIKey, Class: "personal token", Label: "board on the wall", Owner: mail("bob"), Scopes: []string{"pages:read"}, Access: connectors.Read, CreatedAt: day(-40), ExpiresAt: day(9), LastUsed: used(-1)},
		{Ref: connectors.Ref{ID: "w3"}, Kind: connectors.APIKey, Class: "organisation key", Label: "audit export", Owner: connectors.AccountRef{ID: "org", Service: true}, Access: connectors.Admin, CreatedAt: day(-300), LastUsed: used(0)},
		{Ref: connectors.Ref{ID: "w4"}, Kind: connectors.APIKey, Class: "personal token", Label: "payroll export", Owner: mail("frank"), Scopes: []string{"pages:read"}, Access: connectors.Read, CreatedAt: day(-200), LastUsed: connectors.LastUsed{Known: true}},
	}
	if err := b.service.SyncDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, _ := b.issue(t, "tempo", "worklogs:view")
	other, _ := b.issue(t, "tempo", "worklogs:view")
	var lines []storage.Access
	for i := range 900 {
		line := storage.Access{CredentialID: id, At: now.Add(-time.Duration(i*i) * 3 * time.Second), Method: "GET", Route: "/4/worklogs/**", Status: 200, BytesOut: 900, Took: 40 * time.Millisecond}
		if i%3 == 0 {
			line.CredentialID = other
		}
		if i%17 == 0 {
			line.Method, line.Status = "POST", 403
		}
		lines = append(lines, line)
	}
	if err := b.db.WriteAccess(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	if err := b.db.TouchLastUsed(t.Context(), map[storage.CredentialID]time.Time{id: now, other: now}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		second(b.service.Suspend(t.Context(), b.people[erin], id, "unusual traffic at night")),
		second(b.service.Resume(t.Context(), b.people[erin], id, "it was the new time zone")),
		second(b.service.OffboardPerson(t.Context(), b.people[erin], b.people["U0FRANK"].Account.PersonID, "last day", "1")),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if err := b.service.RunOffboarding(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.ask(t, "worklogs:manage")
	b.sequence(t)
	return id.String()
}

func second[T any](_ T, err error) error { return err }

// sequence gives every event its place in the audit tree.
func (b *consoleBundle) sequence(t *testing.T) {
	t.Helper()
	signer, err := b.service.AuditSigner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.NewSequencer(b.db).Next(t.Context(), signer.Open, signer.Sign, 2000); err != nil {
		t.Fatal(err)
	}
}
