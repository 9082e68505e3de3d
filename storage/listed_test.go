package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// listed is a key of which its vendor says everything.
func listed(ref string) Listed {
	made := time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC) // finer than Postgres keeps it
	return Listed{Ref: ref, Kind: "api_key", Class: "user token", Label: "deploy of " + ref, Scopes: []string{"files:read", "files:write"},
		Access: "write", CreatedAt: made, ExpiresAt: made.AddDate(1, 0, 0), LastUsedAt: made.AddDate(0, 1, 0), UseKnown: true, Match: "m-" + ref}
}

func (h *house) sight(t testing.TB, batch ...Listed) (out []Sighting) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		out, err = tx.Sight(ctx, "acme", batch)
		return err
	})
	return out
}

func (h *house) addListed(t testing.TB, batch ...Listed) (ids []CredentialID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		ids, err = tx.AddListed(ctx, "acme", batch)
		return err
	})
	return ids
}

func (h *house) refreshListed(t testing.TB, batch ...Listed) (n int64) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		n, err = tx.RefreshListed(ctx, "acme", batch)
		return err
	})
	return n
}

// vendorAccount stores an account of acme's and returns its key.
func (h *house) vendorAccount(t testing.TB, a VendorAccount) AccountID {
	t.Helper()
	return h.saveVendorAccounts(t, a)[a.ExternalID]
}

