package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
)

// dialects are ways in which systems read the bytes of a path. A request
// that was let through must stay inside its rules in every one of them.
var dialects = map[string]func(string) string{
	"decode, then clean (Go)": func(p string) string { return path.Clean(unescape(p)) },
	"decode, merge slashes, resolve dots (nginx)": func(p string) string {
		p = unescape(p)
		for strings.Contains(p, "//") {
			p = strings.ReplaceAll(p, "//", "/")
		}
		return path.Clean(p)
	},
	"drop parameters, then decode (Tomcat)": func(p string) string {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i], _, _ = strings.Cut(s, ";")
		}
		p, _, _ = strings.Cut(unescape(strings.Join(segments, "/")), "\x00")
		return path.Clean(p)
	},
	"backslashes, no case, no dots at the end (IIS)": func(p string) string {
		p = strings.ToLower(strings.ReplaceAll(unescape(p), `\`, "/"))
		segments := strings.Split(p, "/")
		for i, s := range segments {
			if strings.Trim(s, ". ") != "" {
				segments[i] = strings.TrimRight(s, ". ")
			}
		}
		return path.Clean(strings.Join(segments, "/"))
	},
	"no case":      func(p string) string { return path.Clean(strings.ToLower(unescape(p))) },
	"decode twice": func(p string) string { return path.Clean(unescape(unescape(p))) },
	"overlong and full-width characters": func(p string) string {
		p = unescape(p)
		for wide, plain := range map[string]string{
			"\xc0\xae": ".", "\xe0\x80\xae": ".", "\xc0\xaf": "/", "\xe0\x80\xaf": "/", "\xc1\x9c": "/",
			"\uff0e": ".", "\u2024": ".", "\u2025": "..", "\uff0f": "/", "\u2215": "/", "\u2044": "/", "\uff3c": "/",
		} {
			p = strings.ReplaceAll(p, wide, plain)
		}
		return path.Clean(p)
	},
}

// unescape decodes what can be decoded and leaves the rest, as lax systems do.
func unescape(p string) string {
	var out strings.Builder
	for i := 0; i < len(p); i++ {
		if i+2 < len(p) && p[i] == '%' && isHex(p[i+1]) && isHex(p[i+2]) {
			if d, err := url.PathUnescape(p[i : i+3]); err == nil {
				out.WriteString(d)
				i += 2
				continue
			}
		}
		out.WriteByte(p[i])
	}
	return out.String()
}

// corpus makes paths that try to leave /pub, or to enter /pub/private.
func corpus() []string {
	bases := []string{"/pub/", "/pub/x/", "/pub/x/y/../", "/"}
	ups := []string{
		"..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "..;", "..;a=b", "..%3b", ";..", "%252e%252e", "%25%32%65%25%32%65", "..%00", "..%20", "..%09", "..%0a", "..%0d",
		"%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae.", "%ef%bc%8e%ef%bc%8e", "%e2%80%a5", "%e2%80%a4.", "%u002e%u002e", "%%32%65%%32%65", "...", "..%ff", "..%23", "..%3f", "..?", "..#",
		"x/../..", "./..", "%2e/..", "",
	}
	separators := []string{
		"/", "%2f", "%2F", `\`, "%5c", "%5C", "//", "/./", "/%2e/", ";/", "%3b/", "%252f", "%255c", "%c0%af", "%c1%9c", "%e0%80%af", "%ef%bc%8f", "%e2%88%95", "%ef%bc%bc", "%2f%2f", "/;/", "%00/",
	}
	ends := []string{"admin", "%61dmin", "../admin", "pub/private/x", "..%2fadmin"}
	var all []string
	for _, base := range bases {
		for _, up := range ups {
			for _, separator := range separators {
				for _, end := range ends {
					all = append(all, base+up+separator+end)
				}
			}
		}
	}
	for _, base := range []string{"/pub/", "/pub/./", "/pub//", "/pub/x/../", "/pub;a/", "/pub%2f", "/PUB/", "/%70ub/", "/pub%20/", "/pub./"} {
		for _, name := range []string{
			"private", "PRIVATE", "Private", "private.", "private..", "private%20", "private.%20", "%70rivate", "privat%65", "private;", "private;x=y", "private%3b", "private%00",
			"private%2e", "private%5c", "private%2f", `private\`, "./private", "%2e/private", "x/../private", "x%2f..%2fprivate", "/private", "private%09", "private%0a", "private%e2%80%a4", "pr%C4%B1vate", "private%25", "private?", "private#",
			"private%c0%ae", "private::$DATA", "private%3a%3a$DATA",
		} {
			for _, end := range []string{"", "/", "/x", "//x", "/x/", "/x/..", "/%78", "/x%2fy", "/./x", "/x;y"} {
				all = append(all, base+name+end)
			}
		}
	}
	return all
}

func inside(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

func TestNoPathLeavesItsRules(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Scopes = []connectors.Scope{{Name: "public", Rules: []connectors.Rule{allow("GET", "/pub/**"), deny("", "/pub/private/**")}}}
		d.Upstreams["tempo"] = u
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	})
	b.strangers = b.log // each refusal is to be found, also where no key was read
	key, _ := b.issue(t, "tempo", "public")

	all := corpus()
	statuses := map[int]int{}
	c := &rawClient{addr: b.addr}
	defer c.close()
	for _, p := range all {
		before := len(b.vendor.seen())
		status := c.get(t, "/tempo"+p, key)
		statuses[status]++
		got := b.vendor.seen()[before:]
		if status != http.StatusOK {
			if len(got) > 0 || status != http.StatusBadRequest && status != http.StatusForbidden {
				t.Errorf("%s: status %d, the vendor saw %v", p, status, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Target != p {
			t.Errorf("%s: the vendor saw %v", p, got)
		}
		sent, _, _ := strings.Cut(got[0].Target, "?")
		for name, read := range dialects {
			if r := read(sent); !inside(r, "/pub") || inside(r, "/pub/private") {
				t.Errorf("%s reached the vendor, which (%s) reads %s", p, name, r)
			}
		}
	}
	t.Logf("%d paths: %v", len(all), statuses)
	if logged := strings.Count(b.logs.String(), `"refused":`); logged != len(all)-statuses[http.StatusOK] {
		t.Errorf("%d of %d refusals are in the log", logged, len(all)-statuses[http.StatusOK])
	}
	if len(all) < 2000 || statuses[http.StatusOK] == 0 || statuses[http.StatusBadRequest] < 2000 || statuses[http.StatusForbidden] == 0 {
		t.Errorf("the corpus does not try every outcome: %d paths, %v", len(all), statuses)
	}
}

// FuzzJudge looks for a path that passes and that some system reads as one
// outside its rules.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{"/pub/x", "/pub/..%2fadmin", "/pub/%2e%2e/admin", "/pub/private", "/PUB/private;x", "/pub/%ef%bc%8e%ef%bc%8e/x", "/pub/x/../private"} {
		f.Add(seed)
	}
	s, err := compileScopes([]connectors.Scope{{Name: "public", Rules: []connectors.Rule{allow("GET", "/pub/**"), deny("", "/pub/private/**")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		target, refused := parseTarget("/tempo"+path, noSlashes)
		if refused != nil {
			return
		}
		m := s.judge(&asked{method: methodOf("GET"), segments: target.segments, held: &scopeSet{}})
		if m.scopes == (scopeSet{}) {
			return
		}
		for name, read := range dialects {
			if r := read(target.path); !inside(r, "/pub") || inside(r, "/pub/private") {
				t.Errorf("%q passes, and (%s) reads %q", target.path, name, r)
			}
		}
	})
}

// rawClient writes request lines as they are and keeps its connection while
// it can.
type rawClient struct {
	addr string
	conn net.Conn
	r    *bufio.Reader
}

func (c *rawClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

func (c *rawClient) get(t *testing.T, target, key string) int {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	_, err := io.WriteString(c.conn, "GET "+target+" HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	if resp.Close {
		c.close()
		c.conn = nil
	}
	return resp.StatusCode
}
