package slacksim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/bot/slacksim"
)

// TestTwoPersonasInTheBrowser drives the real client against the real workspace
// with a real app behind it: Alice asks, Bob decides, both see what the other
// did without reloading, and both go on after the workspace was restarted.
func TestTwoPersonasInTheBrowser(t *testing.T) {
	t.Parallel()
	chromium := startChromium(t)
	b := setupFor(t, slacksim.Config{Timing: slacksim.Timing{TriggerTTL: patience}}, 6*patience)
	stop := b.runApp(permitApp{b, t}.handle)
	alice := chromium.open("alice", b.sim.URL()+"/?as=U0ALICE&channel=C0GENERAL")
	bob := chromium.open("bob", b.sim.URL()+"/?as=U0BOB&channel=C0GENERAL")

	alice.write("Message #general", "/tokens", kb.Enter)
	askForPermit(alice)
	decideOnPermit(bob)
	hearOfPermit(alice)
	openFromHome(alice)
	denyPermit(bob)
	b.noProblems()

	stop()
	b.waitFor("the app to go", func() bool { return b.sim.Sockets() == 0 })
	alice.press("[data-channel=C0GENERAL]", "")
	alice.write("Message #general", "/tokens", kb.Enter)
	alice.see(`document.querySelector('.toasts').innerText.includes("didn't respond")`)
	alice.see(`!document.querySelector('[role=listbox]')`)
	alice.shoot("no-app")

	raw, err := b.sim.Save()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.sim.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*tab{alice, bob} {
		p.see(`document.querySelector('.banner').innerText.includes('Connection lost')`)
	}
	alice.shoot("lost")
	again := setupFor(t, slacksim.Config{
		Saved: raw, Listen: strings.TrimPrefix(b.sim.URL(), "http://"), Timing: slacksim.Timing{TriggerTTL: patience},
	}, 6*patience)
	again.runApp(permitApp{again, t}.handle)
	for _, p := range []*tab{alice, bob} {
		p.see(`!document.querySelector('.banner').innerText.includes('Connection lost')`)
	}
	bob.see(`document.querySelector('.log').innerText.includes('Denied by @Bob Baker')`)
	alice.write("Message #general", kb.Enter) // the command that failed is still there
	askForPermit(alice)
	bob.see(`document.querySelectorAll('.log [data-action-id=approve]').length === 1`)
	alice.write("Message #general", "still here", kb.Enter)
	bob.see(`document.querySelector('[data-channel=C0GENERAL] .badge').innerText.startsWith('1')`)
	bob.shoot("after-restart")
	again.noProblems()
}

// askForPermit fills in the form that is about to open, badly at first.
func askForPermit(alice *tab) {
	alice.t.Helper()
	alice.see(`document.querySelector('[role=dialog] h2').innerText === 'Request'`)
	alice.shoot("form-empty")
	alice.press("[role=dialog] [type=submit]", "Send")
	alice.see(`document.querySelectorAll('[role=dialog] .error').length === 3`)
	alice.shoot("form-required")
	alice.press("[role=combobox][data-action-id=lot]", "")
	alice.key("n")
	alice.see(`document.querySelectorAll('[role=option]').length === 2`)
	alice.shoot("form-suggestions")
	alice.press("[role=option]", "NORTH LOT")
	alice.press("[role=combobox][data-action-id=with]", "")
	alice.key("carol")
	alice.see(`document.querySelectorAll('[role=option]').length === 1`)
	alice.key(kb.Enter)
	alice.press("textarea[data-action-id=why]", "")
	alice.key("because")
	alice.press("[role=dialog] [type=submit]", "Send")
	alice.see(`document.querySelector('[data-block-id=why] .error').innerText === 'Say what you park <there>.'`)
	alice.shoot("form-refused")
	alice.key(" of the van & the trailer")
	alice.press("[role=dialog] [type=submit]", "Send")
	alice.see(`!document.querySelector('[role=dialog]')`)
	alice.see(`document.querySelector('.log .message-ephemeral').innerText.includes('Sent to #access-approvals')`)
	alice.shoot("sent")
}

