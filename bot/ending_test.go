package bot

import (
	"strings"
	"testing"

	"latchkey/bot/slacksim"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// granted is a key of Alice's at acme that Bob approved and she collected.
func (h *house) granted(ask workflow.Ask) storage.CredentialID {
	h.t.Helper()
	id, _ := h.grantedSecret(ask)
	return id
}

// grantedSecret is granted, with what she collected.
func (h *house) grantedSecret(ask workflow.Ask) (storage.CredentialID, secret.Value) {
	h.t.Helper()
	alice := h.actor("U0ALICE")
	ask.Connection, ask.Kind, ask.Reason = "acme", workflow.APIKey, "The nightly import."
	r, err := h.rules.Submit(h.ctx, alice, ask, "grant")
	h.must(err)
	card := h.told("U0BOB", "", "Request for an API key", r.ID.String())
	h.click("U0BOB", card.Place(), verbApprove, r.ID.String())
	h.await("the key", func() bool {
		c, err := h.db.CredentialOf(h.ctx, r.ID)
		return err == nil && c.State == storage.CredentialActive
	})
	c, err := h.db.CredentialOf(h.ctx, r.ID)
	h.must(err)
	if ask.Sink != "" {
		return c.ID, secret.Value{}
	}
	return c.ID, h.collect(c.ID)
}

func (h *house) actor(who string) workflow.Actor {
	h.t.Helper()
	account, err := h.directory.Account(h.ctx, "T0LATCH", who)
	h.must(err)
	return workflow.Actor{Account: account, Ref: "test"}
}

// collect opens the page that shows a key and chooses to see it.
func (h *house) collect(id storage.CredentialID) secret.Value {
	h.t.Helper()
	at, err := h.rules.RevealURL(h.ctx, id)
	h.must(err)
	key, _, err := h.rules.Reveal(h.ctx, at[strings.LastIndexByte(at, '/')+1:], "test")
	h.must(err)
	return key
}

// write is what Alice asks for in these tests.
func write() workflow.Ask {
	return workflow.Ask{Scopes: []string{"files:read", "files:write"}, Lifetime: days(7)}
}

// exec changes what is stored, as time would.
func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.db.Pool().Exec(h.ctx, sql, args...)
	h.must(err)
	h.must(h.rules.Sweep(h.ctx))
}

// endsSoon lets most of a key's life pass.
func (h *house) endsSoon(id storage.CredentialID) {
	h.t.Helper()
	h.exec(`UPDATE credential SET activated_at = latchkey_now() - interval '20 days', expires_at = latchkey_now() + interval '3 days',
		vendor_expires_at = NULL, noticed_until = NULL, next_action_at = latchkey_now() WHERE id = $1`, id)
}

// A key that ends soon is told of in one message, which says how it was dealt
// with: left to expire, and then, after a review, given more time.
func TestDigestsAreKeptUpToDate(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	id := key.String()
	h.endsSoon(key)
	digest := h.told("U0ALICE", "", "1 key ends soon", id, "If nothing is done")
	for _, v := range []verb{verbRotate, verbExtend, verbLetExpire, verbGiveBack} {
		if !offers(digest, v, id) {
			t.Errorf("the digest does not offer %s:\n%s", v, digest.Show())
		}
	}
	h.click("U0ALICE", digest.Place(), verbLetExpire, id)
	h.told("U0ALICE", "", "You hear no more of it")
	left := h.told("U0ALICE", "", "is left to expire on") // the key's own message says it in other words
	if left.TS != digest.TS || offers(left, verbRotate, id) {
		t.Errorf("the digest was not corrected in its place:\n%s", left.Show())
	}

	h.open("U0ALICE", "/tokens extend "+id, callbackExtend)
	h.fill("U0ALICE", blockReason, "The import runs for another month.")
	h.must(h.sim.User("U0ALICE").Fill(h.ctx, blockLifetime, "", slacksim.Value{Option: "30d"}))
	h.submit("U0ALICE")
	if v := h.awaitModal("U0ALICE", callbackPreview); !strings.Contains(v.Show(), "You ask for more time for the key") || !strings.Contains(v.Show(), "Who will be asked") {
		t.Errorf("the preview says:\n%s", v.Show())
	}
	h.submit("U0ALICE")
	card := h.told("U0BOB", "", "Request for more time for a key", "30 more days", id, "The import runs for another month.")
	h.told("U0ALICE", "", "Your request", "30 more days")
	h.click("U0BOB", card.Place(), verbApprove, requestOf(t, card.Text))
	more := h.told("U0ALICE", "", "Nothing is left to do", "has another end")
	if more.TS != digest.TS {
		t.Error("the extension is told in another digest")
	}
	h.told("U0ALICE", "", id, "lives longer from now on")
}

