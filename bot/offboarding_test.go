package bot

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/bot/slacksim"
	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
	"latchkey/workflow"
)

// person is whose Slack account this is.
func (h *house) person(user string) storage.PersonID {
	h.t.Helper()
	a, err := h.directory.Account(h.ctx, "T0LATCH", user)
	h.must(err)
	return a.PersonID
}

// latest is the latest case of a person.
func (h *house) latest(user string) storage.Offboarding {
	h.t.Helper()
	all, err := h.db.Offboardings(h.ctx, h.person(user), false, 1)
	h.must(err)
	if len(all) == 0 {
		h.t.Fatalf("%s has no case", user)
	}
	return all[0]
}

// until lists the systems again and again until a message in the admins'
// channel says all of it.
func (h *house) until(who string, parts ...string) slacksim.Message {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		for _, m := range h.sim.User(who).Messages("C0APPROVALS") {
			if says(m, parts...) {
				return m
			}
		}
		h.sync()
		h.sweep()
	}
	for _, m := range h.sim.User(who).Messages("C0APPROVALS") {
		h.t.Log(m.Show())
	}
	h.t.Fatalf("no message in the channel says %s", strings.Join(parts, ", "))
	return slacksim.Message{}
}

// offboard has Erin offboard somebody in Slack.
func (h *house) offboard(user, name string) {
	h.t.Helper()
	h.open("U0ERIN", "/tokens offboard <@"+user+"> Their last day was today.", callbackOffboard)
	h.fill("U0ERIN", blockConfirm, name)
	h.submit("U0ERIN")
}

// An admin offboards somebody: the preview, the name that confirms it, the card
// that fills, its details and its end.
func TestAdminOffboardsSomebody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "franks", "frank@example.com")
	seed(h.vault, "locked", "frank@example.com")
	h.sync()
	if got := h.slash("U0ALICE", "/tokens offboard <@U0FRANK>"); !strings.Contains(got.Text, "Only an admin") {
		t.Errorf("Alice reads %s", got.Text)
	}
	if got := h.slash("U0ERIN", "/tokens offboard frank"); !strings.Contains(got.Text, "Say who left") {
		t.Errorf("a name that is no mention: %s", got.Text)
	}
	h.open("U0ERIN", "/tokens offboard <@U0FRANK>", callbackOffboard)
	erin := h.sim.User("U0ERIN")
	h.fill("U0ERIN", blockConfirm, "Somebody Else")
	h.fill("U0ERIN", blockReason, "Their last day was today.")
	got, err := erin.Submit(h.ctx)
	h.must(err)
	if !strings.Contains(got.Errors[blockConfirm], "Nobody was offboarded") {
		t.Fatalf("a wrong name is answered with %v", got.Errors)
	}
	if cases, err := h.db.Offboardings(h.ctx, 0, false, 9); err != nil || len(cases) != 0 {
		t.Fatalf("a wrong name made %d cases, %v", len(cases), err)
	}
	v, err := h.db.People(h.ctx, h.person("U0FRANK"))
	h.must(err)
	h.fill("U0ERIN", blockConfirm, strings.ToLower(v[h.person("U0FRANK")].Name))
	h.submit("U0ERIN")
	h.must(erin.CloseAll(h.ctx))

	id := caseID(h.latest("U0FRANK").ID)
	h.until("U0ERIN", "left", "Their last day was today.", "*acme*: clean", "*vault*: looking")
	h.vaultIsEmptied("locked")
	closed := h.until("U0ERIN", "left: closed", "everything is accounted for", "2 ended", "*vault*: clean")
	if !offers(closed, verbCase, id) || !offers(closed, verbUndoLeave, id) || !strings.Contains(string(closed.Blocks), h.rules.ReportURL(h.latest("U0FRANK").ID)) {
		t.Errorf("the card lacks a control:\n%s", closed.Show())
	}
	if n := len(h.cards("U0ERIN", "Frank")); n != 1 {
		t.Errorf("%d messages in the channel are about Frank's case, want one", n)
	}

	h.click("U0ERIN", closed.Place(), verbCase, id)
	h.await("the details", func() bool { m, ok := erin.Modal(); return ok && strings.Contains(m.Show(), "Keys 1 to 2 of 2") })
	details, _ := erin.Modal()
	for _, want := range []string{"TK-", "DELETE", "and the key is dead"} {
		if !strings.Contains(details.Show(), want) {
			t.Errorf("the details lack %q:\n%s", want, details.Show())
		}
	}
	list := h.slash("U0ERIN", "/tokens offboarding <@U0FRANK>")
	if !says(list, "1 case of Frank", "closed") || !offers(list, verbCase, id) {
		t.Errorf("the list says:\n%s", list.Show())
	}
	if again := h.slash("U0ERIN", "/tokens offboard <@U0FRANK>"); !strings.Contains(again.Text, "has left already") {
		t.Errorf("a second time is answered with %s", again.Text)
	}
}