func decideOnPermit(bob *tab) {
	bob.t.Helper()
	bob.see(`!document.querySelector('.message-ephemeral')`) // that was for Alice
	bob.see(`document.querySelector('[data-channel=C0APPROVALS]').innerText.includes('1')`)
	bob.shoot("unread")
	bob.press("[data-channel=C0APPROVALS]", "")
	bob.see(`document.querySelector('.log').innerText.includes('because of the van & the trailer')`)
	bob.shoot("card")
	bob.press("[data-action-id=more]", "")
	bob.shoot("overflow")
	bob.press("[role=menuitem]", "HISTORY")
	bob.see(`document.querySelector('.log .message-ephemeral').innerText.includes('Nothing else')`)
	bob.press("[data-action-id=approve]", "Approve")
	bob.shoot("confirm")
	bob.press("[role=dialog] button", "Not yet")
	bob.see(`!document.querySelector('[role=dialog]')`)
	bob.press("[data-action-id=approve]", "Approve")
	bob.press("[role=dialog] button", "Yes, approve")
	bob.see(`document.querySelector('.log').innerText.includes('Approved by @Bob Baker')`)
	bob.see(`!document.querySelector('[data-action-id=approve]')`)
	bob.press(".replies", "1 reply")
	bob.see(`document.querySelector('aside .log').innerText.includes('Decided.')`)
	bob.write("Reply", "thanks @alice", kb.Enter)
	bob.see(`document.querySelector('aside .log').innerText.includes('thanks @Alice Archer')`)
	bob.shoot("approved")
}

func hearOfPermit(alice *tab) {
	alice.t.Helper()
	alice.see(`document.querySelector('[data-channel=D0ALICE]').innerText.includes('1')`)
	alice.press("[data-channel=D0ALICE]", "")
	alice.see(`document.querySelector('.log').innerText.includes('Your permit is approved 🎉')`)
	alice.see(`!document.querySelector('[data-channel=D0ALICE] .badge')`)
	alice.shoot("told")
}

func openFromHome(alice *tab) {
	alice.t.Helper()
	alice.press("[role=tab]", "Home")
	alice.see(`document.querySelector('.home').innerText.includes('permit')`)
	alice.shoot("home")
	alice.press("[data-action-id=ask]", "Ask for a permit")
	alice.see(`document.querySelector('[role=dialog]')`)
	alice.key(kb.Escape)
	alice.see(`!document.querySelector('[role=dialog]')`)
	alice.press("[data-channel=C0GENERAL]", "")
	alice.write("Message #general", "/tokens", kb.Enter)
	askForPermit(alice)
	alice.narrow()
	alice.shoot("phone-channel")
	alice.wide()
}

func denyPermit(bob *tab) {
	bob.t.Helper()
	bob.press("[aria-label='Close thread']", "")
	bob.press("[data-action-id=deny]", "Deny")
	bob.press("[data-action-id=reason]", "")
	bob.key("no vans")
	bob.narrow()
	bob.shoot("phone-deny")
	bob.wide()
	bob.press("[role=dialog] [type=submit]", "Send")
	bob.see(`document.querySelector('.log').innerText.includes('Denied by @Bob Baker: no vans')`)
	bob.shoot("denied")
}

// browser is one Chromium with a profile of its own.
type browser struct {
	t   *testing.T
	ctx context.Context
	dir string // where pictures go; empty for none, they take long
}