// What has expired is told in the digest, not in a message of its own.
func TestExpiredKeysAreToldInTheDigest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	h.endsSoon(key)
	digest := h.told("U0ALICE", "", "1 key ends soon", key.String())
	h.exec(`UPDATE credential SET expires_at = latchkey_now() - interval '1 second', next_action_at = latchkey_now() WHERE id = $1`, key)
	over := h.told("U0ALICE", "", "1 key has expired", key.String(), "it works nowhere any more")
	if over.TS != digest.TS {
		t.Error("the end is told in another message")
	}
	own := "Your key " + key.String() + " for acme has expired on"
	h.told("U0ALICE", "", own)
	if n := h.countMessages("U0ALICE", own); n != 1 {
		t.Errorf("the end is told in %d messages about the key", n)
	}
}

// Rotation says what will happen, then tells its owner and whoever has to know
// how it goes, up to the old key's end.
func TestRotationIsToldFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	old := key.String()
	h.open("U0ALICE", "/tokens rotate "+old, callbackRotate)
	form := h.awaitModal("U0ALICE", callbackRotate)
	for _, part := range []string{"Both keys work meanwhile", "you collect it, once", "As long as the old one", "Who has to know"} {
		if !strings.Contains(form.Show(), part) {
			t.Errorf("the form lacks %q:\n%s", part, form.Show())
		}
	}
	h.fill("U0ALICE", blockContacts, "carol at example")
	got, err := h.sim.User("U0ALICE").Submit(h.ctx)
	h.must(err)
	if got.Errors[blockContacts] == "" {
		t.Fatalf("no address, and no word about it: %v", got.Errors)
	}
	h.fill("U0ALICE", blockContacts, "carol@example.com, stranger@elsewhere.example")
	h.submit("U0ALICE")
	fresh := h.told("U0ALICE", "", "is ready to collect", "It takes the place of `"+old+"`")
	h.told("U0ALICE", "", "Your key", old, "It is *being replaced* by", "ready to collect")
	h.told("U0CAROL", "", old, "is being replaced", "and it works")
	var id storage.CredentialID
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT new_id FROM rotation`).Scan(&id))
	if !says(fresh, id.String()) {
		t.Errorf("the new key's message is about another one:\n%s", fresh.Show())
	}
	if got := h.slash("U0ALICE", "/tokens show "+old); !says(got, "Replaced by", id.String()) {
		t.Errorf("the old key's details:\n%s", got.Show())
	}

	h.collect(id)
	h.exec(`UPDATE rotation SET old_ends_at = latchkey_now() - interval '1 second'`)
	h.exec(`UPDATE credential SET next_action_at = latchkey_now() WHERE id = $1`, key)
	h.told("U0ALICE", "", "Your key", old, "was revoked", id.String()+" takes its place")
	h.told("U0CAROL", "", old, "has ended", id.String())
	for _, part := range []string{"is being replaced: the new one", "*has ended*"} {
		if n := h.countMessages("U0CAROL", part); n != 1 {
			t.Errorf("Carol was told %d times that it %s", n, part)
		}
	}
	if n := len(h.acme.Live()); n != 1 {
		t.Errorf("%d keys live at acme", n)
	}
}

// A longer life than the old key's is asked for, and those who decide see what
// it is about.
func TestALongerLifeIsReviewed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	h.endsSoon(key)
	digest := h.told("U0ALICE", "", "1 key ends soon", key.String())
	h.click("U0ALICE", digest.Place(), verbRotate, key.String())
	h.awaitModal("U0ALICE", callbackRotate)
	h.must(h.sim.User("U0ALICE").Fill(h.ctx, blockLifetime, "", slacksim.Value{Option: "14d"}))
	h.fill("U0ALICE", blockReason, "The import stays.")
	h.submit("U0ALICE")
	h.awaitModal("U0ALICE", callbackPreview)
	h.submit("U0ALICE")
	card := h.told("U0BOB", "", "Request for a new key in place of another", key.String(), "for *14 days*")
	h.click("U0BOB", card.Place(), verbApprove, requestOf(t, card.Text))
	h.told("U0ALICE", "", "is ready to collect", "It takes the place of `"+key.String()+"`")
	h.told("U0ALICE", "", "is being *replaced* by")
	h.told("U0ALICE", "", "The new key in place of `"+key.String()+"` was made.")
}

// When nothing comes of a fresh key, its owner hears why, once, and can try
// again.
func TestAFailedRotationIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	h.acme.Inject(fake.VerbIssue, fake.Refused, 0)
	_, err := h.rules.Rotate(h.ctx, h.actor("U0ALICE"), key, workflow.RotateAsk{}, "first")
	h.must(err)
	m := h.told("U0ALICE", "", key.String(), "was *not replaced*", "It works on as before.")
	if !offers(m, verbRotate, key.String()) {
		t.Errorf("it offers no other try:\n%s", m.Show())
	}
	h.acme.Heal()
	h.click("U0ALICE", m.Place(), verbRotate, key.String())
	h.awaitModal("U0ALICE", callbackRotate)
	h.submit("U0ALICE")
	h.told("U0ALICE", "", "is ready to collect", "It takes the place of `"+key.String()+"`")
	if n := h.countMessages("U0ALICE", "was *not replaced*"); n != 1 {
		t.Errorf("the failure was told %d times", n)
	}
}

// A key that goes into a sink is shown to nobody; what keeps it out is told,
// and corrected when it is in.
func TestKeysGoIntoSinks(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	h.open("U0ALICE", "/tokens request acme", callbackRequest)
	alice := h.sim.User("U0ALICE")
	h.must(alice.Fill(h.ctx, blockOf(blockSink, "acme"), "", slacksim.Value{Option: sinkChosen + "store"}))
	h.await("the place", func() bool {
		v, _ := alice.Modal()
		return strings.Contains(v.Show(), "Place in store")
	})
	h.fill("U0ALICE", blockOf(blockPlace, "acme"), "hr/acme")
	h.fill("U0ALICE", blockReason, "The nightly import.")
	got, err := alice.Submit(h.ctx)
	h.must(err)
	if !strings.Contains(got.Errors[blockOf(blockPlace, "acme")], "payroll/*") {
		t.Fatalf("another place is refused with %v", got.Errors)
	}
	h.fill("U0ALICE", blockOf(blockPlace, "acme"), "payroll/acme")
	h.submit("U0ALICE")
	if v := h.awaitModal("U0ALICE", callbackPreview); !strings.Contains(v.Show(), "Nobody sees the key") {
		t.Errorf("the preview says:\n%s", v.Show())
	}
	h.store.setTaken(true)
	h.submit("U0ALICE")
	card := h.told("U0BOB", "", "Request for an API key", "Nobody sees the key", "payroll/acme")
	h.click("U0BOB", card.Place(), verbApprove, requestOf(t, card.Text))
	stuck := h.told("U0ALICE", "", "could *not* be put into", "something else is in store", "Latchkey keeps trying")
	h.told("U0ALICE", "", "It is being put into")
	h.store.setTaken(false)
	var id storage.CredentialID
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT id FROM credential`).Scan(&id))
	h.must(h.rules.Deliver(h.ctx, id)) // as its job does, some minutes later
	done := h.told("U0ALICE", "", "payroll/acme", "now.")
	if done.TS != stuck.TS {
		t.Error("the trouble was not corrected in its place")
	}
	h.told("U0ALICE", "", "It is in *store* at `payroll/acme`; nobody has seen it.")
	h.silent("U0ALICE", "is ready to collect")
}

