package server

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
	"latchkey/storage"
)

func TestConnectEndsWithTheKey(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)

	look := v.get(t, link)
	for _, want := range []string{`<form method="post">`, "Go to timesheets and allow it", "<bdi>Alice</bdi>", "<code>worklogs:view</code>", "can read", c.ID.String(), "You have until"} {
		if look.status != http.StatusOK || !strings.Contains(look.body, want) {
			t.Errorf("GET = %d, want a page with %q:\n%s", look.status, want, look.body)
		}
	}
	question := v.begin(t, link)
	if asked := v.get(t, question.String()); asked.status != http.StatusOK || !strings.Contains(asked.body, "Allow Latchkey to use Tempo as you?") {
		t.Fatalf("the vendor's page = %d:\n%s", asked.status, asked.body)
	}
	back := v.decide(t, question, "allow")
	done := v.get(t, back)
	reveal := done.header.Get("Location")
	if done.status != http.StatusSeeOther || !regexp.MustCompile(`^/reveal/[\w-]{32}$`).MatchString(reveal) {
		t.Fatalf("callback = %d, Location %q; want the reveal page, on our own host", done.status, reveal)
	}
	b.guard(strings.TrimPrefix(reveal, "/reveal/"))
	if got := v.cookies(t, back); got != "" {
		t.Error("the cookie outlives its round trip")
	}

	ready := v.get(t, reveal)
	shown := v.send(t, http.MethodPost, reveal, nil)
	if ready.status != http.StatusOK || secret.CheckKey(shown.shownKey()) != nil {
		t.Errorf("reveal page = %d, then %d without a key of ours", ready.status, shown.status)
	}
	if !b.vendor.GrantAlive(tempotest.Bob) || b.vendor.Pairs() != 1 || b.stateOf(t, c.ID) != storage.CredentialActive {
		t.Errorf("%d grants at the vendor, the key is %s", b.vendor.Pairs(), b.stateOf(t, c.ID))
	}

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		used := v.send(t, method, link, nil)
		if used.status != http.StatusGone || !strings.Contains(used.body, "timesheets is connected already") || used.header.Get("Set-Cookie") != "" {
			t.Errorf("%s of the used link = %d, want 410 that says so:\n%s", method, used.status, used.body)
		}
	}
}

// TestConnectPagesTellNoSecret reads everything a person's browser is shown on
// the way: only the link to the vendor may hold the state.
func TestConnectPagesTellNoSecret(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	_, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	pages := []reply{v.get(t, link)}
	question := v.begin(t, link)
	cookie := v.cookies(t, "/oauth/"+timesheets+"/callback")
	back := v.decide(t, question, "allow")
	leave := v.send(t, http.MethodPost, link, nil) // begun anew: the state before does not count any more
	leave.body = continueLink.ReplaceAllString(leave.body, "")
	pages = append(pages, leave, v.get(t, back))
	_, value, _ := strings.Cut(cookie, "=")
	secrets := []string{question.Query().Get("state"), value, strings.TrimPrefix(back, "/oauth/"+timesheets+"/callback?")}

	last := v.allow(t, link)
	secrets = append(secrets, v.cookies(t, last), strings.SplitAfter(link, "/start/")[1])
	pages = append(pages, v.get(t, last), v.get(t, last), v.get(t, link))
	secrets = append(secrets, b.tokens.all()...)
	if len(secrets) != 7 || secrets[0] == "" || value == "" {
		t.Fatalf("the test came by %d secrets, want 7", len(secrets))
	}
	for i, page := range pages {
		if page.header.Get("Referrer-Policy") != "no-referrer" || page.header.Get("Cache-Control") != "no-store" {
			t.Errorf("page %d may be stored, or tell its address to others", i)
		}
		for j, s := range secrets {
			if strings.Contains(html.UnescapeString(page.body), s) {
				t.Errorf("page %d holds secret %d:\n%s", i, j, page.body)
			}
		}
	}
}

func TestConnectCookie(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		secure    bool
		set, gone string
	}{
		"http": {false, `^latchkey_connect_timesheets=[\w-]{32}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax$`,
			`latchkey_connect_timesheets=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`},
		"https": {true, `^__Host-latchkey_connect_timesheets=[\w-]{32}; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax$`,
			`__Host-latchkey_connect_timesheets=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupConnectWith(t, Deps{Secure: tc.secure})
			_, link := b.mayConnect(t, timesheets)
			v := b.visitor(t)
			if look := v.get(t, link); look.header.Get("Set-Cookie") != "" {
				t.Error("looking sets a cookie")
			}
			page := v.send(t, http.MethodPost, link, nil)
			set := page.header.Get("Set-Cookie")
			if !regexp.MustCompile(tc.set).MatchString(set) {
				t.Errorf("Set-Cookie of another form than %s", tc.set)
			}
			cookie, _, _ := strings.Cut(set, ";")
			done := b.visitor(t).get(t, v.decide(t, b.question(t, page), "allow"), "Cookie", cookie)
			b.guard(strings.TrimPrefix(done.header.Get("Location"), "/reveal/"))
			if got := done.header.Get("Set-Cookie"); done.status != http.StatusSeeOther || got != tc.gone {
				t.Errorf("callback = %d, Set-Cookie %q, want %q", done.status, got, tc.gone)
			}
		})
	}
}

// TestConnectIsFinishedWithoutItsBrowser: a code is spent once it is sent, so
// a person who closes the page must not leave a grant that nobody keeps.
func TestConnectIsFinishedWithoutItsBrowser(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	c, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	back := v.allow(t, link)
	arrived, release := b.vendor.Hold()
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.http.URL+back, nil)
		if err == nil {
			_, err = v.client.Do(r)
		}
		gone <- err
	}()
	<-arrived
	leave()
	if err := <-gone; err == nil {
		t.Fatal("the browser got an answer")
	}
	release()
	b.http.Close() // waits for what is under way
	if got := b.stateOf(t, c.ID); got != storage.CredentialActive || b.vendor.Pairs() != 1 {
		t.Errorf("the key is %s, the vendor knows %d grants; want an active key and its grant", got, b.vendor.Pairs())
	}
}
