package workflow

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/secret"
	"latchkey/storage"
)

// ticket is the last part of the link to collect a key, or "".
func (h *house) ticket(t rapid.TB, id storage.CredentialID) string {
	t.Helper()
	url, err := h.RevealURL(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	token, found := strings.CutPrefix(url, "https://latchkey.example.com/reveal/")
	if url != "" && (!found || len(token) != ticketLen) {
		t.Fatalf("the link is %s", url)
	}
	return token
}

// I4: twenty clicks at the same moment, on two replicas: one sees the key.
func TestAKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	c := h.active(t, "alice")
	token := h.ticket(t, c.ID)
	if again := h.ticket(t, c.ID); again != token {
		t.Error("the link changes from one look to the next")
	}
	const clicks = 20
	var mu sync.Mutex
	var shown []secret.Value
	var wg sync.WaitGroup
	for i := range clicks {
		svc := []*Service{h.Service, other}[i%2]
		wg.Go(func() {
			key, k, err := svc.Reveal(context.Background(), token, "http:1")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || (key.Empty() != (k.State == TicketSpent)) || k.Credential.ID != c.ID {
				t.Errorf("%+v, %v", k, err)
			}
			if !key.Empty() {
				shown = append(shown, key)
			}
		})
	}
	wg.Wait()
	if len(shown) != 1 || !h.vendor.Works(shown[0]) || secret.KeyLast4(shown[0]) != c.KeyLast4 {
		t.Errorf("shown %d times, or not the vendor's key", len(shown))
	}
	if h.ticket(t, c.ID) != "" {
		t.Error("there is a link to what was collected")
	}
	if k, err := h.OpenTicket(t.Context(), token); err != nil || k.State != TicketSpent {
		t.Errorf("looking again: %+v, %v", k, err)
	}
	events, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	reveals := 0
	for _, e := range events {
		if e.Action == "credential.revealed" && e.ActorID == c.OwnerID && e.Ref == "http:1" {
			reveals++
		}
	}
	if reveals != 1 {
		t.Errorf("%d reveals in the story", reveals)
	}
	v, err := h.LookAtCredential(t.Context(), c.ID)
	if err != nil || !v.Collected || v.RevealURL != "" {
		t.Errorf("its view: %+v, %v", v, err)
	}
	h.check(t)
}

