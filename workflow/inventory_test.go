package workflow

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

func (h *house) list(t testing.TB, who string, l Listing) []CredentialView {
	t.Helper()
	all, err := h.List(t.Context(), h.people[who], l)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Filters and pages of the listing, and that everybody sees their own.
func TestTheListing(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Enforcement = Enforcement{MaxAge: 365 * day, StaleAfter: 30 * day}
	h := openWith(t, d, nil)
	ours := h.active(t, "alice")
	old := time.Now().Add(-400 * 24 * time.Hour)
	for i := range 6 {
		h.seed(fake.Key{Label: fmt.Sprint("old ", i), Owner: mailOf("bob"), Scopes: []string{"files:read"}, CreatedAt: old, LastUsed: used(90 * 24 * time.Hour)})
	}
	h.seed(fake.Key{Label: "strong", Owner: mailOf("alice"), Scopes: []string{"people:admin"}, ExpiresAt: time.Now().Add(24 * time.Hour), LastUsed: connectors.LastUsed{Known: true}})
	h.seed(fake.Key{Label: "whose?", Owner: connectors.AccountRef{ID: "x", Name: "Build server", Service: true}})
	h.sync(t)
	for what, tt := range map[string]struct {
		l    Listing
		want int
	}{
		"everything": {Listing{}, 9}, "of a system": {Listing{Connection: "acme"}, 9}, "of another": {Listing{Connection: "tempo"}, 0},
		"of a person": {Listing{Owner: h.person("bob")}, 6}, "stale": {Listing{Flag: storage.FlagStale}, 6}, "over age": {Listing{Flag: storage.FlagOverAge}, 6},
		"unmanaged": {Listing{Flag: storage.FlagUnmanaged}, 8}, "expiring": {Listing{Flag: storage.FlagExpiring}, 2}, "over scope": {Listing{Flag: storage.FlagOverScope}, 2},
		"of nobody": {Listing{Flag: storage.FlagOwnerUnknown}, 1}, "never used": {Listing{Flag: storage.FlagNeverUsed, Owner: h.person("alice")}, 2},
		"grants": {Listing{Kind: OAuthGrant}, 0}, "a page": {Listing{Limit: 4}, 4}, "before a key": {Listing{Before: ours.ID}, 0},
	} {
		if got := h.list(t, "erin", tt.l); len(got) != tt.want {
			t.Errorf("%s: %d keys, want %d", what, len(got), tt.want)
		}
	}
	var paged []storage.CredentialID
	for l := (Listing{Limit: 4}); ; {
		page := h.list(t, "erin", l)
		for _, v := range page {
			paged = append(paged, v.Credential.ID)
		}
		if len(page) < l.Limit {
			break
		}
		l.Before = page[len(page)-1].Credential.ID
	}
	if len(paged) != 9 || len(slices.Compact(slices.Sorted(slices.Values(paged)))) != 9 {
		t.Errorf("paged: %v", paged)
	}
	mine := h.list(t, "alice", Listing{Owner: h.person("alice")})
	if len(mine) != 2 || mine[0].Account.Name != "alice" || !mine[0].Can.Adopt || mine[1].Can.Adopt || mine[0].Scopes[0].Access != Admin {
		t.Errorf("%+v", mine)
	}
	whose := h.list(t, "erin", Listing{Flag: storage.FlagOwnerUnknown})[0]
	if !whose.Account.Service || whose.Account.Name != "Build server" || whose.Owner.ID != 0 {
		t.Errorf("%+v", whose.Account)
	}
	_, err := h.List(t.Context(), h.people["alice"], Listing{Owner: h.person("bob")})
	refused(t, "somebody else's", err, RuleAdminOnly)
	_, err = h.Inventory(t.Context(), h.people["alice"])
	refused(t, "the counts", err, RuleAdminOnly)
	home, err := h.Home(t.Context(), h.people["erin"])
	if err != nil || len(home.Systems) != 2 || home.Systems[0].ByFlag[storage.FlagStale] != 6 || home.Systems[0].Live != 9 {
		t.Errorf("%+v, %v", home.Systems, err)
	}
}

// A listing as a file has every row, and no cell that a spreadsheet would run.
func TestTheListingAsAFile(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.active(t, "alice")
	h.vendor.SetPage(1000)
	for i := range pageOfAll + 20 {
		h.seed(fake.Key{Label: fmt.Sprint("key ", i), Owner: mailOf("bob"), Scopes: []string{"files:read"}, LastUsed: used(time.Hour)})
	}
	evil := []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "a,\"b\"\nc"}
	for _, label := range evil {
		h.seed(fake.Key{Label: label, Owner: connectors.AccountRef{ID: "=x", Name: label}, Scopes: []string{"=scope"}})
	}
	h.sync(t)
	var file bytes.Buffer
	n, err := h.ExportCSV(t.Context(), h.people["erin"], Listing{Connection: "acme", Limit: 3}, &file)
	if err != nil || n != pageOfAll+27 {
		t.Fatalf("%d rows, %v", n, err)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil || len(rows) != n+1 || !slices.Equal(rows[0], csvHeader) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	found := 0
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] {
			t.Errorf("%s twice", row[0])
		}
		seen[row[0]] = true
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("%s would be run: %q", csvHeader[i], cell)
			}
		}
		if slices.Contains(evil, strings.TrimPrefix(row[4], "'")) {
			found++
		}
	}
	if found != len(evil) {
		t.Errorf("%d of the strange labels are there", found)
	}
	last := rows[len(rows)-1]
	want := map[string]string{"owner": "alice", "managed": "yes", "state": "active", "last_used": "never", "scopes": "files:read files:write"}
	for i, name := range csvHeader {
		if w, ok := want[name]; ok && last[i] != w {
			t.Errorf("%s is %q, want %q", name, last[i], w)
		}
	}
	_, err = h.ExportCSV(t.Context(), h.people["alice"], Listing{}, &file)
	refused(t, "by somebody", err, RuleAdminOnly)
}

