package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMoveCredentialIsGuardedAndAudited(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	c := h.credential(t, h.request(t, alice, "k"))
	stale := c
	h.activate(t, &c)
	stored, err := h.Credential(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, stored, cmpopts.EquateApproxTime(time.Microsecond), cmpopts.IgnoreTypes(c.BaseModel)); diff != "" {
		t.Errorf("stored (-moved +stored):\n%s", diff)
	}
	stale.VendorRef = "forged"
	err = h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		return tx.MoveCredential(ctx, &stale, CredentialIssueFailed, System("x"), "late")
	})
	if !errors.Is(err, ErrConflict) || stale.State != CredentialIssuing {
		t.Errorf("a move from an old state: %v, now %s", err, stale.State)
	}
	stored, err = h.Credential(t.Context(), c.ID)
	if err != nil || stored.VendorRef != "key-1" {
		t.Errorf("the conflict wrote %q, %v", stored.VendorRef, err)
	}
	want := []string{"credential.issuing >issuing by system: test: ", "credential.active issuing>active by system: test: "}
	if diff := cmp.Diff(want, h.story(t, SubjectCredential, int64(c.ID))); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if got, err := h.CredentialOf(t.Context(), c.RequestID); err != nil || got.ID != c.ID {
		t.Errorf("the request's key is %s, %v", got.ID, err)
	}
	if _, err := h.CredentialOf(t.Context(), 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key of no request: %v", err)
	}
}

// No way into active without the vendor's stored success.
func TestActiveNeedsTheVendorsSuccess(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	c := h.credential(t, h.request(t, h.person(t, "alice"), "k"))
	now := time.Now()
	for name, half := range map[string]func(*Credential){
		"no reference":       func(c *Credential) { c.ActivatedAt, c.ExpiresAt = now, now.Add(time.Hour) },
		"no start":           func(c *Credential) { c.VendorRef, c.ExpiresAt = "x", now },
		"no end":             func(c *Credential) { c.VendorRef, c.ActivatedAt = "x", now },
		"an end at start":    func(c *Credential) { c.VendorRef, c.ActivatedAt, c.ExpiresAt = "x", now, now },
		"an end before that": func(c *Credential) { c.VendorRef, c.ActivatedAt, c.ExpiresAt = "x", now, now.Add(-time.Hour) },
	} {
		mine := c
		half(&mine)
		err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
			return tx.MoveCredential(ctx, &mine, CredentialActive, System("x"), "")
		})
		if err == nil || errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// I3: one request has at most one live key, and a key at most one successor
// that is alive.
func TestOneRequestOneLiveKey(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	r := h.request(t, h.person(t, "alice"), "k")
	insert := func(replaces CredentialID) (Credential, error) {
		c := newCredential(r)
		c.ReplacesID = replaces
		err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.InsertCredential(ctx, &c, System("x")) })
		return c, err
	}
	move := func(c Credential, to CredentialState) {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.MoveCredential(ctx, &c, to, System("x"), "") })
	}
	first, err := insert(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := insert(0); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a second key while the first is made: %v", err)
	}
	move(first, CredentialIssueFailed)
	second, err := insert(0)
	if err != nil {
		t.Fatalf("another try after a failure: %v", err)
	}
	h.activate(t, &second)
	if _, err := insert(0); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a second key beside an active one: %v", err)
	}
	successor, err := insert(second.ID)
	if err != nil {
		t.Fatalf("a rotation: %v", err)
	}
	if _, err := insert(second.ID); !errors.Is(err, ErrDuplicate) {
		t.Errorf("two rotations at once: %v", err)
	}
	move(successor, CredentialRevoking)
	if _, err := insert(second.ID); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a rotation while the last one's key still works: %v", err)
	}
	successor.State = CredentialRevoking
	move(successor, CredentialRevoked)
	if _, err := insert(second.ID); err != nil {
		t.Errorf("a rotation after the last one ended: %v", err)
	}
	second.State = CredentialActive
	move(second, CredentialRevoking)
	second.State = CredentialRevoking
	move(second, CredentialRevoked)
	if _, err := insert(0); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a new key for a request whose key was revoked: %v", err)
	}
}