func TestABrokeredKeyIsStoredAsItsHash(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "r"})
	h.settle(t)
	c := h.keyOf(t, r.ID)
	key, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), "")
	if err != nil || secret.CheckKey(key.Expose()) != nil {
		t.Fatalf("shown: %v", err)
	}
	if c.KeyPrefix != secret.KeyPrefix(key) || c.KeyLast4 != secret.KeyLast4(key) || c.VendorRef != h.label(c.ID) {
		t.Errorf("what people see of it: %+v", c)
	}
	found := 0
	err = h.DB.GatewayKeys(t.Context(), func(k storage.GatewayKey) error {
		if k.Hash == h.Keys.Box.Hash(key.Expose()) && k.ID == c.ID && k.Alive {
			found++
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("the gateway finds %d keys, %v", found, err)
	}
	if !strings.HasPrefix(h.viewOf(t, c.ID).UseURL, "https://api.example.com/tempo") {
		t.Errorf("used at %s", h.viewOf(t, c.ID).UseURL)
	}
	h.check(t)
}

func (h *house) viewOf(t rapid.TB, id storage.CredentialID) CredentialView {
	t.Helper()
	v, err := h.LookAtCredential(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTicketsEnd(t *testing.T) {
	t.Parallel()
	const unopened, opened = 24 * time.Hour, 15 * time.Minute
	for name, tt := range map[string]struct {
		openAt time.Duration // negative: never
		at     time.Duration
		ready  bool
	}{
		"unopened, in time":             {-1, unopened - time.Minute, true},
		"unopened, a day later":         {-1, unopened + time.Second, false},
		"opened, in time":               {time.Hour, time.Hour + opened - time.Minute, true},
		"opened, a quarter later":       {time.Hour, time.Hour + opened + time.Second, false},
		"opened just before the end":    {unopened - time.Minute, unopened + time.Second, false},
		"opened late, still in the day": {unopened - 5*time.Minute, unopened - time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.active(t, "alice")
			token := h.ticket(t, c.ID)
			if tt.openAt >= 0 {
				h.clock(t, tt.openAt)
				for range 2 { // a second look does not prolong it
					if k, err := h.OpenTicket(t.Context(), token); err != nil || k.State != TicketReady {
						t.Fatalf("open: %+v, %v", k, err)
					}
				}
			}
			h.clock(t, tt.at)
			if got := h.ticket(t, c.ID) != ""; got != tt.ready {
				t.Errorf("there is a link: %v", got)
			}
			h.settle(t)
			key, k, err := h.Reveal(t.Context(), token, "")
			if err != nil || key.Empty() == tt.ready {
				t.Errorf("reveal: %+v, %v", k, err)
			}
			got := h.credential(t, c.ID)
			if !tt.ready && (k.State != TicketOver || got.State != storage.CredentialRevoked || got.StateReason != "not collected in time") {
				t.Errorf("not collected: %s, %s, %q", k.State, got.State, got.StateReason)
			}
			if tt.ready && got.State != storage.CredentialActive {
				t.Errorf("collected: %s", got.State)
			}
			h.check(t)
		})
	}
}

// A key that lives shorter than a ticket has a ticket that is as short.
func TestATicketEndsWithItsKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := write()
	ask.Lifetime = Duration(time.Minute)
	r := h.submit(t, "alice", ask)
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	h.settle(t)
	c := h.keyOf(t, r.ID)
	token := h.ticket(t, c.ID)
	h.clock(t, 61*time.Second)
	if key, k, err := h.Reveal(t.Context(), token, ""); err != nil || !key.Empty() || k.State != TicketOver {
		t.Errorf("%+v, %v", k, err)
	}
	h.settle(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialExpired {
		t.Errorf("%s", got.State)
	}
	h.check(t)
}

// What ended, or whose owner left, can't be collected any more.
func TestNothingToCollectAfterTheEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	revoked := h.active(t, "alice")
	token := h.ticket(t, revoked.ID)
	if _, err := h.Revoke(t.Context(), h.people["alice"], revoked.ID, ""); err != nil {
		t.Fatal(err)
	}
	if key, k, err := h.Reveal(t.Context(), token, ""); err != nil || !key.Empty() || k.State != TicketOver {
		t.Errorf("after the revoke: %+v, %v", k, err)
	}
	left := h.active(t, "frank")
	token = h.ticket(t, left.ID)
	h.setActive(t, "frank", false)
	if k, err := h.OpenTicket(t.Context(), token); err != nil || k.State != TicketOver {
		t.Errorf("looking after the leave: %+v, %v", k, err)
	}
	if key, k, err := h.Reveal(t.Context(), token, ""); err != nil || !key.Empty() || k.State != TicketOver {
		t.Errorf("after the leave: %+v, %v", k, err)
	}
	h.setActive(t, "frank", true) // the leave was a mistake
	if key, _, err := h.Reveal(t.Context(), token, ""); err != nil || key.Empty() {
		t.Errorf("after the return: %v", err)
	}
	suspended := h.active(t, "frank")
	token = h.ticket(t, suspended.ID)
	h.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, suspended.ID)
	if key, k, err := h.Reveal(t.Context(), token, ""); err != nil || !key.Empty() || k.State != TicketOver {
		t.Errorf("while suspended: %+v, %v", k, err)
	}
	h.exec(t, `UPDATE credential SET state = 'active' WHERE id = $1`, suspended.ID)
	for _, odd := range []string{"", "x", strings.Repeat("0", ticketLen), strings.Repeat("a", 10_000), token + "x", strings.ToLower(token), revoked.ID.String(), strings.Repeat("\x00", ticketLen)} {
		_, err := h.OpenTicket(t.Context(), odd)
		refused(t, "looking at "+odd[:min(len(odd), 40)], err, RuleUnknown)
		_, _, err = h.Reveal(t.Context(), odd, "")
		refused(t, "collecting "+odd[:min(len(odd), 40)], err, RuleUnknown)
	}
	h.settle(t)
	h.check(t)
}

// A17: who can write the database can't have a key shown to somebody else, or
// make links of their own.
func TestASwappedSealDoesNotOpen(t *testing.T) {
	t.Parallel()
	h := open(t)
	a, b := h.active(t, "alice"), h.active(t, "frank")
	h.exec(t, `UPDATE ticket SET sealed = other.sealed FROM ticket other WHERE other.credential_id <> ticket.credential_id`)
	for _, c := range []storage.Credential{a, b} {
		key, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), "")
		if err == nil || !key.Empty() {
			t.Errorf("%s shows a key: %v", c.ID, err)
		}
		if k, err := h.DB.TicketOf(t.Context(), c.ID); err != nil || k.Sealed == nil {
			t.Errorf("a failed reveal spent the ticket: %v", err)
		}
	}
	other := openWith(t, houseDocument(), nil) // another installation has another data key
	if h.ticketToken(a.ID, "n").Expose() == other.ticketToken(a.ID, "n").Expose() {
		t.Error("two installations make the same link")
	}
}
