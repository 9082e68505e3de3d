package okta

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestParseWindow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"P30D": 30 * 24 * time.Hour, "PT5M": 5 * time.Minute, "P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second,
		"PT1S": time.Second, "P2W": 14 * 24 * time.Hour, "P3650D": maxWindow,
		"": 0, "P": 0, "PT": 0, "P30": 0, "30D": 0, "P1M": 0, "P1Y": 0, "P1DT": 0, "PT1D": 0, "P-1D": 0, "P1.5D": 0, "P0D": 0,
		"P3651D": 0, "P99999999999D": 0, "PT1M1H": 0, "P1D1D": 0, "P1D1W": 0, " P1D": 0, "p1d": 0,
	} {
		if got, ok := parseWindow(text); got != want || ok != (want > 0) {
			t.Errorf("parseWindow(%q) = %s, %t, want %s", text, got, ok, want)
		}
	}
}

func FuzzParseWindow(f *testing.F) {
	for _, s := range []string{"P30D", "PT5M", "P1DT2H3M4S", "P99999999999D"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := parseWindow(s); ok && (got <= 0 || got > maxWindow) || !ok && got != 0 {
			t.Errorf("parseWindow(%q) = %s, %t", s, got, ok)
		}
	})
}

func TestNextCursor(t *testing.T) {
	t.Parallel()
	const self = `<https://a.okta.com/api/v1/users?limit=2>; rel="self"`
	tests := []struct {
		name    string
		links   []string
		want    string
		wantErr bool
	}{
		{"none", nil, "", false},
		{"last page", []string{self}, "", false},
		{"own header", []string{self, `<https://a.okta.com/api/v1/users?after=abc&limit=2>; rel="next"`}, "abc", false},
		{"one header", []string{self + `, <https://a.okta.com/x?after=a%2Cb>; title="x"; rel=next`}, "a,b", false},
		{"comma in the target", []string{`<https://a.okta.com/x?after=a,b>; rel="next"`}, "a,b", false},
		{"relative", []string{`</x?after=abc>; REL="Next"`}, "abc", false},
		{"no cursor", []string{`<https://a.okta.com/x>; rel="next"`}, "", true},
		{"not a link", []string{"https://a.okta.com/x?after=abc"}, "", true},
		{"cut", []string{`<https://a.okta.com/x?after=abc`}, "", true},
		{"not a URL", []string{`<http://[::1?after=abc>; rel="next"`}, "", true},
	}
	for _, tt := range tests {
		got, err := nextCursor(tt.links)
		if got != tt.want || (err != nil) != tt.wantErr {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func FuzzNextCursor(f *testing.F) {
	f.Add(`<https://a.okta.com/x?after=abc>; rel="next"`)
	f.Add(`<a>, <b?after=c>; rel=next`)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := nextCursor([]string{header})
		if err != nil && got != "" {
			t.Errorf("%q: both %q and %v", header, got, err)
		}
		clean := `<https://a.okta.com/x?` + url.Values{"after": {got}}.Encode() + `>; rel="next"`
		if again, _ := nextCursor([]string{clean}); got != "" && again != got {
			t.Errorf("%q: cursor %q does not survive its own link: %q", header, got, again)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"api-token/00T1", "client-secret/0oa1/ocs1", "grant/00u1/oag1", "api-token/current", "grant/../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseRef(s); ok && r.String() != s {
			t.Errorf("%q was read as %q", s, r)
		}
	})
}

func TestUntilReset(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	date := now.Add(-time.Hour).Format(http.TimeFormat) // the vendor's clock is behind ours
	tests := []struct {
		reset, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"soon", "", 0},
		{"0", "", 0},
		{"1795262430", "", 30 * time.Second},
		{"1795258860", date, time.Minute},
		{"1795262400", "", time.Second},
		{"1", "", time.Second},
		{"9223372036854775807", "", maxWait},
	}
	for _, tt := range tests {
		got, ok := untilReset(http.Header{"X-Rate-Limit-Reset": {tt.reset}, "Date": {tt.date}}, now)
		if got != tt.want || ok != (tt.want > 0) {
			t.Errorf("reset %q at %q: %s, %t, want %s", tt.reset, tt.date, got, ok, tt.want)
		}
	}
}
