package bot

import (
	"strings"
	"testing"

	"latchkey/bot/slacksim"
	"latchkey/storage"
	"latchkey/workflow"
)

// An admin finds a key that nobody asked for, stops it, lets it work again
// and ends it; its owner is told each time.
func TestFoundKeysAreListedSuspendedAndRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	made := seed(h.acme, "deploy bot", "alice@example.com")
	seed(h.acme, "mystery", "ghost@example.com")
	h.sync()
	id := h.key("deploy bot")
	h.silent("U0ALICE", id)

	list := h.slash("U0ERIN", "/tokens list acme —unmanaged")
	if !says(list, "2 keys", id, "“deploy bot”", "<@U0ALICE>", "unlinked: ghost@example.com", "nobody asked for it here") {
		t.Fatalf("the list says:\n%s", list.Show())
	}
	h.choose("U0ERIN", list, id, verbSuspend)
	h.awaitModal("U0ERIN", callbackSuspend)
	h.fill("U0ERIN", blockReason, "Odd calls at night.")
	h.submit("U0ERIN")
	h.told("U0ALICE", "", id, "suspended", "Erin Evans", "Odd calls at night.")
	h.await("acme to stop the key", func() bool { return !h.acme.Works(made.Secret) })

	if got := h.slash("U0ERIN", "/tokens resume "+id+" It was a drill."); !says(got, "resumed") {
		t.Fatalf("resuming says:\n%s", got.Show())
	}
	h.told("U0ALICE", "", id, "resumed", "It was a drill.")

	if got := h.slash("U0ALICE", "/tokens list"); !says(got, "Only admins see other people's keys.") {
		t.Errorf("Alice is shown:\n%s", got.Show())
	}
	h.slash("U0ERIN", "/tokens revoke "+id+" It leaked.")
	h.told("U0ALICE", "", id, "was revoked by Erin Evans", "It leaked.")
	if got := h.slash("U0ERIN", "/tokens show "+id); !says(got, "What the system answered", "DELETE", "and the key is dead") {
		t.Errorf("its story has no receipt:\n%s", got.Show())
	}
}

// The owner of a found key asks to keep it, and the approver is told what it
// is about; managed, it can be handed over.
func TestOwnersAskToKeepWhatWasFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "deploy bot", "alice@example.com")
	h.sync()
	id := h.key("deploy bot")
	mine := h.slash("U0ALICE", "/tokens mine")
	h.choose("U0ALICE", mine, id, verbKeep)
	h.awaitModal("U0ALICE", callbackKeep)
	h.fill("U0ALICE", blockReason, "The nightly deploy uses it.")
	h.submit("U0ALICE")
	if v := h.awaitModal("U0ALICE", callbackPreview); !strings.Contains(v.Show(), "You ask to keep the key") {
		t.Errorf("the preview says:\n%s", v.Show())
	}
	h.submit("U0ALICE")
	card := h.told("U0BOB", "", "Request to keep a key", "This key exists already", "deploy bot", "nobody asked for it here")
	request := requestOf(t, card.Text)
	h.click("U0BOB", card.Place(), verbApprove, request)
	h.told("U0ALICE", "", "Key "+"`"+id+"`", "is managed from now on")
	h.told("U0ALICE", "", "Your key", id, "Use it the way that system asks for.")
	if got := h.slash("U0ERIN", "/tokens list --unmanaged"); !says(got, "No keys match.") {
		t.Errorf("it is still unmanaged:\n%s", got.Show())
	}

	list := h.slash("U0ERIN", "/tokens list @alice acme")
	h.choose("U0ERIN", list, id, verbHandOver)
	h.awaitModal("U0ERIN", callbackHandOver)
	h.must(h.sim.User("U0ERIN").Fill(h.ctx, blockOwner, "", slacksim.Value{ID: "U0BOB"}))
	h.fill("U0ERIN", blockReason, "Bob runs the deploys now.")
	h.submit("U0ERIN")
	h.told("U0BOB", "", id, "you answer for it", "Bob runs the deploys now.")
	h.told("U0ALICE", "", id, "gave your key")

}

// requestOf finds the ID of a request in a text.
func requestOf(t *testing.T, text string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "Request RQ-")
	if !ok {
		t.Fatalf("no request in %q", text)
	}
	return "RQ-" + strings.Trim(rest, ".")
}

