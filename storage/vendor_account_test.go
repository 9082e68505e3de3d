package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func (h *house) saveVendorAccounts(t testing.TB, all ...VendorAccount) (ids map[string]AccountID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		ids, err = tx.SaveVendorAccounts(ctx, "acme", all)
		return err
	})
	return ids
}

func (h *house) linkAccounts(t testing.TB, explicit map[string]string) (linked int64) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		linked, err = tx.LinkAccounts(ctx, "acme", explicit)
		return err
	})
	return linked
}

// linkedTo is whose an account of acme's is.
func (h *house) linkedTo(t testing.TB, external string) PersonID {
	t.Helper()
	a, _, err := h.AccountOf(t.Context(), "acme", "", external)
	if err != nil {
		t.Fatal(err)
	}
	return a.PersonID
}

func TestVendorAccountsAreStoredAndRefreshed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	all := []VendorAccount{
		{ExternalID: "u1", Email: "alice@example.com", Name: "Alice"},
		{ExternalID: "u2", Name: "Build", Service: true},
		{ExternalID: "u3", Name: "Carol", Closed: true},
	}
	ids := h.saveVendorAccounts(t, all...)
	if len(ids) != 3 {
		t.Fatalf("ids %v", ids)
	}
	all[0].Email, all[0].Name = "alice.new@example.com", "Alice N."
	all[1].Service = false
	all[2].Closed = false
	all = append(all, VendorAccount{ExternalID: "u4", Email: "Mixed@Example.COM", Name: "n\x00ul \xff"})
	again := h.saveVendorAccounts(t, all...)
	for external, id := range ids {
		if again[external] != id {
			t.Errorf("%s was row %d and is %d", external, id, again[external])
		}
	}
	stored, err := h.VendorAccounts(t.Context(), again["u1"], again["u2"], again["u3"], again["u4"], 999)
	if err != nil {
		t.Fatal(err)
	}
	want := map[AccountID]Account{
		again["u1"]: {ID: again["u1"], System: "acme", ExternalID: "u1", Email: "alice.new@example.com", Name: "Alice N."},
		again["u2"]: {ID: again["u2"], System: "acme", ExternalID: "u2", Name: "Build"},
		again["u3"]: {ID: again["u3"], System: "acme", ExternalID: "u3", Name: "Carol"},
		again["u4"]: {ID: again["u4"], System: "acme", ExternalID: "u4", Email: "mixed@example.com", Name: "nul \uFFFD"},
	}
	if diff := cmp.Diff(want, stored, cmpopts.IgnoreFields(Account{}, "BaseModel")); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if none, err := h.VendorAccounts(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("no keys read %v, %v", none, err)
	}
	all[0].Email = ""
	h.saveVendorAccounts(t, all...)
	if n := h.count(t, `SELECT count(*) FROM account WHERE external_id = 'u1' AND email IS NULL`); n != 1 {
		t.Error("an address that the vendor does not verify any more stayed")
	}
}

func TestSaveVendorAccountsWritesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	all := []VendorAccount{
		{ExternalID: "u1", Email: "Alice@example.com", Name: "Alice\x00"}, // compared as it is stored
		{ExternalID: "u2", Name: "Build", Service: true},
		{ExternalID: "u3", Email: "carol@example.com", Name: "Carol"},
	}
	h.saveVendorAccounts(t, all...)
	for name, tt := range map[string]struct {
		change func()
		want   int
	}{
		"nothing":    {func() {}, 0},
		"a name":     {func() { all[0].Name = "Alicia" }, 1},
		"an address": {func() { all[2].Email = "carol.b@example.com" }, 1},
		"no address": {func() { all[0].Email = "" }, 1},
		"its kind":   {func() { all[1].Service = !all[1].Service }, 1},
		"its end":    {func() { all[2].Closed = !all[2].Closed }, 1},
		"a new one":  {func() { all = append(all, VendorAccount{ExternalID: "u4", Name: "Dan"}) }, 1},
		"two":        {func() { all[0].Name, all[1].Name = "A", "B" }, 2},
	} {
		tt.change()
		horizon := h.horizon(t)
		ids := map[string]AccountID{}
		h.in(t, func(ctx context.Context, tx Tx) (err error) {
			ids, err = tx.SaveVendorAccounts(ctx, "acme", all)
			if wrote := writes(ctx, t, tx); wrote != (tt.want > 0) {
				t.Errorf("%s: writes %t", name, wrote)
			}
			return err
		})
		if n := h.writtenSince(t, horizon); n != tt.want {
			t.Errorf("%s: %d rows were written, want %d", name, n, tt.want)
		}
		if len(ids) != len(all) {
			t.Errorf("%s: %d keys of %d", name, len(ids), len(all))
		}
	}
	if ids := h.saveVendorAccounts(t); len(ids) != 0 {
		t.Errorf("no accounts: %v", ids)
	}
}

