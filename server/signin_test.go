package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	v := b.desk(t)
	if got := v.get("/console/credentials?flag=stale"); got.status != http.StatusSeeOther || got.header.Get("Location") != "/console/sign-in?next=%2Fconsole%2Fcredentials%3Fflag%3Dstale" {
		t.Errorf("unknown browsers go to %d %q", got.status, got.header.Get("Location"))
	}
	mustContain(t, v.get("/console/sign-in?next=%2Fconsole%2Fcredentials%3Fflag%3Dstale"), `href="/console/sign-in/start?next=%2Fconsole%2Fcredentials%3Fflag%3Dstale"`)
	got := v.signIn(erin, "/console/credentials?flag=stale")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/console/credentials?flag=stale" {
		t.Fatalf("Erin comes back to %d %q: %s", got.status, got.header.Get("Location"), got.title())
	}
	cookie := ""
	for _, c := range got.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, sessionCookie+"=") {
			_, cookie, _ = strings.Cut(c, ";")
		}
	}
	if cookie != " Path=/; Max-Age=28800; HttpOnly; SameSite=Lax" {
		t.Errorf("the cookie is %q", cookie)
	}
	if page := v.get("/console"); page.status != http.StatusOK || !strings.Contains(page.body, "Erin Evans") {
		t.Errorf("the console = %d, %s", page.status, page.title())
	}
	if n := b.events(t, "person.signed_in"); n != 1 {
		t.Errorf("%d events of the sign-in, want one", n)
	}
	if token := v.session(); strings.Contains(b.log.String(), token) {
		t.Error("the log has what the browser proves its session with")
	}
}

// A session that somebody else prepared, or that was there before, is not the
// one that is signed in.
func TestSessionIsNewAtSignIn(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	v := b.desk(t)
	at, err := url.Parse(b.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	const planted = "plantedplantedplantedplantedplantedplanted0"
	v.http.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/"}})
	v.signIn(erin, "")
	first := v.session()
	if first == planted || first == "" {
		t.Fatal("the session is the one that was there before")
	}
	v.signIn(erin, "")
	second := v.session()
	if first == second {
		t.Fatal("signing in again keeps the session")
	}
	for name, token := range map[string]string{"planted": planted, "earlier": first} {
		other := b.desk(t)
		other.http.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: token, Path: "/"}})
		if got := other.get("/console"); got.status != http.StatusSeeOther {
			t.Errorf("the %s session opens the console: %d", name, got.status)
		}
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	for name, want := range map[string]struct {
		persona string
		status  int
		says    string
	}{
		"no admin":           {alicia, http.StatusForbidden, "Only an admin (it-admins) can use the console."},
		"an admin's group":   {"U0BOB", http.StatusForbidden, "Only an admin"},
		"a guest":            {"U0GUS", http.StatusForbidden, "Guests can&#39;t"},
		"another workspace":  {"U0OLGA", http.StatusForbidden, "members of this workspace only"},
		"who says no there":  {"", http.StatusForbidden, "you did not allow it"},
		"the second account": {"U0ERINADM", http.StatusForbidden, "Only an admin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := b.desk(t)
			got := v.signIn(want.persona, "")
			if got.status != want.status || !strings.Contains(got.body, want.says) {
				t.Errorf("%d %q, want %d with %q", got.status, got.body, want.status, want.says)
			}
			if v.session() != "" {
				t.Error("there is a session all the same")
			}
		})
	}
}

// Slack's answer counts only if Slack signed it, for us, for this round trip
// and now.
func TestSignInRefusesForgedTokens(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	b.server.guesses = newGuesses(func() time.Time { return time.Unix(0, 0) })
	for name, forge := range map[string]func(header, claims map[string]any){
		"another nonce":      func(_, c map[string]any) { c["nonce"] = "another" },
		"no nonce":           func(_, c map[string]any) { delete(c, "nonce") },
		"another audience":   func(_, c map[string]any) { c["aud"] = "7300.ANOTHER" },
		"another issuer":     func(_, c map[string]any) { c["iss"] = "https://slack.example" },
		"no signature":       func(h, _ map[string]any) { h["alg"] = "none" },
		"a shared key":       func(h, _ map[string]any) { h["alg"] = "HS256" },
		"an algorithm":       func(h, _ map[string]any) { h["alg"] = "RS512" },
		"another key":        func(h, _ map[string]any) { h["kid"] = "another" },
		"over":               func(_, c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
		"of another answer":  func(_, c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
		"of no workspace":    func(_, c map[string]any) { delete(c, "https://slack.com/team_id") },
		"of nobody":          func(_, c map[string]any) { delete(c, "https://slack.com/user_id") },
		"not a person's":     func(_, c map[string]any) { c["https://slack.com/user_id"] = 7 },
		"of another place":   func(_, c map[string]any) { c["https://slack.com/team_id"] = "T0OTHER" },
		"of an unknown user": func(_, c map[string]any) { c["https://slack.com/user_id"] = "U0NOBODY" },
	} {
		b.sim.Knobs().ForgeIDTokens(forge)
		v := b.desk(t)
		if got := v.signIn(erin, ""); got.status != http.StatusBadRequest && got.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, got.status, got.title())
		}
		if v.session() != "" {
			t.Errorf("%s: there is a session all the same", name)
		}
	}
	b.sim.Knobs().ForgeIDTokens(nil)
	b.signedIn(t, erin)
}

