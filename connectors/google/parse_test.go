package google

import (
	"testing"
	"time"
)

func TestUnixTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for n, want := range map[int64]time.Time{
		0: {}, -5: {}, at.Unix(): at, at.UnixMilli(): at, at.UnixMicro(): {}, 1<<63 - 1: {},
	} {
		if got := unixTime(n); !got.Equal(want) {
			t.Errorf("unixTime(%d) = %s, want %s", n, got, want)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"asp/1/0", "token/1/a.apps.googleusercontent.com", "token/1/a%2Fb", "asp/1/01", "token/1/.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseRef(s); ok && r.String() != s {
			t.Errorf("%q was read as %q", s, r)
		}
	})
}
