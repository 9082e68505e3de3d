package workflow

import (
	"context"
	"iter"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// appVendor shows a part of the fake vendor's keys as grants to OAuth apps:
// those whose label says so.
type appVendor struct{ *fake.Connector }

const appLabel = "app:"

func (v appVendor) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for c, err := range v.Connector.Credentials(ctx) {
			if err == nil && strings.HasPrefix(c.Label, appLabel) {
				continue
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// Grants implements connectors.GrantLister.
func (v appVendor) Grants(ctx context.Context) iter.Seq2[connectors.Grant, error] {
	return func(yield func(connectors.Grant, error) bool) {
		for c, err := range v.Connector.Credentials(ctx) {
			name, app := strings.CutPrefix(c.Label, appLabel)
			if err == nil && !app {
				continue
			}
			g := connectors.Grant{Ref: connectors.GrantRef{ID: c.Ref.ID, AppID: name, Owner: c.Owner}, App: name, Scopes: c.Scopes, GivenAt: c.CreatedAt, LastUsed: c.LastUsed}
			if !yield(g, err) {
				return
			}
		}
	}
}

// RevokeGrant implements connectors.GrantRevoker.
func (v appVendor) RevokeGrant(ctx context.Context, r connectors.GrantRef) error {
	return v.Revoke(ctx, connectors.Ref{ID: r.ID})
}

// Whatever kind of credential it is and whoever made it: after its revoke the
// vendor refuses it, and the vendor's answer is kept.
func TestARevokeOfEveryKindHasAReceipt(t *testing.T) {
	t.Parallel()
	h := openWith(t, houseDocument(), nil)
	h.Connectors["acme"] = appVendor{witnessed(t, h).(*fake.Connector)}
	ours := h.active(t, "alice")
	stopped := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}, State: fake.StateSuspended})
	keys := map[string]string{
		"a managed key": ours.VendorRef, "a suspended key": stopped.ID,
		"somebody's key":             h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}}).ID,
		"a key of nobody we know":    h.seed(fake.Key{Owner: mailOf("unknown")}).ID,
		"a key of a service":         h.seed(fake.Key{Owner: connectors.AccountRef{ID: "robot", Service: true}, Scopes: []string{"people:admin"}}).ID,
		"a grant to an app":          h.seed(fake.Key{Label: appLabel + "Calendar", Owner: mailOf("bob"), Scopes: []string{"files:read"}}).ID,
		"a key that ended meanwhile": h.seed(fake.Key{Owner: mailOf("bob")}).ID,
	}
	h.sync(t)
	h.vendor.SetState(keys["a key that ended meanwhile"], fake.StateRevoked)
	for what, ref := range keys {
		row := h.found(t, ref)
		if row.ID == 0 || (row.Kind == OAuthGrant) != strings.Contains(what, "grant") {
			t.Fatalf("%s: %+v", what, row.Credential)
		}
		if _, err := h.Revoke(t.Context(), h.people["erin"], row.ID, "leaked"); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_ = h.told(t)
	h.workAll(t)
	told := h.told(t)
	for what, ref := range keys {
		row := h.found(t, ref)
		proofs := h.receipts(t, row.ID)
		if row.State != storage.CredentialRevoked || row.EndedAt.IsZero() || told[subject(row.ID)] == 0 {
			t.Errorf("%s: %s", what, row.State)
		}
		if len(proofs) != 1 || proofs[0].Verb != "revoke" || proofs[0].Liveness != string(connectors.Dead) || !strings.Contains(proofs[0].Answer, "DELETE /v1/keys/"+ref+": ") {
			t.Errorf("%s: receipts %+v", what, proofs)
		}
		v, err := h.Show(t.Context(), h.people["erin"], row.ID)
		if err != nil || len(v.Receipts) != 1 {
			t.Errorf("%s: shown with %d receipts, %v", what, len(v.Receipts), err)
		}
	}
	for _, k := range h.vendor.Keys() {
		if h.vendor.Works(k.Secret) {
			t.Errorf("%s works", k.ID)
		}
	}
	h.check(t)
}

