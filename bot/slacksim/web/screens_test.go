package web_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testScreens draws the main screens at desktop and phone width, none of which
// may scroll sideways, and keeps pictures of them in SLACKSIM_SCREENS where
// that is set.
func testScreens(t *testing.T, chromium *browser) {
	dir := os.Getenv("SLACKSIM_SCREENS")
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 860}, {"phone", 375, 740}} {
		ws := newWorkspace(t, func(act document) document {
			return document{"ok": act["type"] != "command", "error": "That is no command of this workspace."}
		})
		p := chromium.open(t, ws.url)
		shoot := func(place, name string, steps func(p *page)) {
			p.do(chromedp.EmulateViewport(size.width, size.height), chromedp.Navigate(ws.url+"/?as=U0ALICE&channel="+place))
			p.see(`document.querySelector('.place-title')`)
			steps(p)
			p.shoot(dir, size.name+"-"+name+".png")
		}
		for _, place := range []string{"C0GENERAL", "C0APPROVALS", "D0ALICE", "home", "about"} {
			shoot(place, place, func(*page) {})
		}
		shoot("C0GENERAL", "top", func(p *page) { evaluate[bool](p, `(document.querySelector('.log').scrollTop = 0, true)`) })
		shoot("C0GENERAL", "slash", func(p *page) { p.fill("textbox", "Message #general", "/to") })
		shoot("C0GENERAL", "thread", func(p *page) {
			p.press("button", "1 reply")
			p.find("log", "Thread replies")
		})
		shoot("C0GENERAL", "select", func(p *page) { p.press("combobox", "Choose a system") })
		shoot("C0APPROVALS", "confirm", func(p *page) { p.press("button", "Approve request TK-7F3K from Alice Archer") })
		shoot("C0APPROVALS", "overflow", func(p *page) { p.press("button", "More actions") })
		shoot("C0SHARED", "toast", func(p *page) {
			p.fill("textbox", "Message #shared-with-partner", "/nope now")
			p.key(kb.Enter)
			p.find("button", "Dismiss notice")
		})
		shoot("home", "personas", func(p *page) {
			if size.name == "phone" {
				p.press("button", "Channels")
			}
			p.press("button", "Switch persona. You are Alice Archer, Engineer: asks for keys")
		})
		ws.show(readDocument(t, "testdata/request_view.json"))
		shoot("home", "modal", func(p *page) { p.find("dialog", "Request a key") })
		shoot("home", "modal-errors", func(p *page) { p.press("button", "Send request") })
		shoot("home", "modal-end", func(p *page) {
			p.press("combobox", "Scopes")
			p.key("work")
		})
	}
}