func TestLeaseIsForOneWorkerAtATime(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	c := h.credential(t, h.request(t, h.person(t, "alice"), "k"))
	lease := func(c Credential, hold time.Duration) (Credential, error) {
		err := h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.Lease(ctx, &c, hold) })
		return c, err
	}
	const workers = 8
	type outcome struct {
		c   Credential
		err error
	}
	results := make(chan outcome, workers)
	for range workers {
		go func() {
			c, err := lease(c, time.Hour)
			results <- outcome{c, err}
		}()
	}
	var held Credential
	for range workers {
		got := <-results
		switch {
		case got.err == nil && held.ID == 0:
			held = got.c
		case got.err == nil:
			t.Error("two workers hold the lease")
		case !errors.Is(got.err, ErrConflict):
			t.Error(got.err)
		}
	}
	if held.Attempts != 1 || !held.LeaseUntil.After(time.Now().Add(50*time.Minute)) || !held.NextActionAt.After(time.Now().Add(50*time.Minute)) {
		t.Errorf("leased: %+v", held)
	}
	h.exec(t, `UPDATE credential SET lease_until = clock_timestamp() WHERE id = $1`, c.ID) // its worker died and time passed
	second, err := lease(c, time.Hour)
	if err != nil || second.Attempts != 2 {
		t.Errorf("after the lease: attempt %d, %v", second.Attempts, err)
	}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.Release(ctx, c.ID, time.Minute, "slow") })
	stored, err := h.Credential(t.Context(), c.ID)
	if err != nil || !stored.LeaseUntil.IsZero() || stored.StateReason != "slow" || time.Until(stored.NextActionAt) > 2*time.Minute {
		t.Errorf("released: %+v, %v", stored, err)
	}
	other := c
	other.State = CredentialRevoking
	if _, err := lease(other, time.Hour); !errors.Is(err, ErrConflict) {
		t.Errorf("a lease in another state: %v", err)
	}
	if third, err := lease(c, time.Hour); err != nil || third.Attempts != 3 {
		t.Errorf("after the release: attempt %d, %v", third.Attempts, err)
	}
}