// Where only a person can end a key, the case stays open, with what there is
// to do, until the vendor says that the key is dead.
func TestARevokeByHandStaysOpenUntilItIsProven(t *testing.T) {
	t.Parallel()
	h := withConnector(t, houseDocument(), onlyByHand)
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
	other := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
	h.sync(t)
	id := h.found(t, k.ID).ID
	before, err := h.Show(t.Context(), h.people["erin"], id)
	if err != nil || !before.Can.Revoke || !before.Can.ByHand || before.Task != nil {
		t.Errorf("before: %+v, %v", before.Can, err)
	}
	if _, err := h.Revoke(t.Context(), h.people["erin"], id, "leaked"); err != nil {
		t.Fatal(err)
	}
	again := func() {
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state = 'revoke_failed'`)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.workAll(t)
	}
	open := func(when string) {
		t.Helper()
		v, err := h.Show(t.Context(), h.people["erin"], id)
		if err != nil || v.Credential.State != storage.CredentialRevokeFailed || v.Task == nil || !strings.Contains(v.Task.URL, k.ID) || len(v.Receipts) != 0 || v.Credential.StateReason != "leaked" {
			t.Errorf("%s: %s, task %v, receipts %v, %v", when, v.Credential.State, v.Task, v.Receipts, err)
		}
	}
	h.workAll(t)
	open("at first")
	for range 3 {
		again()
		h.sync(t)
	}
	open("while nobody does it")
	h.vendor.Inject(fake.VerbList, fake.EmptyList, 1)
	h.sync(t)
	again()
	open("after an empty listing")
	h.vendor.Inject(fake.VerbVerify, fake.NotFound, 0)
	again()
	open("while the vendor does not know it")
	h.vendor.Inject(fake.VerbVerify, fake.ServerError, 0)
	again()
	open("while the vendor can't be asked")
	h.vendor.Heal()
	again()
	h.vendor.SetState(k.ID, fake.StateRevoked) // somebody did it
	h.sync(t)                                  // and the listing says so: no waiting for the hour
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	v, err := h.Show(t.Context(), h.people["erin"], id)
	if err != nil || v.Credential.State != storage.CredentialRevoked || v.Task != nil || len(v.Receipts) != 1 || v.Receipts[0].Liveness != string(connectors.Dead) {
		t.Errorf("in the end: %s, %+v, %v", v.Credential.State, v.Receipts, err)
	}
	if row := h.found(t, other.ID); row.State != storage.CredentialActive {
		t.Errorf("the other one: %s", row.State)
	}
}

// A vendor that answers well and keeps the key is never believed, be the key
// managed or not.
func TestALyingVendorIsNeverBelieved(t *testing.T) {
	t.Parallel()
	h := open(t)
	ours := h.active(t, "alice")
	theirs := h.seed(fake.Key{Owner: mailOf("bob")})
	h.sync(t)
	ids := []storage.CredentialID{ours.ID, h.found(t, theirs.ID).ID}
	h.vendor.Inject(fake.VerbRevoke, fake.Lying, 0)
	for _, id := range ids {
		if _, err := h.Revoke(t.Context(), h.people["erin"], id, "leaked"); err != nil {
			t.Fatal(err)
		}
	}
	for range revokeLoud + 2 {
		h.leaseEnds(t)
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE next_action_at IS NOT NULL`)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = h.work(t)
		h.sync(t)
	}
	for _, id := range ids {
		if c := h.credential(t, id); c.State == storage.CredentialRevoked || len(h.receipts(t, id)) != 0 {
			t.Errorf("%s is %s, receipts %v", id, c.State, h.receipts(t, id))
		}
	}
	h.vendor.Heal()
	h.settle(t)
	for _, id := range ids {
		if c := h.credential(t, id); c.State != storage.CredentialRevoked {
			t.Errorf("healed: %s", c.State)
		}
	}
	h.check(t)
}
