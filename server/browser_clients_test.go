package server

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// readClients reads how a system is used, without scripts and in each look.
func readClients(t *testing.T, b *testBundle, page tab) {
	call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, look := range []struct {
		width  int64
		scheme string
	}{{1100, "light"}, {1100, "dark"}, {320, "light"}} {
		page.window(look.width, look.scheme)
		page.do(chromedp.Navigate(b.http.URL+"/clients/tempo"), chromedp.WaitVisible(heading))
		if got := get(page, chromedp.Text(heading)); got != "How to use tempo" {
			t.Errorf("the page says %q", got)
		}
		name := "clients-" + look.scheme
		if look.width < 400 {
			name += "-phone"
		}
		page.picture(name)
	}
	page.do(chromedp.Click(chromedp.CSS(`a[href="#client-2"]`), chromedp.NodeVisible))
	if at := get(page, chromedp.Location()); at != b.http.URL+"/clients/tempo#client-2" {
		t.Errorf("the link leads to %s", at)
	}
	if got := b.do(t, http.MethodHead, "/clients/tempo"); got.status != http.StatusOK || got.body != "" {
		t.Errorf("HEAD: %d", got.status)
	}
}