// A vendor that repeats an owner does not break a walk: the last word counts.
func TestRepeatedVendorAccounts(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	first, last := VendorAccount{ExternalID: "u1", Name: "First"}, VendorAccount{ExternalID: "u1", Name: "Last"}
	ids := h.saveVendorAccounts(t, first, VendorAccount{ExternalID: "u2", Name: "Other"}, last)
	if len(ids) != 2 {
		t.Fatalf("ids %v", ids)
	}
	horizon := h.horizon(t)
	h.saveVendorAccounts(t, first, last)
	if n := h.writtenSince(t, horizon); n != 0 {
		t.Errorf("%d rows were written, though the last word is the same", n)
	}
	stored, err := h.VendorAccounts(t.Context(), ids["u1"])
	if err != nil || stored[ids["u1"]].Name != "Last" {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func TestVendorAccountsKeepTheirPersonAndSystem(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	elsewhere := map[string]AccountID{}
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		elsewhere, err = tx.SaveVendorAccounts(ctx, "tempo", []VendorAccount{{ExternalID: "u1", Name: "Of tempo"}})
		return err
	})
	ids := h.saveVendorAccounts(t, VendorAccount{ExternalID: "u1", Email: "alice@example.com", Name: "Alice"})
	if ids["u1"] == elsewhere["u1"] {
		t.Fatal("two systems share an account")
	}
	h.linkAccounts(t, nil)
	h.saveVendorAccounts(t, VendorAccount{ExternalID: "u1", Email: "other@example.com", Name: "Alice", Closed: true})
	if got := h.linkedTo(t, "u1"); got != alice.PersonID {
		t.Errorf("after a refresh it is linked to %d, want %d", got, alice.PersonID)
	}
	if stored, err := h.VendorAccounts(t.Context(), elsewhere["u1"]); err != nil || stored[elsewhere["u1"]].PersonID != 0 ||
		stored[elsewhere["u1"]].Name != "Of tempo" {
		t.Errorf("tempo's account: %+v, %v", stored, err)
	}
}

func TestLinkAccounts(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob, carol, dora := h.person(t, "alice"), h.person(t, "bob"), h.person(t, "carol"), h.person(t, "dora")
	h.saveVendorAccounts(t,
		VendorAccount{ExternalID: "by e-mail", Email: "alice@example.com"},
		VendorAccount{ExternalID: "by hand over e-mail", Email: "bob@example.com"},
		VendorAccount{ExternalID: "by hand, of nobody", Email: "dora@example.com"}, // an entry that is wrong links nobody else
		VendorAccount{ExternalID: "ambiguous", Email: "carol@example.com"},
		VendorAccount{ExternalID: "ambiguous too", Email: "carol@example.com"},
		VendorAccount{ExternalID: "a stranger", Email: "zoe@example.com"},
		VendorAccount{ExternalID: "no e-mail"},
		VendorAccount{ExternalID: "service by hand", Service: true},
	)
	explicit := map[string]string{"by hand over e-mail": "CAROL@Example.com", "by hand, of nobody": "nobody@example.com", "service by hand": "bob@example.com",
		"not there": "alice@example.com"}
	if n := h.linkAccounts(t, explicit); n != 3 {
		t.Errorf("%d were linked", n)
	}
	for external, want := range map[string]PersonID{"by e-mail": alice.PersonID, "by hand over e-mail": carol.PersonID, "by hand, of nobody": 0, "ambiguous": 0,
		"ambiguous too": 0,
		"a stranger":    0, "no e-mail": 0, "service by hand": bob.PersonID} {
		if got := h.linkedTo(t, external); got != want {
			t.Errorf("%s: linked to %d, want %d", external, got, want)
		}
	}
	horizon := h.horizon(t)
	if n := h.linkAccounts(t, explicit); n != 0 || h.writtenSince(t, horizon) != 0 {
		t.Errorf("the same again: %d linked, %d rows written", n, h.writtenSince(t, horizon))
	}
	if n := h.linkAccounts(t, nil); n != 1 || h.linkedTo(t, "by hand over e-mail") != carol.PersonID || h.linkedTo(t, "by hand, of nobody") != dora.PersonID {
		t.Errorf("the entries left the configuration: %d linked, now to %d and %d", n, h.linkedTo(t, "by hand over e-mail"), h.linkedTo(t, "by hand, of nobody"))
	}
	if n := h.linkAccounts(t, map[string]string{"by e-mail": "bob@example.com"}); n != 1 || h.linkedTo(t, "by e-mail") != bob.PersonID {
		t.Errorf("an entry for a linked one: %d linked, now to %d", n, h.linkedTo(t, "by e-mail"))
	}
}

