package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"pgregory.net/rapid"

	"latchkey/connectors"
	"latchkey/storage"
)

// fromHR is what a source that is called hr says of somebody.
func (h *house) fromHR(who, key string) Leave {
	return Leave{Person: h.person(who), Source: "hr", SourceKey: key, By: storage.System("events of hr"), Reason: "hr says the person left"}
}

// gone has hr say that somebody left, for the first time.
func (h *house) gone(t rapid.TB, who string) storage.Offboarding {
	t.Helper()
	o, err := h.Offboard(context.Background(), h.fromHR(who, fresh()))
	if err != nil {
		t.Fatalf("%s leaves: %v", who, err)
	}
	return o
}

// see reads a case.
func (h *house) see(t rapid.TB, id storage.OffboardingID) OffboardingView {
	t.Helper()
	v, err := h.LookAtOffboarding(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// cases are all of a person, the newest first.
func (h *house) cases(t rapid.TB, who string) []storage.Offboarding {
	t.Helper()
	out, err := h.DB.Offboardings(context.Background(), h.person(who), false, 100)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// finish does all work there is, walks what is due, and again, until nothing
// is left to do.
func (h *house) finish(t rapid.TB) {
	t.Helper()
	for range 50 {
		h.settle(t)
		if h.walked(t) == 0 {
			return
		}
	}
	t.Fatal("walks are asked for again and again")
}

// struggle does work that may fail and walk what is due, a few times over, as
// long as a vendor is broken.
func (h *house) struggle(t rapid.TB) {
	t.Helper()
	for range 3 {
		h.exec(t, `UPDATE credential SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL`)
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state IN ('issuing', 'revoking', 'revoke_failed')`)
		if err := h.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		_ = h.work(t) // what went wrong shows in the state
		h.due(t)
		h.walked(t)
	}
}

// walked walks what is due, and counts the walks.
func (h *house) walked(t rapid.TB) int {
	t.Helper()
	n := 0
	for range 100 {
		c, err := h.DB.ClaimSync(context.Background(), h.SyncHold)
		if errors.Is(err, storage.ErrNotFound) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		h.Service.sync(context.Background(), c)
		n++
	}
	t.Fatal("walks ask for walks")
	return n
}

// isClosed fails unless a case is closed, everything in it has a receipt, and
// its story is one of distinct moves.
func (h *house) isClosed(t rapid.TB, id storage.OffboardingID) OffboardingView {
	t.Helper()
	v := h.see(t, id)
	if v.Case.State != storage.OffboardingClosed || v.Left != 0 {
		t.Fatalf("the case is %s with %d left: %+v, %+v", v.Case.State, v.Left, v.Systems, states(v))
	}
	for _, it := range v.Items {
		if len(it.Receipts) == 0 && it.WaivedAt.Year() <= 1 && it.HandedTo == 0 && it.Key.Credential.State != storage.CredentialExpired {
			t.Errorf("%s is %s and has no receipt", it.CredentialID, it.Key.Credential.State)
		}
	}
	h.checkCase(t, v)
	return v
}

// checkCase is I5 for a case: one audit row for each change, each from where
// the one before led.
func (h *house) checkCase(t rapid.TB, v OffboardingView) {
	t.Helper()
	at := ""
	for _, e := range v.Events {
		if e.Action != "offboarding."+e.After {
			continue
		}
		if e.Before != at || e.After == at {
			t.Errorf("I5: the case moved %q>%q, but it was %q", e.Before, e.After, at)
		}
		at = e.After
	}
	if at != string(v.Case.State) {
		t.Errorf("I5: the case is %s, its story ends with %q", v.Case.State, at)
	}
	for _, it := range v.Items {
		h.checkStory(t, storage.SubjectCredential, int64(it.CredentialID), string(it.Key.Credential.State), credentialMachine)
	}
}

func states(v OffboardingView) []string {
	var out []string
	for _, it := range v.Items {
		out = append(out, fmt.Sprintf("%s %s %s done %t", it.CredentialID, it.Sort, it.Key.Credential.State, it.Done))
	}
	return out
}

// auditOf counts the audit rows about a subject, by action.
func (h *house) auditOf(t rapid.TB, subject string, id int64) map[string]int {
	t.Helper()
	all, err := h.DB.Events(context.Background(), subject, id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range all {
		out[e.Action]++
	}
	return out
}

// honoured tells whether the gateway, which reads the same rows, lets a key
// pass.
func (h *house) honoured(t rapid.TB, id storage.CredentialID) bool {
	t.Helper()
	keys, err := h.DB.GatewayKeysByID(context.Background(), []storage.CredentialID{id})
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys[0].Alive
}

// hrSource is a system that tells of people: a body is a list of events.
type hrSource struct{}

// Check implements connectors.Connector.
func (hrSource) Check(context.Context) error { return nil }

// Events implements connectors.EventSource.
func (hrSource) Events(_ *http.Request, body []byte) (out []connectors.PersonEvent, err error) {
	return out, json.Unmarshal(body, &out)
}

// openHR opens a house with two sources of events, hr and idp.
func openHR(t testing.TB, change func(*Document)) *house {
	t.Helper()
	d := houseDocument()
	for _, name := range []string{"hr", "idp"} {
		d.Connections[name] = ConnectionRules{Kind: "webhook"}
	}
	if change != nil {
		change(&d)
	}
	return openWith(t, d, withHR)
}

func withHR(deps *Deps) { deps.Connectors["hr"], deps.Connectors["idp"] = hrSource{}, hrSource{} }

// tells delivers events of a source.
func (h *house) tells(t rapid.TB, source string, events ...connectors.PersonEvent) int {
	t.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	n, err := h.TakeEvents(context.Background(), source, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// said is an event about somebody, that many minutes after some beginning.
func said(id, who string, active bool, minute int) connectors.PersonEvent {
	return connectors.PersonEvent{ID: id, Account: connectors.AccountRef{ID: "hr-" + who, Email: who + "@example.com", Name: who}, Active: active,
		At: time.Date(2026, 11, 2, 9, minute, 0, 0, time.UTC)}
}

// isActive tells whether somebody works here.
func (h *house) isActive(t rapid.TB, who string) bool {
	t.Helper()
	people, err := h.DB.People(context.Background(), h.person(who))
	if err != nil {
		t.Fatal(err)
	}
	return people[h.person(who)].Active
}

// runs runs a service's jobs, sweep and walks until the test ends.
func runs(t testing.TB, s *Service, n Notifier) {
	t.Helper()
	w, err := s.NewWorkers(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { s.RunSweep(ctx); done <- struct{}{} }()
	go func() { s.RunSync(ctx); done <- struct{}{} }()
	t.Cleanup(func() {
		stop()
		<-done
		<-done
		bye, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Stop(bye); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
	})
}

// waiting counts the jobs of a kind that wait.
func (h *house) waiting(t rapid.TB, args river.JobArgs) int {
	t.Helper()
	var n int
	err := h.DB.Pool().QueryRow(context.Background(), `SELECT count(*) FROM river_job WHERE kind = $1 AND state = 'available'`, args.Kind()).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
