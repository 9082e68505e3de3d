package atlassiantest

import (
	"net/http"
	"strconv"
	"time"
)

// LinkStyle is the form of links.next, which the vendor's pages leave open.
type LinkStyle string

// The link styles. The last two break a walk that trusts them.
const (
	BareCursor  LinkStyle = ""        // the cursor alone
	FullURL     LinkStyle = "url"     // a URL on the host that was called
	RelativeURL LinkStyle = "path"    // a path with a query
	ForeignURL  LinkStyle = "foreign" // a URL on another host
	NoCursor    LinkStyle = "none"    // a URL without a cursor
	Stuck       LinkStyle = "stuck"   // the second page, for ever
)

// ErrorBody is the form of an error's body, which the vendor documents hardly
// anywhere.
type ErrorBody string

// The error bodies.
const (
	JSONBody  ErrorBody = ""
	EmptyBody ErrorBody = "empty"
	HTMLBody  ErrorBody = "html"
)

// Knobs break a double. The zero value is a healthy one.
type Knobs struct {
	Links       LinkStyle
	Errors      ErrorBody
	Down        bool   // every call is answered 503
	FailPage    int    // this page of a list, from 1, is answered FailStatus
	FailStatus  int    // zero means 500
	FailList    string // only of lists whose path ends so; empty means any
	Lie         bool   // revokes and deactivations answer success and do nothing
	Hide        bool   // revokes answer 404 and do nothing
	KeepRevoked bool   // revoked organisation keys stay on their list, with a date (unverified)
	EmptyData   bool   // lists answer {"data":null}
	EmptyLists  bool   // lists answer as if there were nothing on them; counts are as before
	NoLinks     bool   // lists answer without links
	Plain204    bool   // deactivating a deactivated account is answered 204 instead of 409 (either is unverified)
}

// LimitedFor is what a page failing with 429 asks for.
const LimitedFor = 42 * time.Second

// Set replaces the knobs.
func (d *Double) Set(k Knobs) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knobs = k
}

func (d *Double) knob() Knobs {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.knobs
}

func (d *Double) down() bool { return d.knob().Down }

// LimitNext answers the next call 429, to be tried again after a time.
func (d *Double) LimitNext(after time.Duration) {
	d.then(func(w http.ResponseWriter) {
		d.limitHeaders(w, 0, d.cfg.Now().Add(after))
		d.fail(w, http.StatusTooManyRequests, "rate limit exceeded")
	})
}

// RefuseNext answers the next call with a status.
func (d *Double) RefuseNext(status int) {
	d.then(func(w http.ResponseWriter) { d.fail(w, status, "refused") })
}

func (d *Double) then(answer func(http.ResponseWriter)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.once = append(d.once, answer)
}

func (d *Double) nextAnswer() func(http.ResponseWriter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.once) == 0 {
		return nil
	}
	answer := d.once[0]
	d.once = d.once[1:]
	return answer
}

// withinLimit counts the call and writes the limit's headers.
func (d *Double) withinLimit(w http.ResponseWriter) bool {
	limit := d.cfg.PerMinute
	if limit == 0 {
		return true
	}
	d.mu.Lock()
	now := d.cfg.Now()
	if now.Sub(d.minute) >= time.Minute {
		d.minute, d.used = now, 0
	}
	d.used++
	left, reset := limit-d.used, d.minute.Add(time.Minute)
	d.mu.Unlock()
	d.limitHeaders(w, max(left, 0), reset)
	return left >= 0
}

// limitHeaders says when the limit is over as a time in ISO 8601, which is not
// the seconds since 1970 that most others send.
func (d *Double) limitHeaders(w http.ResponseWriter, left int, reset time.Time) {
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(d.cfg.PerMinute))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(left))
	w.Header().Set("X-RateLimit-Reset", reset.UTC().Format("2006-01-02T15:04:05.000Z"))
}