// vaultIsEmptied has somebody end a key by hand at the vault.
func (h *house) vaultIsEmptied(label string) {
	h.t.Helper()
	for _, k := range h.vault.Keys() {
		if k.Label == label {
			h.vault.SetState(k.ID, fake.StateRevoked)
		}
	}
}

// cards are the messages in the admins' channel that are headed by a name.
func (h *house) cards(who, name string) []slacksim.Message {
	h.t.Helper()
	var out []slacksim.Message
	for _, m := range h.sim.User(who).Messages("C0APPROVALS") {
		if strings.Contains(string(m.Blocks), `"case/`) && strings.Contains(m.Show(), name) {
			out = append(out, m)
		}
	}
	return out
}

// A mistaken leave is undone from the card, with what does not come back in
// view, and the card says who undid it and why.
func TestALeaveIsUndoneFromItsCard(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "franks", "frank@example.com")
	h.sync()
	key := h.key("franks")
	h.offboardNamed("U0FRANK")
	id := caseID(h.latest("U0FRANK").ID)
	card := h.until("U0ERIN", "Frank", "1 ended")
	h.click("U0ERIN", card.Place(), verbUndoLeave, id)
	asked := h.awaitModal("U0ERIN", callbackUndoLeave)
	if !strings.Contains(asked.Show(), "What does not come back: 1 key") || !strings.Contains(asked.Show(), key) {
		t.Errorf("the question does not say what is lost:\n%s", asked.Show())
	}
	h.fill("U0ERIN", blockReason, "HR mixed up two people.")
	h.submit("U0ERIN")
	h.told("U0ERIN", "C0APPROVALS", "undone", "HR mixed up two people.", "1 key ended")
	people, err := h.db.People(h.ctx, h.person("U0FRANK"))
	h.must(err)
	if !people[h.person("U0FRANK")].Active {
		t.Error("Frank is fenced still")
	}
}

// offboardNamed is offboard with the name as it is stored.
func (h *house) offboardNamed(user string) {
	h.t.Helper()
	people, err := h.db.People(h.ctx, h.person(user))
	h.must(err)
	h.offboard(user, people[h.person(user)].Name)
	h.must(h.sim.User("U0ERIN").CloseAll(h.ctx))
}

// What no system can prove an admin answers for by name.
func TestAnAdminAnswersForAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.vault, "locked", "frank@example.com")
	h.sync()
	key := h.key("locked")
	h.offboardNamed("U0FRANK")
	id := h.latest("U0FRANK").ID
	card := h.until("U0ERIN", "Frank", "*Keys*: 1 in all")
	erin := h.sim.User("U0ERIN")
	h.click("U0ERIN", card.Place(), verbCase, caseID(id))
	h.await("the details", func() bool { m, ok := erin.Modal(); return ok && strings.Contains(m.Show(), key) })
	details, _ := erin.Modal()
	_, err := erin.Click(h.ctx, details.Place(), actionID(verbWaive, caseAbout(id, key)))
	h.must(err)
	h.awaitModal("U0ERIN", callbackWaive)
	h.fill("U0ERIN", blockReason, "The vault was shut down.")
	h.submit("U0ERIN")
	h.told("U0ERIN", "C0APPROVALS", "1 without a receipt, for which an admin answers by name")
	v, err := h.rules.LookAtOffboarding(h.ctx, id)
	h.must(err)
	if it := v.Items[0]; it.WaivedReason != "The vault was shut down." || !strings.HasPrefix(it.WaivedName, "Erin") {
		t.Errorf("the waiver is %+v", it.OffboardingItem)
	}
}

