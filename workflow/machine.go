package workflow

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/looplab/fsm"

	"latchkey/storage"
)

// event is what happens to a request or a credential.
type event string

// Events of a request.
const (
	eventApprove event = "approve"
	eventDeny    event = "deny"
	eventLapse   event = "lapse"
	eventCancel  event = "cancel"
	eventFulfill event = "fulfill"
	eventFail    event = "fail"
	eventRetry   event = "retry"
)

// Events of a credential.
const (
	eventActivate     event = "activate"
	eventIssueFail    event = "fail_issue"
	eventRevoke       event = "revoke"
	eventConfirm      event = "confirm_revoke"
	eventRevokeFail   event = "fail_revoke"
	eventRevokeAgain  event = "revoke_again"
	eventSuspend      event = "suspend"
	eventResume       event = "resume"
	eventExpireActive event = "expire"
)

// A machine is one table of states and events. looplab/fsm holds the table
// and draws it; nothing is ever called back, and an FSM is never shared,
// because it is neither safe for that nor reusable after a failure.
type machine struct {
	name    string
	initial string
	events  fsm.Events
}

var requestMachine = machine{
	name:    "request",
	initial: string(storage.RequestPending),
	events: fsm.Events{
		on(eventApprove, storage.RequestApproved, storage.RequestPending),
		on(eventDeny, storage.RequestDenied, storage.RequestPending),
		on(eventLapse, storage.RequestLapsed, storage.RequestPending),
		on(eventCancel, storage.RequestCanceled, storage.RequestPending, storage.RequestApproved, storage.RequestFailed),
		on(eventFulfill, storage.RequestFulfilled, storage.RequestApproved),
		on(eventFail, storage.RequestFailed, storage.RequestApproved),
		on(eventRetry, storage.RequestApproved, storage.RequestFailed),
	},
}

var credentialMachine = machine{
	name:    "credential",
	initial: string(storage.CredentialIssuing),
	events: fsm.Events{
		on(eventActivate, storage.CredentialActive, storage.CredentialIssuing),
		on(eventIssueFail, storage.CredentialIssueFailed, storage.CredentialIssuing),
		on(eventRevoke, storage.CredentialRevoking, storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended),
		on(eventConfirm, storage.CredentialRevoked, storage.CredentialRevoking),
		on(eventRevokeFail, storage.CredentialRevokeFailed, storage.CredentialRevoking),
		on(eventRevokeAgain, storage.CredentialRevoking, storage.CredentialRevokeFailed),
		on(eventSuspend, storage.CredentialSuspended, storage.CredentialActive),
		on(eventResume, storage.CredentialActive, storage.CredentialSuspended),
		on(eventExpireActive, storage.CredentialExpired, storage.CredentialActive, storage.CredentialSuspended),
	},
}

func on[S ~string](e event, to S, from ...S) fsm.EventDesc {
	src := make([]string, len(from))
	for i, s := range from {
		src[i] = string(s)
	}
	return fsm.EventDesc{Name: string(e), Src: src, Dst: string(to)}
}

// errNoMove is returned for an event that a state does not know.
var errNoMove = errors.New("that can't happen in this state")

// next says where an event leads. A context plays no part: the table is pure.
func (m machine) next(from string, e event) (string, error) {
	f := fsm.NewFSM(from, m.events, nil)
	if err := f.Event(context.Background(), string(e)); err != nil {
		return "", fmt.Errorf("%s %s in state %s: %w", m.name, e, from, errNoMove)
	}
	return f.Current(), nil
}

// allows reports whether next would succeed.
func (m machine) allows(from string, e event) bool {
	_, err := m.next(from, e)
	return err == nil
}

// states lists every state, sorted.
func (m machine) states() []string {
	seen := map[string]bool{m.initial: true}
	for _, e := range m.events {
		seen[e.Dst] = true
		for _, s := range e.Src {
			seen[s] = true
		}
	}
	out := make([]string, 0, len(seen))
	for s := range seen {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

// diagram draws the machine for Mermaid.
func (m machine) diagram() (string, error) {
	return fsm.VisualizeForMermaidWithGraphType(fsm.NewFSM(m.initial, m.events, nil), fsm.StateDiagram)
}

// Diagrams returns the Mermaid source of both machines by name, for the
// README and whoever wants to look.
func Diagrams() (map[string]string, error) {
	out := map[string]string{}
	for _, m := range []machine{requestMachine, credentialMachine} {
		d, err := m.diagram()
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", m.name, err)
		}
		out[m.name] = d
	}
	return out, nil
}

// moveRequest asks the table, then moves the row.
func moveRequest(ctx context.Context, tx storage.Tx, r *storage.Request, e event, by storage.Actor, reason string) error {
	to, err := requestMachine.next(string(r.State), e)
	if err == nil && e == eventApprove {
		err = notQuarantined(ctx, tx)
	}
	if err != nil {
		return err
	}
	if err := tx.MoveRequest(ctx, r, storage.RequestState(to), by, reason); err != nil {
		return err
	}
	return tellVendor(ctx, tx, *r)
}

// moveCredential asks the table, then moves the row.
func moveCredential(ctx context.Context, tx storage.Tx, c *storage.Credential, e event, by storage.Actor, reason string) error {
	to, err := credentialMachine.next(string(c.State), e)
	if err == nil && (e == eventActivate || e == eventResume) {
		err = notQuarantined(ctx, tx)
	}
	if err != nil {
		return err
	}
	return tx.MoveCredential(ctx, c, storage.CredentialState(to), by, reason)
}