// Owners name and note what they hold and bring its end forward; admins exempt
// it from the rules.
func TestKeysAreEditedAndExempted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{StaleAfter: days(20), StaleUnknown: true})
	key := h.granted(write())
	id := key.String()
	h.open("U0ALICE", "/tokens edit "+id, callbackEdit)
	h.fill("U0ALICE", blockLabel, "Payroll import")
	h.fill("U0ALICE", blockNote, "Runs on the 3rd.")
	h.submit("U0ALICE")
	if got := h.slash("U0ALICE", "/tokens show "+id); !says(got, "Payroll import", "Runs on the 3rd.") {
		t.Errorf("the details say:\n%s", got.Show())
	}
	before, err := h.db.Credential(h.ctx, key)
	h.must(err)
	h.open("U0ALICE", "/tokens edit "+id, callbackEdit)
	h.must(h.sim.User("U0ALICE").Fill(h.ctx, blockEnds, "", slacksim.Value{Date: before.ExpiresAt.UTC().AddDate(0, 0, 2).Format("2006-01-02")}))
	got, err := h.sim.User("U0ALICE").Submit(h.ctx)
	h.must(err)
	if !strings.Contains(got.Errors[blockEnds], "use Extend") {
		t.Fatalf("a later end of one's own key is answered with %v", got.Errors)
	}
	h.must(h.sim.User("U0ALICE").Fill(h.ctx, blockEnds, "", slacksim.Value{Date: before.ExpiresAt.UTC().AddDate(0, 0, -2).Format("2006-01-02")}))
	h.submit("U0ALICE")
	after, err := h.db.Credential(h.ctx, key)
	h.must(err)
	if d := before.ExpiresAt.Sub(after.ExpiresAt).Round(2 * 1e9); d != 2*day24 {
		t.Errorf("the end came forward by %s", d)
	}

	h.exec(`UPDATE credential SET activated_at = latchkey_now() - interval '30 days', use_known = true, next_action_at = latchkey_now() WHERE id = $1`, key)
	h.told("U0ALICE", "", "1 key", id, "Nobody has used it since it was made", "one use is enough")
	show := h.slash("U0ERIN", "/tokens show "+id)
	if !says(show, "It has to go", "nobody used it for 20 days") {
		t.Errorf("the details say:\n%s", show.Show())
	}
	h.click("U0ERIN", show.Place(), verbExempt, id)
	h.awaitModal("U0ERIN", callbackExempt)
	until := before.ExpiresAt.UTC().AddDate(0, 0, 60)
	h.must(h.sim.User("U0ERIN").Fill(h.ctx, blockUntil, "", slacksim.Value{Date: until.Format("2006-01-02")}))
	h.fill("U0ERIN", blockReason, "It is for emergencies.")
	h.submit("U0ERIN")
	h.told("U0ALICE", "", id, "may stay as it is until")
}

// Whoever is told of a key that is not theirs reads whose it is, why they are
// told, and who can do something.
func TestOthersHearOfKeysWhoseOwnersAreGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key := h.granted(write())
	h.exec(`UPDATE person SET active = false, manager_id = $1 WHERE id = $2`, h.actor("U0BOB").Account.PersonID, h.actor("U0ALICE").Account.PersonID)
	h.endsSoon(key)
	told := h.told("U0BOB", "", "1 key ends soon", key.String(), "Held by", "you are their manager", "An admin can hand the key over")
	if offers(told, verbRotate, key.String()) {
		t.Errorf("Bob is offered what he can't do:\n%s", told.Show())
	}
	h.exec(`UPDATE person SET manager_id = NULL`)
	h.exec(`DELETE FROM notice`)
	h.exec(`DELETE FROM reminder`)
	h.endsSoon(key)
	admin := h.told("U0ERIN", "", "1 key ends soon", key.String(), "those who answer for *acme*", "You can hand it over")
	if !offers(admin, verbRotate, key.String()) || !offers(admin, verbRevoke, key.String()) || offers(admin, verbGiveBack, key.String()) {
		t.Errorf("Erin is offered:\n%s", admin.Show())
	}
}
