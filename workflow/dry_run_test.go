package workflow

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// mixedKey is a key of random access, age, use, owner and state.
func mixedKey(pick *rand.Rand, i int) fake.Key {
	one := func(n int) bool { return pick.IntN(n) == 0 }
	k := fake.Key{Label: fmt.Sprint("key ", i), LastUsed: connectors.LastUsed{Known: true}, CreatedAt: time.Now().Add(-time.Duration(pick.IntN(700)) * 24 * time.Hour)}
	k.Scopes = [][]string{{"files:read"}, {"files:write"}, {"people:admin"}, {"files:read", "files:write"}, {"something:else"}, nil}[pick.IntN(6)]
	k.Owner = []connectors.AccountRef{mailOf("alice"), mailOf("bob"), mailOf("frank"), mailOf("unknown"), {}, {ID: "robot", Service: true}}[pick.IntN(6)]
	switch pick.IntN(3) {
	case 0:
		k.LastUsed = used(time.Duration(pick.IntN(100)) * 24 * time.Hour)
	case 1:
		k.LastUsed = connectors.LastUsed{}
	}
	if one(9) {
		k.State = fake.StateSuspended
	}
	if one(9) {
		k.ExpiresAt = time.Now().Add(time.Duration(1+pick.IntN(60)) * 24 * time.Hour)
	}
	return k
}

// What the dry run shows of a thousand mixed keys is what happens: to the keys
// it names, that and nothing else, and nothing to any other.
func TestTheDryRunIsWhatHappens(t *testing.T) {
	t.Parallel()
	for unmanaged, keys := range map[Unmanaged]int{
		{Read: actReport, Write: actWarn, Admin: actRevoke, After: 7 * day, Then: actRevoke}: 1000,
		{Read: actIgnore, Write: actRevoke, After: day, Then: actReport}:                     150,
		{Read: actWarn, Write: actReport, Admin: actWarn, After: 3 * day, Then: actRevoke}:   150,
	} {
		t.Run(fmt.Sprint(unmanaged), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			pick := rand.New(rand.NewPCG(seed, 1))
			t.Logf("seed %d", seed)
			d := strict()
			d.Enforcement.Unmanaged, d.Enforcement.DryRun = unmanaged, true
			d.Policies = append([]Policy{{Name: "keep", Connections: []string{"acme"}, Scopes: []string{"*"}, Requesters: []string{"everyone"},
				Approval: Approval{Steps: []StepRule{{Group: "it-admins"}}}, MaxLifetime: 90 * day}}, d.Policies...)
			d.Quotas = Quotas{Pending: 1000, Live: 1000}
			h := openWith(t, d, nil)
			h.vendor.SetPage(500)
			for i := range keys {
				h.seed(mixedKey(pick, i))
			}
			h.sync(t)
			rows := h.inventory(t, storage.InventoryFilter{Connection: "acme"})
			for _, row := range rows { // some were warned, long ago or lately; some are asked for or kept
				switch {
				case pick.IntN(3) == 0:
					h.exec(t, `UPDATE credential SET warned_at = latchkey_now(), enforce_at = latchkey_now() + $2 * interval '1 hour' WHERE id = $1`, row.ID, pick.IntN(48)-24)
				case pick.IntN(10) == 0 && row.OwnerID == h.person("alice") && row.State == storage.CredentialActive && len(row.Scopes) > 0:
					r := h.submit(t, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: row.Scopes, Lifetime: 5 * day, Reason: "I need it", Adopts: row.ID})
					if pick.IntN(2) == 0 {
						h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
					}
				}
			}
			h.workAll(t)
			dry := h.plan(t)
			if !dry.DryRun || dry.Tripped || dry.Live != keys {
				t.Fatalf("%+v", dry.Live)
			}
			h.sync(t) // a dry run does nothing
			if n := len(h.batches(t)); n != 0 || cmp.Diff(acts(dry), acts(h.plan(t))) != "" {
				t.Fatalf("the dry run did something: %d batches", n)
			}
			h.today.Enforcement.DryRun = false
			before := map[storage.CredentialID]storage.InventoryRow{}
			for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme"}) {
				before[row.ID] = row
			}
			h.sync(t)
			h.workAll(t)
			want, got := acts(dry), map[storage.CredentialID]string{}
			for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true}) {
				was := before[row.ID]
				switch {
				case row.State == storage.CredentialRevoked:
					got[row.ID] = actRevoke
				case was.WarnedAt.IsZero() && !row.WarnedAt.IsZero():
					got[row.ID] = actWarn
				case !was.WarnedAt.IsZero() && row.WarnedAt.IsZero():
					got[row.ID] = "spare"
				case row.State != was.State:
					got[row.ID] = string(row.State)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the plan and what was done (-want +got):\n%s", diff)
			}
			if len(want) < keys/10 {
				t.Errorf("only %d keys were touched", len(want))
			}
			if again := h.plan(t); again.Count(actRevoke)+again.Count(actWarn) != 0 {
				t.Errorf("something is left to do: %v", acts(again))
			}
			if n := len(h.vendor.Live()); n != keys-dry.Count(actRevoke) {
				t.Errorf("the vendor has %d live keys, the plan ended %d", n, dry.Count(actRevoke))
			}
			h.checkSince(t, 0, 0)
		})
	}
}

// acts are the changes that a plan announces.
func acts(e Enforcing) map[storage.CredentialID]string {
	out := map[storage.CredentialID]string{}
	for _, v := range e.Findings {
		switch {
		case v.Spares:
			out[v.Key.Credential.ID] = "spare"
		case v.Action == actWarn || v.Action == actRevoke:
			out[v.Key.Credential.ID] = v.Action
		}
	}
	return out
}