func (h *house) stored(t testing.TB, id CredentialID) Credential {
	t.Helper()
	c, err := h.Credential(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// horizon is a transaction's number that nobody has yet.
func (h *house) horizon(t testing.TB) int64 {
	t.Helper()
	return int64(h.count(t, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint`))
}

// writtenSince counts rows of the inventory that a transaction since then
// inserted, updated or only locked: each leaves its number in the row.
func (h *house) writtenSince(t testing.TB, horizon int64) (n int) {
	t.Helper()
	for _, table := range []string{"account", "credential", "connection"} {
		n += h.count(t, `SELECT count(*) FROM `+table+` WHERE greatest(xmin::text::bigint, xmax::text::bigint) >= $1`, horizon)
	}
	return n
}

// writes reports whether a transaction, so far, has written anything at all.
func writes(ctx context.Context, t testing.TB, tx Tx) bool {
	t.Helper()
	var numbered bool
	if err := tx.queryRow(ctx, `SELECT pg_current_xact_id_if_assigned() IS NOT NULL`, nil, &numbered); err != nil {
		t.Fatal(err)
	}
	return numbered
}

func TestFoundCredentialsAreStoredAsListed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	hers := h.vendorAccount(t, VendorAccount{ExternalID: "u1", Email: "alice@example.com", Name: "Alice"})
	h.in(t, func(ctx context.Context, tx Tx) error { _, err := tx.LinkAccounts(ctx, "acme", nil); return err })

	full := listed("full")
	full.AccountID = hers
	parked := Listed{Ref: "parked", Kind: "oauth_grant", Scopes: []string{}, UseKnown: true, Suspended: true}
	bare := Listed{Ref: "bare", Kind: "api_key"}
	ids := h.addListed(t, full, parked, bare)
	if len(ids) != 3 {
		t.Fatalf("added %v", ids)
	}
	got := map[string]Credential{}
	for _, id := range ids {
		c := h.stored(t, id)
		got[c.VendorRef] = c
	}
	want := map[string]Credential{
		"full": {Connection: "acme", Kind: "api_key", OwnerID: alice.PersonID, AccountID: hers, Label: "deploy of full", Class: "user token",
			Scopes: []string{"files:read", "files:write"}, VendorScopes: []string{"files:read", "files:write"}, Access: "write", State: CredentialActive,
			VendorRef: "full", VendorMatch: "m-full", UseKnown: true, VendorCreatedAt: time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC),
			ExpiresAt: time.Date(2027, 3, 1, 9, 30, 0, 123456000, time.UTC), LastUsedAt: time.Date(2026, 4, 1, 9, 30, 0, 123456000, time.UTC)},
		"parked": {Connection: "acme", Kind: "oauth_grant", Scopes: []string{}, VendorScopes: []string{}, State: CredentialSuspended, VendorRef: "parked",
			UseKnown: true},
		"bare": {Connection: "acme", Kind: "api_key", Scopes: []string{}, State: CredentialActive, VendorRef: "bare"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Credential{}, "BaseModel", "ID", "CreatedAt")); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	for _, c := range got {
		if time.Since(c.CreatedAt).Abs() > time.Hour {
			t.Errorf("%s is here since %s", c.VendorRef, c.CreatedAt)
		}
	}
}

// Every column that a vendor may say something else about counts by itself,
// and after a refresh nothing does.
func TestSightSeesEveryChange(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	one := h.vendorAccount(t, VendorAccount{ExternalID: "u1", Name: "One"})
	two := h.vendorAccount(t, VendorAccount{ExternalID: "u2", Name: "Two"})
	changes := map[string]func(*Listed){
		"class":                   func(l *Listed) { l.Class = "org key" },
		"label":                   func(l *Listed) { l.Label = "" },
		"account":                 func(l *Listed) { l.AccountID = two },
		"account not named":       func(l *Listed) { l.AccountID = 0 },
		"a scope more":            func(l *Listed) { l.Scopes = append([]string{"files:admin"}, l.Scopes...) },
		"a scope less":            func(l *Listed) { l.Scopes = l.Scopes[:1] },
		"scopes in another order": func(l *Listed) { l.Scopes = []string{l.Scopes[1], l.Scopes[0]} },
		"no scopes":               func(l *Listed) { l.Scopes = []string{} },
		"scopes not said":         func(l *Listed) { l.Scopes = nil },
		"access":                  func(l *Listed) { l.Access = "admin" },
		"access not said":         func(l *Listed) { l.Access = "" },
		"created":                 func(l *Listed) { l.CreatedAt = l.CreatedAt.Add(time.Microsecond) },
		"created not said":        func(l *Listed) { l.CreatedAt = time.Time{} },
		"expires":                 func(l *Listed) { l.ExpiresAt = l.ExpiresAt.Add(time.Hour) },
		"expires never":           func(l *Listed) { l.ExpiresAt = time.Time{} },
		"used":                    func(l *Listed) { l.LastUsedAt = l.LastUsedAt.Add(time.Hour) },
		"never used":              func(l *Listed) { l.LastUsedAt = time.Time{} },
		"use not said":            func(l *Listed) { l.UseKnown = false },
		"match":                   func(l *Listed) { l.Match = "" },
	}
	var before, after []Listed
	for name, change := range changes {
		l := listed(name)
		l.AccountID = one
		before = append(before, l)
		change(&l)
		after = append(after, l)
	}
	same := map[string]func(*Listed){
		"nothing":                   func(*Listed) {},
		"its state, which moves":    func(l *Listed) { l.Suspended = true },
		"less than a microsecond":   func(l *Listed) { l.CreatedAt = l.CreatedAt.Truncate(time.Microsecond) },
		"the same time, elsewhere":  func(l *Listed) { l.ExpiresAt = l.ExpiresAt.In(time.FixedZone("", 7200)) },
		"the same scopes, copied":   func(l *Listed) { l.Scopes = append([]string{}, l.Scopes...) },
		"the kind, which never may": func(l *Listed) { l.Kind = "oauth_grant" },
	}
	for name, change := range same {
		l := listed(name)
		l.AccountID = one
		before = append(before, l)
		change(&l)
		after = append(after, l)
	}
	h.addListed(t, before...)
	ids := map[string]CredentialID{}
	for _, s := range h.sight(t, before...) {
		if s.ID == 0 || s.Changed || s.Managed || s.State != CredentialActive || s.EndedID != 0 {
			t.Errorf("right after it was added: %+v", s)
		}
		ids[s.Ref] = s.ID
	}
	var changed []Listed
	for i, s := range h.sight(t, after...) {
		if s.Ref != after[i].Ref || s.ID != ids[s.Ref] {
			t.Errorf("sighting %d is of %s, %d; want %s, %d", i, s.Ref, s.ID, after[i].Ref, ids[s.Ref])
		}
		if _, want := changes[s.Ref]; s.Changed != want {
			t.Errorf("%s: changed %t", s.Ref, s.Changed)
		}
		if s.Changed {
			changed = append(changed, after[i])
		}
	}
	if n := h.refreshListed(t, changed...); n != int64(len(changes)) {
		t.Errorf("%d rows were refreshed, want %d", n, len(changes))
	}
	for _, s := range h.sight(t, after...) {
		if s.Changed {
			t.Errorf("%s: still another after the refresh", s.Ref)
		}
	}
	if c := h.stored(t, ids["no scopes"]); c.VendorScopes == nil || len(c.Scopes) != 0 {
		t.Errorf("no scopes became %#v, %#v", c.VendorScopes, c.Scopes)
	}
	if c := h.stored(t, ids["scopes not said"]); c.VendorScopes != nil || len(c.Scopes) != 0 {
		t.Errorf("scopes not said became %#v, %#v", c.VendorScopes, c.Scopes)
	}
	if c := h.stored(t, ids["a scope more"]); len(c.VendorScopes) != 3 || !cmp.Equal(c.Scopes, c.VendorScopes) {
		t.Errorf("a scope more became %v, %v", c.VendorScopes, c.Scopes)
	}
}

func TestUnchangedWalkWritesNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	system := madeSystem{credentials: 400}
	walk := func() (wrote bool) {
		h.in(t, func(ctx context.Context, tx Tx) error {
			seen, err := walkBatch(ctx, tx, system, 0, system.credentials, map[string]AccountID{})
			if len(seen) != system.credentials {
				t.Errorf("saw %d", len(seen))
			}
			wrote = writes(ctx, t, tx)
			return err
		})
		return wrote
	}
	horizon := h.horizon(t)
	if wrote, n := walk(), h.writtenSince(t, horizon); !wrote || n != 421 { // the checks below can fail
		t.Errorf("the first walk: writes %t, %d rows, want 400, 20 owners and the connection, which is referred to", wrote, n)
	}
	horizon = h.horizon(t)
	if wrote, n := walk(), h.writtenSince(t, horizon); wrote || n != 0 {
		t.Errorf("the same again: writes %t, %d rows", wrote, n)
	}
	for what, change := range map[string]string{
		"a credential changes": `UPDATE credential SET label = 'x' WHERE vendor_ref LIKE '%/7'`,
		"an account changes":   `UPDATE account SET name = 'x' WHERE external_id LIKE '%:7'`,
	} {
		h.exec(t, change)
		horizon = h.horizon(t)
		if wrote, n := walk(), h.writtenSince(t, horizon); !wrote || n != 1 {
			t.Errorf("%s: writes %t, %d rows", what, wrote, n)
		}
	}
	horizon = h.horizon(t)
	h.exec(t, `SELECT FROM credential LIMIT 1 FOR UPDATE`)
	if n := h.writtenSince(t, horizon); n != 1 {
		t.Errorf("a row was locked, and %d are counted", n)
	}
}

// What was granted here is the truth about a managed credential; its system
// only adds to that.
func TestManagedCredentialsKeepWhatWasGranted(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	bobs := h.vendorAccount(t, VendorAccount{ExternalID: "u1", Email: "bob@example.com", Name: "Bob"})
	h.in(t, func(ctx context.Context, tx Tx) error { _, err := tx.LinkAccounts(ctx, "acme", nil); return err })
	c := h.credential(t, h.request(t, alice, "k"))
	h.activate(t, &c)
	before := h.stored(t, c.ID)

	l := listed(before.VendorRef)
	l.AccountID, l.Scopes, l.Access = bobs, []string{"files:admin"}, "admin"
	s := h.sight(t, l)[0]
	if s.ID != c.ID || !s.Managed || s.State != CredentialActive || !s.Changed {
		t.Errorf("at first: %+v", s)
	}
	if n := h.refreshListed(t, l); n != 1 {
		t.Errorf("%d rows were refreshed", n)
	}
	after := h.stored(t, c.ID)
	want := before
	want.Class, want.AccountID, want.VendorScopes, want.Access = l.Class, bobs, l.Scopes, l.Access
	want.VendorCreatedAt, want.LastUsedAt, want.UseKnown, want.VendorMatch = *micro(l.CreatedAt), *micro(l.LastUsedAt), true, l.Match
	if diff := cmp.Diff(want, after, cmpopts.IgnoreFields(Credential{}, "BaseModel")); diff != "" {
		t.Errorf("refreshed (-want +got):\n%s", diff)
	}
	if after.OwnerID != alice.PersonID || after.OwnerID == bob.PersonID || after.Label == l.Label {
		t.Errorf("owner %d, label %q", after.OwnerID, after.Label)
	}
	if s := h.sight(t, l)[0]; s.Changed {
		t.Error("the label and the end of a managed key count as changed")
	}
}

func TestRefreshGivesUnmanagedKeysTheirAccountsOwner(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	hers := h.vendorAccount(t, VendorAccount{ExternalID: "u1", Email: "alice@example.com", Name: "Alice"})
	nobodys := h.vendorAccount(t, VendorAccount{ExternalID: "u2", Name: "Build"})
	h.in(t, func(ctx context.Context, tx Tx) error { _, err := tx.LinkAccounts(ctx, "acme", nil); return err })
	l := listed("k")
	id := h.addListed(t, l)[0]
	for _, step := range []struct {
		account AccountID
		want    PersonID
	}{{hers, alice.PersonID}, {nobodys, 0}, {hers, alice.PersonID}, {0, 0}} {
		l.AccountID = step.account
		if s := h.sight(t, l)[0]; !s.Changed {
			t.Errorf("account %d is nothing new", step.account)
		}
		h.refreshListed(t, l)
		if got := h.stored(t, id); got.OwnerID != step.want || got.AccountID != step.account {
			t.Errorf("account %d: owner %d of account %d, want %d", step.account, got.OwnerID, got.AccountID, step.want)
		}
	}
}
