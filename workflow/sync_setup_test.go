package workflow

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
)

// Capabilities of the fake vendor left out: what a poorer system can do.
type (
	noVerify struct { // revokes, and can't be asked about one key
		connectors.Connector
		connectors.Lister
		connectors.Revoker
	}
	byHand struct { // nobody can end a key over its API
		connectors.Connector
		connectors.Lister
		connectors.Verifier
	}
)

// GuideRevoke implements connectors.RevokeGuide.
func (byHand) GuideRevoke(r connectors.Ref) connectors.Task {
	return connectors.Task{URL: "https://vendor.example/keys/" + r.ID, Steps: []string{"Delete the key."}}
}

// withConnector opens a house whose acme is reached otherwise.
func withConnector(t testing.TB, d Document, wrap func(*fake.Connector) connectors.Connector) *house {
	t.Helper()
	return openWith(t, d, func(deps *Deps) {
		deps.Connectors["acme"] = wrap(deps.Connectors["acme"].(*fake.Connector))
	})
}

// witnessed reaches acme as production does, so that receipts have the
// vendor's answers.
func witnessed(t testing.TB, h *house) connectors.Connector {
	t.Helper()
	s := h.vendor.Settings("acme", h.url)
	c, err := fake.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withoutVerify(c *fake.Connector) connectors.Connector { return noVerify{c, c, c} }

func onlyByHand(c *fake.Connector) connectors.Connector { return byHand{c, c, c} }

// guidedHouse is a house whose acme lets only people make keys.
func guidedHouse(t testing.TB, d Document) *house {
	t.Helper()
	h := &house{}
	*h = *openWith(t, d, nil)
	c, err := fake.OpenGuided(h.vendor.Settings("acme", h.url), http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	h.Connectors["acme"] = c
	return h
}

// sync makes every system due and walks them all.
func (h *house) sync(t rapid.TB) {
	t.Helper()
	h.due(t)
	if err := h.SyncDue(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) due(t rapid.TB) {
	t.Helper()
	h.exec(t, `UPDATE connection SET sync_due_at = latchkey_now(), sync_lease_until = NULL WHERE sync_due_at IS NOT NULL`)
}

// connection is how the latest walk of a system went.
func (h *house) connection(t rapid.TB, name string) storage.Connection {
	t.Helper()
	all, err := h.DB.Connections(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// found is what is known of a vendor's key; zero if nothing is.
func (h *house) found(t rapid.TB, ref string) storage.InventoryRow {
	t.Helper()
	for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true}) {
		if row.VendorRef == ref {
			return row
		}
	}
	return storage.InventoryRow{}
}

func (h *house) inventory(t rapid.TB, f storage.InventoryFilter) []storage.InventoryRow {
	t.Helper()
	f.Limit = 100_000
	rows, err := h.DB.Inventory(context.Background(), f, h.flagRules())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// seed makes a key at the vendor behind our back.
func (h *house) seed(k fake.Key) fake.Key {
	if k.Label == "" {
		k.Label = "somebody's"
	}
	return h.vendor.Seed(k)
}

func mailOf(name string) connectors.AccountRef {
	return connectors.AccountRef{ID: "acme-" + name, Email: name + "@example.com", Name: name}
}

func used(ago time.Duration) connectors.LastUsed {
	return connectors.LastUsed{At: time.Now().Add(-ago).UTC(), Known: true}
}

// receipts of a credential.
func (h *house) receipts(t rapid.TB, id storage.CredentialID) []storage.Receipt {
	t.Helper()
	all, err := h.DB.Receipts(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// told counts what people are told of, by subject and ID, and forgets it.
func (h *house) told(t rapid.TB) map[string]int {
	t.Helper()
	rows, err := h.DB.Pool().Query(context.Background(), `
		DELETE FROM river_job WHERE kind = 'notify' RETURNING args->>'subject' || ' ' || (args->>'id')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			t.Fatal(err)
		}
		out[what]++
	}
	return out
}

func subject(id storage.CredentialID) string {
	return fmt.Sprintf("%s %d", storage.SubjectCredential, int64(id))
}

// workAll does every job there is but messages, until none is left or all of
// them fail.
func (h *house) workAll(t rapid.TB) {
	t.Helper()
	ctx := context.Background()
	for range 20 {
		n := 0
		for _, j := range h.jobs(t, BatchArgs{}.Kind(), MatchStateArgs{}.Kind(), DecideArgs{}.Kind(), RefreshArgs{}.Kind()) {
			n++
			var err error
			switch j.kind {
			case BatchArgs{}.Kind():
				err = h.RunBatch(ctx, storage.BatchID(j.ID))
			case MatchStateArgs{}.Kind():
				err = h.MatchState(ctx, storage.CredentialID(j.ID))
			case DecideArgs{}.Kind():
				err = h.TellVendor(ctx, storage.RequestID(j.ID))
			case RefreshArgs{}.Kind():
				err = h.RefreshGrant(ctx, storage.CredentialID(j.ID))
			}
			if err != nil {
				t.Logf("%s of %d: %v", j.kind, j.ID, err)
			}
		}
		var left int
		err := h.DB.Pool().QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = ANY($1) AND state = 'available'`,
			[]string{IssueArgs{}.Kind(), RevokeArgs{}.Kind(), StrayArgs{}.Kind()}).Scan(&left)
		if err != nil {
			t.Fatal(err)
		}
		if n+left == 0 {
			return
		}
		_ = h.work(t)
	}
}

// asking is a key request's ask for acme with these scopes.
func asking(scopes ...string) Ask {
	return Ask{Connection: "acme", Kind: APIKey, Scopes: scopes, Lifetime: 5 * day, Reason: "for the yearly report"}
}

func fresh() string { return secret.Token(12).Expose() }
