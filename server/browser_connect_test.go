package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

const (
	leaveButton = chromedp.CSS("a.button")
	allowButton = chromedp.CSS("button[value=allow]")
	denyButton  = chromedp.CSS("button[value=deny]")
	whoIsFrank  = chromedp.CSS(`input[value="` + tempotest.Frank + `"]`)
)

// connectApp goes to the vendor, which is another site to the browser, and
// comes back with the cookie.
func (b connectBundle) connectApp(t *testing.T, _ *testBundle, page tab) {
	_, link := b.mayConnect(t, timesheets)
	page.window(1100, "light")
	page.do(chromedp.Navigate(b.http.URL+link), chromedp.WaitVisible(showButton))
	page.picture("connect-light")
	page.checkForm("the page of the link")
	page.window(1100, "dark")
	page.picture("connect-dark")
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(leaveButton))
	page.picture("leave-dark")
	page.checkForm("the page that leads to the vendor")
	page.window(390, "light")
	page.picture("leave-phone")
	page.do(chromedp.Click(leaveButton, chromedp.NodeVisible), chromedp.WaitVisible(allowButton))
	if got := b.vendor.LastHeader(); got.Get("Referer") != "" || got.Get("Sec-Fetch-Site") != "cross-site" {
		t.Errorf("the vendor's page: Referer %q, Sec-Fetch-Site %q; want none from another site", got.Get("Referer"), got.Get("Sec-Fetch-Site"))
	}
	page.do(chromedp.Click(whoIsFrank, chromedp.NodeVisible), chromedp.Click(allowButton, chromedp.NodeVisible), chromedp.WaitVisible(showButton))
	if got := get(page, chromedp.Evaluate[string](`document.title + document.referrer`)); got != "Your timesheets key is ready · Latchkey" {
		t.Errorf("the person comes back to %q", got)
	}
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.WaitVisible(copyButton))
	shown := get(page, chromedp.Value(keyField))
	b.guard(shown)
	if secret.CheckKey(shown) != nil || !b.vendor.GrantAlive(tempotest.Frank) {
		t.Errorf("the page shows a key of ours: %t, the vendor has the grant: %t", secret.CheckKey(shown) == nil, b.vendor.GrantAlive(tempotest.Frank))
	}
	page.window(1100, "light")
	page.do(chromedp.Navigate(b.http.URL+link), chromedp.WaitVisible(heading))
	if got := get(page, chromedp.Text(heading)); got != "timesheets is connected already" {
		t.Errorf("the used link says %q", got)
	}
	page.picture("connected-light")
}

func (b connectBundle) connectWithoutScripts(t *testing.T, _ *testBundle, page tab) {
	_, link := b.mayConnect(t, overseas)
	call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	page.window(390, "dark")
	page.do(chromedp.Navigate(b.http.URL+link), chromedp.WaitVisible(showButton))
	page.picture("connect-phone")
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.Click(leaveButton, chromedp.NodeVisible),
		chromedp.Click(whoIsFrank, chromedp.NodeVisible), chromedp.Click(allowButton, chromedp.NodeVisible), chromedp.WaitVisible(showButton))
	if got := get(page, chromedp.Text(heading)); got != "Your timesheets-overseas key is ready" {
		t.Errorf("the person comes back to a page that says %q", got)
	}
}

// leaveVendor goes back from the vendor's page and reads ours again before
// allowing it after all.
func (b connectBundle) leaveVendor(t *testing.T, _ *testBundle, page tab) {
	_, link := b.mayConnect(t, timesheets)
	page.do(chromedp.Navigate(b.http.URL+link), chromedp.Click(showButton, chromedp.NodeVisible),
		chromedp.Click(leaveButton, chromedp.NodeVisible), chromedp.WaitVisible(allowButton),
		chromedp.NavigateBack(), chromedp.WaitVisible(heading))
	if got := get(page, chromedp.Text(heading)); got != "Connect timesheets" {
		t.Errorf("going back, the page says %q", got)
	}
	page.do(chromedp.Click(showButton, chromedp.NodeVisible), chromedp.Click(leaveButton, chromedp.NodeVisible),
		chromedp.Click(whoIsFrank, chromedp.NodeVisible), chromedp.Click(allowButton, chromedp.NodeVisible), chromedp.WaitVisible(showButton))
	if got := get(page, chromedp.Text(heading)); got != "Your timesheets key is ready" {
		t.Errorf("the person comes back to a page that says %q", got)
	}
}

func (b connectBundle) readConnectRefusals(t *testing.T, _ *testBundle, page tab) {
	_, link := b.mayConnect(t, timesheets)
	page.window(390, "dark")
	page.do(chromedp.Navigate(b.http.URL+link), chromedp.Click(showButton, chromedp.NodeVisible),
		chromedp.Click(leaveButton, chromedp.NodeVisible), chromedp.Click(denyButton, chromedp.NodeVisible), chromedp.WaitVisible(chromedp.CSS(".brand")))
	page.picture("denied-phone")
	said := get(page, chromedp.Text(chromedp.CSS("main")))
	address := get(page, chromedp.Evaluate[string](`location.href`))
	if !strings.Contains(said, "You did not allow it") || strings.Contains(address, "?") {
		t.Errorf("denied, the page at %s says %q", address, said)
	}
	page.window(1100, "light")
	page.do(chromedp.Navigate(b.http.URL+"/oauth/timesheets/callback?state=x&code=y"), chromedp.WaitVisible(heading))
	page.picture("strange-light")
	if got := get(page, chromedp.Evaluate[string](`location.pathname + location.search`)); got != "/oauth/timesheets/callback" {
		t.Errorf("the address %s still holds the answer", got)
	}
	page.checkForm("a refusal")
	if again := b.do(t, http.MethodGet, link); again.status != http.StatusOK {
		t.Errorf("the link afterwards = %d", again.status)
	}
}

// checkForm looks for what assistive technology needs.
func (p tab) checkForm(name string) {
	p.t.Helper()
	problems := get(p, chromedp.Evaluate[string](`(() => {
		const found = [], all = (s) => [...document.querySelectorAll(s)];
		if (document.compatMode !== "CSS1Compat" || document.documentElement.lang !== "en") found.push("no doctype or language");
		if (all("h1").length !== 1 || all("main").length !== 1 || document.title === "") found.push("no one heading, main part or title");
		if (all("[style], [onclick], style, script:not([src])").length > 0) found.push("style or script in the page");
		for (const e of all("button:not([hidden]), a")) {
			const r = e.getBoundingClientRect();
			if (e.textContent.trim() === "" || r.height < 44) found.push("a control without words or too small to touch");
			if (e.matches("a") && !e.href) found.push("a link without an address");
		}
		for (const e of all("input, textarea, select")) if (e.labels.length === 0) found.push("a field without label");
		return found.join("; ");
	})()`))
	if problems != "" {
		p.t.Errorf("%s: %s", name, problems)
	}
}
