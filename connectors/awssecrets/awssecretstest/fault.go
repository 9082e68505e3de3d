package awssecretstest

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
)

// Fault is an answer given instead of the right one: a refusal, a limit, a
// lie, or none at all.
type Fault struct {
	Operation string // empty for any
	Skip      int    // calls that match and go through first
	Times     int    // calls it answers; zero means 1, negative all
	After     bool   // the call does its work first
	Status    int    // of the answer; zero cuts the connection
	Code      string // in the answer; empty sends Body instead
	Echo      bool   // the request's body is in the message
	Body      string
	Header    http.Header
	Before    func() // what happens first, of which the caller knows nothing; no answer is given
}

// Inject adds a fault. Of several that match, the oldest answers.
func (d *Double) Inject(f Fault) {
	f.Times = cmp.Or(f.Times, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// fault is the one that answers a call, or nil. It uses up what it returns.
func (d *Double) fault(operation string) *Fault {
	used := d.next(operation)
	if used != nil && used.Before != nil {
		used.Before()
		return nil
	}
	return used
}

func (d *Double) next(operation string) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		switch {
		case f.Times == 0 || f.Operation != "" && f.Operation != operation:
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

func (f *Fault) write(w http.ResponseWriter, request []byte) {
	if f.Status == 0 {
		hangUp(w)
		return
	}
	maps.Copy(w.Header(), f.Header)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(f.Status)
	if f.Code == "" {
		_, _ = io.WriteString(w, f.Body) //nolint:gosec // an echo is what the fault is about
		return
	}
	message := "injected"
	if f.Echo {
		message += " " + string(request)
	}
	_ = json.NewEncoder(w).Encode(object{"__type": f.Code, "Message": message})
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
