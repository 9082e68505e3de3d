package workflow

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// Five vendors and ten thousand credentials are walked in one run, and every
// key that was made out of band is flagged, with whose it is and why.
func TestAWorldSyncsInOneRun(t *testing.T) {
	t.Parallel()
	const each = 2000
	d := houseDocument()
	d.Enforcement = Enforcement{MaxAge: 365 * day, StaleAfter: 90 * day}
	names := []string{"acme", "docs", "files", "mail", "wiki"}
	vendors := map[string]*fake.Vendor{}
	open := map[string]connectors.Connector{}
	for _, name := range names[1:] {
		v := fake.NewVendor()
		c, err := fake.Open(v.Settings(name, v.Start(t)), http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		d.Connections[name], vendors[name], open[name] = d.Connections["acme"], v, c
	}
	h := openWith(t, d, func(deps *Deps) {
		maps.Copy(deps.Connectors, open)
	})
	vendors["acme"] = h.vendor
	ours := h.active(t, "alice")
	old, now := time.Now().Add(-400*24*time.Hour), time.Now()
	for _, name := range names {
		vendors[name].SetPage(500)
		made := len(vendors[name].Keys())
		for i := made; i < each; i++ {
			k := fake.Key{Label: fmt.Sprint("key ", i), Owner: mailOf("frank"), Scopes: []string{"files:read"}, CreatedAt: now, LastUsed: used(time.Hour)}
			switch i % 4 {
			case 0:
				k.Scopes, k.Owner = []string{"files:write"}, mailOf(fmt.Sprint("unknown", i))
			case 1:
				k.CreatedAt, k.LastUsed = old, connectors.LastUsed{Known: true}
			case 2:
				k.Owner = connectors.AccountRef{}
			}
			vendors[name].Seed(k)
		}
	}
	h.setActive(t, "frank", false)
	if err := h.SyncDue(t.Context()); err != nil { // a new system is due at once
		t.Fatal(err)
	}
	rows := h.inventory(t, storage.InventoryFilter{})
	if len(rows) != each*len(names) {
		t.Fatalf("%d credentials are known", len(rows))
	}
	counts := map[storage.Flag]int{}
	for _, row := range rows {
		for _, f := range row.FlagList {
			counts[storage.Flag(f)]++
		}
		if row.Has(storage.FlagUnmanaged) == (row.ID == ours.ID) {
			t.Fatalf("%s of %s: flags %v", row.ID, row.Connection, row.FlagList)
		}
	}
	total := each * len(names)
	for f, want := range map[storage.Flag]int{storage.FlagUnmanaged: total - 1, storage.FlagOverScope: total / 4, storage.FlagOverAge: total / 4,
		storage.FlagStale: total / 4, storage.FlagOwnerUnknown: total / 2, storage.FlagOwnerLeft: total / 2} {
		if got := counts[f]; got < want-1 || got > want { // ours stands in the place of one of them
			t.Errorf("%s: %d credentials, want %d", f, got, want)
		}
	}
	systems, err := h.Inventory(t.Context(), h.people["erin"])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range systems {
		if s.Name == "tempo" {
			if s.Listed {
				t.Error("a brokered system is listed")
			}
			continue
		}
		if s.Live != each || s.Problem != "" || s.SyncedAt.IsZero() || s.ByFlag[storage.FlagUnmanaged] < each-1 {
			t.Errorf("%s: %+v", s.Name, s)
		}
		if got := h.connection(t, s.Name); got.Seen != each {
			t.Errorf("%s: %d seen", s.Name, got.Seen)
		}
	}
}

// A walk is killed where it hurts and walked again: nothing is lost, nothing
// is there twice, and nothing is taken for gone.
func TestAKilledSyncLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, deaths := range [][]string{{"sync:batch"}, {"sync:listed"}, {"sync:settled", "sync:batch"}} {
		t.Run(strings.Join(deaths, " "), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.vendor.SetPage(500)
			ours := h.active(t, "alice")
			for i := range syncBatch + 10 {
				h.seed(fake.Key{Label: fmt.Sprint(i), Owner: mailOf("bob"), Scopes: []string{"files:read"}})
			}
			for _, point := range deaths {
				h.due(t)
				h.crash(t, "sync", 0, point)
				if _, err := h.DB.ClaimSync(t.Context(), time.Minute); !errors.Is(err, storage.ErrNotFound) {
					t.Fatalf("the dead walk's claim is not kept: %v", err)
				}
			}
			h.sync(t)
			rows := h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true})
			refs := map[string]bool{}
			for _, row := range rows {
				if refs[row.VendorRef] || row.State != storage.CredentialActive || row.Has(storage.FlagMissing) {
					t.Fatalf("%s twice, or not as it should be: %s %v", row.VendorRef, row.State, row.FlagList)
				}
				refs[row.VendorRef] = true
			}
			if live := len(h.vendor.Live()); len(rows) != live || live != syncBatch+11 {
				t.Errorf("%d rows, %d keys", len(rows), live)
			}
			if got := h.credential(t, ours.ID); !got.Managed || got.State != storage.CredentialActive {
				t.Errorf("our own key: %+v", got)
			}
			if c := h.connection(t, "acme"); c.Problem != "" || c.Seen != len(rows) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// An empty listing is no proof of anything, the first time or the tenth, and
// whether or not the vendor can be asked about a single key.
func TestAnEmptyListingTakesNothingForGone(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*fake.Connector) connectors.Connector{
		"with a verifier": func(c *fake.Connector) connectors.Connector { return c }, "without": withoutVerify,
	} {
		for _, keys := range []int{1, 3, 40} {
			t.Run(fmt.Sprint(name, " ", keys), func(t *testing.T) {
				t.Parallel()
				h := withConnector(t, houseDocument(), wrap)
				h.vendor.Inject(fake.VerbList, fake.EmptyList, 1)
				h.sync(t) // the very first walk
				if c := h.connection(t, "acme"); c.Problem != "" || c.Seen != 0 {
					t.Errorf("an empty system: %+v", c)
				}
				for range keys {
					h.seed(fake.Key{Scopes: []string{"files:read"}})
				}
				h.sync(t)
				synced := h.connection(t, "acme").SyncedAt
				h.vendor.Inject(fake.VerbList, fake.EmptyList, 0)
				for range 4 {
					h.sync(t)
					if c := h.connection(t, "acme"); c.Problem == "" || c.Seen != keys || !c.SyncedAt.Equal(synced) {
						t.Fatalf("the empty listing is believed: %+v", c)
					}
				}
				if n := h.vendor.Calls()[fake.VerbVerify]; n > 4*aliveEnough {
					t.Errorf("the vendor was asked about single keys %d times", n)
				}
				for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true}) {
					if row.State != storage.CredentialActive {
						t.Errorf("%s is %s", row.VendorRef, row.State)
					}
				}
				h.vendor.Heal()
				h.sync(t)
				rows := h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true})
				if c := h.connection(t, "acme"); c.Problem != "" || len(rows) != keys {
					t.Errorf("healed: %d rows, %+v", len(rows), c)
				}
				for _, row := range rows {
					if row.State != storage.CredentialActive || row.Has(storage.FlagMissing) {
						t.Errorf("healed: %s is %s, %v", row.VendorRef, row.State, row.FlagList)
					}
				}
			})
		}
	}
}

