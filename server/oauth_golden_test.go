package server

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// varying is what differs from run to run on the pages.
var varying = []struct{ pattern, instead string }{
	{`TK-\w+`, "TK-XXXX"},
	{`datetime="[^"]+">[^<]+<`, `datetime="..."><`},
	{`latchkey_connect_timesheets=[\w-]+;`, "latchkey_connect_timesheets=COOKIE;"},
	{`href="http[^"]+"`, `href="THE VENDOR"`},
	{`/reveal/[\w-]+`, "/reveal/TICKET"},
}

// TestConnectGolden writes down every page on the way to a vendor and back,
// with all of its headers.
func TestConnectGolden(t *testing.T) {
	t.Parallel()
	b := setupConnect(t)
	_, link := b.mayConnect(t, timesheets)
	v := b.visitor(t)
	var out strings.Builder
	note := func(title string, got reply) {
		noteHeaders(&out, title, got)
		out.WriteString(got.body + "\n")
	}
	note("GET the link", v.get(t, link))
	note("POST the link from elsewhere", v.send(t, http.MethodPost, link, url.Values{}, "Sec-Fetch-Site", "cross-site"))
	begun := v.send(t, http.MethodPost, link, nil)
	note("POST the link", begun)
	denied := v.decide(t, b.question(t, begun), "deny")
	note("GET the callback, ahead of the person", v.get(t, denied, "Sec-Purpose", "prefetch"))
	note("HEAD the callback", v.send(t, http.MethodHead, denied, nil))
	note("POST to the callback", v.send(t, http.MethodPost, denied, nil))
	note("GET the callback, denied", v.get(t, denied))
	note("GET the callback again", v.get(t, denied))
	note("GET the callback, allowed", v.get(t, v.allow(t, link)))
	note("GET the used link", v.get(t, link))
	note("GET the link of another connection", v.get(t, strings.Replace(link, timesheets, overseas, 1)))
	text := out.String()
	for _, r := range varying {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.instead)
	}
	golden(t, "connect.txt", text)
}
