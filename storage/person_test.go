package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// save stores a Slack account and returns it.
func (h *house) save(t testing.TB, a Account, owner string) (out Account) {
	t.Helper()
	a.System, a.Team = SystemSlack, "T1"
	if a.Name == "" {
		a.Name = strings.ToLower(a.ExternalID)
	}
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		out, err = tx.SaveAccount(ctx, a, owner)
		return err
	})
	return out
}

func (h *house) standing(t testing.TB, id PersonID) (out Standing) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) error {
		all, err := tx.Standings(ctx, []PersonID{id})
		out = all[id]
		return err
	})
	return out
}

func TestAccountsLinkToPersons(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	erin := h.save(t, Account{ExternalID: "UERIN", Email: "Erin@Example.com"}, "")
	if erin.PersonID == 0 || erin.Email != "erin@example.com" {
		t.Fatalf("erin: %+v", erin)
	}
	for name, tt := range map[string]struct {
		give  Account
		owner string
		want  string // "erin", "nobody", or "another"
	}{
		"the same e-mail in other letters": {Account{ExternalID: "U1", Email: "ERIN@example.COM"}, "", "erin"},
		"a people entry":                   {Account{ExternalID: "U2", Email: "erin.admin@example.com"}, "erin@example.com", "erin"},
		"a people entry in other letters":  {Account{ExternalID: "U3", Email: "x@example.com"}, "Erin@EXAMPLE.com", "erin"},
		"a people entry, no e-mail":        {Account{ExternalID: "U4"}, "erin@example.com", "erin"},
		"a guest with the e-mail":          {Account{ExternalID: "U5", Email: "erin@example.com", IsGuest: true}, "", "erin"},
		"a bot with the e-mail":            {Account{ExternalID: "U6", Email: "erin@example.com", IsBot: true}, "", "nobody"},
		"an outsider with the e-mail":      {Account{ExternalID: "U7", Email: "erin@example.com", IsOutsider: true}, "", "nobody"},
		"an outsider of a people entry":    {Account{ExternalID: "U8", IsOutsider: true}, "erin@example.com", "nobody"},
		"a bot of a people entry":          {Account{ExternalID: "U9", IsBot: true}, "erin@example.com", "nobody"},
		"no e-mail":                        {Account{ExternalID: "U10"}, "", "nobody"},
		"another e-mail":                   {Account{ExternalID: "U11", Email: "erin@example.org"}, "", "another"},
	} {
		got := h.save(t, tt.give, tt.owner)
		is := "another"
		switch got.PersonID {
		case 0:
			is = "nobody"
		case erin.PersonID:
			is = "erin"
		}
		if is != tt.want {
			t.Errorf("%s: linked to %s, want %s", name, is, tt.want)
		}
		stored, _, err := h.AccountOf(t.Context(), SystemSlack, "T1", tt.give.ExternalID)
		if err != nil || stored.PersonID != got.PersonID || stored.ID != got.ID {
			t.Errorf("%s: stored %+v, %v", name, stored, err)
		}
	}
	if n := h.count(t, `SELECT count(*) FROM person`); n != 2 {
		t.Errorf("%d persons, want erin and the other", n)
	}
}

// A refresh brings an account up to date, but it keeps its person: who changes
// the address in Slack is nobody else. Only the configuration says otherwise.
func TestAccountsFollowTheDirectoryAndKeepTheirPerson(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	if err := h.SetDMChannel(t.Context(), alice.ID, "D1"); err != nil {
		t.Fatal(err)
	}
	for name, email := range map[string]string{"a new address": "new@example.com", "somebody else's address": "bob@example.com", "no address": ""} {
		got := h.save(t, Account{ExternalID: "UALICE", Email: email, Name: "Alice A."}, "")
		if got.ID != alice.ID || got.PersonID != alice.PersonID || got.DMChannel != "D1" || got.Email != email {
			t.Errorf("%s: %+v", name, got)
		}
	}
	moved := h.save(t, Account{ExternalID: "UALICE", Email: "new@example.com"}, "bob@example.com")
	if moved.PersonID != bob.PersonID {
		t.Errorf("a people entry says bob, it is person %d", moved.PersonID)
	}
	if n := h.count(t, `SELECT count(*) FROM audit_event WHERE action = 'account.relinked' AND before = $1 AND after = $2`,
		fmt.Sprint(alice.PersonID), fmt.Sprint(bob.PersonID)); n != 1 {
		t.Errorf("%d events tell of it", n)
	}
	bot := h.save(t, Account{ExternalID: "UALICE", Email: "alice@example.com", IsBot: true}, "")
	if bot.PersonID != 0 {
		t.Errorf("a bot belongs to person %d", bot.PersonID)
	}
	stored, _, err := h.AccountOf(t.Context(), SystemSlack, "T1", "UALICE")
	if err != nil || stored.PersonID != 0 || !stored.IsBot {
		t.Errorf("stored: %+v, %v", stored, err)
	}
	if _, _, err := h.AccountOf(t.Context(), SystemSlack, "T2", "UALICE"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the same ID in another workspace: %v", err)
	}
	people, err := h.People(t.Context(), alice.PersonID, 999)
	if err != nil || len(people) != 1 || people[alice.PersonID].Email != "alice@example.com" {
		t.Errorf("people: %+v, %v", people, err)
	}
	if n := h.count(t, `SELECT count(*) FROM person`); n != 2 {
		t.Errorf("%d persons", n)
	}
}

