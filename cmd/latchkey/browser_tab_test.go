package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// tab is one tab of a real browser. It finds things as people who use a
// screen reader do: by role and accessible name.
type tab struct {
	t        *testing.T
	ctx      context.Context
	pictures string // the folder that pictures are kept in
}

// newBrowser starts a browser with one tab. A test without one is skipped,
// but not in CI.
func newBrowser(t *testing.T) tab {
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
	pictures := os.Getenv("LATCHKEY_SCREENSHOTS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	if err := os.MkdirAll(pictures, 0o750); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	return tab{t: t, ctx: ctx, pictures: pictures}.open()
}

// open makes one more tab, or takes one over where an option says so.
func (p tab) open(options ...chromedp.ContextOption) tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx, options...)
	p.t.Cleanup(cancel)
	p.ctx = ctx
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	// A tab in the background must look as if a person looks at it.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	p.do(chromedp.EmulateViewport(1280, 800))
	return p
}

// listen fails the test with what a page throws.
func (p tab) listen(event any) {
	if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
		said := thrown.ExceptionDetails.Text
		if thrown.ExceptionDetails.Exception != nil {
			said += " " + thrown.ExceptionDetails.Exception.Description
		}
		p.t.Errorf("the page threw: %s", said)
	}
}

// opened waits for a tab that a page opened at an address with this in it.
func (p tab) opened(part string) tab {
	p.t.Helper()
	var id target.ID
	p.until("a tab at "+part, func(ctx context.Context) (bool, error) {
		all, err := chromedp.Targets(ctx)
		for _, info := range all {
			if info.Type == "page" && strings.Contains(info.URL, part) {
				id = info.TargetID
			}
		}
		return id != "", err
	})
	return p.open(chromedp.WithTargetID(id))
}

// shut closes a tab and brings the one it was opened from to the front.
func (p tab) shut(back tab) {
	p.t.Helper()
	if err := chromedp.Cancel(p.ctx); err != nil {
		p.t.Fatalf("close a tab: %v", err)
	}
	if _, err := chromedp.Call(back.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		p.t.Fatalf("go back to a tab: %v", err)
	}
}

func (p tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("drive the page: %v", err)
	}
}

func evaluate[T any](p tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// until asks again until the condition holds. An error is no end: while a
// page gives way to the next, there is nothing to ask.
func (p tab) until(what string, holds func(context.Context) (bool, error)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds(ctx)
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			p.picture("waited-in-vain")
			p.t.Fatalf("waited in vain for %s (%v); the page reads:\n%s", what, err, p.text("body"))
		case <-tick.C:
		}
	}
}

// text is what an element shows, or nothing without it.
func (p tab) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, textOf(selector))
}

func textOf(selector string) string {
	return `document.querySelector(` + quoted(selector) + `)?.innerText ?? ""`
}

// reads waits until an element shows every part.
func (p tab) reads(selector string, parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		p.until(quoted(part), func(ctx context.Context) (bool, error) {
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string](textOf(selector)))
			return strings.Contains(text, part), err
		})
	}
}

// changes waits until an element no longer shows what it did.
func (p tab) changes(selector, from string) {
	p.t.Helper()
	p.until(selector+" to change", func(ctx context.Context) (bool, error) {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](textOf(selector)))
		return err == nil && text != "" && text != from, err
	})
}

// find waits for the last thing with this role and accessible name. The last,
// because the newest message is the one at the bottom.
func (p tab) find(role, name string) cdp.BackendNodeID {
	p.t.Helper()
	var found cdp.BackendNodeID
	p.until(role+" "+quoted(name), func(ctx context.Context) (bool, error) {
		nodes, err := query(ctx, role, name)
		if len(nodes) == 0 {
			return false, err
		}
		found = nodes[len(nodes)-1]
		return true, nil
	})
	return found
}

// gone waits until nothing has this role and name.
func (p tab) gone(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s %q to go", role, name), func(ctx context.Context) (bool, error) {
		nodes, err := query(ctx, role, name)
		return err == nil && len(nodes) == 0, err
	})
}

// query asks the accessibility tree, which leaves out what is hidden or inert.
func query(ctx context.Context, role, name string) ([]cdp.BackendNodeID, error) {
	root, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
	if err != nil {
		return nil, err
	}
	tree, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		ObjectID: root.Result.ObjectID, Role: role, AccessibleName: name,
	})
	if err != nil {
		return nil, err
	}
	var nodes []cdp.BackendNodeID
	for _, node := range tree.Nodes {
		if !node.Ignored {
			nodes = append(nodes, node.BackendDOMNodeID)
		}
	}
	return nodes, nil
}

// press clicks the middle of the thing with this role and name.
func (p tab) press(role, name string) {
	p.t.Helper()
	var x, y float64
	p.until("a place to press on "+role+" "+quoted(name), func(ctx context.Context) (bool, error) {
		node := p.find(role, name)
		if _, err := chromedp.Call(ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node}); err != nil {
			return false, err // it was redrawn meanwhile: find it again
		}
		found, err := chromedp.Call(ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node})
		if err != nil || len(found.Quads) == 0 {
			return false, err
		}
		q := found.Quads[0]
		x, y = (q[0]+q[4])/2, (q[1]+q[5])/2
		return true, nil
	})
	p.do(chromedp.MouseClickXY(x, y))
}

// fill puts the caret into a field and types.
func (p tab) fill(role, name, text string) {
	p.t.Helper()
	p.press(role, name)
	p.key(text)
}

// key presses keys: characters, or one of kb's.
func (p tab) key(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

// picture keeps a picture of what a person sees now, and fails when the page
// is wider than its window.
func (p tab) picture(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(p.pictures, name+".png"), shot, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if tooWide := evaluate[int](p, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); tooWide > 0 {
		p.t.Errorf("%s is %d pixels wider than its window", name, tooWide)
	}
}

// phonePicture is picture on a phone.
func (p tab) phonePicture(name string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(390, 800))
	p.picture(name + "-phone")
	p.do(chromedp.EmulateViewport(1280, 800))
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(raw)
}
