package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func say(ws *workspace, channel, ts, text string) {
	ws.change(func(state document) {
		messages := state["messages"].(document)
		messages[channel] = append(messages[channel].([]any), document{"ts": ts, "user": "U0BOB", "text": text, "blocks": []any{}})
	})
}

// testRedrawKeepsTyping lets a message arrive while a person types: the same
// element keeps text, caret and focus.
func testRedrawKeepsTyping(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.fill("textbox", "Message #general", "half a sentence")
	p.key(kb.ArrowLeft, kb.ArrowLeft)
	evaluate[bool](p, `Boolean(window.before = document.activeElement)`)
	say(ws, "C0GENERAL", "1763740700.000100", "news")
	p.see(`document.querySelector('.log').innerText.includes('news')`)
	p.see(`document.activeElement === window.before && window.before.value === 'half a sentence' && window.before.selectionStart === 13`)
	p.key("!")
	p.see(`window.before.value === 'half a senten!ce'`)
}

// testRedrawKeepsMenu lets a message arrive while a menu and then a list is open.
func testRedrawKeepsMenu(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.press("button", "Shortcuts")
	p.find("menu", "Shortcuts")
	say(ws, "C0GENERAL", "1763740700.000100", "news")
	p.see(`document.querySelector('.log').innerText.includes('news')`)
	p.find("menu", "Shortcuts")
	p.see(`document.activeElement.getAttribute('role') === 'menuitem'`)
	p.press("heading", "#general")
	p.gone("menu", "Shortcuts")

	p.press("combobox", "Choose a system")
	p.key("jir")
	say(ws, "C0GENERAL", "1763740701.000100", "more news")
	p.see(`document.querySelector('.log').innerText.includes('more news')`)
	p.find("option", "Jira")
	p.see(`document.activeElement.value === 'jir'`)
}

// testScroll stays at the end while the person is there, and stays put when
// they have scrolled up.
func testScroll(t *testing.T, chromium *browser) {
	const end = `(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('.log'))`
	ws := newWorkspace(t, nil)
	for i := range 60 {
		say(ws, "C0SHARED", fmt.Sprintf("17637401%02d.000100", i), fmt.Sprintf("line %d", i))
	}
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0SHARED")
	p.see(end)
	say(ws, "C0SHARED", "1763740200.000100", "the newest")
	p.see(`document.querySelector('.log').innerText.includes('the newest')`)
	p.see(end)
	evaluate[bool](p, `(document.querySelector('.log').scrollTop = 40, true)`)
	p.find("button", "Jump to the latest")
	say(ws, "C0SHARED", "1763740201.000100", "even newer")
	p.see(`document.querySelector('.log').innerText.includes('even newer')`)
	p.see(`document.querySelector('.log').scrollTop === 40`)
	p.press("button", "Jump to the latest")
	p.see(end)
	p.gone("button", "Jump to the latest")
}

// testToasts shows a notice of the workspace and dismisses it.
func testToasts(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	ws.change(func(state document) {
		state["toasts"] = []any{document{"id": "7", "text": "Latchkey didn't respond in time."}}
	})
	p.see(`document.querySelector('[role=status][aria-live=polite] .toast')?.innerText.includes("didn't respond")`)
	p.press("button", "Dismiss notice")
	if act := ws.next("dismiss_toast"); act["id"] != "7" {
		t.Errorf("dismissed %v", act["id"])
	}
}