// Two sweeps never take the same row, and none waits for the other.
func TestSweepsShareTheWork(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	for _, key := range []string{"1", "2", "3", "4"} {
		r := h.request(t, alice, key)
		h.credential(t, r)
	}
	h.exec(t, `UPDATE request SET lapses_at = latchkey_now()`)
	h.exec(t, `UPDATE credential SET next_action_at = latchkey_now()`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	type taken struct {
		requests    []RequestID
		credentials []CredentialID
	}
	take := func(ctx context.Context, tx Tx, limit int) (out taken) {
		requests, err := tx.LapseDue(ctx, limit)
		if err != nil {
			t.Error(err)
		}
		for _, r := range requests {
			out.requests = append(out.requests, r.ID)
		}
		credentials, err := tx.CredentialsDue(ctx, limit)
		if err != nil {
			t.Error(err)
		}
		for _, c := range credentials {
			out.credentials = append(out.credentials, c.ID)
		}
		return out
	}
	var first, second, third taken
	err := h.InTx(ctx, func(ctx context.Context, tx Tx) error {
		first = take(ctx, tx, 3)
		return h.InTx(ctx, func(ctx context.Context, tx Tx) error {
			second = take(ctx, tx, 3)
			return h.InTx(ctx, func(ctx context.Context, tx Tx) error {
				third = take(ctx, tx, 3)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []taken{
		{[]RequestID{1, 2, 3}, []CredentialID{1, 2, 3}},
		{[]RequestID{4}, []CredentialID{4}},
		{},
	}
	if diff := cmp.Diff(want, []taken{first, second, third}, cmp.AllowUnexported(taken{})); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
}

func TestAdoptRefIsForRevokingRowsOnly(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	c := h.credential(t, h.request(t, h.person(t, "alice"), "k"))
	adopt := func() Credential {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.AdoptRef(ctx, c.ID, "key-9") })
		stored, err := h.Credential(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	if got := adopt(); got.VendorRef != "" {
		t.Errorf("an issuing row adopted %s", got.VendorRef)
	}
	c.LeaseUntil = time.Now().Add(time.Hour)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveCredential(ctx, &c, CredentialRevoking, System("x"), "")
	})
	if got := adopt(); got.VendorRef != "key-9" || !got.LeaseUntil.IsZero() || got.NextActionAt.After(time.Now()) {
		t.Errorf("a revoking row after adopting: %+v", got)
	}
}

func TestCredentialsFilterAndCount(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	one, two, three := h.credential(t, h.request(t, alice, "1")), h.credential(t, h.request(t, bob, "2")), h.credential(t, h.request(t, alice, "3"))
	h.activate(t, &one)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.MoveCredential(ctx, &three, CredentialIssueFailed, System("x"), "")
	})
	h.exec(t, `UPDATE credential SET connection = 'tempo' WHERE id = $1`, two.ID)
	for name, tt := range map[string]struct {
		filter CredentialFilter
		want   []CredentialID
	}{
		"all, newest first": {CredentialFilter{}, []CredentialID{three.ID, two.ID, one.ID}},
		"owner":             {CredentialFilter{OwnerID: alice.PersonID}, []CredentialID{three.ID, one.ID}},
		"connection":        {CredentialFilter{Connection: "tempo"}, []CredentialID{two.ID}},
		"state":             {CredentialFilter{States: []CredentialState{CredentialActive}}, []CredentialID{one.ID}},
		"alive":             {CredentialFilter{LiveOnly: true}, []CredentialID{two.ID, one.ID}},
		"next page":         {CredentialFilter{Before: three.ID, Limit: 1}, []CredentialID{two.ID}},
	} {
		rows, err := h.Credentials(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []CredentialID
		for _, c := range rows {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		n, err := tx.CountLive(ctx, alice.PersonID)
		if n != 1 {
			t.Errorf("alice holds %d live keys", n)
		}
		return err
	})
}

// Live, the queries' `state NOT IN`, and the schema must agree on the states.
func TestLiveAgreesWithTheQueries(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	states := []CredentialState{CredentialIssuing, CredentialActive, CredentialSuspended, CredentialExpired, CredentialRevoking,
		CredentialRevokeFailed, CredentialRevoked, CredentialIssueFailed}
	want := 0
	for i, s := range states {
		c := h.credential(t, h.request(t, alice, string(s)))
		h.activate(t, &c)
		h.exec(t, `UPDATE credential SET state = $2 WHERE id = $1`, c.ID, s)
		if (Credential{State: s}).Live() {
			want++
		}
		h.in(t, func(ctx context.Context, tx Tx) error {
			n, err := tx.CountLive(ctx, alice.PersonID)
			if n != want {
				t.Errorf("after %d states, the last %s: %d live, Live says %d", i+1, s, n, want)
			}
			return err
		})
	}
	if _, err := h.pool.Exec(t.Context(), `UPDATE credential SET state = 'resting'`); err == nil {
		t.Error("the schema takes a state that is none")
	}
}

func TestKeyHashesAreUnique(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	one, two := h.credential(t, h.request(t, alice, "1")), h.credential(t, h.request(t, alice, "2"))
	set := func(c Credential) error {
		return h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.SetKeyHash(ctx, c.ID, sha256.Sum256([]byte("key"))) })
	}
	if err := set(one); err != nil {
		t.Fatal(err)
	}
	if err := set(two); err == nil {
		t.Error("two credentials have one key")
	}
}
