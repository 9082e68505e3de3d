package workflow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// What a source tells, in whatever order and however often, leads to one case
// for each time that the person really left.
func TestEventsLeadToOneCaseEach(t *testing.T) {
	t.Parallel()
	left, back, again := said("1", "alice", false, 1), said("2", "alice", true, 2), said("3", "alice", false, 3)
	sameMinute := back
	sameMinute.At = left.At
	for name, tt := range map[string]struct {
		deliveries [][]connectors.PersonEvent
		active     bool
		states     []storage.OffboardingState // the newest first
	}{
		"once":                    {[][]connectors.PersonEvent{{left}}, false, []storage.OffboardingState{storage.OffboardingOpen}},
		"a duplicate":             {[][]connectors.PersonEvent{{left}, {left}}, false, []storage.OffboardingState{storage.OffboardingOpen}},
		"twice in one delivery":   {[][]connectors.PersonEvent{{left, left}}, false, []storage.OffboardingState{storage.OffboardingOpen}},
		"two words for it":        {[][]connectors.PersonEvent{{left}, {again}}, false, []storage.OffboardingState{storage.OffboardingOpen}},
		"and back":                {[][]connectors.PersonEvent{{left}, {back}}, true, []storage.OffboardingState{storage.OffboardingUndone}},
		"back in the same minute": {[][]connectors.PersonEvent{{left}, {sameMinute}}, true, []storage.OffboardingState{storage.OffboardingUndone}},
		"in disorder":             {[][]connectors.PersonEvent{{back}, {left}}, true, nil},
		"both in one delivery":    {[][]connectors.PersonEvent{{left, back}}, true, nil},
		"both, in disorder":       {[][]connectors.PersonEvent{{back, left}}, true, nil},
		"a replay after the end":  {[][]connectors.PersonEvent{{left}, {back}, {left}}, true, []storage.OffboardingState{storage.OffboardingUndone}},
		"back and gone again":     {[][]connectors.PersonEvent{{left}, {back}, {again}}, false, []storage.OffboardingState{storage.OffboardingOpen, storage.OffboardingUndone}},
		"all in disorder":         {[][]connectors.PersonEvent{{again}, {left}, {back}, {left, again}}, false, []storage.OffboardingState{storage.OffboardingOpen}},
		"was here all the time":   {[][]connectors.PersonEvent{{back}}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHR(t, nil)
			for _, d := range tt.deliveries {
				h.tells(t, "hr", d...)
			}
			if err := h.Sweep(t.Context()); err != nil { // which finds nothing to do
				t.Fatal(err)
			}
			var states []storage.OffboardingState
			for _, o := range h.cases(t, "alice") {
				states = append(states, o.State)
			}
			if got := h.isActive(t, "alice"); got != tt.active || !slices.Equal(states, tt.states) {
				t.Errorf("active %t, cases %v", got, states)
			}
			audit := h.auditOf(t, storage.SubjectPerson, int64(h.person("alice")))
			if n := len(tt.states); audit["person.left"] != n || audit["person.returned"] != n-1 && audit["person.returned"] != n {
				t.Errorf("%v for %d cases", audit, n)
			}
		})
	}
}

// Deliveries that arrive at the same moment come to the same end as one after
// the other.
func TestEventsThatArriveTogether(t *testing.T) {
	t.Parallel()
	for range 5 {
		h := openHR(t, nil)
		var wg sync.WaitGroup
		for range 3 {
			for _, e := range []connectors.PersonEvent{said("1", "alice", false, 1), said("2", "alice", true, 2), said("3", "bob", false, 3), said("4", "bob", true, 2)} {
				wg.Go(func() { h.tells(t, "hr", e) })
			}
		}
		wg.Wait()
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !h.isActive(t, "alice") || h.isActive(t, "bob") || len(h.cases(t, "alice")) > 1 || len(h.cases(t, "bob")) != 1 {
			t.Fatalf("alice %t, bob %t", h.isActive(t, "alice"), h.isActive(t, "bob"))
		}
	}
}

// Two events that are stored at the same moment do not see each other, and the
// newer one may be settled first: it holds all the same.
func TestTheNewerWordHoldsInWhateverOrder(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	row := func(e connectors.PersonEvent) *storage.PersonEvent {
		return &storage.PersonEvent{Source: "hr", EventID: e.ID, AccountRef: e.Account.ID, Email: e.Account.Email, Active: e.Active, HappenedAt: e.At}
	}
	left, back := row(said("1", "alice", false, 1)), row(said("2", "alice", true, 2))
	h.in(t, func(ctx context.Context, tx storage.Tx) error {
		if _, err := tx.InsertPersonEvent(ctx, left); err != nil {
			return err
		}
		return h.DB.InTx(ctx, func(ctx context.Context, other storage.Tx) error {
			_, err := other.InsertPersonEvent(ctx, back)
			return err
		})
	})
	h.Service.settle(t.Context(), *back)
	h.Service.settle(t.Context(), *left)
	if !h.isActive(t, "alice") || len(h.cases(t, "alice")) != 0 {
		t.Errorf("active %t, %d cases", h.isActive(t, "alice"), len(h.cases(t, "alice")))
	}
}

