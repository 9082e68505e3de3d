package gateway

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"latchkey/connectors"
)

// decoders read the bytes of a path each in a way of its own.
func decoders(t *testing.T) map[string]func(string) string {
	escape := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	return map[string]func(string) string{
		"net/url": func(p string) string {
			u, err := url.ParseRequestURI(p)
			if err != nil {
				t.Fatalf("net/url does not read %q: %v", p, err)
			}
			return u.Path
		},
		"byte by byte": unescape,
		"by a regular expression": func(p string) string {
			return escape.ReplaceAllStringFunc(p, func(e string) string {
				b, err := hex.DecodeString(e[1:])
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			})
		},
	}
}

// FuzzForward checks of whatever passes that the line that goes to the vendor
// says what was judged, to every decoder, and that the rule holds for what
// each of them reads.
func FuzzForward(f *testing.F) {
	for _, seed := range []string{
		"/tempo/pub/x?a=b", "/tempo/pub/a%20b/%C3%BC", "/tempo/pub/%2e%2e/x", "/tempo/pub/private", "/tempo/pub/x%2f..%2fprivate", "/tempo/pub/..;/x?", "/tempo//pub",
		"/tempo/pub/x y", "/tempo/pub/x\r\nX: y", "/tempo/pub/%252e", "/tempo/PUB/x", "/tempo/pub/x?y#z", "http://h/tempo/pub",
	} {
		f.Add(seed)
	}
	u := newVendor(f, nil).upstream(f)
	u.BaseURL = u.BaseURL.JoinPath("/rest/v1/")
	u.Scopes = []connectors.Scope{{Name: "public", Rules: []connectors.Rule{allow("GET", "/pub/**"), deny("", "/pub/private/**")}}}
	up, err := newUpstream(u, nil, Limits{}.withDefaults())
	if err != nil {
		f.Fatal(err)
	}
	held := up.scopes.hold([]string{"public"})
	f.Fuzz(func(t *testing.T, raw string) {
		judged, refused := parseTarget(raw, noSlashes)
		if refused != nil {
			return
		}
		m := up.scopes.judge(&asked{method: methodOf("GET"), segments: judged.segments, query: judged.query, held: &held})
		if !m.scopes.meets(&held) {
			return
		}
		out := (&http.Request{Method: http.MethodGet, URL: up.address(judged), Header: up.headers(http.Header{}, nil)}).WithContext(t.Context())
		head, err := appendRequest(nil, out)
		if err != nil {
			t.Fatalf("%q passes and can't be sent: %v", raw, err)
		}
		var other bytes.Buffer // what net/http's own transport sends
		if err := out.Write(&other); err != nil {
			t.Fatal(err)
		}
		for name, sent := range map[string][]byte{"the wire": head, "net/http": other.Bytes()} {
			got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent)))
			if err != nil {
				t.Fatalf("%s sends %q: %v", name, sent, err)
			}
			target, ok := strings.CutPrefix(got.RequestURI, "/rest/v1")
			if !ok || "/"+judged.connection+target != raw {
				t.Fatalf("%s sends %q for %q", name, got.RequestURI, raw)
			}
			sentPath, _, _ := strings.Cut(target, "?")
			want := "/" + strings.Join(judged.segments, "/")
			for decoder, decode := range decoders(t) {
				read := decode(sentPath)
				if read != want {
					t.Fatalf("%s: %q was judged as %q, and is %q %s", name, raw, want, read, decoder)
				}
				if clean := path.Clean(read); !inside(clean, "/pub") || inside(strings.ToLower(clean), "/pub/private") {
					t.Fatalf("%s: %q passes, and is %q %s", name, raw, clean, decoder)
				}
			}
		}
	})
}
