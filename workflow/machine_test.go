package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// The states as storage names them.
var (
	requestStates = []string{
		string(storage.RequestPending), string(storage.RequestApproved), string(storage.RequestFulfilled), string(storage.RequestDenied),
		string(storage.RequestLapsed), string(storage.RequestCanceled), string(storage.RequestFailed),
	}
	credentialStates = []string{
		string(storage.CredentialIssuing), string(storage.CredentialActive), string(storage.CredentialSuspended), string(storage.CredentialExpired),
		string(storage.CredentialRevoking), string(storage.CredentialRevokeFailed), string(storage.CredentialRevoked), string(storage.CredentialIssueFailed),
	}
)

// matrix writes every state against every event: where it leads, or a dot.
func matrix(m machine) string {
	var b strings.Builder
	states := m.states()
	fmt.Fprintf(&b, "%-15s", m.name)
	for _, s := range states {
		fmt.Fprintf(&b, " %-13s", s)
	}
	for _, e := range m.events {
		fmt.Fprintf(&b, "\n%-15s", e.Name)
		for _, s := range states {
			to, err := m.next(s, event(e.Name))
			if err != nil {
				to = "."
			}
			fmt.Fprintf(&b, " %-13s", to)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestMachines(t *testing.T) {
	t.Parallel()
	diagrams, err := Diagrams()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		machine   machine
		states    []string
		absorbing []string
	}{
		{requestMachine, requestStates, []string{"canceled", "denied", "fulfilled", "lapsed"}},
		{credentialMachine, credentialStates, []string{"expired", "issue_failed", "revoked"}},
	} {
		m := tt.machine
		golden(t, m.name+".matrix.txt", matrix(m))
		golden(t, m.name+".mmd", diagrams[m.name])
		slices.Sort(tt.states)
		if diff := cmp.Diff(tt.states, m.states()); diff != "" {
			t.Errorf("%s: states of storage and of the table (-storage +table):\n%s", m.name, diff)
		}
		reached, exits := map[string]bool{m.initial: true}, map[string]bool{}
		for range m.states() {
			for _, e := range m.events {
				for _, from := range e.Src {
					exits[from] = true
					if reached[from] {
						reached[e.Dst] = true
					}
				}
			}
		}
		var ends []string
		for _, s := range m.states() {
			if !reached[s] {
				t.Errorf("%s: nothing leads to %s", m.name, s)
			}
			if !exits[s] {
				ends = append(ends, s)
			}
		}
		if diff := cmp.Diff(tt.absorbing, ends); diff != "" {
			t.Errorf("%s: absorbing states (-want +got):\n%s", m.name, diff)
		}
	}
}

// Whatever happens once, it has one outcome: looplab/fsm would take the last
// of two rows for the same event and state without a word.
func TestMachinesAreUnambiguous(t *testing.T) {
	t.Parallel()
	for _, m := range []machine{requestMachine, credentialMachine} {
		seen := map[string]string{}
		for _, e := range m.events {
			for _, from := range e.Src {
				key := e.Name + " in " + from
				if other, ok := seen[key]; ok {
					t.Errorf("%s: %s leads to %s and %s", m.name, key, other, e.Dst)
				}
				if from == e.Dst {
					t.Errorf("%s: %s leads nowhere, which looplab/fsm calls an error", m.name, key)
				}
				seen[key] = e.Dst
			}
		}
	}
}

func TestNextRefusesWhatTheTableDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from string
		e    event
	}{{"revoked", eventRevoke}, {"expired", eventActivate}, {"issuing", "nonsense"}, {"nonsense", eventRevoke}, {"", ""}} {
		to, err := credentialMachine.next(tt.from, tt.e)
		if !errors.Is(err, errNoMove) || to != "" || credentialMachine.allows(tt.from, tt.e) {
			t.Errorf("%s in %q leads to %q, %v", tt.e, tt.from, to, err)
		}
	}
}
