package fake

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Verb is one thing the vendor can be asked to do, and to do badly.
type Verb string

// The verbs.
const (
	VerbCheck   Verb = "check"
	VerbScopes  Verb = "scopes"
	VerbList    Verb = "list"
	VerbIssue   Verb = "issue"
	VerbRotate  Verb = "rotate"
	VerbRevoke  Verb = "revoke"
	VerbVerify  Verb = "verify"
	VerbSuspend Verb = "suspend"
	VerbResume  Verb = "resume"
	VerbAsked   Verb = "asked"  // list the requests people made
	VerbDecide  Verb = "decide" // on one of them
	VerbWhoami  Verb = "whoami" // the holder of a key, not the connector
)

// Fault is one way to do it badly.
type Fault string

// The faults. Those that say so do the work all the same.
const (
	LostAnswer  Fault = "lost_answer"  // does the work, then drops the connection
	LateError   Fault = "late_error"   // does the work, then answers 500
	Duplicate   Fault = "duplicate"    // does the work twice, as a repeating proxy would
	Lying       Fault = "lying"        // answers success without doing the work
	RateLimited Fault = "rate_limited" // answers 429 with RetryAfter
	ServerError Fault = "server_error" // answers 500
	NotFound    Fault = "not_found"    // answers 404, as one without permission might see
	Refused     Fault = "refused"      // answers 422
	PartialList Fault = "partial_list" // lists one page, then breaks
	EmptyList   Fault = "empty_list"   // lists nothing, as if there were nothing
	CutList     Fault = "cut_list"     // lists one page, as if there were no more
	Garbage     Fault = "garbage"      // answers 200 with a page of HTML
)

// RetryAfter is what a RateLimited answer asks for: longer than any retry
// inside one call waits.
const RetryAfter = 30 * time.Second

type injected struct {
	fault Fault
	left  int // zero or less: until Heal
}

// Inject makes the next calls of a verb go wrong; times of zero means until
// Heal. A later fault replaces an earlier one.
func (v *Vendor) Inject(verb Verb, f Fault, times int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults[verb] = &injected{fault: f, left: times}
}

// Heal ends every fault.
func (v *Vendor) Heal() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.faults)
}

// Point is where in a call a Gate stands.
type Point string

// The points.
const (
	Before Point = "before" // nothing is done yet
	After  Point = "after"  // the work is done, the answer is not sent
)

type gateAt struct {
	verb  Verb
	point Point
}

// Gate holds calls until it is released, so that a test can act in between
// without sleeping.
type Gate struct {
	arrived  chan struct{}
	released chan struct{}
	open     func()
}

// Arrived receives once for every call that stands at the gate.
func (g *Gate) Arrived() <-chan struct{} { return g.arrived }

// Release lets the held calls and all later ones pass. It may be called again.
func (g *Gate) Release() { g.open() }

// Hold puts a gate into every coming call of a verb.
func (v *Vendor) Hold(verb Verb, at Point) *Gate {
	where := gateAt{verb, at}
	g := &Gate{arrived: make(chan struct{}, 1024), released: make(chan struct{})}
	g.open = sync.OnceFunc(func() {
		v.mu.Lock()
		if v.gates[where] == g {
			delete(v.gates, where)
		}
		v.mu.Unlock()
		close(g.released)
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gates[where] = g
	return g
}

// pass is false when the caller went away at the gate.
func (v *Vendor) pass(ctx context.Context, verb Verb, at Point) bool {
	v.mu.Lock()
	g := v.gates[gateAt{verb, at}]
	v.mu.Unlock()
	if g == nil {
		return true
	}
	select {
	case g.arrived <- struct{}{}:
	case <-g.released:
	}
	select {
	case <-g.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin counts a call and takes its fault.
func (v *Vendor) begin(verb Verb) Fault {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls[verb]++
	in := v.faults[verb]
	if in == nil {
		return ""
	}
	if in.left == 1 {
		delete(v.faults, verb)
	}
	in.left--
	return in.fault
}

// refuse answers in place of the work and is true, if the fault is of that
// kind.
func refuse(w http.ResponseWriter, f Fault) bool {
	switch f {
	case RateLimited:
		w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter/time.Second)))
		problem(http.StatusTooManyRequests, "slow down").write(w)
	case ServerError:
		problem(http.StatusInternalServerError, "something broke").write(w)
	case NotFound:
		problem(http.StatusNotFound, "not found").write(w)
	case Refused:
		problem(http.StatusUnprocessableEntity, "not like this").write(w)
	case Lying:
		w.WriteHeader(http.StatusNoContent)
	case Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Welcome to the hotel's wireless network</body></html>"))
	case LostAnswer, LateError, Duplicate, PartialList, EmptyList, CutList:
		return false
	default:
		return false
	}
	return true
}

// hangUp ends a call without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.Close()
}
