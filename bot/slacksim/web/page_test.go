package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is one tab, used the way a person with a screen reader would: things are
// found by role and accessible name.
type page struct {
	t        *testing.T
	ctx      context.Context
	problems *problems
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("drive the page: %v", err)
	}
}

func evaluate[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// until asks again until the condition holds.
func (p *page) until(what string, holds func(ctx context.Context) (bool, error)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds(ctx)
		if ok {
			return
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			p.t.Fatalf("wait for %s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("waited in vain for %s; the page ends with:\n%.1500s", what, evaluate[string](p, "document.body.innerText.slice(-1400)"))
		case <-tick.C:
		}
	}
}

// see waits until a JavaScript expression is true. One that throws is not true
// yet.
func (p *page) see(expression string) {
	p.t.Helper()
	p.until(expression, func(ctx context.Context) (bool, error) {
		return chromedp.Run(ctx, chromedp.Evaluate[bool]("(() => { try { return Boolean("+expression+") } catch { return false } })()"))
	})
}

// find waits for the one thing with this role and accessible name.
func (p *page) find(role, name string) cdp.BackendNodeID {
	p.t.Helper()
	var found cdp.BackendNodeID
	p.until(fmt.Sprintf("%s %q", role, name), func(ctx context.Context) (bool, error) {
		nodes, err := query(ctx, role, name)
		if err != nil || len(nodes) == 0 {
			return false, err
		}
		if len(nodes) > 1 {
			return false, fmt.Errorf("%d things are %s %q", len(nodes), role, name)
		}
		found = nodes[0]
		return true, nil
	})
	return found
}

// gone waits until nothing has this role and name.
func (p *page) gone(role, name string) {
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
func (p *page) press(role, name string) {
	p.t.Helper()
	node := p.find(role, name)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node}); err != nil {
		p.t.Fatalf("scroll to %s %q: %v", role, name, err)
	}
	found, err := chromedp.Call(ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node})
	if err != nil || len(found.Quads) == 0 {
		p.t.Fatalf("%s %q has no place on the page: %v", role, name, err)
	}
	q := found.Quads[0]
	p.do(chromedp.MouseClickXY((q[0]+q[4])/2, (q[1]+q[5])/2))
}

// fill puts the caret into a field and types.
func (p *page) fill(role, name, text string) {
	p.t.Helper()
	p.press(role, name)
	p.key(text)
}

// key presses keys: characters, or one of kb's.
func (p *page) key(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

func (p *page) shiftTab() {
	p.t.Helper()
	p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift)))
}

// newLine presses Shift+Enter.
func (p *page) newLine() {
	p.t.Helper()
	p.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(kb.ModifierShift)))
}

// text gives the visible text of an element.
func (p *page) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf("document.querySelector(%s)?.innerText ?? '(nothing)'", quote(selector)))
}

// shoot fails when the page scrolls sideways and keeps a picture of it in a
// folder, if there is one.
func (p *page) shoot(dir, name string) {
	p.t.Helper()
	if evaluate[bool](p, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
		p.t.Errorf("%s scrolls sideways", name)
	}
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(raw)
}
