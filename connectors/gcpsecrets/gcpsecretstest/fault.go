package gcpsecretstest

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
)

// Fault is an answer given instead of the right one: a refusal, a limit, a
// lie, or none at all.
type Fault struct {
	Method string // empty for any
	Suffix string // what the path ends with; empty for any but the token endpoint
	Skip   int    // calls that match and go through first
	Times  int    // calls it answers; zero means 1, negative all
	After  bool   // the call does its work first
	Status int    // of the answer; zero cuts the connection
	Code   string // in the answer; empty sends Body instead
	Echo   bool   // the request's body is in the message
	Body   string
	Header http.Header
	Before func() // what happens first, of which the caller knows nothing; no answer is given
}

// Inject adds a fault. Of several that match, the oldest answers.
func (d *Double) Inject(f Fault) {
	f.Times = cmp.Or(f.Times, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// fault is the one that answers a call, or nil. It uses up what it returns.
func (d *Double) fault(r *http.Request) *Fault {
	used := d.next(r)
	if used != nil && used.Before != nil {
		used.Before()
		return nil
	}
	return used
}

func (d *Double) next(r *http.Request) *Fault {
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

func (f *Fault) matches(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Suffix == "" {
		return r.URL.Path != tokenPath
	}
	return strings.HasSuffix(r.URL.Path, f.Suffix)
}

func (f *Fault) write(w http.ResponseWriter, request []byte) {
	if f.Status == 0 {
		hangUp(w)
		return
	}
	maps.Copy(w.Header(), f.Header)
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.Status)
	if f.Code == "" {
		_, _ = io.WriteString(w, f.Body) //nolint:gosec // an echo is what the fault is about
		return
	}
	message := "injected"
	if f.Echo {
		message += " " + string(request)
	}
	_ = json.NewEncoder(w).Encode(object{"error": object{"code": f.Status, "message": message, "status": f.Code}})
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway) // a connection that can't be taken over: no answer of use either
		return
	}
	_ = conn.Close()
}
