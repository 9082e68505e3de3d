package fake_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
)

// sameKeys compares ledgers with their secrets.
func sameKeys(want, got []fake.Key) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(fake.Key{}),
		cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() }))
}

func TestLedgerOutlivesARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.SetClock(func() time.Time { return start })
	req := request("TK-1")
	req.ExpiresAt = start.Add(time.Hour)
	issued, err := b.c.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	never := b.Seed(fake.Key{Label: "never used", LastUsed: connectors.LastUsed{Known: true}})
	used := b.Seed(fake.Key{ID: "handmade", Label: "used", LastUsed: connectors.LastUsed{Known: true, At: start}})
	paused := b.Seed(fake.Key{Label: "paused", State: fake.StateSuspended, Owner: connectors.AccountRef{ID: "bob"}})
	dead := b.Seed(fake.Key{Label: "dead", State: fake.StateRevoked})
	over := b.Seed(fake.Key{Label: "over", ExpiresAt: start})
	b.Inject(fake.VerbIssue, fake.ServerError, 0)
	raw, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}

	v := fake.NewVendor()
	v.SetClock(func() time.Time { return start })
	base := v.Start(t)
	if err := v.Restore(raw); err != nil {
		t.Fatal(err)
	}
	if diff := sameKeys(b.Keys(), v.Keys()); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	for _, k := range []secret.Value{issued.Secret, never.Secret, used.Secret} {
		if !v.Works(k) {
			t.Error("a live key stopped working")
		}
	}
	for _, k := range []fake.Key{paused, dead, over} {
		if v.Works(k.Secret) {
			t.Errorf("key %q works", k.Label)
		}
	}
	v.SetClock(func() time.Time { return req.ExpiresAt })
	if v.Works(issued.Secret) {
		t.Error("the key outlived its end")
	}

	v.SetClock(func() time.Time { return start })
	before := open(t, b.Settings("files", base)) // configured before the restart
	if err := before.Check(t.Context()); err != nil {
		t.Errorf("the admin token of before: %v", err)
	}
	next, err := before.Issue(t.Context(), req)
	if err != nil || next.Ref.ID != "key-7" {
		t.Errorf("issued %q, %v, want key-7: no ID comes twice", next.Ref.ID, err)
	}
	if err := before.Revoke(t.Context(), issued.Ref); err != nil || v.Works(issued.Secret) {
		t.Errorf("revoke a key of before: %v", err)
	}
}

func TestRestoreRefusesWhatItDidNotSave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kept := b.Seed(fake.Key{Label: "kept"})
	b.Seed(fake.Key{Label: "second"})
	raw, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(d, first map[string]any)) string {
		var d map[string]any
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		change(d, d["keys"].([]any)[0].(map[string]any))
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "JSON"},
		{"cut off", string(raw[:len(raw)/2]), "JSON"},
		{"two of them", string(raw) + string(raw), "JSON"},
		{"something else", `{"format":"tempo-double","version":1}`, "not a latchkey-fake-vendor"},
		{"a newer version", edit(func(d, _ map[string]any) { d["version"] = 2 }), "version 2"},
		{"an unknown field", edit(func(d, _ map[string]any) { d["extra"] = 1 }), "extra"},
		{"no admin token", edit(func(d, _ map[string]any) { d["token"] = "" }), "admin token"},
		{"a key without a secret", edit(func(_, k map[string]any) { k["secret"] = "" }), "no secret"},
		{"an unknown state", edit(func(_, k map[string]any) { k["state"] = "asleep" }), "asleep"},
		{"the same ID twice", edit(func(_, k map[string]any) { k["id"] = "key-2" }), "twice"},
		{"the same number twice", edit(func(_, k map[string]any) { k["number"] = 2 }), "out of order"},
		{"a number beyond the counter", edit(func(d, _ map[string]any) { d["last"] = 1 }), "out of order"},
	} {
		err := b.Restore([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), kept.Secret.Expose()) {
			t.Errorf("%s: %v, want it to say %q", tt.name, err, tt.want)
		}
	}
	if !b.Works(kept.Secret) || b.c.Check(t.Context()) != nil {
		t.Error("a refused file changed the vendor")
	}
}

// TestSaveIsOneMoment saves while keys are issued: every result restores, and a
// later one has no fewer keys.
func TestSaveIsOneMoment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 20 {
				if _, err := b.c.Issue(t.Context(), request("TK-1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	count := 0
	for range 10 {
		raw, err := b.Save()
		if err != nil {
			t.Fatal(err)
		}
		v := fake.NewVendor()
		if err := v.Restore(raw); err != nil {
			t.Fatal(err)
		}
		if n := len(v.Keys()); n < count {
			t.Errorf("%d keys after %d", n, count)
		}
		count = len(v.Keys())
	}
	writers.Wait()
}
