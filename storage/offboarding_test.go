package storage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// opened files an open case of a person.
func (h *house) opened(t testing.TB, who Account, key string, systems ...string) Offboarding {
	t.Helper()
	o := Offboarding{PersonID: who.PersonID, State: OffboardingOpen, Source: "hr", SourceKey: key, Actor: System("hr"), Reason: "left",
		GraceUntil: time.Now().Add(time.Hour), PageAt: time.Now().Add(time.Hour), LookAt: time.Now().Add(time.Minute)}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.OpenOffboarding(ctx, &o, systems) })
	return o
}

func TestOneCaseAtATime(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	o := h.opened(t, alice, "k1", "acme")
	for _, again := range []Offboarding{{PersonID: alice.PersonID, SourceKey: "k2"}, {PersonID: bob.PersonID, SourceKey: "k1"}} {
		again.State, again.GraceUntil = OffboardingOpen, time.Now()
		if err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.OpenOffboarding(ctx, &again, nil) }); !errors.Is(err, ErrDuplicate) {
			t.Errorf("%+v: %v", again, err)
		}
	}
	stale := o
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.SetFinal(ctx, o.ID) })
	second := h.opened(t, alice, "k3") // the earlier one is final
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveOffboarding(ctx, &second, OffboardingClosed, System("test"), "done")
	})
	err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		stale.State = OffboardingHeld
		return tx.MoveOffboarding(ctx, &stale, OffboardingOpen, System("test"), "")
	})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("a move from where it is not: %v", err)
	}
	got, err := h.Offboarding(t.Context(), second.ID)
	if err != nil || got.ClosedAt.IsZero() || got.PageAt.Year() > 1 || got.LookAt.Year() > 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := h.count(t, `SELECT count(*) FROM audit_event WHERE subject = 'offboarding' AND subject_id = $1`, second.ID); n != 2 {
		t.Errorf("%d audit rows", n)
	}
}

// Of credentials that are accounted for at the same moment exactly the last
// one sees that nothing is left.
func TestTheLastOneOfACase(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	for round := range 5 {
		const keys = 8
		o := h.opened(t, alice, time.Now().String())
		var all []Credential
		for i := range keys {
			c := h.credential(t, h.request(t, alice, time.Now().String()))
			if c.Connection = "acme"; i%2 == 0 {
				c.Connection = "tempo"
				h.exec(t, `UPDATE credential SET connection = 'tempo' WHERE id = $1`, c.ID)
			}
			h.activate(t, &c)
			h.in(t, func(ctx context.Context, tx Tx) error {
				if _, err := tx.AddItem(ctx, o.ID, c.ID, ItemOwn, time.Time{}); err != nil {
					return err
				}
				return tx.MoveCredential(ctx, &c, CredentialRevoking, System("test"), "")
			})
			all = append(all, c)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		lastHere, last := 0, 0
		for _, c := range all {
			wg.Go(func() {
				err := h.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
					if err := tx.MoveCredential(ctx, &c, CredentialRevoked, System("test"), ""); err != nil {
						return err
					}
					cases, err := tx.CasesOf(ctx, c.ID)
					if err != nil || len(cases) != 1 {
						t.Errorf("%+v, %v", cases, err)
						return err
					}
					mu.Lock()
					defer mu.Unlock()
					if cases[0].Here == 0 {
						lastHere++
					}
					if cases[0].All == 0 {
						last++
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if last != 1 || lastHere != 2 {
			t.Errorf("round %d: %d were the last, %d of their system", round, last, lastHere)
		}
		h.in(t, func(ctx context.Context, tx Tx) error {
			return tx.MoveOffboarding(ctx, &o, OffboardingClosed, System("test"), "")
		})
	}
}

// What a source sends is stored as text, whatever it is, and once.
func TestEventsAreStoredOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	at := time.Now().Add(-time.Hour)
	insert := func(e PersonEvent) (PersonEvent, bool) {
		t.Helper()
		var isNew bool
		h.in(t, func(ctx context.Context, tx Tx) (err error) {
			isNew, err = tx.InsertPersonEvent(ctx, &e)
			return err
		})
		return e, isNew
	}
	nasty := PersonEvent{Source: "hr", EventID: "e\x00\xff", AccountRef: "r\x00", Email: "ALICE\x00@Example.com", Name: "a\xffb", Reason: "\x00", HappenedAt: at}
	e, isNew := insert(nasty)
	if !isNew || e.Email != "alice@example.com" || e.DueAt.IsZero() {
		t.Errorf("%+v, new %t", e, isNew)
	}
	if _, isNew := insert(nasty); isNew {
		t.Error("it is there twice")
	}
	if older, isNew := insert(PersonEvent{Source: "hr", EventID: "older", AccountRef: "r", HappenedAt: at.Add(-time.Minute), Active: true}); !isNew ||
		older.DueAt.Year() > 1 || older.Outcome != OvertakenWords {
		t.Errorf("an older one waits: %+v", older)
	}
	if other, _ := insert(PersonEvent{Source: "idp", EventID: "older", AccountRef: "r", HappenedAt: at.Add(-time.Minute)}); other.DueAt.Year() <= 1 {
		t.Error("another source's is overtaken")
	}
	if _, isNew := insert(PersonEvent{Source: "hr", EventID: "newer", AccountRef: "r", HappenedAt: at.Add(time.Minute), DueAt: time.Now().Add(time.Hour)}); !isNew {
		t.Error("a newer one is not new")
	}
	due, err := h.PersonEventsDue(t.Context(), PersonEvent{}, 10)
	if err != nil || len(due) != 1 || due[0].Source != "idp" {
		t.Errorf("%+v, %v", due, err)
	}
	if more, err := h.PersonEventsDue(t.Context(), due[0], 10); err != nil || len(more) != 0 {
		t.Errorf("after the last: %+v, %v", more, err)
	}
}
