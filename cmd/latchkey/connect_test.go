package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"latchkey/bot/slacksim"
	"latchkey/connectors/tempo/tempotest"
)

// connectTempo asks for the use of the OAuth app, has it approved, and
// connects an account as a browser without JavaScript does.
func (w *world) connectTempo(who string) (key string) {
	w.t.Helper()
	u := w.user(who)
	_, err := u.Slash(w.ctx, "C0GENERAL", "/tokens request tempo")
	w.must(err)
	w.await("the request form", func() bool { v, ok := u.Modal(); return ok && v.CallbackID == "request" })
	before, _ := u.Modal()
	w.must(u.Fill(w.ctx, "preset/tempo", "preset/tempo", slacksim.Value{Option: "write"}))
	w.await("the form to follow the preset", func() bool { v, ok := u.Modal(); return ok && v.Hash != before.Hash })
	w.must(u.Fill(w.ctx, "kind/tempo", "", slacksim.Value{Option: "oauth_grant"}))
	w.must(u.Fill(w.ctx, "lifetime/tempo", "", slacksim.Value{Option: "7d"}))
	w.must(u.Fill(w.ctx, "reason", "", slacksim.Value{Text: "Book my own time"}))
	for range 2 { // the form, then the preview
		res, err := u.Submit(w.ctx)
		w.must(err)
		if len(res.Errors) > 0 {
			w.t.Fatal(res.Errors)
		}
	}
	bob := w.user("U0BOB")
	var id string
	w.await("Bob's card", func() bool {
		for _, m := range bob.Messages(bob.DM()) {
			if strings.Contains(shown(m), "Book my own time") {
				id = requestIDs.FindString(shown(m))
			}
		}
		return id != ""
	})
	w.click("U0BOB", id, "approve")
	var link string
	w.await("the link to connect", func() bool { link = connectURLs.FindString(w.transcript(who, u.DM())); return link != "" })

	jar, err := cookiejar.New(nil)
	w.must(err)
	browser := &http.Client{Jar: jar}
	page, _ := w.press(browser, link, nil)
	leave := regexp.MustCompile(`href="(http[^"]+/oauth/authorize/redirect[^"]+)"`).FindStringSubmatch(page)
	if leave == nil {
		w.t.Fatalf("nothing leads to Tempo:\n%s", page)
	}
	page, reveal := w.press(browser, html.UnescapeString(leave[1]), url.Values{"person": {tempotest.Alice}, "decision": {"allow"}})
	w.says(page, "Show the key")
	page, _ = w.press(browser, reveal, nil)
	if key = ourKeys.FindString(page); key == "" {
		w.t.Fatal("the page shows no key")
	}
	return key
}

var connectURLs = regexp.MustCompile(`https?://[^\s"\\<>]+/oauth/tempo/start/[0-9A-Za-z]{32}`)

// press sends a page's form as the page's own, and returns the page that leads
// to, and where it is.
func (w *world) press(browser *http.Client, address string, form url.Values) (page, at string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := browser.Do(r)
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	w.must(err)
	return string(body), answer.Request.URL.String()
}