func startChromium(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	for _, name := range []string{"chromium-browser", "google-chrome"} {
		if err != nil {
			path, err = exec.LookPath(name)
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Chromium on the PATH; in CI the browser test must run")
		}
		t.Skip("there is no Chromium on the PATH; install it to run the browser test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], // headless, no first run, no background networking, no sync
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &browser{t: t, ctx: ctx, dir: os.Getenv("SLACKSIM_SCREENS")}
}

// tab is one persona's page. Whatever it logs as an error fails the test.
type tab struct {
	t        *testing.T
	ctx      context.Context
	name     string
	dir      string
	shots    int
	problems *pageProblems
}

func (br *browser) open(name, url string) *tab {
	br.t.Helper()
	ctx, cancel := chromedp.NewContext(br.ctx, chromedp.WithNewBrowserContext())
	br.t.Cleanup(cancel)
	p := &tab{t: br.t, ctx: ctx, name: name, dir: br.dir, problems: &pageProblems{}}
	if err := chromedp.Listen(ctx, p.problems.listen); err != nil {
		br.t.Fatalf("open a tab for %s: %v", name, err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		br.t.Fatalf("open a tab for %s: %v", name, err)
	}
	p.wide()
	p.do(chromedp.Navigate(url))
	br.t.Cleanup(func() {
		for _, problem := range p.problems.take() {
			br.t.Errorf("%s's page reported: %s", name, problem)
		}
	})
	return p
}

func (p *tab) do(step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, step); err != nil {
		p.t.Fatalf("drive %s's page: %v", p.name, err)
	}
}

func (p *tab) wide()   { p.do(chromedp.EmulateViewport(1280, 860)) }
func (p *tab) narrow() { p.do(chromedp.EmulateViewport(390, 780)) }

// await evaluates an expression until it gives something; one that throws gives
// nothing yet.
func await[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[*T]("(() => { try { return ("+expression+") || null } catch { return null } })()"))
		if got != nil {
			return *got
		}
		if err != nil && ctx.Err() == nil {
			p.t.Fatalf("%s: evaluate %s: %v", p.name, expression, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.shoot("stuck")
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			p.t.Fatalf("%s waited in vain for %s on:\n%s", p.name, expression, text)
		}
	}
}

// see waits until a condition holds on the page.
func (p *tab) see(condition string) {
	p.t.Helper()
	await[bool](p, "Boolean("+condition+")")
}

// press clicks the middle of the first thing that matches a selector and, unless
// name is empty, has that label or text. Nothing may lie on top of it.
func (p *tab) press(selector, name string) {
	p.t.Helper()
	at := await[[]float64](p, fmt.Sprintf(`((selector, name) => {
		const named = (el) => !name || [el.getAttribute('aria-label'), el.innerText.trim(), el.innerText.split('\n')[0].trim()].includes(name);
		const el = [...document.querySelectorAll(selector)].find((el) => el.checkVisibility() && named(el));
		el.scrollIntoView({ block: 'nearest' });
		const box = el.getBoundingClientRect();
		const at = [box.x + box.width / 2, box.y + box.height / 2];
		return el.contains(document.elementFromPoint(...at)) && at;
	})(%s, %s)`, quoted(selector), quoted(name)))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}

// write puts the caret into the field with this label and types.
func (p *tab) write(label string, keys ...string) {
	p.t.Helper()
	p.press("textarea", label)
	p.key(keys...)
}

func (p *tab) key(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		p.do(chromedp.KeyEvent(k))
	}
}

// shoot fails when the page scrolls sideways and, where pictures are wanted, keeps
// one, numbered in order.
func (p *tab) shoot(name string) {
	p.t.Helper()
	p.shots++
	file := fmt.Sprintf("%s-%02d-%s.png", p.name, p.shots, name)
	if sideways, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)); sideways || err != nil {
		p.t.Errorf("%s scrolls sideways (%v)", file, err)
	}
	if p.dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, file), picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(raw)
}

// pageProblems collects what a page throws and logs as an error.
type pageProblems struct {
	mu   sync.Mutex
	seen []string
}

func (c *pageProblems) listen(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		text := event.ExceptionDetails.Text
		if thrown := event.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		c.add(text)
	case *log.EventEntryAdded:
		// Nobody answers while the workspace is stopped, which the browser logs in
		// its own time. What the workspace does answer is judged.
		cut := strings.Contains(event.Entry.URL, "/client/") && strings.Contains(event.Entry.Text, "net::ERR_")
		if event.Entry.Level == log.EntryLevelError && !cut {
			c.add(event.Entry.Text + " " + event.Entry.URL)
		}
	}
}

func (c *pageProblems) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, text)
}

// take gives what was collected and starts anew.
func (c *pageProblems) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}
