package githubtest

import (
	"net/http"
	"strconv"
	"time"
)

// The primary limits. The 60 are of callers without a credential, documented
// for /credentials/revoke.
const (
	corePerHour  = 5000 // unverified
	leaksPerHour = 60
)

// limit counts calls within an hour that begins with the first.
type limit struct {
	resource string
	max      int // negative for none
	used     int
	reset    time.Time
}

// take writes the headers of the limit, and is false when it is exhausted.
func (l *limit) take(w http.ResponseWriter, now time.Time) bool {
	if l.max < 0 {
		return true
	}
	if !now.Before(l.reset) {
		l.used, l.reset = 0, now.Add(time.Hour)
	}
	within := l.used < l.max
	if within {
		l.used++
	}
	h := w.Header()
	h.Set("X-Ratelimit-Limit", strconv.Itoa(l.max))
	h.Set("X-Ratelimit-Used", strconv.Itoa(l.used))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(l.max-l.used))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(l.reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", l.resource)
	return within
}

func exceeded(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusForbidden, "API rate limit exceeded")
}

// ExceedPrimary refuses the next call until a time from now, with 403 and the
// headers of the primary limit. Their unit is the second.
func (d *Double) ExceedPrimary(until time.Duration) {
	reset := d.cfg.Now().Add(until).Unix()
	d.nextIs(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Ratelimit-Limit", strconv.Itoa(corePerHour))
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(reset, 10))
		exceeded(w, r)
	})
}

// ExceedSecondary refuses the next call with the status, 403 or 429, and, unless
// it is zero, the time to wait. The calls left by the primary limit are not
// used up then.
func (d *Double) ExceedSecondary(status int, after time.Duration) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining", "4999")
		if after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		}
		failAt(w, status, "You have exceeded a secondary rate limit.", docs+"/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits")
	})
}

// RefuseNext answers the next call that the App may not do it.
func (d *Double) RefuseNext() { d.nextIs(notForApps) }

func (d *Double) nextIs(h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.once = append(d.once, h)
}
