package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as people write it: "90d", "24h", "1d12h",
// "30m", "2w". It is never zero, negative or without end; MaxDuration is the
// longest.
type Duration time.Duration

// MinDuration is the shortest: the database counts whole seconds.
const MinDuration = Duration(time.Second)

// MaxDuration bounds every configured length of time: ten years. "Never" has
// no representation.
const MaxDuration = Duration(3653 * 24 * time.Hour)

// ErrDuration explains the form a duration must have.
var ErrDuration = errors.New("write a length of time like 30m, 24h, 90d or 2w, from 1s to 3653d")

var durationPart = regexp.MustCompile(`^(\d{1,9})(w|d|h|m|s)`)

// ParseDuration reads a Duration.
func ParseDuration(s string) (Duration, error) {
	rest := strings.TrimSpace(s)
	var total float64
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q: %w", s, ErrDuration)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q: %w", s, ErrDuration)
		}
		total += float64(n) * float64(units[m[2]])
		rest = rest[len(m[0]):]
	}
	if total < float64(MinDuration) || total > float64(MaxDuration) || math.IsNaN(total) {
		return 0, fmt.Errorf("%q: %w", s, ErrDuration)
	}
	return Duration(total), nil
}

var units = map[string]time.Duration{
	"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second,
}

// String writes the shortest form that ParseDuration reads back.
func (d Duration) String() string {
	rest := time.Duration(d).Truncate(time.Second)
	var b strings.Builder
	for _, u := range []string{"d", "h", "m", "s"} {
		if n := rest / units[u]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u)
			rest -= n * units[u]
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// Words writes the duration for people: "30 days", "1 day 12 hours".
func (d Duration) Words() string {
	rest := time.Duration(d).Truncate(time.Second)
	var parts []string
	for _, u := range []struct{ unit, word string }{{"d", "day"}, {"h", "hour"}, {"m", "minute"}, {"s", "second"}} {
		n := rest / units[u.unit]
		rest -= n * units[u.unit]
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.word)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.word))
		}
	}
	return strings.Join(parts, " ")
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := ParseDuration(string(b))
	*d = v
	return err
}

// MarshalText implements encoding.TextMarshaler; zero, meaning "not set", is
// the empty text.
func (d Duration) MarshalText() ([]byte, error) {
	if d == 0 {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalJSON reads what MarshalText wrote.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == "" {
		*d = 0
		return nil
	}
	return d.UnmarshalText([]byte(s))
}
