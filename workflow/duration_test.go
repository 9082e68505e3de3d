package workflow

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for give, want := range map[string]time.Duration{
		"1s": time.Second, "30m": 30 * time.Minute, "24h": day, "90d": 90 * day, "2w": 14 * day, "1d12h": 36 * time.Hour, " 5m ": 5 * time.Minute,
		"1w1d1h1m1s": 8*day + time.Hour + time.Minute + time.Second, "12h1d": 36 * time.Hour, "1d1d": 2 * day, "3653d": 3653 * day,
		"3652d24h": 3653 * day, "007d": 7 * day, "315619200s": 3653 * day, "0d1s": time.Second,
	} {
		got, err := ParseDuration(give)
		if err != nil || time.Duration(got) != want {
			t.Errorf("%q is %s, %v; want %s", give, time.Duration(got), err, want)
		}
	}
	for _, give := range []string{
		"", " ", "0", "0s", "0d0h", "-1d", "+1d", "1", "d", "1y", "1M", "1D", "1 d", "1d 12h", "1.5d", "1e9s", "never", "infinite", "inf", "NaN", "∞",
		"3654d", "3653d1s", "522w", "315619201s", "999999999d", "999999999w999999999w", "9999999999s", "99999999999999999999d", "2099-01-01",
		"2099", "2099y", "1ns", "1ms", "0x10d", "١d", "1d\x00", "1d;", "P30D", strings.Repeat("999999999w", 10_000),
	} {
		if got, err := ParseDuration(give); !errors.Is(err, ErrDuration) || got != 0 {
			t.Errorf("%.40q is %s, %v", give, got, err)
		}
	}
}

func TestDurationsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(1, int64(time.Duration(MaxDuration)/time.Second)).Draw(t, "seconds")
		d := Duration(time.Duration(seconds) * time.Second)
		for _, text := range []string{d.String(), strings.NewReplacer(" ", "", "days", "d", "day", "d", "hours", "h", "hour", "h", "minutes", "m", "minute", "m",
			"seconds", "s", "second", "s").Replace(d.Words())} {
			if got, err := ParseDuration(text); err != nil || got != d {
				t.Fatalf("%d s is %q, which reads as %s, %v", seconds, text, got, err)
			}
		}
		raw, err := json.Marshal(map[string]Duration{"d": d, "none": 0})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]Duration
		if err := json.Unmarshal(raw, &back); err != nil || back["d"] != d || back["none"] != 0 {
			t.Fatalf("%s reads as %v, %v", raw, back, err)
		}
	})
}

func TestDurationWords(t *testing.T) {
	t.Parallel()
	for give, want := range map[string][2]string{
		"1d": {"1d", "1 day"}, "30d": {"30d", "30 days"}, "36h": {"1d12h", "1 day 12 hours"}, "61s": {"1m1s", "1 minute 1 second"}, "2w": {"14d", "14 days"},
	} {
		d, err := ParseDuration(give)
		if err != nil || d.String() != want[0] || d.Words() != want[1] {
			t.Errorf("%s is %q and %q, %v", give, d.String(), d.Words(), err)
		}
	}
	for _, odd := range []Duration{0, -1, Duration(math.MinInt64), 1, Duration(time.Second - 1)} { // never seen in a policy, and still harmless
		if odd.String() != "0s" {
			t.Errorf("%d is %q", odd, odd.String())
		}
	}
}

// What a policy's file or a stored document can't smuggle in.
func TestDurationDecodingIsAsStrict(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`"0s"`, `"-1d"`, `3600`, `1e99`, `null1`, `"forever"`, `{}`, `"9999w"`} {
		var d Duration
		if err := json.Unmarshal([]byte(raw), &d); err == nil || d != 0 {
			t.Errorf("%s is read as %s, %v", raw, d, err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"90d", "1d12h", "999999999w", "0s", "3653d", "1w1w1w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			if d != 0 || !errors.Is(err, ErrDuration) {
				t.Fatalf("%q: %d, %v", s, d, err)
			}
			return
		}
		if d < Duration(time.Second) || d > MaxDuration || time.Duration(d)%time.Second != 0 {
			t.Fatalf("%q is %d", s, d)
		}
		if back, err := ParseDuration(d.String()); err != nil || back != d {
			t.Fatalf("%q is %s, which reads as %s, %v", s, d, back, err)
		}
	})
}
