package workflow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/looplab/fsm"
	"pgregory.net/rapid"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// check compares the database with itself and with the vendor's ledger: the
// invariants that hold whatever happened. Work must be done (settle) before.
func (h *house) check(t rapid.TB) {
	t.Helper()
	h.checkSince(t, 0, 0)
	h.checkNoSecrets(t)
}

// checkSince is check for what came after a request and a credential.
func (h *house) checkSince(t rapid.TB, afterRequest storage.RequestID, afterCredential storage.CredentialID) {
	t.Helper()
	limit := 10_000
	if afterRequest > 0 {
		limit = 200 // newest first
	}
	requests, err := h.DB.Requests(context.Background(), storage.RequestFilter{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := h.DB.Credentials(context.Background(), storage.CredentialFilter{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	requests = slices.DeleteFunc(requests, func(r storage.Request) bool { return r.ID <= afterRequest })
	credentials = slices.DeleteFunc(credentials, func(c storage.Credential) bool { return c.ID <= afterCredential })
	byRequest := map[storage.RequestID][]storage.Credential{}
	byLabel := map[string]storage.Credential{}
	for _, c := range credentials {
		h.checkStory(t, storage.SubjectCredential, int64(c.ID), string(c.State), credentialMachine)
		byRequest[c.RequestID] = append(byRequest[c.RequestID], c)
		byLabel[h.label(c.ID)] = c
	}
	for _, r := range requests {
		h.checkStory(t, storage.SubjectRequest, int64(r.ID), string(r.State), requestMachine)
		h.checkGrant(t, r)
		h.checkApproval(t, r, byRequest[r.ID])
		h.checkKeys(t, r, byRequest[r.ID])
	}
	h.checkLedger(t, byLabel, afterCredential)
}

// checkStory is I5: the audit rows are one unbroken chain of moves that the
// table allows, from the beginning to where the row is.
func (h *house) checkStory(t rapid.TB, subject string, id int64, state string, m machine) {
	t.Helper()
	events, err := h.DB.Events(context.Background(), subject, id)
	if err != nil {
		t.Fatal(err)
	}
	at, from := "", m.initial
	if subject == storage.SubjectCredential && !slices.ContainsFunc(events, func(e storage.Event) bool { return e.After == m.initial }) {
		at, from = foundAs(events, state), "" // at its system: it begins there
	}
	for _, e := range events {
		if e.Action != subject+"."+e.After {
			continue // a vote, a reveal: no move
		}
		legal := at == "" && e.After == from || slices.ContainsFunc(m.events, func(d fsm.EventDesc) bool { return d.Dst == e.After && slices.Contains(d.Src, at) })
		if e.Before != at || !legal || e.Actor == "" {
			t.Errorf("I5: %s %d moved %s>%s by %q, but it was %q", subject, id, e.Before, e.After, e.Actor, at)
		}
		at = e.After
	}
	if at != state {
		t.Errorf("I5: %s %d is %s, its story ends with %q", subject, id, state, at)
	}
}

// foundAs is how a credential was found at its system: active or suspended.
func foundAs(events []storage.Event, state string) string {
	for _, e := range events {
		if e.Action == storage.SubjectCredential+"."+e.After {
			state = e.Before
			break
		}
	}
	if state == string(storage.CredentialActive) || state == string(storage.CredentialSuspended) {
		return state
	}
	return ""
}

// checkGrant: granted is within asked is within the ceiling of the policy it
// was filed under.
func (h *house) checkGrant(t rapid.TB, r storage.Request) {
	t.Helper()
	rules, err := h.rulesOf(context.Background(), r.PolicyHash)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rules.Policies, func(p Policy) bool { return p.Name == r.PolicyName })
	if i < 0 || r.Lifetime() > time.Duration(rules.Policies[i].MaxLifetime) {
		t.Errorf("%s asks for %s under %s", r.ID, r.Lifetime(), r.PolicyName)
	}
	for _, s := range r.GrantedScopes {
		if !slices.Contains(r.Scopes, s) {
			t.Errorf("%s grants %s, which was not asked for", r.ID, s)
		}
	}
	if r.Granted() > r.Lifetime() || r.Granted() <= 0 || len(r.GrantedScopes) == 0 {
		t.Errorf("%s grants %s of %s", r.ID, r.Granted(), r.Lifetime())
	}
}

// checkApproval is I2: whatever got past approval has its quorums, of distinct
// eligible persons, none of them the requester or who filed it, and no deny.
func (h *house) checkApproval(t rapid.TB, r storage.Request, keys []storage.Credential) {
	t.Helper()
	_, steps, reviews, err := h.DB.Request(context.Background(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	voters := map[storage.PersonID]bool{}
	for _, v := range reviews {
		if voters[v.ReviewerID] || v.ReviewerID == r.RequesterID || v.ReviewerID == r.FiledBy || !slices.Contains(steps[v.Position].Eligible, v.ReviewerID) {
			t.Errorf("I2: a vote on %s by %d, who may not: %+v", r.ID, v.ReviewerID, steps)
		}
		voters[v.ReviewerID] = true
	}
	events, err := h.DB.Events(context.Background(), storage.SubjectRequest, int64(r.ID))
	if err != nil {
		t.Fatal(err)
	}
	approved := slices.ContainsFunc(events, func(e storage.Event) bool { return e.After == string(storage.RequestApproved) })
	if !approved {
		if len(keys) > 0 {
			t.Errorf("I2: %s has a key and was never approved", r.ID)
		}
		return
	}
	if n := currentStep(steps, reviews); n != len(steps) {
		t.Errorf("I2: %s was approved at step %d of %d", r.ID, n, len(steps))
	}
	if slices.ContainsFunc(reviews, func(v storage.Review) bool { return v.Decision == storage.Deny }) {
		t.Errorf("I2: %s was approved and denied", r.ID)
	}
}

func (h *house) credentialsOf(t rapid.TB, id storage.RequestID) []storage.Credential {
	t.Helper()
	all, err := h.DB.Credentials(context.Background(), storage.CredentialFilter{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c storage.Credential) bool { return c.RequestID != id })
}

// checkKeys is I3 and what a key's row must say in its state.
func (h *house) checkKeys(t rapid.TB, r storage.Request, keys []storage.Credential) {
	t.Helper()
	alive := 0
	for _, c := range keys {
		if c.Live() {
			alive++
		}
		if c.OwnerID != r.RequesterID || c.LifetimeS != r.GrantedS || !slices.Equal(c.Scopes, r.GrantedScopes) || c.Connection != r.Connection {
			t.Errorf("%s is not what %s grants: %+v, %+v", c.ID, r.ID, c, r)
		}
		if c.State == storage.CredentialActive && (c.VendorRef == "" || c.ExpiresAt.Sub(c.ActivatedAt) > r.Granted() || r.State != storage.RequestFulfilled) {
			t.Errorf("%s is active: %+v, its request %s", c.ID, c, r.State)
		}
	}
	if alive > 1 {
		t.Errorf("I3: %s has %d live keys", r.ID, alive)
	}
	waits := alive == 1 && keys[0].State == storage.CredentialIssuing
	if (r.State == storage.RequestApproved) != waits {
		t.Errorf("%s is %s, its keys %+v", r.ID, r.State, keys)
	}
}

// checkLedger is I1 and I6: the vendor has no live key that no row stands for,
// and at most one for each.
func (h *house) checkLedger(t rapid.TB, byLabel map[string]storage.Credential, after storage.CredentialID) {
	t.Helper()
	live := map[string]fake.Key{}
	byRef := map[string]storage.Credential{}
	for _, c := range byLabel {
		byRef[c.VendorRef] = c
	}
	for _, k := range h.vendor.Live() {
		if id, ok := h.labelled(k); ok && id <= after {
			continue
		}
		c, ok := byLabel[k.Label]
		if !ok {
			c, ok = byRef[k.ID] // found there
		}
		if !ok || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
			t.Errorf("I1: the vendor has %s for %s, which is %q", k.ID, k.Label, c.State)
		}
		ref := h.label(c.ID)
		if _, twice := live[ref]; twice {
			t.Errorf("I3: the vendor has two live keys for %s", k.Label)
		}
		live[ref] = k
		if c.VendorRef != k.ID || len(without(k.Scopes, c.Scopes)) > 0 {
			t.Errorf("I1: the vendor has %s with %v for %s, its row says %s with %v", k.ID, k.Scopes, c.ID, c.VendorRef, c.Scopes)
		}
	}
	for _, c := range byLabel {
		if _, ok := live[h.label(c.ID)]; !ok && !c.Brokered && c.State == storage.CredentialActive {
			t.Errorf("%s is active, but the vendor has no such key", c.ID)
		}
	}
}

// labelled says which credential a vendor's key was made for.
func (h *house) labelled(k fake.Key) (storage.CredentialID, bool) {
	text, ours := strings.CutPrefix(k.Label, strings.TrimSuffix(h.label(0), storage.CredentialID(0).String()))
	_, id, err := storage.ParseID(text)
	return id, ours && err == nil
}

// checkNoSecrets is I4's second half: no key is anywhere in clear.
func (h *house) checkNoSecrets(t rapid.TB) {
	t.Helper()
	var secrets []string
	for _, k := range h.vendor.Keys() {
		secrets = append(secrets, k.Secret.Expose())
	}
	for _, table := range []string{"request", "review", "credential", "ticket", "audit_event", "river_job", "message"} {
		var found int
		err := h.DB.Pool().QueryRow(context.Background(), fmt.Sprintf(`
			SELECT count(*) FROM %s row, unnest($1::text[]) secret WHERE strpos(row::text, secret) > 0 OR strpos(row::text, encode(secret::bytea, 'hex')) > 0`, table), secrets).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		if found > 0 {
			t.Errorf("I4: %d rows of %s hold a key in clear", found, table)
		}
	}
	for _, s := range secrets {
		if strings.Contains(h.logs.String(), s) {
			t.Error("I4: the log holds a key in clear")
		}
	}
}