// Whoever answers for a system decides what becomes of a leaver's service
// keys.
func TestOwnersDecideOnServiceKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{}, func(d *workflow.Document) {
		acme := d.Connections["acme"]
		acme.Owners = "approvers"
		d.Connections["acme"] = acme
	})
	for _, label := range []string{"kept", "dropped"} {
		h.acme.Seed(fake.Key{Label: label, Owner: connectors.AccountRef{ID: "svc-" + label, Name: "robot " + label, Service: true}, Scopes: []string{"files:read"}})
	}
	h.sync()
	_, err := h.db.Pool().Exec(h.ctx, `UPDATE credential SET owner_id = $1 WHERE label IN ('kept', 'dropped')`, h.person("U0FRANK"))
	h.must(err)
	kept, dropped := h.key("kept"), h.key("dropped")
	h.offboardNamed("U0FRANK")
	id := h.latest("U0FRANK").ID

	ask := h.told("U0BOB", "", "Frank", kept, "Keep it under a new owner, or end it?", "nobody decides")
	h.click("U0BOB", ask.Place(), verbKeepShared, caseAbout(id, kept))
	h.awaitModal("U0BOB", callbackKeepShared)
	h.must(h.sim.User("U0BOB").Fill(h.ctx, blockOwner, "", slacksim.Value{ID: "U0CAROL"}))
	h.fill("U0BOB", blockReason, "The nightly import needs it.")
	h.submit("U0BOB")
	h.must(h.sim.User("U0BOB").CloseAll(h.ctx))
	h.told("U0BOB", "", kept, "kept", "answers for it from now on")

	ask = h.told("U0BOB", "", dropped, "Keep it under a new owner, or end it?")
	h.click("U0BOB", ask.Place(), verbEndShared, caseAbout(id, dropped))
	h.awaitModal("U0BOB", callbackEndShared)
	h.fill("U0BOB", blockReason, "Nobody uses it.")
	h.submit("U0BOB")
	h.told("U0BOB", "", dropped, "was not kept")
	h.told("U0ERIN", "C0APPROVALS", "Frank", "1 of services, kept under a new owner")
}

// Many leave at once: one message asks about all of them, whatever their
// number, and nobody decides about more people than they saw.
func TestAMassLeaveIsOneQuestion(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{}, func(d *workflow.Document) { d.Offboarding.Breaker = workflow.Breaker{MinCount: 1} })
	var people []storage.PersonID
	for i := range 40 {
		people = append(people, h.newPerson(fmt.Sprintf("leaver%02d@example.com", i), fmt.Sprintf("Leaver %02d", i)))
	}
	for i, p := range people {
		_, err := h.rules.Offboard(h.ctx, workflow.Leave{Person: p, Source: "scim", SourceKey: fmt.Sprint("storm:", i), By: storage.System("scim"), Reason: "deactivated"})
		h.must(err)
	}
	held, err := h.rules.LookAtHeld(h.ctx)
	h.must(err)
	if held.Count < 30 {
		t.Fatalf("%d are held, want nearly all", held.Count)
	}
	people40 := fmt.Sprintf("%d people", held.Count)
	question := h.told("U0ERIN", "C0APPROVALS", "Did "+people40+" really leave?", "Leaver")
	if n := h.count(`SELECT count(*) FROM message WHERE purpose = 'held'`); n != 1 {
		t.Errorf("%d messages ask about those who are held, want one", n)
	}

	h.click("U0BOB", question.Place(), verbRunHeld, "")
	h.told("U0BOB", "C0APPROVALS", "Only an admin")
	erin := h.sim.User("U0ERIN")
	h.click("U0ERIN", question.Place(), verbRunHeld, "")
	h.awaitModal("U0ERIN", callbackRunHeld)
	h.fill("U0ERIN", blockConfirm, fmt.Sprint(held.Count+1))
	got, err := erin.Submit(h.ctx)
	h.must(err)
	if !strings.Contains(got.Errors[blockConfirm], "Nothing was done") {
		t.Fatalf("a wrong number is answered with %v", got.Errors)
	}
	if again, err := h.rules.LookAtHeld(h.ctx); err != nil || again.Count != held.Count {
		t.Fatalf("a wrong number left %d of %d held, %v", again.Count, held.Count, err)
	}
	h.fill("U0ERIN", blockConfirm, fmt.Sprint(held.Count))
	h.submit("U0ERIN")
	h.await("the outcome", func() bool {
		m, ok := erin.Modal()
		return ok && strings.Contains(m.Show(), "What "+people40+" hold ends now")
	})
	h.told("U0ERIN", "C0APPROVALS", "Nothing waits any more", "let it run")
	if n := h.count(`SELECT count(*) FROM message WHERE purpose = 'case'`); n > maxCards {
		t.Errorf("%d cards in an hour, want at most %d", n, maxCards)
	}
	if n := h.count(`SELECT count(*) FROM offboarding WHERE state = 'held'`); n != 0 {
		t.Errorf("%d are held still", n)
	}
}

