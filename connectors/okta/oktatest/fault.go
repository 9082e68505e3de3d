package oktatest

import (
	"cmp"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"
)

// Fault is an answer given instead of the right one, without anything being
// done: a refusal, a limit, or a lie.
type Fault struct {
	Method string        // empty for any
	Path   string        // pattern of path.Match, such as /api/v1/users/*/grants; empty for any
	Skip   int           // calls that match and go through first
	Times  int           // calls it answers; zero means 1, negative all
	Status int           // of the answer
	Code   string        // errorCode of the answer; empty sends Body instead
	Body   string        // JSON
	Reset  time.Duration // until X-Rate-Limit-Reset; zero sends no such header
}

// Inject adds a fault. Of several that match, the oldest answers.
func (d *Double) Inject(f Fault) {
	f.Times = cmp.Or(f.Times, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// Links is what the double writes into its links to next pages.
type Links struct {
	Base  string // instead of the double's own scheme and host; empty for those
	Stuck bool   // every next page is the same one
}

// SetLinks changes the links of all pages from now on.
func (d *Double) SetLinks(l Links) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.links = l
}

// EmptyListings has every listing answer no rows from now on. What is asked for
// by itself is answered as before.
func (d *Double) EmptyListings() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = true
}

// fault is the one that answers a call, or nil. It uses up what it returns.
func (d *Double) fault(r *http.Request) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		matches, _ := path.Match(f.Path, r.URL.Path)
		switch {
		case f.Times == 0, f.Method != "" && f.Method != r.Method, f.Path != "" && !matches:
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		case f.Times > 0:
			f.Times--
		}
		used := *f
		return &used
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter, now time.Time) {
	if f.Reset > 0 {
		w.Header().Set("X-Rate-Limit-Limit", "600")
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(now.Add(f.Reset).Unix(), 10))
	}
	if f.Code != "" {
		fail(w, f.Status, f.Code, "injected", "")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}
