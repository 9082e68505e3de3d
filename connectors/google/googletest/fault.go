package googletest

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"path"
)

// Fault is an answer given instead of the right one, without anything being
// done: a refusal, a limit, or a lie.
type Fault struct {
	Method string // empty for any
	Path   string // pattern of path.Match, such as /admin/directory/v1/users/*/asps; empty for any but the token endpoint
	Skip   int    // calls that match and go through first
	Times  int    // calls it answers; zero means 1, negative all
	Status int    // of the answer
	Reason string // of the answer's error object; empty sends Body instead
	Body   string // JSON
	Header http.Header
}

// Inject adds a fault. Of several that match, the oldest answers.
func (d *Double) Inject(f Fault) {
	f.Times = cmp.Or(f.Times, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// StickPages makes every page of people link to the same next one.
func (d *Double) StickPages() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck = true
}

// EmptyListings has every listing answer nothing from now on. What is asked for
// by itself is answered as before.
func (d *Double) EmptyListings() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = true
}

func (f *Fault) matches(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Path == "" {
		return r.URL.Path != tokenPath
	}
	ok, _ := path.Match(f.Path, r.URL.Path)
	return ok
}

// fault is the one that answers a call, or nil. It uses up what it returns.
func (d *Double) fault(r *http.Request) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		switch {
		case f.Times == 0 || !f.matches(r):
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

func (f *Fault) answer(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.Header)
	if f.Reason != "" {
		fail(w, f.Status, f.Reason, "injected")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}