// Two sources that tell of the same person open one case, and only the one
// that was believed, or an admin, takes it back.
func TestTwoSourcesTellOfTheSamePerson(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	h.tells(t, "hr", said("1", "alice", false, 1))
	h.tells(t, "idp", said("1", "alice", false, 2))
	o := h.cases(t, "alice")
	if len(o) != 1 || o[0].Source != "hr" {
		t.Fatalf("%+v", o)
	}
	h.finish(t)
	h.isClosed(t, o[0].ID)
	h.tells(t, "idp", said("2", "alice", false, 3)) // the case is closed, and stays the one
	if len(h.cases(t, "alice")) != 1 {
		t.Error("a second case for the same leave")
	}
	h.tells(t, "idp", said("3", "alice", true, 4))
	if h.isActive(t, "alice") {
		t.Error("another source took it back")
	}
	if _, err := h.Return(t.Context(), Leave{Person: h.person("alice"), Source: "slack", By: storage.System("slack")}); err == nil {
		t.Error("another source took it back")
	} else {
		refused(t, "another source", err, RuleNotPossible)
	}
	h.tells(t, "hr", said("2", "alice", true, 5))
	if !h.isActive(t, "alice") {
		t.Error("the source itself could not take it back")
	}
}

// A leave that takes effect later waits for its day, and can be called off or
// put off until then.
func TestALeaveInTheFuture(t *testing.T) {
	t.Parallel()
	later := func(e connectors.PersonEvent, days int) connectors.PersonEvent {
		e.From = time.Now().Add(time.Duration(days) * 24 * time.Hour)
		return e
	}
	h := openHR(t, nil)
	h.tells(t, "hr", later(said("1", "alice", false, 1), 10), later(said("2", "bob", false, 1), 10), later(said("3", "carol", false, 1), 10), later(said("6", "frank", false, 1), 10))
	h.tells(t, "hr", said("4", "bob", true, 2))               // called off
	h.tells(t, "hr", later(said("5", "carol", false, 2), 20)) // put off
	h.tells(t, "hr", said("7", "frank", false, 2))            // brought forward
	at := func(days int, gone ...string) {
		t.Helper()
		h.clock(t, time.Duration(days)*24*time.Hour)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"alice", "bob", "carol", "frank"} {
			if h.isActive(t, who) == slices.Contains(gone, who) {
				t.Errorf("after %d days: %s is active: %t", days, who, h.isActive(t, who))
			}
		}
	}
	at(0, "frank")
	at(9, "frank")
	at(11, "frank", "alice")
	at(21, "frank", "alice", "carol")
	h.tells(t, "hr", later(said("8", "alice", true, 3), 40)) // rehired for a day to come
	at(39, "frank", "alice", "carol")
	at(41, "frank", "carol")
	for _, who := range []string{"alice", "carol", "frank"} {
		if n := len(h.cases(t, who)); n != 1 {
			t.Errorf("%s: %d cases", who, n)
		}
	}
}

// An address can be given to somebody new; the source's own name for a person
// stays theirs.
func TestALeaverWhoseAddressIsAnothersByNow(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	h.tells(t, "hr", said("1", "alice", true, 1))
	gone := said("2", "alice", false, 2)
	gone.Account.Email = "bob@example.com"
	h.tells(t, "hr", gone)
	if h.isActive(t, "alice") || !h.isActive(t, "bob") {
		t.Errorf("alice is active: %t, bob is active: %t", h.isActive(t, "alice"), h.isActive(t, "bob"))
	}
	bare := connectors.PersonEvent{ID: "3", Account: connectors.AccountRef{Email: "Carol@Example.com"}, At: time.Now()}
	h.tells(t, "hr", bare)
	if h.isActive(t, "carol") {
		t.Error("an address in other letters is nobody's")
	}
}

// Events about nobody we know are kept for people to see, and stop nobody.
func TestEventsAboutNobody(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	h.tells(t, "hr", said("1", "zoe", false, 1), said("2", "yan", true, 1), connectors.PersonEvent{ID: "3", At: time.Now()})
	strange, err := h.DB.StrangeEvents(t.Context(), 10)
	if err != nil || len(strange) != 2 || strange[0].PersonID != 0 || !strings.HasPrefix(strange[0].Outcome, "nobody") {
		t.Errorf("%+v, %v", strange, err)
	}
	if !strings.Contains(h.logs.String(), "event about nobody we know") {
		t.Error("nothing is in the log")
	}
	for _, who := range memberNames {
		if !h.isActive(t, who) {
			t.Errorf("%s was fenced", who)
		}
	}
}

// An event that can't be settled holds up no other, and is settled when it
// can be.
func TestAnEventThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	h.exec(t, `CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`)
	h.exec(t, `CREATE TRIGGER poison BEFORE INSERT ON offboarding FOR EACH ROW WHEN (NEW.person_id = `+fmt.Sprint(h.person("alice"))+`) EXECUTE FUNCTION poison()`)
	if n := h.tells(t, "hr", said("1", "alice", false, 1), said("2", "bob", false, 2)); n != 2 {
		t.Errorf("%d events", n)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !h.isActive(t, "alice") || h.isActive(t, "bob") {
		t.Error("the wrong one is fenced")
	}
	h.exec(t, `DROP TRIGGER poison ON offboarding`)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.isActive(t, "alice") || len(h.cases(t, "alice")) != 1 {
		t.Error("the event is lost")
	}
}

// A source that is no source takes nothing.
func TestOnlySourcesTell(t *testing.T) {
	t.Parallel()
	h := openHR(t, nil)
	for _, name := range []string{"acme", "nothing", ""} {
		if _, err := h.TakeEvents(context.Background(), name, nil, []byte(`[]`)); h.TakesEvents(name) {
			t.Errorf("%s takes events", name)
		} else {
			refused(t, name, err, RuleUnknown)
		}
	}
	if _, err := h.TakeEvents(context.Background(), "hr", nil, []byte(`{`)); err == nil {
		t.Error("garbage is taken")
	}
}
