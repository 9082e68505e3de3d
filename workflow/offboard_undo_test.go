package workflow

import (
	"fmt"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// A leave that was a mistake is undone within the grace period: what the
// gateway honours works again, and nothing else comes back.
func TestUndoWithinTheGracePeriod(t *testing.T) {
	t.Parallel()
	for _, finished := range []bool{false, true} {
		t.Run(fmt.Sprint(finished), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			native, ours := h.active(t, "alice"), h.brokeredKey(t, "alice")
			pending, voted := h.submit(t, "alice", write()), h.submit(t, "frank", Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: 10 * day, Reason: "for the yearly report"})
			h.mustVote(t, "bob", voted.ID, Vote{Decision: storage.Approve})
			bob := h.gone(t, "bob")
			o := h.gone(t, "alice")
			if finished {
				h.finish(t)
				h.isClosed(t, o.ID)
			}
			h.clock(t, 23*time.Hour)
			for what, try := range map[string]struct {
				who, reason, rule string
				id                storage.OffboardingID
			}{
				"by no admin":     {"dana", "a mistake", RuleAdminOnly, o.ID},
				"without reason":  {"erin", " ", RuleReason, o.ID},
				"of no case":      {"erin", "a mistake", RuleUnknown, 999},
				"by a leaver":     {"bob", "a mistake", RuleInactive, bob.ID},
				"by the same one": {"alice", "a mistake", RuleInactive, o.ID},
			} {
				refused(t, what, h.UndoLeave(t.Context(), h.people[try.who], try.id, try.reason), try.rule)
			}
			for range 2 { // again is no error
				if err := h.UndoLeave(t.Context(), h.people["erin"], o.ID, "HR was wrong"); err != nil {
					t.Fatal(err)
				}
			}
			if !h.isActive(t, "alice") || !h.honoured(t, ours.ID) {
				t.Errorf("active %t, honoured %t", h.isActive(t, "alice"), h.honoured(t, ours.ID))
			}
			if r := h.request(t, pending.ID); r.State != storage.RequestCanceled {
				t.Errorf("the request is %s", r.State)
			}
			if _, _, reviews, err := h.DB.Request(t.Context(), voted.ID); err != nil || len(reviews) != 0 {
				t.Errorf("%d votes count, %v", len(reviews), err)
			}
			h.finish(t)
			v := h.see(t, o.ID)
			if v.Case.State != storage.OffboardingUndone || v.Undo {
				t.Errorf("%s, undo %t", v.Case.State, v.Undo)
			}
			if c := h.credential(t, native.ID); finished != (c.State == storage.CredentialRevoked) {
				t.Errorf("the key at the system is %s", c.State)
			}
			if finished && v.Lost != 1 {
				t.Errorf("%d lost", v.Lost)
			}
			h.checkCase(t, v)
			h.clock(t, 48*time.Hour) // and the grace period of a leave that was undone ends nothing
			h.finish(t)
			if !h.honoured(t, ours.ID) {
				t.Error("the key ended all the same")
			}
			if got := h.auditOf(t, storage.SubjectPerson, int64(h.person("alice"))); got["person.left"] != 1 || got["person.returned"] != 1 {
				t.Errorf("%v", got)
			}
			h.check(t)
		})
	}
}

// After the grace period a person can come back; what they held can't,
// whether or not the sweep has come to it.
func TestNoUndoAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	for _, swept := range []bool{false, true} {
		h := open(t)
		ours := h.brokeredKey(t, "alice")
		o := h.gone(t, "alice")
		h.finish(t)
		h.clock(t, 24*time.Hour+time.Minute)
		if swept {
			h.finish(t)
		}
		refused(t, "an undo", h.UndoLeave(t.Context(), h.people["erin"], o.ID, "HR was wrong"), RuleDecided)
		back, err := h.Return(t.Context(), h.fromHR("alice", ""))
		if err != nil || !back || !h.isActive(t, "alice") || h.honoured(t, ours.ID) {
			t.Fatalf("back %t, %v; honoured %t", back, err, h.honoured(t, ours.ID))
		}
		h.finish(t)
		if c := h.credential(t, ours.ID); c.State != storage.CredentialRevoked {
			t.Errorf("%s", c.State)
		}
		fresh := h.brokeredKey(t, "alice")
		again := h.gone(t, "alice")
		if again.ID == o.ID || h.honoured(t, fresh.ID) {
			t.Errorf("the second leave has no case of its own")
		}
		h.finish(t)
		h.isClosed(t, again.ID)
		h.isClosed(t, o.ID)
		h.check(t)
	}
}

