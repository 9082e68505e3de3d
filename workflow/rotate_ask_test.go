package workflow

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
)

// reads is a key of alice's that can only read: nobody has to review anything.
func (h *house) reads(t testing.TB, connection string) storage.Credential {
	t.Helper()
	r := h.submit(t, "alice", Ask{Connection: connection, Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 20 * day, Reason: "for the yearly report"})
	h.settle(t)
	return h.keyOf(t, r.ID)
}

func TestWhoMayRotate(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.reads(t, "tempo")
	for who, rule := range map[string]string{"frank": RuleAdminOnly, "guest": RuleGuest, "olga": RuleOutsider, "robot": RuleBot, "stranger": RuleUnlinked} {
		_, err := h.Rotate(t.Context(), h.people[who], c.ID, RotateAsk{}, fresh())
		refused(t, who, err, rule)
	}
	_, err := h.Rotate(t.Context(), h.people["erin"], c.ID+1000, RotateAsk{}, fresh())
	refused(t, "no such key", err, RuleUnknown)
	key := Actor{Account: h.people["erin"].Account, Key: c.ID}
	_, err = h.Rotate(t.Context(), key, c.ID, RotateAsk{}, fresh())
	refused(t, "a key of our own without the scope, though its owner is an admin", err, RuleAdminOnly)
	if all, err := h.DB.Rotations(t.Context(), c.ID); err != nil || len(all) != 0 {
		t.Errorf("%d rotations, %v", len(all), err)
	}
	for _, who := range []string{"alice2", "erin"} { // her other account, and an admin
		out, err := h.Rotate(t.Context(), h.people[who], c.ID, RotateAsk{}, fresh())
		if err != nil || out.New.OwnerID != h.person("alice") {
			t.Fatalf("%s: %+v, %v", who, out.New, err)
		}
		h.settle(t)
		if _, err := h.Revoke(t.Context(), h.people["alice"], out.New.ID, ""); err != nil {
			t.Fatal(err)
		}
		h.settle(t)
	}
}