func (h *house) newPerson(email, name string) storage.PersonID {
	h.t.Helper()
	var id storage.PersonID
	h.must(h.db.Pool().QueryRow(h.ctx, `INSERT INTO person (email, name) VALUES ($1, $2) RETURNING id`, email, name).Scan(&id))
	return id
}

func (h *house) count(query string) int {
	h.t.Helper()
	var n int
	h.must(h.db.Pool().QueryRow(h.ctx, query).Scan(&n))
	return n
}

// A case that is open for too long calls whoever answers for the system, once.
func TestACaseThatTakesLongCallsItsOwners(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.vault, "locked", "frank@example.com")
	h.sync()
	h.offboardNamed("U0FRANK")
	id := h.latest("U0FRANK").ID
	h.until("U0ERIN", "Frank", "*Keys*: 1 in all")
	h.must(h.db.InTx(h.ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.SetPaged(ctx, id, storage.System("offboarding")); err != nil {
			return err
		}
		return tx.Enqueue(ctx, workflow.NotifyArgs{Subject: storage.SubjectOffboarding, ID: int64(id)}, nil)
	}))
	page := h.told("U0ERIN", "C0APPROVALS", "A person is needed", "Frank", "vault")
	if !strings.Contains(string(page.Blocks), "subteam^S0ITADMIN") {
		t.Errorf("the page calls nobody:\n%s", page.Blocks)
	}
	h.vaultIsEmptied("locked")
	h.until("U0ERIN", "The case of Frank", "is closed by now")
	if n := h.count(`SELECT count(*) FROM message WHERE purpose = 'page'`); n != 1 {
		t.Errorf("%d pages, want one", n)
	}
}

// Whoever lost a group reads what that means for a key, and asks again from
// there.
func TestOwnersHearThatAKeyIsNotAllowedAnyMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "alices", "alice@example.com")
	h.sync()
	key := h.key("alices")
	_, id, err := storage.ParseID(key)
	h.must(err)
	turn := func(entitled bool, reason string) {
		h.must(h.db.InTx(h.ctx, func(ctx context.Context, tx storage.Tx) error {
			if _, err := tx.SetEntitled(ctx, id, entitled, storage.System("roles"), reason); err != nil {
				return err
			}
			return tx.Enqueue(ctx, workflow.NotifyArgs{Subject: storage.SubjectCredential, ID: int64(id)}, nil)
		}))
	}
	turn(false, "No rule lets you ask for files:write on acme.")
	told := h.told("U0ALICE", "", key, "not allowed to you any more", "No rule lets you ask")
	h.click("U0ALICE", told.Place(), verbNew, "acme")
	h.awaitModal("U0ALICE", callbackRequest)
	if list := h.slash("U0ERIN", "/tokens list --not-allowed"); !says(list, key, "not allowed any more") {
		t.Errorf("the list says:\n%s", list.Show())
	}
	turn(true, "")
	h.told("U0ALICE", "", key, "is allowed to you again")
}

// Admins see who a source says left and nobody here is known by.
func TestStrangeLeaversAreListed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	_, err := h.db.Pool().Exec(h.ctx, `
		INSERT INTO person_event (source, event_id, account_ref, email, name, active, happened_at, outcome)
		VALUES ('hr', '1', '4711', 'ghost@example.com', 'A. Ghost', false, $1, 'nobody we know')`, time.Now())
	h.must(err)
	list := h.slash("U0ERIN", "/tokens offboarding")
	if !says(list, "No cases under way", "nobody here is known by", "ghost@example.com", "4711", "/tokens offboard @person") {
		t.Errorf("the list says:\n%s", list.Show())
	}
	if refused := h.slash("U0ALICE", "/tokens offboarding"); !strings.Contains(refused.Text, "Only an admin") {
		t.Errorf("Alice reads %s", refused.Text)
	}
}