// A case that can't end does not harm whoever came back meanwhile, and does
// not stand in the way of the next.
func TestBackWhileTheCaseIsOpen(t *testing.T) {
	t.Parallel()
	h := open(t)
	stuck := h.active(t, "alice")
	h.vendor.Inject(fake.VerbRevoke, fake.ServerError, 0)
	first := h.gone(t, "alice")
	h.struggle(t)
	h.clock(t, 25*time.Hour)
	h.struggle(t)
	if back, err := h.Return(t.Context(), h.fromHR("alice", "")); err != nil || !back {
		t.Fatal(back, err)
	}
	h.struggle(t)
	if v := h.see(t, first.ID); v.Case.State != storage.OffboardingOpen || !v.Case.Final {
		t.Fatalf("%s, final %t", v.Case.State, v.Case.Final)
	}
	native, ours := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}}), h.brokeredKey(t, "alice")
	h.sync(t)
	h.struggle(t)
	if row := h.found(t, native.ID); row.State != storage.CredentialActive || !h.honoured(t, ours.ID) {
		t.Errorf("what a person has who is back: %s, honoured %t", row.State, h.honoured(t, ours.ID))
	}
	second := h.gone(t, "alice")
	if second.ID == first.ID {
		t.Fatal("the second leave has no case")
	}
	h.vendor.Heal()
	h.finish(t)
	h.isClosed(t, second.ID)
	h.isClosed(t, first.ID)
	if h.credential(t, stuck.ID).State != storage.CredentialRevoked || len(h.vendor.Live()) != 0 || h.honoured(t, ours.ID) {
		t.Errorf("%d live keys", len(h.vendor.Live()))
	}
	h.check(t)
}

// An undo while what the person holds is still being written down stops that.
func TestUndoHalfWay(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 2*offboardStep + 3 {
		h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	}
	h.sync(t)
	o := h.gone(t, "alice")
	done := false
	h.Fault = func(point string) {
		if point != "offboard:step" || done {
			return
		}
		done = true
		if err := h.UndoLeave(t.Context(), h.people["erin"], o.ID, "HR was wrong"); err != nil {
			t.Error(err)
		}
	}
	h.finish(t)
	if n := len(h.vendor.Live()); n != offboardStep+3 {
		t.Errorf("%d keys live on", n)
	}
	if v := h.see(t, o.ID); len(v.Items) != offboardStep || v.Lost != offboardStep || v.Case.State != storage.OffboardingUndone {
		t.Errorf("%d items, %d lost, %s", len(v.Items), v.Lost, v.Case.State)
	}
}

// An event of the same source that is sent again after the person came back
// fences nobody; a new one does, in a case of its own.
func TestTheSameEventAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, err := h.Offboard(t.Context(), h.fromHR("alice", "e1"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if o, err := h.Offboard(t.Context(), h.fromHR("alice", "e1")); err != nil || o.ID != first.ID {
			t.Errorf("%d, %v", o.ID, err)
		}
	}
	if _, err := h.Return(t.Context(), h.fromHR("alice", "e2")); err != nil {
		t.Fatal(err)
	}
	if o, err := h.Offboard(t.Context(), h.fromHR("alice", "e1")); err != nil || o.ID != first.ID || !h.isActive(t, "alice") {
		t.Errorf("a replay: case %d, active %t, %v", o.ID, h.isActive(t, "alice"), err)
	}
	for _, key := range []string{"e3", ""} { // some sources have no key
		o, err := h.Offboard(t.Context(), h.fromHR("alice", key))
		if err != nil || o.ID == first.ID || o.State != storage.OffboardingOpen || h.isActive(t, "alice") {
			t.Errorf("gone again: case %d %s, active %t, %v", o.ID, o.State, h.isActive(t, "alice"), err)
		}
		if _, err := h.Return(t.Context(), h.fromHR("alice", "")); err != nil {
			t.Fatal(err)
		}
	}
	if o, err := h.Offboard(t.Context(), h.fromHR("bob", "e1")); err != nil || o.PersonID != h.person("bob") || h.isActive(t, "bob") {
		t.Errorf("another person by the same key: %+v, %v", o, err)
	}
	if n := len(h.cases(t, "alice")); n != 3 {
		t.Errorf("%d cases", n)
	}
	if _, err := h.Offboard(t.Context(), Leave{Person: 999, Source: "hr"}); err == nil {
		t.Error("a case of nobody")
	}
}

// An admin offboards a person with a reason, and never themselves.
func TestAnAdminOffboards(t *testing.T) {
	t.Parallel()
	h := open(t)
	try := func(who, whom, reason string) error {
		_, err := h.OffboardPerson(t.Context(), h.people[who], h.person(whom), reason, "click")
		return err
	}
	refused(t, "no admin", try("alice", "bob", "r"), RuleAdminOnly)
	refused(t, "themselves", try("erin", "erin", "r"), RuleSelfReview)
	refused(t, "without reason", try("erin", "bob", " "), RuleReason)
	_, err := h.OffboardPerson(t.Context(), h.people["erin"], 999, "r", "click")
	refused(t, "nobody", err, RuleUnknown)
	h.active(t, "alice")
	h.brokeredKey(t, "alice")
	h.submit(t, "alice", write())
	p, err := h.PreviewLeave(t.Context(), h.people["erin"], h.person("alice"))
	if err != nil || !p.Active || p.Own != 2 || p.Fenced != 1 || p.Shared != 0 || p.Pending != 1 || len(p.Systems) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	for range 2 {
		if err := try("erin", "alice", "she left"); err != nil {
			t.Fatal(err)
		}
	}
	if o := h.cases(t, "alice"); len(o) != 1 || o[0].Source != SourceAdmin || o[0].Actor.PersonID != h.person("erin") || h.isActive(t, "alice") {
		t.Errorf("%+v", o)
	}
}