// Whatever is refused is refused in words, names its field and changes nothing.
func TestRefusedRotations(t *testing.T) {
	t.Parallel()
	h := open(t)
	good := h.reads(t, "acme")
	soon := func(d time.Duration) time.Time { return time.Now().Add(d) }
	ask := func(a RotateAsk) func() (storage.CredentialID, RotateAsk) {
		return func() (storage.CredentialID, RotateAsk) { return good.ID, a }
	}
	of := func(id storage.CredentialID) func() (storage.CredentialID, RotateAsk) {
		return func() (storage.CredentialID, RotateAsk) { return id, RotateAsk{} }
	}
	suspended := h.reads(t, "acme")
	if _, err := h.Suspend(t.Context(), h.people["alice"], suspended.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	ended := h.reads(t, "acme")
	if _, err := h.Revoke(t.Context(), h.people["alice"], ended.ID, ""); err != nil {
		t.Fatal(err)
	}
	over := h.reads(t, "acme") // its time is up, and the sweep was not there yet
	h.exec(t, `UPDATE credential SET activated_at = latchkey_now() - interval '1 hour', expires_at = latchkey_now() - interval '1 second', next_action_at = latchkey_now() + interval '1 hour' WHERE id = $1`, over.ID)
	k := h.seed(fake.Key{Label: "alice's", Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	h.sync(t)
	many := slices.Repeat([]string{"a@example.com"}, maxContacts+1)
	for name, tt := range map[string]struct {
		of    func() (storage.CredentialID, RotateAsk)
		rule  string
		field string
	}{
		"unmanaged":                   {of(h.found(t, k.ID).ID), RuleNotPossible, ""},
		"suspended":                   {of(suspended.ID), RuleDecided, ""},
		"ended":                       {of(ended.ID), RuleDecided, ""},
		"its time is up":              {of(over.ID), RuleDecided, ""},
		"an end that is past":         {ask(RotateAsk{Ends: soon(-time.Hour)}), RuleCeiling, "ends"},
		"an end now":                  {ask(RotateAsk{Ends: soon(0)}), RuleCeiling, "ends"},
		"beyond the ceiling":          {ask(RotateAsk{Ends: soon(91 * 24 * time.Hour)}), RuleCeiling, "ends"},
		"the year 9999":               {ask(RotateAsk{Ends: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}), RuleCeiling, "ends"},
		"an old end that is past":     {ask(RotateAsk{OldEnds: soon(-time.Second)}), RuleCeiling, "old_ends"},
		"old ends after the new one":  {ask(RotateAsk{Ends: soon(time.Hour), OldEnds: soon(2 * time.Hour)}), RuleCeiling, "old_ends"},
		"old ends after its own end":  {ask(RotateAsk{Ends: soon(80 * 24 * time.Hour), OldEnds: soon(21 * 24 * time.Hour)}), RuleCeiling, "old_ends"},
		"too many contacts":           {ask(RotateAsk{Contacts: many}), RuleUnknown, "contacts"},
		"a contact without address":   {ask(RotateAsk{Contacts: []string{"bob@example.com", "carol"}}), RuleUnknown, "contacts"},
		"an empty contact":            {ask(RotateAsk{Contacts: []string{""}}), RuleUnknown, "contacts"},
		"metadata that is a list":     {ask(RotateAsk{Metadata: json.RawMessage(`[1]`)}), RuleUnknown, "metadata"},
		"metadata that is null":       {ask(RotateAsk{Metadata: json.RawMessage(`null`)}), RuleUnknown, "metadata"},
		"metadata that is no JSON":    {ask(RotateAsk{Metadata: json.RawMessage(`{"a":`)}), RuleUnknown, "metadata"},
		"metadata no base can store":  {ask(RotateAsk{Metadata: json.RawMessage(`{"a":"\u0000"}`)}), RuleUnknown, "metadata"},
		"metadata that is broken":     {ask(RotateAsk{Metadata: json.RawMessage("{\"a\":\"\xff\"}")}), RuleUnknown, "metadata"},
		"metadata without end":        {ask(RotateAsk{Metadata: json.RawMessage(`{"a":"` + strings.Repeat("x", maxMetadata) + `"}`)}), RuleUnknown, "metadata"},
		"a reason without end":        {ask(RotateAsk{Reason: strings.Repeat("x", maxReason+1)}), RuleReason, "reason"},
		"a reason that is no text":    {ask(RotateAsk{Reason: "a\x00b"}), RuleReason, "reason"},
		"a reason in broken encoding": {ask(RotateAsk{Reason: "\xff"}), RuleReason, "reason"},
	} {
		id, a := tt.of()
		_, err := h.Rotate(t.Context(), h.people["alice"], id, a, fresh())
		refused(t, name, err, tt.rule)
		if r, _ := AsRefusal(err); r.Field != tt.field || !strings.HasSuffix(r.Reason, ".") {
			t.Errorf("%s: field %q, %q", name, r.Field, r.Reason)
		}
		if all, err := h.DB.Rotations(t.Context(), id); err != nil || len(all) != 0 {
			t.Errorf("%s: %d rotations, %v", name, len(all), err)
		}
	}
}

// Where a system has no overlap, none can be asked for.
func TestNoOverlapCanBeAskedFor(t *testing.T) {
	t.Parallel()
	p := startPlaced(t)
	p.adopt(t)
	_, err := p.Rotate(t.Context(), p.people["alice"], p.old.ID, RotateAsk{OldEnds: time.Now().Add(time.Hour)}, fresh())
	refused(t, "an overlap", err, RuleNotPossible)
}

// What cannot make keys, or end them, has nothing to rotate with.
func TestWhatCanNotBeRotated(t *testing.T) {
	t.Parallel()
	h := withConnector(t, houseDocument(), func(c *fake.Connector) connectors.Connector {
		return struct {
			connectors.Connector
			connectors.Lister
			connectors.Issuer
		}{c, c, c}
	})
	c := h.reads(t, "acme")
	_, err := h.Rotate(t.Context(), h.people["alice"], c.ID, RotateAsk{}, fresh())
	refused(t, "no way", err, RuleNotPossible)
	_, err = h.PlanRotation(t.Context(), h.people["alice"], c.ID)
	refused(t, "no way, planned", err, RuleNotPossible)
}

// What comes with a rotation is kept as it came.
func TestWhatComesWithARotation(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.reads(t, "tempo")
	h.exec(t, `UPDATE credential SET note = 'for the ledger', label = 'ledger' WHERE id = $1`, c.ID)
	ask := RotateAsk{Ends: time.Now().Add(30 * 24 * time.Hour), OldEnds: time.Now().Add(2 * time.Hour), Reason: " a key leaked ",
		Contacts: []string{"Bob <BOB@example.com>", "ann@example.com", "bob@example.com "}, Metadata: json.RawMessage(`{"rotationPolicyId": "p-7", "n": [1, 2]}`)}
	out, err := h.Rotate(t.Context(), h.people["alice"], c.ID, ask, "click")
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.DB.Rotations(t.Context(), c.ID)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d rotations, %v", len(all), err)
	}
	got := all[0]
	var words map[string]any
	if err := json.Unmarshal(got.Metadata, &words); err != nil || words["rotationPolicyId"] != "p-7" {
		t.Errorf("metadata %s, %v", got.Metadata, err)
	}
	want := storage.Rotation{NewID: out.New.ID, OldID: c.ID, Way: storage.RotateOverlap, EndsAt: ask.Ends.Truncate(time.Second), OldEndsAt: ask.OldEnds.Truncate(time.Second),
		OverlapS: 24 * 3600, Reason: "a key leaked", Contacts: []string{"ann@example.com", "bob@example.com"}, SourceKey: "click", NewState: storage.CredentialIssuing,
		NewCollected: true, CreatedAt: got.CreatedAt, Metadata: got.Metadata}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.settle(t)
	next := h.credential(t, out.New.ID)
	if next.Note != "for the ledger" || next.Label != "ledger" || next.Access != "read" || !next.ExpiresAt.Equal(ask.Ends.Truncate(time.Second)) {
		t.Errorf("%+v", next)
	}
}

// A key of Latchkey's own that began a rotation is handed the new key, once,
// and nobody else is.
func TestTheNewKeyIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.reads(t, "acme")
	ours, others := h.reads(t, "tempo"), h.reads(t, "tempo")
	robot := Actor{Account: h.people["erin"].Account, Key: ours.ID, Scopes: []string{ScopeRotate}, Ref: "api"}
	other := Actor{Account: h.people["erin"].Account, Key: others.ID, Scopes: []string{ScopeRotate}}
	out, err := h.Rotate(t.Context(), robot, c.ID, RotateAsk{Ends: time.Now().Add(80 * 24 * time.Hour)}, "nightly")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "before it is made", err, RuleDecided)
	h.settle(t)
	weak := robot
	weak.Scopes = []string{"credentials:read"}
	for name, try := range map[string]struct {
		a    Actor
		id   storage.CredentialID
		key  string
		rule string
	}{
		"another key":            {other, out.New.ID, "nightly", RuleUnknown},
		"an admin":               {h.people["erin"], out.New.ID, "nightly", RuleUnknown},
		"the owner":              {h.people["alice"], out.New.ID, "nightly", RuleUnknown},
		"for another rotation":   {robot, out.New.ID, "weekly", RuleUnknown},
		"for the old key":        {robot, c.ID, "nightly", RuleUnknown},
		"without the scope":      {weak, out.New.ID, "nightly", RuleUnknown},
		"with nobody's rotation": {robot, out.New.ID, "", RuleUnknown},
	} {
		_, _, err := h.Hand(t.Context(), try.a, try.id, try.key)
		refused(t, name, err, try.rule)
	}
	token := h.ticket(t, out.New.ID)
	value, got, err := h.Hand(t.Context(), robot, out.New.ID, "nightly")
	if err != nil || !h.vendor.Works(value) || got.ID != out.New.ID {
		t.Fatalf("%v", err)
	}
	_, _, err = h.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "a second time", err, RuleDecided)
	if again, ticket, err := h.Reveal(t.Context(), token, ""); err != nil || ticket.State != TicketSpent || !again.Empty() {
		t.Errorf("the reveal page: %s, %v", ticket.State, err)
	}
	events, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(out.New.ID))
	if err != nil || !slices.ContainsFunc(events, func(e storage.Event) bool {
		return e.Action == "credential.revealed" && strings.Contains(e.Actor, ours.ID.String())
	}) {
		t.Errorf("events %+v, %v", events, err)
	}
	h.checkNoSecrets(t)
}

