package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
)

// TestOnlyTheButtonBegins: nothing that a program may do ahead of a person, or
// another site through a person's browser, begins or ends a round trip.
func TestOnlyTheButtonBegins(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	back := v.allow(t, link)

	for _, headers := range [][]string{nil, {"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if page := v.send(t, method, link, nil, headers...); page.status != http.StatusOK || page.header.Get("Set-Cookie") != "" {
				t.Errorf("%s with %v = %d, Set-Cookie %t; want a page that begins nothing", method, headers, page.status, page.header.Get("Set-Cookie") != "")
			}
		}
	}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		page := v.send(t, http.MethodPost, link, url.Values{}, headers...)
		if page.status != http.StatusForbidden || page.header.Get("Set-Cookie") != "" || !strings.Contains(page.body, "Nothing was connected") {
			t.Errorf("POST with %v = %d, want 403 that begins nothing:\n%s", headers, page.status, page.body)
		}
	}
	for method, allow := range map[string]string{http.MethodPut: "GET, HEAD, POST", http.MethodDelete: "GET, HEAD, POST"} {
		if page := v.send(t, method, link, nil); page.status != http.StatusMethodNotAllowed || page.header.Get("Allow") != allow {
			t.Errorf("%s = %d, Allow %q", method, page.status, page.header.Get("Allow"))
		}
	}

	if ahead := v.get(t, back, "Sec-Purpose", "prefetch"); ahead.status != http.StatusServiceUnavailable {
		t.Errorf("callback ahead of the person = %d, want 503", ahead.status)
	}
	if head := v.send(t, http.MethodHead, back, nil); head.status != http.StatusOK {
		t.Errorf("HEAD of the callback = %d, want 200", head.status)
	}
	if post := v.send(t, http.MethodPost, back, nil); post.status != http.StatusMethodNotAllowed || post.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST to the callback = %d, want 405", post.status)
	}
	b.wantUnconnected(t, "before the person came", c)
	done := v.get(t, back)
	b.guard(strings.TrimPrefix(done.header.Get("Location"), "/reveal/"))
	if done.status != http.StatusSeeOther {
		t.Errorf("callback = %d, want it to count still", done.status)
	}
}

// TestAnswersThatAreNotOurs brings every answer that this browser did not earn.
// None connects anything, and the round trip under way still counts.
func TestAnswersThatAreNotOurs(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	_, elsewhere := b.mayConnect(t, overseas)
	v, other := b.visitor(t), b.visitor(t)
	theirs := other.allow(t, elsewhere)
	back := v.allow(t, link)
	cookie := v.cookies(t, back)
	_, value, _ := strings.Cut(cookie, "=")
	swapped := "/oauth/" + overseas + "/callback?" + strings.SplitN(back, "?", 2)[1]
	stranger := b.visitor(t)

	for name, tc := range map[string]struct {
		path, cookie string
		from         visitor
	}{
		"no cookie":                          {back, "", stranger},
		"another browser's cookie":           {back, "", other},
		"an invented cookie":                 {back, strings.Replace(cookie, value, secret.Token(32).Expose(), 1), stranger},
		"an empty cookie":                    {back, strings.Replace(cookie, value, "", 1), stranger},
		"another's answer":                   {theirs, "", v},
		"another's answer at our address":    {"/oauth/" + timesheets + "/callback?" + strings.SplitN(theirs, "?", 2)[1], "", v},
		"our answer at another's address":    {swapped, "", v},
		"no state":                           {with(t, back, "state", ""), "", v},
		"an invented state":                  {with(t, back, "state", secret.Token(32).Expose()), "", v},
		"two states":                         {back + "&state=x", "", v},
		"two codes":                          {back + "&code=x", "", v},
		"a query that can't be read":         {back + "&%zz", "", v},
		"nothing at all":                     {"/oauth/" + timesheets + "/callback", "", v},
		"an answer that is too long":         {back + "&error_description=" + strings.Repeat("x", 9<<10), "", v},
		"a system that nobody ever heard of": {strings.Replace(back, timesheets, "%3Cscript%3E", 1), "", v},
	} {
		var headers []string
		if tc.cookie != "" {
			headers = []string{"Cookie", tc.cookie}
		}
		page := tc.from.get(t, tc.path, headers...)
		if page.status != http.StatusBadRequest || !strings.Contains(page.body, "does not belong") || page.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, want 400 that says so and leaves the cookies alone:\n%s", name, page.status, page.body)
		}
		if strings.Contains(page.body, "<script>") {
			t.Errorf("%s: the page repeats what it was sent", name)
		}
		b.wantUnconnected(t, name, c)
	}

	done := v.get(t, back)
	b.guard(strings.TrimPrefix(done.header.Get("Location"), "/reveal/"))
	if done.status != http.StatusSeeOther {
		t.Fatalf("the true answer afterwards = %d, want it to count:\n%s", done.status, done.body)
	}
	for name, headers := range map[string][]string{"replayed": nil, "replayed with its cookie": {"Cookie", cookie}} {
		if page := v.get(t, back, headers...); page.status != http.StatusBadRequest || page.header.Get("Location") != "" {
			t.Errorf("%s: %d, want 400", name, page.status)
		}
	}
	if b.vendor.Pairs() != 1 {
		t.Errorf("the vendor knows %d grants, want the one", b.vendor.Pairs())
	}
}

