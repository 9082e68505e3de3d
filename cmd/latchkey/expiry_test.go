package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/bot/slacksim"
)

// A key's end is told once before, it can be put off, and it can be replaced
// without anybody noticing: both keys work until the new one is collected and
// the overlap is over.
func TestKeyEndsWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0ALICE", "tempo", "read", "30d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	dm := func() string { return w.transcript("U0ALICE", w.user("U0ALICE").DM()) }
	w.must(w.jumpClock(w.ctx, 17*24*time.Hour))
	w.await("the digest", func() bool { return strings.Contains(dm(), "nds soon") || strings.Contains(dm(), "nd soon") })
	w.count1(`SELECT count(*) FROM digest`)

	alice := w.user("U0ALICE")
	_, err := alice.Slash(w.ctx, "C0GENERAL", "/tokens rotate "+token)
	w.must(err)
	w.await("the form", func() bool { _, ok := alice.Modal(); return ok })
	res, err := alice.Submit(w.ctx)
	w.must(err)
	if len(res.Errors) > 0 {
		t.Fatal(res.Errors)
	}
	fresh, second := w.reveal("U0ALICE")
	if fresh == key || second == token {
		t.Fatalf("the same key again: %s, %s", token, second)
	}
	for _, k := range []string{key, fresh} {
		if got, body := w.use(k, "/4/accounts"); got != http.StatusOK {
			t.Fatalf("during the overlap: %d %s", got, body)
		}
	}
	w.must(w.jumpClock(w.ctx, 25*time.Hour))
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	if got, _ := w.use(fresh, "/4/accounts"); got != http.StatusOK {
		t.Fatalf("after the overlap: %d", got)
	}
	w.eventually("the old key to be revoked", func() bool { return w.state(token) == "revoked" })
}

// A key goes into a vault, and nobody sees it.
func TestKeyIntoVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("U0ALICE")
	_, err := u.Slash(w.ctx, "C0GENERAL", "/tokens request tempo")
	w.must(err)
	w.await("the request form", func() bool { v, ok := u.Modal(); return ok && v.CallbackID == "request" })
	before, _ := u.Modal()
	w.must(u.Fill(w.ctx, "preset/tempo", "preset/tempo", slacksim.Value{Option: "read"}))
	w.await("the form to follow the preset", func() bool { v, ok := u.Modal(); return ok && v.Hash != before.Hash })
	before, _ = u.Modal()
	w.must(u.Fill(w.ctx, "sink/tempo", "sink/tempo", slacksim.Value{Option: "sink:vault"}))
	w.await("the form to ask for the place", func() bool { v, ok := u.Modal(); return ok && v.Hash != before.Hash })
	w.must(u.Fill(w.ctx, "place/tempo", "", slacksim.Value{Text: "payroll/tempo"}))
	w.must(u.Fill(w.ctx, "lifetime/tempo", "", slacksim.Value{Option: "7d"}))
	w.must(u.Fill(w.ctx, "reason", "", slacksim.Value{Text: "The nightly payroll job"}))
	for range 2 {
		res, err := u.Submit(w.ctx)
		w.must(err)
		if len(res.Errors) > 0 {
			t.Fatal(res.Errors)
		}
	}
	w.eventually("the vault to have it", func() bool { data, _ := w.vault.Data("secret", "payroll/tempo"); return data != nil })
	data, _ := w.vault.Data("secret", "payroll/tempo")
	key, _ := data["value"].(string)
	if got, body := w.use(key, "/4/accounts"); got != http.StatusOK {
		t.Fatalf("what the vault has: %d %s", got, body)
	}
	w.await("Alice to be told where it is", func() bool {
		return strings.Contains(w.transcript("U0ALICE", u.DM()), "payroll/tempo")
	})
	if said := w.transcript("U0ALICE", u.DM()); strings.Contains(said, key) || revealURLs.MatchString(said) {
		t.Error("Alice can see the key")
	}
}

// count1 fails unless a query counts exactly one.
func (w *world) count1(query string) {
	w.t.Helper()
	if n := w.count(query); n != 1 {
		w.t.Errorf("%d, want 1: %s", n, query)
	}
}