// Accounts belong to people by an explicit word or by an e-mail address that is
// only theirs; everything else is shown as nobody's.
func TestWhoseAnAccountIs(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.People = []PersonEntry{{Email: "carol@example.com", Accounts: map[string][]string{"acme": {"u-7", servicePrefix + "robot"}}}}
	h := openWith(t, d, nil)
	owners := map[string]struct {
		ref  connectors.AccountRef
		want string
	}{
		"by e-mail":                  {connectors.AccountRef{ID: "u-1", Email: "Alice@Example.com"}, "alice"},
		"said explicitly":            {connectors.AccountRef{ID: "u-7", Email: "bob@example.com"}, "carol"},
		"a service, said explicitly": {connectors.AccountRef{ID: "robot", Service: true}, "carol"},
		"a service with an e-mail":   {connectors.AccountRef{ID: "s-2", Email: "erin@example.com", Service: true}, ""},
		"two accounts, one address":  {connectors.AccountRef{ID: "u-3", Email: "dana@example.com"}, ""},
		"the other of the two":       {connectors.AccountRef{ID: "u-4", Email: "dana@example.com"}, ""},
		"an address that nobody has": {connectors.AccountRef{ID: "u-5", Email: "x@example.com"}, ""},
		"no address":                 {connectors.AccountRef{ID: "u-6", Name: "frank"}, ""},
		"no account at all":          {connectors.AccountRef{}, ""},
	}
	keys := map[string]fake.Key{}
	for what, o := range owners {
		keys[what] = h.seed(fake.Key{Owner: o.ref, Scopes: []string{"files:read"}})
	}
	for range 2 {
		h.sync(t)
		for what, o := range owners {
			row := h.found(t, keys[what].ID)
			want := storage.PersonID(0)
			if o.want != "" {
				want = h.person(o.want)
			}
			if row.OwnerID != want || row.Has(storage.FlagOwnerUnknown) != (want == 0) {
				t.Errorf("%s: of %d, want %d, %v", what, row.OwnerID, want, row.FlagList)
			}
		}
	}
	h.in(t, func(ctx context.Context, tx storage.Tx) error { // somebody is hired, and what they had is theirs
		_, err := tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T1", ExternalID: "U0X", Name: "x", Email: "x@example.com"}, "")
		return err
	})
	h.sync(t)
	if row := h.found(t, keys["an address that nobody has"].ID); row.OwnerID == 0 {
		t.Error("the new person's key is nobody's")
	}
}
