package gateway

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func noSlashes(string) bool  { return false }
func allSlashes(string) bool { return true }

func TestParseTargetAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		raw  string
		want target
	}{
		{"/tempo/", target{connection: "tempo", path: "/"}},
		{"/tempo/4/worklogs", target{connection: "tempo", path: "/4/worklogs", segments: []string{"4", "worklogs"}}},
		{"/tempo/4/worklogs/", target{connection: "tempo", path: "/4/worklogs/", segments: []string{"4", "worklogs", ""}}},
		{"/t-1_a.b~c/x?", target{connection: "t-1_a.b~c", path: "/x", hasQuery: true, segments: []string{"x"}}},
		{"/t/a%20b/%C3%BC%2B@:,=!$&'()*+?q=%2F..%2e&r[]=1;s", target{connection: "t", path: "/a%20b/%C3%BC%2B@:,=!$&'()*+",
			query: "q=%2F..%2e&r[]=1;s", hasQuery: true, segments: []string{"a b", "ü+@:,=!$&'()*+"}}},
		{"/t/...x/a..b/.well-known", target{connection: "t", path: "/...x/a..b/.well-known", segments: []string{"...x", "a..b", ".well-known"}}},
		{"/t/x?y?z", target{connection: "t", path: "/x", query: "y?z", hasQuery: true, segments: []string{"x"}}},
	}
	for _, tt := range tests {
		got, refused := parseTarget(tt.raw, noSlashes)
		if refused != nil {
			t.Errorf("%s: refused: %s", tt.raw, refused.message)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.raw, diff)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	t.Parallel()
	bad := map[string][]string{
		"malformed_path": {
			"", "*", "tempo/x", "http://h/tempo/x", "//", "/", "/tempo", "//tempo/x", "/?", "/tempo?/x", "/te%6dpo/x", "/./x", "/../x", "/te mpo/x",
			"/t/./x", "/t/../x", "/t/x/..", "/t/x/.", "/t/%2e/x", "/t/.%2e/x", "/t/%2E%2e", "/t/..%20", "/t/%20", "/t/. ./x",
			"/t//x", "/t/x//", "/t/x//y", "/t/x%2fy", "/t/x%2Fy", "/t/x%5cy", `/t/x\y`, `/t/..\x`, "/t/x;y", "/t/x;v=1/y", "/t/x%3by", "/t/..;/x",
			"/t/x%00", "/t/x%0a", "/t/x%0d%0a", "/t/x%7f", "/t/x\x00", "/t/x\ny", "/t/x y", "/t/x\x7f", "/t/ü", "/t/%c2%85",
			"/t/x%25", "/t/%252e", "/t/%25%32%65", "/t/%c0%ae", "/t/%c0%af", "/t/%e0%80%af", "/t/%ff", "/t/%ed%a0%80", "/t/%f8%80%80%80%80",
			"/t/%", "/t/%2", "/t/%2g", "/t/%zz", "/t/%u002e", "/t/x#y", "/t/x%23y", "/t/x%3fy", "/t/x?y#z",
			"/t/%61", "/t/%41", "/t/%39", "/t/%2d", "/t/%5f", "/t/%7e", `/t/"x`, "/t/<x>", "/t/x^", "/t/x`", "/t/{x}", "/t/x|", "/t/[x]",
			"/t/%ef%bc%8e%ef%bc%8e", "/t/x%ef%bc%8fy", "/t/x%e2%88%95y", "/t/%e2%80%a5", "/t/x%ef%bc%85", "/t/x%ef%bc%9b",
			"/t" + strings.Repeat("/x", maxSegments+1),
		},
		"malformed_query": {"/t/x?%", "/t/x?a=%2", "/t/x?a=%zz", "/t/x?a=%00"},
		"key_in_url": {
			"/t/x?a=lk_live_x", "/t/lk_test_x", "/lk_live_x/y", "/t/x?access_token=1", "/t/x?a=1&Access_Token=1", "/t/x?a=1;access_token=1", "/t/x?access%5ftoken", "/t/x?+access_token=1",
			"/t/x?access_token[]=1", "/t/x?jwt=a", "/t/x?private_token=a", "/t/x?os_password=a",
		},
		"override":        {"/t/x?_method=DELETE", "/t/x?a&%5Fmethod=DELETE", "/t/x?X-HTTP-Method-Override=PUT", "/t/x?sudo=root"},
		"target_too_long": {"/t/" + strings.Repeat("x", maxTarget)},
	}
	for code, targets := range bad {
		for _, raw := range targets {
			_, refused := parseTarget(raw, noSlashes)
			if refused == nil || refused.code != code || refused.status/100 != 4 || refused.message == "" {
				t.Errorf("%.80q: refusal %+v, want %s", raw, refused, code)
			}
		}
	}
}

// FuzzTarget checks that a target that passes has one reading only: decoding
// it, cleaning it, decoding it again or swapping slashes changes nothing, and
// the segments the rules see are those of the bytes that are forwarded.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"/tempo/4/worklogs", "/t/a%20b/%C3%BC?x=%2f", "/t/../x", "/t/..;/x", "/t/%252e", "/t/x%5c..", "/t//", "/t/%ef%bc%8e", "/t/a/?_method=1", "/t/%c0%ae",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, refused := parseTarget(raw, noSlashes)
		if refused != nil {
			if refused.status != http.StatusBadRequest && refused.status != http.StatusRequestURITooLong {
				t.Fatalf("refused with %d", refused.status)
			}
			return
		}
		again := "/" + got.connection + got.path
		if got.hasQuery {
			again += "?" + got.query
		}
		if again != raw {
			t.Fatalf("parts make %q of %q", again, raw)
		}
		decoded, err := url.PathUnescape(got.path)
		if err != nil {
			t.Fatalf("does not decode: %v", err)
		}
		if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded {
			t.Fatalf("decodes twice: %q, %q", decoded, twice)
		}
		if cleaned := path.Clean(decoded); cleaned != strings.TrimSuffix(decoded, "/") && decoded != "/" {
			t.Fatalf("%q cleans to %q", decoded, cleaned)
		}
		if strings.ContainsAny(decoded, "\\;#?%\x00\r\n") {
			t.Fatalf("decodes to %q", decoded)
		}
		if want := strings.Split(decoded, "/")[1:]; decoded != "/" && !slices.Equal(want, got.segments) {
			t.Fatalf("rules see %q of %q", got.segments, decoded)
		}
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.EscapedPath() != "/"+got.connection+got.path {
			t.Fatalf("net/url reads it as %v (%v)", u, err)
		}
	})
}
