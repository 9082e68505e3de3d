package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"latchkey/connectors"
)

// Request is what somebody asked for at the vendor itself, and what became of
// it there: "pending", "approved" or "denied".
type Request struct {
	ID     string
	Why    string
	Wants  Key // an approval makes it, with a Match
	State  string
	Reason string // of the decision
}

// The states of a Request.
const (
	RequestPending  = "pending"
	RequestApproved = "approved"
	RequestDenied   = "denied"
)

// Ask makes a request at the vendor, as its people do.
func (v *Vendor) Ask(why string, wants Key) Request {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := fmt.Sprintf("ask-%d", len(v.asked)+1)
	wants.Match = "match-" + id
	r := &Request{ID: id, Why: why, Wants: wants, State: RequestPending}
	v.asked = append(v.asked, r)
	return *r
}

// Asked is every request in the order they were made, the decided included.
func (v *Vendor) Asked() []Request {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []Request
	for _, r := range v.asked {
		out = append(out, *r)
	}
	return out
}

func (v *Vendor) listAsked(call) answer {
	out := wireRequests{Requests: []wireRequest{}}
	for _, r := range v.asked {
		if r.State == RequestPending {
			out.Requests = append(out.Requests, wireRequest{ID: r.ID, Why: r.Why, Wants: r.Wants.wire()})
		}
	}
	return answer{http.StatusOK, out}
}

// decide makes the key of an approved request. The same decision again is no
// error, another one is.
func (v *Vendor) decide(c call) answer {
	var in wireDecision
	if json.Unmarshal(c.body, &in) != nil {
		return problem(http.StatusBadRequest, "the body is not a decision")
	}
	i := slices.IndexFunc(v.asked, func(r *Request) bool { return r.ID == c.id })
	if i < 0 {
		return problem(http.StatusNotFound, "no such request")
	}
	r, to := v.asked[i], RequestDenied
	if in.Approve {
		to = RequestApproved
	}
	switch r.State {
	case to:
		return answer{status: http.StatusNoContent}
	case RequestPending:
	default:
		return problem(http.StatusUnprocessableEntity, "the request is "+r.State)
	}
	r.State, r.Reason = to, in.Reason
	if in.Approve {
		k := r.Wants
		k.LastUsed = connectors.LastUsed{Known: true}
		v.add(k)
	}
	return answer{status: http.StatusNoContent}
}