// TestAnswerForAnotherConnection comes with the right state and the cookie's
// right value under the other connection's name: a mix-up.
func TestAnswerForAnotherConnection(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	back := v.allow(t, link)
	page := b.visitor(t).get(t, strings.Replace(back, timesheets, overseas, 1), "Cookie", strings.Replace(v.cookies(t, back), timesheets, overseas, 1))
	if page.status != http.StatusConflict || !strings.Contains(page.body, "Nothing was connected") {
		t.Errorf("callback = %d, want 409:\n%s", page.status, page.body)
	}
	b.wantUnconnected(t, "mixed up", c)
	if _, path := b.mayConnect(t, overseas); v.get(t, strings.Replace(path, overseas, timesheets, 1)).status != http.StatusNotFound ||
		v.send(t, http.MethodPost, strings.Replace(path, overseas, timesheets, 1), nil).status != http.StatusNotFound {
		t.Error("a link works under another connection's name")
	}
}

// TestVendorSaysNo: the round trip is over and nothing was connected, but the
// link is good for another one. The vendor's words are not repeated.
func TestVendorSaysNo(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	const markup = `<script>alert(1)</script>`
	for name, tc := range map[string]struct{ decision, change, to, want string }{
		"denied":           {"deny", "", "", "You did not allow it"},
		"another error":    {"deny", "error", "server_error", "answered with an error"},
		"markup":           {"deny", "error", markup, "answered with an error"},
		"error and a code": {"allow", "error", "temporarily_unavailable", "answered with an error"},
		"no code":          {"allow", "code", "", "answered with an error"},
		"invented code":    {"allow", "code", "code-" + secret.Token(26).Expose(), "did not accept the connection"},
	} {
		back := v.decide(t, v.begin(t, link), tc.decision)
		if tc.change != "" {
			back = with(t, back, tc.change, tc.to)
		}
		page := v.get(t, with(t, back, "error_description", markup+" please", "error_uri", "https://evil.example/"))
		if page.status != http.StatusConflict || !strings.Contains(page.body, "Nothing was connected") || !strings.Contains(page.body, tc.want) {
			t.Errorf("%s: %d, want 409 that says %q:\n%s", name, page.status, tc.want, page.body)
		}
		if strings.Contains(page.body, "alert") || strings.Contains(page.body, "evil") || strings.Contains(page.body, "server_error") {
			t.Errorf("%s: the page repeats the vendor's words:\n%s", name, page.body)
		}
		if v.cookies(t, back) != "" {
			t.Errorf("%s: the cookie outlives its round trip", name)
		}
		b.wantUnconnected(t, name, c)
	}
	done := v.get(t, v.allow(t, link))
	b.guard(strings.TrimPrefix(done.header.Get("Location"), "/reveal/"))
	if done.status != http.StatusSeeOther {
		t.Errorf("allowed at last: %d", done.status)
	}
}