// A listing that breaks says so at its connection and changes no row that it
// did not reach.
func TestABrokenListingKeepsEverything(t *testing.T) {
	t.Parallel()
	for fault, words := range map[fake.Fault]string{
		fake.PartialList: "could not be listed", fake.ServerError: "could not be listed", fake.Garbage: "could not be listed",
		fake.LostAnswer: "could not be listed", fake.Refused: "refused to list", fake.RateLimited: "slow down", fake.NotFound: "",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			for i := range 5 {
				h.seed(fake.Key{Label: fmt.Sprint(i), Scopes: []string{"files:read"}})
			}
			h.sync(t)
			before := h.connection(t, "acme")
			added := h.seed(fake.Key{Label: "made since", Scopes: []string{"files:read"}})
			h.vendor.Inject(fake.VerbList, fault, 0)
			for range 3 {
				h.sync(t)
			}
			now, err := h.DB.Now(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := h.connection(t, "acme")
			if c.Problem == "" || !strings.Contains(c.Problem, words) || !c.SyncedAt.Equal(before.SyncedAt) || c.Seen != before.Seen {
				t.Errorf("%+v", c)
			}
			if wait := c.DueAt.Sub(now); wait <= 0 || wait > syncRetry {
				t.Errorf("the next walk is in %s", wait)
			}
			for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true}) {
				if row.State != storage.CredentialActive || row.Has(storage.FlagMissing) {
					t.Errorf("%s: %s, %v", row.VendorRef, row.State, row.FlagList)
				}
			}
			h.vendor.Heal()
			h.sync(t)
			if c := h.connection(t, "acme"); c.Problem != "" || c.Seen != 6 || h.found(t, added.ID).ID == 0 {
				t.Errorf("healed: %+v", c)
			}
		})
	}
}

// A listing that is cut short and looks whole takes nothing for gone while the
// vendor can be asked, and never much of a system at once.
func TestACutListingTakesNothingForGone(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*fake.Connector) connectors.Connector{
		"with a verifier": func(c *fake.Connector) connectors.Connector { return c }, "without": withoutVerify,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := withConnector(t, houseDocument(), wrap)
			for range 30 {
				h.seed(fake.Key{Scopes: []string{"files:read"}})
			}
			h.sync(t)
			h.vendor.Inject(fake.VerbList, fake.CutList, 0)
			for range 3 {
				h.sync(t)
			}
			if c := h.connection(t, "acme"); !strings.Contains(c.Problem, "of the 30") {
				t.Errorf("%+v", c)
			}
			if n := len(h.inventory(t, storage.InventoryFilter{Connection: "acme"})); n != 30 {
				t.Errorf("%d keys are left", n)
			}
		})
	}
}

