package okta

import (
	"strconv"
	"strings"
	"time"
)

// maxWindow keeps arithmetic on windows far from overflow.
const maxWindow = 10 * 365 * 24 * time.Hour

// parseWindow reads an ISO 8601 duration of weeks and smaller units, such as
// P30D or PT5M. Months and years have no fixed length and are not read.
func parseWindow(s string) (time.Duration, bool) {
	days, clock, hasClock := strings.Cut(strings.TrimPrefix(s, "P"), "T")
	if !strings.HasPrefix(s, "P") || days == "" && clock == "" || hasClock && clock == "" {
		return 0, false
	}
	total, ok := sum(days, []unit{{'W', 7 * 24 * time.Hour}, {'D', 24 * time.Hour}})
	if !ok {
		return 0, false
	}
	rest, ok := sum(clock, []unit{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}})
	if !ok || total+rest <= 0 || total+rest > maxWindow {
		return 0, false
	}
	return total + rest, true
}

type unit struct {
	letter byte
	length time.Duration
}

// sum adds up `<number><letter>` pairs, whose letters come in the order of
// units and once at most.
func sum(s string, units []unit) (total time.Duration, ok bool) {
	for _, u := range units {
		number, after, found := strings.Cut(s, string(u.letter))
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > maxWindow/u.length {
			return 0, false
		}
		total += time.Duration(n) * u.length
		s = after
	}
	return total, s == ""
}