// An account that is first seen without an address is linked once it has one.
func TestAnAccountIsLinkedOnceItHasAnAddress(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	h.save(t, Account{ExternalID: "U2"}, "")
	if got := h.save(t, Account{ExternalID: "U2", Email: "alice@example.com"}, ""); got.PersonID != alice.PersonID {
		t.Errorf("%+v", got)
	}
	persons, err := h.PersonsOf(t.Context(), SystemSlack, "T1", []string{"UALICE", "U2", "USTRANGER"})
	if diff := cmp.Diff(map[string]PersonID{"UALICE": alice.PersonID, "U2": alice.PersonID}, persons); diff != "" || err != nil {
		t.Errorf("persons (-want +got):\n%s%v", diff, err)
	}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.SetActive(ctx, alice.PersonID, false) })
	if got, _, err := h.AccountOf(t.Context(), SystemSlack, "T1", "U2"); err != nil || !got.PersonLeft {
		t.Errorf("after the leave: %+v, %v", got, err)
	}
}

func TestStandingAsksPersonAndAccounts(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	base := Account{ExternalID: "UALICE", Email: "alice@example.com", Name: "alice"}
	want := func(when string, active bool) {
		t.Helper()
		if got := h.standing(t, alice.PersonID); got.Active != active || got.Email != "alice@example.com" {
			t.Errorf("%s: %+v, want active %v", when, got, active)
		}
	}
	want("a member", true)
	for name, spoil := range map[string]func(*Account){
		"deleted": func(a *Account) { a.IsDeleted = true },
		"guest":   func(a *Account) { a.IsGuest = true },
		"bot":     func(a *Account) { a.IsBot = true },
	} {
		a := base
		spoil(&a)
		h.save(t, a, "")
		want(name, false)
	}
	second := Account{ExternalID: "UALICE2", Email: "alice@example.com"}
	h.save(t, second, "")
	want("a second account, usable", true)
	set := func(active bool) {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.SetActive(ctx, alice.PersonID, active) })
	}
	set(false)
	want("left", false)
	h.save(t, second, "") // a refresh does not lower the fence
	want("left, and the directory was read again", false)
	set(true)
	want("back", true)
	err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.SetActive(ctx, 999, true) })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestSlackAccountsAreTheUsableOnes(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	h.save(t, Account{ExternalID: "UOLD", Email: "alice@example.com", IsDeleted: true}, "")
	h.save(t, Account{ExternalID: "UALICE2", Email: "alice@example.com"}, "")
	accounts, err := h.SlackAccounts(t.Context(), alice.PersonID, bob.PersonID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range accounts {
		got = append(got, a.ExternalID)
	}
	if diff := cmp.Diff([]string{"UALICE", "UBOB", "UALICE2"}, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if none, err := h.SlackAccounts(t.Context()); err != nil || none != nil {
		t.Errorf("of nobody: %v, %v", none, err)
	}
	stored, age, err := h.AccountOf(t.Context(), SystemSlack, "T1", "UALICE")
	if err != nil || stored.ID != alice.ID || age < 0 || age > 10*time.Minute {
		t.Errorf("read again: %+v, age %s, %v", stored, age, err)
	}
	if err := h.SetHomeOpened(t.Context(), alice.ID); err != nil {
		t.Error(err)
	}
}

// Several replicas may see the same stranger at the same time.
func TestOnePersonPerAddressAtOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	const replicas = 8
	errs := make(chan error, replicas)
	for i := range replicas {
		go func() {
			errs <- h.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
				_, err := tx.SaveAccount(ctx, Account{System: SystemSlack, Team: "T1", ExternalID: "U" + string(rune('A'+i%2)), Email: "new@example.com", Name: "new"}, "")
				return err
			})
		}()
	}
	for range replicas {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if p, a := h.count(t, `SELECT count(*) FROM person`), h.count(t, `SELECT count(*) FROM account`); p != 1 || a != 2 {
		t.Errorf("%d persons with %d accounts", p, a)
	}
}