// A key that is really gone ends here too, with the vendor's answer, and its
// owner is told. Nothing is revoked at the vendor for it.
func TestADeletedKeyIsNoticed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wrap     func(*fake.Connector) connectors.Connector
		liveness connectors.Liveness
	}{
		"with a verifier": {func(c *fake.Connector) connectors.Connector { return c }, connectors.Dead}, "without": {withoutVerify, connectors.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openWith(t, houseDocument(), nil)
			ours := h.active(t, "alice")
			if tt.liveness == connectors.Dead {
				h.Connectors["acme"] = witnessed(t, h)
			} else {
				h.Connectors["acme"] = tt.wrap(h.Connectors["acme"].(*fake.Connector))
			}
			theirs := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
			for range 3 {
				h.seed(fake.Key{Scopes: []string{"files:read"}})
			}
			h.sync(t)
			h.vendor.SetState(theirs.ID, fake.StateRevoked)
			h.vendor.SetState(ours.VendorRef, fake.StateRevoked)
			_ = h.told(t)
			h.sync(t)
			for _, ref := range []string{theirs.ID, ours.VendorRef} {
				if row := h.found(t, ref); row.State != storage.CredentialActive || !row.Has(storage.FlagMissing) {
					t.Errorf("after one walk: %s is %s, %v", ref, row.State, row.FlagList)
				}
			}
			h.sync(t)
			told := h.told(t)
			for _, ref := range []string{theirs.ID, ours.VendorRef} {
				row := h.found(t, ref)
				proofs := h.receipts(t, row.ID)
				if row.State != storage.CredentialRevoked || row.StateReason != goneReason || row.EndedAt.IsZero() || told[subject(row.ID)] == 0 {
					t.Errorf("%s: %+v, told %v", ref, row.Credential, told)
				}
				if len(proofs) != 1 || proofs[0].Verb != "verify" || proofs[0].Liveness != string(tt.liveness) || proofs[0].Answer == "" {
					t.Errorf("receipts: %+v", proofs)
				}
				if tt.liveness == connectors.Dead && !strings.Contains(proofs[0].Answer, "GET /v1/keys/"+ref+": 200") {
					t.Errorf("the receipt says %q", proofs[0].Answer)
				}
			}
			h.sync(t)
			if c := h.connection(t, "acme"); c.Problem != "" || h.vendor.Calls()[fake.VerbRevoke] != 0 {
				t.Errorf("%+v, %v", c, h.vendor.Calls())
			}
		})
	}
}

// What the vendor did not list for a while and lists again was never meant to
// end: it is found anew, not ended.
func TestAKeyThatComesBackIsFoundAnew(t *testing.T) {
	t.Parallel()
	h := withConnector(t, houseDocument(), withoutVerify)
	for range 3 {
		h.seed(fake.Key{Scopes: []string{"files:read"}})
	}
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
	h.sync(t)
	h.vendor.SetState(k.ID, fake.StateRevoked)
	h.sync(t)
	h.sync(t)
	gone := h.found(t, k.ID)
	if gone.State != storage.CredentialRevoked {
		t.Fatalf("%s", gone.State)
	}
	h.vendor.SetState(k.ID, fake.StateActive)
	for range 2 {
		h.sync(t)
		h.workAll(t)
	}
	back := h.found(t, k.ID)
	if back.ID == gone.ID || back.State != storage.CredentialActive || !h.vendor.Works(k.Secret) {
		t.Errorf("%+v, works %v", back.Credential, h.vendor.Works(k.Secret))
	}
}

// I6: what was revoked here is ended again, however often the vendor lists it.
func TestARevokedKeyThatIsListedAgainIsEndedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	ours := h.active(t, "alice")
	theirs := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
	h.sync(t)
	for _, ref := range []string{ours.VendorRef, theirs.ID} {
		if _, err := h.Revoke(t.Context(), h.people["erin"], h.found(t, ref).ID, "leaked"); err != nil {
			t.Fatal(err)
		}
	}
	h.settle(t)
	for range 2 {
		for _, ref := range []string{ours.VendorRef, theirs.ID} {
			h.vendor.SetState(ref, fake.StateActive)
		}
		h.sync(t)
		h.sync(t) // before the first one's jobs are done
		var waiting int
		if err := h.DB.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'revoke_strays' AND state = 'available' AND args->>'ref' <> ''`).Scan(&waiting); err != nil || waiting != 2 {
			t.Errorf("%d jobs for two keys, %v", waiting, err)
		}
		h.workAll(t)
		if n := len(h.vendor.Live()); n != 0 {
			t.Errorf("%d keys live on", n)
		}
		for _, ref := range []string{ours.VendorRef, theirs.ID} {
			if row := h.found(t, ref); row.State != storage.CredentialRevoked || row.StateReason != "leaked" {
				t.Errorf("%s: %s", ref, row.State)
			}
		}
	}
	h.check(t)
}