// The key of a rotation that a person began is for its owner's eyes, and one
// that waited too long for nobody's.
func TestWhatIsNotHandedOver(t *testing.T) {
	t.Parallel()
	h := open(t)
	c, ours := h.reads(t, "tempo"), h.reads(t, "tempo")
	robot := Actor{Account: h.people["erin"].Account, Key: ours.ID, Scopes: []string{ScopeRotate}}
	out, err := h.Rotate(t.Context(), h.people["alice"], c.ID, RotateAsk{}, "click")
	if err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	_, _, err = h.Hand(t.Context(), robot, out.New.ID, "click")
	refused(t, "a person's rotation", err, RuleUnknown)

	c = h.reads(t, "acme")
	if out, err = h.Rotate(t.Context(), robot, c.ID, RotateAsk{}, "nightly"); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	h.clock(t, 25*time.Hour)
	_, _, err = h.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "too late", err, RuleDecided)
	h.setActive(t, "erin", false)
	_, _, err = h.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "whose owner left", err, RuleInactive)
}

// A key that is for a service account stays so, however it came here.
func TestAServiceAccountKeepsItsKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	robot := h.serviceAccount(t, "robot-7")
	k := h.seed(fake.Key{Label: "found", Owner: connectors.AccountRef{ID: "robot-7", Name: "robot-7", Service: true}, Scopes: []string{"files:read"},
		ExpiresAt: time.Now().AddDate(0, 0, 60)})
	h.sync(t)
	row := h.found(t, k.ID)
	adopt, err := h.AdoptAsk(t.Context(), h.people["alice"], row.ID)
	if err != nil {
		t.Fatal(err)
	}
	adopt.Lifetime, adopt.Reason = 20*day, "for the yearly report"
	h.submit(t, "alice", adopt)
	asked := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 20 * day, Reason: "for the yearly report", Holder: robot}
	issued := h.keyOf(t, h.submit(t, "alice", asked).ID)
	h.settle(t)
	for _, id := range []storage.CredentialID{row.ID, issued.ID} {
		for range 2 { // and its successor's successor too
			out, err := h.Rotate(t.Context(), h.people["alice"], id, RotateAsk{}, fresh())
			if err != nil {
				t.Fatal(err)
			}
			h.settle(t)
			next := h.credential(t, out.New.ID)
			i := slices.IndexFunc(h.vendor.Live(), func(k fake.Key) bool { return k.ID == next.VendorRef })
			if next.AccountID != robot || i < 0 || h.vendor.Live()[i].Owner.ID != "robot-7" || !h.vendor.Live()[i].Owner.Service {
				t.Errorf("%+v", next)
			}
			if _, err := h.Revoke(t.Context(), h.people["alice"], id, ""); err != nil {
				t.Fatal(err)
			}
			h.settle(t)
			id = next.ID
		}
	}
}

// collect is what the owner does on the reveal page.
func (h *house) collect(t testing.TB, id storage.CredentialID) secret.Value {
	t.Helper()
	value, ticket, err := h.Reveal(context.Background(), h.ticket(t, id), "")
	if err != nil || ticket.State != TicketReady {
		t.Fatalf("collect %s: %s, %v", id, ticket.State, err)
	}
	return value
}
