package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"latchkey/secret"
)

// screenshots names a directory to keep pictures of the pages in.
const screenshots = "LATCHKEY_SCREENSHOTS"

const (
	showButton = chromedp.CSS("button[type=submit]")
	copyButton = chromedp.CSS("#copy")
	keyField   = chromedp.CSS("#key")
	heading    = chromedp.CSS("h1")
)

// TestBrowser reads the pages as people do, in one browser with a tab for each
// story.
func TestBrowser(t *testing.T) {
	t.Parallel()
	connecting := setupConnect(t)
	b := connecting.testBundle
	program := newBrowser(t)
	for name, story := range map[string]func(*testing.T, *testBundle, tab){
		"without scripts":                 readWithoutScripts,
		"copy":                            copyKey,
		"go back":                         goBack,
		"press the button twice":          pressTwice,
		"a button on another site":        pressElsewhere,
		"the pages that say no":           readRefusals,
		"a native key, long and not ours": readNativeKey,
		"how to use a system":             readClients,
		"connect an app":                  connecting.connectApp,
		"connect without scripts":         connecting.connectWithoutScripts,
		"leave the vendor's page":         connecting.leaveVendor,
		"the pages that do not connect":   connecting.readConnectRefusals,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(program)
			defer cancel()
			page := tab{t, ctx}
			call(page, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
			story(t, b, page)
		})
	}
}

func readWithoutScripts(t *testing.T, b *testBundle, page tab) {
	_, path := b.issueTempo(t)
	call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	page.window(390, "light")
	page.do(chromedp.Navigate(b.http.URL + path))
	page.picture("ticket-phone")
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(keyField))
	page.picture("key-phone")
	key := get(page, chromedp.TextContent(keyField))
	if err := secret.CheckKey(key); err != nil {
		t.Fatalf("the page shows no key: %v", err)
	}
	b.guard(key)
	if hidden := get(page, chromedp.AttributeValue(copyButton, "hidden")); !hidden.Exists {
		t.Error("there is a Copy button that can't work")
	}
	page.do(chromedp.Navigate(b.http.URL + path))
	if got := get(page, chromedp.Text(heading)); got != "This key was already shown" {
		t.Errorf("the second time the page says %q", got)
	}
	page.picture("spent-phone")
}

func copyKey(t *testing.T, b *testBundle, page tab) {
	_, path := b.issueTempo(t)
	for _, name := range []string{"clipboard-write", "clipboard-read"} {
		_, err := chromedp.CallBrowser(page.ctx, browser.SetPermission, browser.SetPermissionParams{Origin: b.http.URL,
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted})
		if err != nil {
			t.Fatal(err)
		}
	}
	page.window(1100, "dark")
	page.do(chromedp.Navigate(b.http.URL + path))
	page.picture("ticket-dark")
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.Click(copyButton, chromedp.NodeVisible))
	status := get(page, chromedp.Poll[string](`document.getElementById("copied").textContent`))
	page.picture("key-dark")
	page.window(1100, "light")
	page.picture("key-light")
	shown := get(page, chromedp.Value(keyField))
	b.guard(shown)
	copied := get(page, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	if secret.CheckKey(copied) != nil || copied != shown || status != "Copied." {
		t.Errorf("the clipboard holds the key: %t; the page says %q", copied == shown, status)
	}
}

func goBack(t *testing.T, b *testBundle, page tab) {
	_, path := b.issueTempo(t)
	page.do(chromedp.Navigate(b.http.URL+path), chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(copyButton))
	b.guard(get(page, chromedp.Value(keyField)))
	page.do(chromedp.Navigate(b.http.URL))
	page.picture("about")
	page.do(chromedp.NavigateBack(), chromedp.WaitVisible(heading))
	title := get(page, chromedp.Poll[string](`document.querySelector("#key") === null && document.querySelector("h1").textContent`))
	if title != "This key was already shown" {
		t.Errorf("going back, the page says %q", title)
	}
}

// pressTwice is about impatient people: the second press must not throw away
// the answer to the first.
func pressTwice(t *testing.T, b *testBundle, page tab) {
	_, path := b.issueTempo(t)
	sent := func() int { return strings.Count(b.log.String(), `"route":"POST /reveal/{ticket}"`) }
	before := sent()
	page.do(chromedp.Navigate(b.http.URL+path), chromedp.WaitVisible(showButton))
	get(page, chromedp.Evaluate[chromedp.Void](`{ const b = document.querySelector("button[type=submit]"); b.click(); b.click(); b.click(); }`))
	page.do(chromedp.WaitVisible(copyButton))
	shown := get(page, chromedp.Value(keyField))
	b.guard(shown)
	if err := secret.CheckKey(shown); err != nil {
		t.Errorf("pressed three times, the page shows no key: %v", err)
	}
	if n := sent() - before; n != 1 {
		t.Errorf("%d requests to show the key were sent, want one", n)
	}
}

func pressElsewhere(t *testing.T, b *testBundle, page tab) {
	_, path := b.issueTempo(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<form method="post" action="`+b.http.URL+path+`"><button type="submit">Win a prize</button></form>`)
	}))
	defer other.Close()
	page.do(chromedp.Navigate(strings.Replace(other.URL, "127.0.0.1", "localhost", 1)),
		chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(heading))
	if got := get(page, chromedp.Text(heading)); got != "The key was not shown" {
		t.Errorf("the page says %q", got)
	}
	page.picture("refused")
	if again := b.do(t, http.MethodPost, path); again.shownKey() == "" {
		t.Errorf("another site spent the ticket: %d", again.status)
	}
}

func readRefusals(t *testing.T, b *testBundle, page tab) {
	id, path := b.issueTempo(t)
	if _, err := b.service.Revoke(t.Context(), b.alice, id, ""); err != nil {
		t.Fatal(err)
	}
	page.window(390, "dark")
	for address, want := range map[string]string{
		path:              "This key was revoked",
		"/reveal/unknown": "This link is not valid",
		"/elsewhere":      "There is no such page",
	} {
		page.do(chromedp.Navigate(b.http.URL + address))
		if got := get(page, chromedp.Text(heading)); got != want {
			t.Errorf("the page says %q, want %q", got, want)
		}
		page.picture("refusal-" + strings.ReplaceAll(strings.ToLower(want), " ", "-"))
	}
}

func readNativeKey(t *testing.T, b *testBundle, page tab) {
	_, path := b.issue(t, "wiki", "pages:read")
	page.window(320, "light")
	page.do(chromedp.Navigate(b.http.URL+path), chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(copyButton))
	page.picture("native-narrow")
	b.guard(get(page, chromedp.Value(keyField)))
}

// newBrowser starts a real browser.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" && os.Getenv("CI") == "true" {
		t.Fatal("this test needs Chromium")
	}
	if path == "" {
		t.Skip("this test needs Chromium, and there is none on this machine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is one tab of the browser in one test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (p tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func get[T any](p tab, a chromedp.Action[T]) T {
	p.t.Helper()
	out, err := chromedp.Run(p.ctx, a)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

func call[P, R any](p tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.t.Fatal(err)
	}
}

func (p tab) window(width int64, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, 800))
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// picture checks that the page fits its window, and keeps a picture of it if
// somebody wants to look.
func (p tab) picture(name string) {
	p.t.Helper()
	tooWide := get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if tooWide > 0 {
		p.t.Errorf("%s is %d pixels wider than its window", name, tooWide)
	}
	dir := os.Getenv(screenshots)
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(p, chromedp.FullScreenshot(100)), 0o644); err != nil {
		p.t.Fatal(err)
	}
}
