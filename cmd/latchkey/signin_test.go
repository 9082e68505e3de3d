package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Erin signs in to the demo's console with the simulated Slack, through the
// production code path; Alice does not get in.
func TestConsoleOfTheDemo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for who, want := range map[string]string{"U0ERIN": "<h1>Overview</h1>", "U0ALICE": "The console is for admins"} {
		_, err := w.user(who).Slash(w.ctx, "C0GENERAL", "/tokens help") // from here on Latchkey knows them
		w.must(err)
		jar, err := cookiejar.New(nil)
		w.must(err)
		browser := &http.Client{Jar: jar}
		r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.main.URL()+"/console/sign-in/start", http.NoBody)
		w.must(err)
		asked, err := browser.Do(r)
		w.must(err)
		w.must(asked.Body.Close())
		if at := asked.Request.URL.String(); !strings.HasPrefix(at, w.sim.URL()+"/openid/connect/authorize?") {
			t.Fatalf("signing in leads to %s", at)
		}
		page, at := w.press(browser, asked.Request.URL.String(), url.Values{"as": {who}})
		w.says(page, want)
		if strings.Contains(at, "code=") == (who == "U0ERIN") {
			t.Errorf("%s ends at %s", who, at)
		}
	}
}