// Admins see what every system has, and take a listing with them.
func TestAdminsSeeSystemsAndTakeListingsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	for _, label := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		seed(h.acme, "=bot "+label, "alice@example.com")
	}
	h.sync()
	if got := h.slash("U0ALICE", "/tokens systems"); !says(got, "Only an admin") {
		t.Errorf("Alice is shown:\n%s", got.Show())
	}
	systems := h.slash("U0ERIN", "/tokens systems")
	if !says(systems, "12 live keys", "12 unmanaged", "Latchkey can list its keys, revoke keys and suspend keys.", "no live keys") {
		t.Errorf("the systems:\n%s", systems.Show())
	}
	h.click("U0ERIN", systems.Place(), verbSync, "acme")
	h.told("U0ERIN", "C0GENERAL", "acme", "is listed anew now")

	first := h.slash("U0ERIN", "/tokens list acme")
	var last storage.CredentialID
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT id FROM credential ORDER BY id DESC OFFSET 9 LIMIT 1`).Scan(&last))
	older := page{Listing: workflow.Listing{Connection: "acme"}}.older(last)
	if !says(first, "10 keys") || !offers(first, verbMore, older.String()) {
		t.Fatalf("the first page:\n%s", first.Show())
	}
	h.click("U0ERIN", first.Place(), verbMore, older.String())
	h.await("the second page", func() bool { m, _ := h.sim.User("U0ERIN").Last("C0GENERAL"); return says(m, "*2 keys*") })
	second, _ := h.sim.User("U0ERIN").Last("C0GENERAL")
	if second.TS != first.TS || !offers(second, verbMore, older.first().String()) || offers(second, verbMore, older.String()) {
		t.Errorf("the second page is not in the first one's place, or can't go back:\n%s", second.Show())
	}

	h.click("U0ERIN", second.Place(), verbCSV, older.first().String())
	file := h.told("U0ERIN", "", "12 keys of acme")
	if len(file.Files) != 1 || file.Files[0].Name != "keys-acme.csv" {
		t.Fatalf("files: %+v", file.Files)
	}
	text := string(file.Files[0].Content)
	if n := strings.Count(text, "\n"); n != 13 || !strings.Contains(text, "'=bot a") {
		t.Errorf("the file has %d lines:\n%s", n, text)
	}
	h.slash("U0ALICE", "/tokens list @alice --csv")
	h.told("U0ALICE", "", "12 keys")
	if got := h.slash("U0ALICE", "/tokens list --csv"); !says(got, "Only admins see other people's keys.") {
		t.Errorf("Alice is shown:\n%s", got.Show())
	}
}

// From the counts in App Home an admin gets to a form and on to a milder one:
// Slack stacks no more than three modals.
func TestAdminsGetFromHomeToTheDeepestForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "deploy bot", "alice@example.com")
	h.sync()
	id := h.key("deploy bot")
	erin := h.sim.User("U0ERIN")
	h.must(erin.OpenHome(h.ctx))
	h.await("Erin's home", func() bool { v, ok := erin.Home(); return ok && strings.Contains(v.Show(), "1 unmanaged") })
	home, _ := erin.Home()
	flagged := page{Listing: workflow.Listing{Connection: "acme", Flag: storage.FlagUnmanaged}}
	h.click("U0ERIN", home.Place(), verbList, flagged.String())
	top := func(title string) slacksim.Place {
		h.await(title, func() bool { v, ok := erin.Modal(); return ok && v.Title == title })
		v, _ := erin.Modal()
		return v.Place()
	}
	_, err := erin.Act(h.ctx, top(allKeys), slacksim.Action{ActionID: actionID(verbRow, id), Value: slacksim.Value{Option: string(verbShow)}})
	h.must(err)
	h.click("U0ERIN", top("Key "+id), verbRevoke, id)
	h.click("U0ERIN", top("Revoke "+id), verbSuspend, id)
	top("Suspend " + id)
	h.fill("U0ERIN", blockReason, "Rather this.")
	h.submit("U0ERIN")
	h.told("U0ALICE", "", id, "suspended", "Rather this.")
}