func TestEMailLinksOnlyOneHumansAccount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accounts []VendorAccount
		set      string
		want     bool // u1 is alice's
	}{
		"one":                         {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}}, want: true},
		"two":                         {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}, {ExternalID: "u2", Email: "alice@example.com"}}},
		"two, one of them closed":     {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}, {ExternalID: "u2", Email: "alice@example.com", Closed: true}}},
		"two, one of them service":    {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}, {ExternalID: "u2", Email: "alice@example.com", Service: true}}},
		"a service account":           {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com", Service: true}}},
		"a bot":                       {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}}, set: `is_bot = true`},
		"a closed one":                {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com", Closed: true}}, want: true},
		"of another system":           {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}}, set: `system = 'tempo'`},
		"of a team, which is Slack's": {accounts: []VendorAccount{{ExternalID: "u1", Email: "alice@example.com"}}, set: `team = 'T1'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHouse(t)
			alice := h.person(t, "alice")
			ids := h.saveVendorAccounts(t, tt.accounts...)
			if tt.set != "" {
				h.exec(t, `UPDATE account SET `+tt.set+` WHERE id = $1`, ids["u1"])
			}
			linked := h.linkAccounts(t, nil)
			stored, err := h.VendorAccounts(t.Context(), ids["u1"])
			if err != nil {
				t.Fatal(err)
			}
			if got := stored[ids["u1"]].PersonID == alice.PersonID; got != tt.want || linked != map[bool]int64{true: 1}[tt.want] {
				t.Errorf("linked %d; to alice: %t", linked, got)
			}
		})
	}
}

func TestOwnersOfUnmanagedKeysFollowTheirAccount(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	account := h.vendorAccount(t, VendorAccount{ExternalID: "u1", Email: "alice@example.com", Name: "Alice"})
	managed := h.credential(t, h.request(t, bob, "k"))
	h.activate(t, &managed)
	h.exec(t, `UPDATE credential SET account_id = $2 WHERE id = $1`, managed.ID, account)
	ids := map[string]CredentialID{"managed": managed.ID}
	for ref, set := range map[string]string{"active": ``, "suspended": `state = 'suspended'`, "revoked": `state = 'revoked'`} {
		l := listed(ref)
		l.AccountID = account
		ids[ref] = h.addListed(t, l)[0]
		if set != "" {
			h.exec(t, `UPDATE credential SET `+set+` WHERE id = $1`, ids[ref])
		}
	}
	owners := func() map[string]PersonID {
		out := map[string]PersonID{}
		for ref, id := range ids {
			out[ref] = h.stored(t, id).OwnerID
		}
		return out
	}
	if diff := cmp.Diff(map[string]PersonID{"managed": bob.PersonID, "active": 0, "suspended": 0, "revoked": 0}, owners()); diff != "" {
		t.Fatalf("at first (-want +got):\n%s", diff)
	}
	if n := h.linkAccounts(t, nil); n != 1 {
		t.Errorf("%d linked", n)
	}
	want := map[string]PersonID{"managed": bob.PersonID, "active": alice.PersonID, "suspended": alice.PersonID, "revoked": 0}
	if diff := cmp.Diff(want, owners()); diff != "" {
		t.Errorf("linked by e-mail (-want +got):\n%s", diff)
	}
	h.linkAccounts(t, map[string]string{"u1": "bob@example.com"})
	want["active"], want["suspended"] = bob.PersonID, bob.PersonID
	if diff := cmp.Diff(want, owners()); diff != "" {
		t.Errorf("linked by hand (-want +got):\n%s", diff)
	}
	h.exec(t, `UPDATE account SET person_id = NULL WHERE id = $1`, account)
	h.exec(t, `UPDATE account SET is_bot = true WHERE id = $1`, account)
	h.linkAccounts(t, nil)
	want["active"], want["suspended"] = 0, 0
	if diff := cmp.Diff(want, owners()); diff != "" {
		t.Errorf("unlinked (-want +got):\n%s", diff)
	}
}

func TestVendorAccountsSayWhenTheyWereRefreshed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	a := VendorAccount{ExternalID: "u1", Name: "Alice"}
	h.saveVendorAccounts(t, a)
	h.exec(t, `UPDATE account SET refreshed_at = refreshed_at - interval '1 day'`)
	a.Name = "Alicia"
	h.saveVendorAccounts(t, a)
	if _, age, err := h.AccountOf(t.Context(), "acme", "", "u1"); err != nil || age > time.Hour {
		t.Errorf("refreshed %s ago, %v", age, err)
	}
}