// TestSignInBelongsToItsBrowser is about answers of Slack that are not the one
// a browser waits for.
func TestSignInBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	refused := func(name string, v desk, address string) {
		t.Helper()
		if got := v.get(address); got.status != http.StatusBadRequest || v.session() != "" {
			t.Errorf("%s: %d %s, and a session: %t", name, got.status, got.title(), v.session() != "")
		}
	}
	mine := b.desk(t)
	answer := mine.answerOfSlack(erin, "")
	refused("another browser", b.desk(t), answer)
	other := b.desk(t)
	other.get(startRoute)
	refused("a browser that began another", other, answer)
	refused("another state", mine, strings.Replace(answer, "state=", "state=x", 1))
	refused("two codes", mine, answer+"&code=x")
	refused("no code", mine, b.http.URL+returnRoute+"?state="+url.QueryEscape(answer))
	if got := mine.get(answer); got.status != http.StatusSeeOther || mine.session() == "" {
		t.Fatalf("the right answer = %d %s", got.status, got.title())
	}
	spent := b.desk(t)
	again := spent.answerOfSlack(erin, "")
	at, err := url.Parse(b.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	kept := spent.http.Jar.Cookies(at)
	spent.get(again)
	thief := b.desk(t)
	thief.http.Jar.SetCookies(at, kept)
	refused("a code that was used", thief, again)

	late := b.desk(t)
	address := late.answerOfSlack(erin, "")
	b.moveClock(t, signInFor+time.Minute)
	refused("an answer that comes late", late, address)
}

func TestSlackDown(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	v := b.desk(t)
	answer := v.answerOfSlack(erin, "")
	b.sim.Knobs().Down(true)
	if got := v.get(answer); got.status < 400 || v.session() != "" {
		t.Errorf("with Slack down: %d %s", got.status, got.title())
	}
	if err := b.sim.Close(); err != nil {
		t.Fatal(err)
	}
	b.server.slack = newSlackSignIn(b.server.slack.config) // a process that never spoke to Slack
	if got := b.desk(t).get(startRoute); got.status != http.StatusBadGateway {
		t.Errorf("with Slack away: %d %s", got.status, got.title())
	}
}

func TestKnownPath(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"/console/systems/tempo":               "/console/systems/tempo",
		"/console/credentials?q=a%26b&all=1":   "/console/credentials?q=a%26b&all=1",
		"":                                     consoleRoot,
		"https://evil.example/console":         consoleRoot,
		"//evil.example/console":               consoleRoot,
		"/\\evil.example":                      consoleRoot,
		"/console/\\evil.example":              consoleRoot,
		"/console//evil.example":               consoleRoot,
		"/console/../reveal/x":                 consoleRoot,
		"/consolex":                            consoleRoot,
		"/reveal/x":                            consoleRoot,
		"javascript:alert(1)":                  consoleRoot,
		"/console/sign-out":                    consoleRoot,
		"/console/sign-in/start?next=/x":       consoleRoot,
		"/console/x\r\nSet-Cookie: a=b":        consoleRoot,
		"http:/console":                        consoleRoot,
		"/console/%2e%2e/x":                    consoleRoot,
		"/console/" + strings.Repeat("a", 999): consoleRoot,
	} {
		if got := knownPath(given); got != want {
			t.Errorf("knownPath(%q) = %q, want %q", given, got, want)
		}
	}
}

// FuzzKnownPath: whatever the link said, one stays here.
func FuzzKnownPath(f *testing.F) {
	for _, seed := range []string{"/console/credentials?q=1", "//evil.example", "/console/%2f%2fevil", "/console?\\\\evil", "\x00", "/console/a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		got := knownPath(given)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || got != consoleRoot && !strings.HasPrefix(got, consoleRoot+"/") && !strings.HasPrefix(got, consoleRoot+"?") {
			t.Errorf("knownPath(%q) = %q", given, got)
		}
		if strings.ContainsAny(got, "\\\r\n\t\x00 ") || strings.HasPrefix(got, "//") {
			t.Errorf("knownPath(%q) = %q, which browsers may read as another place", given, got)
		}
	})
}

func TestConsoleThatIsNotSetUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/console", "/console/credentials", "/console/sign-in/start"} {
		if got := b.do(t, http.MethodGet, path); got.status != http.StatusNotFound || !strings.Contains(got.body, "slack.client_id") {
			t.Errorf("%s = %d %s", path, got.status, got.title())
		}
	}
}