// TestConnectTooLate: whatever ended the request, neither its link nor a round
// trip that had begun leads anywhere, and the code is not used.
func TestConnectTooLate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end    func(*testing.T, connectBundle, storage.Credential)
		status int // of the answer that comes back
	}{
		"expired": {func(t *testing.T, b connectBundle, _ storage.Credential) { b.moveClock(t, 24*time.Hour+time.Second) }, http.StatusBadRequest},
		"canceled": {func(t *testing.T, b connectBundle, c storage.Credential) {
			if _, err := b.service.Cancel(t.Context(), b.alice, c.RequestID); err != nil {
				t.Fatal(err)
			}
		}, http.StatusConflict},
		"its owner left": {func(t *testing.T, b connectBundle, c storage.Credential) {
			err := b.db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) error { return tx.SetActive(ctx, c.OwnerID, false) })
			if err != nil {
				t.Fatal(err)
			}
		}, http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupConnect(t)
			c, link := b.mayConnect(t, timesheets)
			v := b.visitor(t)
			back := v.allow(t, link)
			tc.end(t, b, c)
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				page := v.send(t, method, link, nil)
				if page.status != http.StatusGone || !strings.Contains(page.body, "This link is over") || page.header.Get("Set-Cookie") != "" {
					t.Errorf("%s = %d, want 410 that says so:\n%s", method, page.status, page.body)
				}
			}
			if page := v.get(t, back); page.status != tc.status || page.header.Get("Location") != "" {
				t.Errorf("callback = %d, want %d:\n%s", page.status, tc.status, page.body)
			}
			b.wantUnconnected(t, name, c)
		})
	}
}

func TestGuessingLinksIsLimited(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	_, link := b.mayConnect(t, timesheets)
	const guesser, other = "203.0.113.7", "198.51.100.9"
	v := b.visitor(t)
	start := "/oauth/" + timesheets + "/start/"
	for i := range guessBurst {
		method, path, want := http.MethodGet, start+secret.Token(24).Expose(), http.StatusNotFound
		switch i % 3 {
		case 1:
			method = http.MethodPost
		case 2:
			path, want = "/oauth/"+timesheets+"/callback?code=x&state="+secret.Token(24).Expose(), http.StatusBadRequest
		}
		if page := v.send(t, method, path, nil, "X-Forwarded-For", guesser); page.status != want {
			t.Fatalf("guess %d = %d, want %d", i+1, page.status, want)
		}
	}
	for method, path := range map[string]string{http.MethodGet: link, http.MethodPost: link, "GET ": "/oauth/" + timesheets + "/callback?state=x"} {
		page := v.send(t, strings.TrimSpace(method), path, nil, "X-Forwarded-For", guesser)
		if page.status != http.StatusTooManyRequests || page.header.Get("Retry-After") == "" || page.header.Get("Set-Cookie") != "" {
			t.Errorf("%s after too many guesses = %d, want 429", method, page.status)
		}
	}
	if page := v.get(t, link, "X-Forwarded-For", other); page.status != http.StatusOK {
		t.Errorf("another client's own link = %d", page.status)
	}
}

// TestAnswerReachesNoLog sends what a vendor's answer holds along every path
// through the doors; the check for secrets runs when the test ends.
func TestAnswerReachesNoLog(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	_, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	const canary = "canary-of-the-query"
	b.guard(canary)
	back := v.allow(t, link) + "&error_description=" + canary
	query := strings.SplitN(back, "?", 2)[1]
	for _, path := range []string{
		strings.Replace(back, "/callback", "//callback", 1), strings.Replace(back, "/callback", "/callback/", 1), strings.Replace(back, "/callback", "/back", 1),
		link + "?" + query, "/?" + query, "/assets/style.css?" + query, "/oauth/" + canary + "/callback?" + query, "/oauth/" + canary + "/start/" + canary,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, "BREW"} {
			b.visitor(t).send(t, method, path, nil, "Referer", b.http.URL+back, "User-Agent", canary, "Cookie", v.cookies(t, back))
		}
	}
	if _, err := b.db.Pool().Exec(t.Context(), `ALTER TABLE oauth_connect RENAME TO lost`); err != nil {
		t.Fatal(err)
	}
	failed := v.get(t, back)
	if failed.status != http.StatusInternalServerError || strings.Contains(failed.body, "relation") {
		t.Errorf("callback without a table = %d:\n%s", failed.status, failed.body)
	}
	log := b.log.String()
	for _, want := range []string{"GET /oauth/{connection}/callback", "POST /oauth/{connection}/start/{link}", "request failed"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, never := range []string{"?", "code=", "state=", "latchkey_connect"} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, never) && strings.Contains(line, "route") {
				t.Errorf("the log holds %q: %s", never, line)
			}
		}
	}
}
