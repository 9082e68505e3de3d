package workflow

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/storage"
)

// Acceptance: a key that is asked for a sink goes there, and nobody ever sees
// it; a rotation replaces it there, and the old one works until then.
func TestAKeyGoesIntoItsSink(t *testing.T) {
	t.Parallel()
	for _, connection := range []string{"acme", "tempo"} {
		t.Run(connection, func(t *testing.T) {
			t.Parallel()
			c := openCellar(t)
			old := c.key(connection)
			c.unseen("before it is delivered", old.ID)
			if _, version := c.kept(); version != 0 {
				t.Fatal("it is there before it was delivered")
			}
			c.settle(t) // the job is there
			c.unseen("after it is delivered", old.ID)
			first, version := c.kept()
			if got := c.credential(t, old.ID); version != 1 || got.SinkVersion != "1" || first.Empty() || connection == "acme" && !c.vendor.Works(first) {
				t.Fatalf("version %d, %q", version, got.SinkVersion)
			}
			data, _ := c.Data("secret", ledger)
			if data["latchkey_key"] != old.ID.String() || data["latchkey_system"] != connection || data["latchkey_expires"] != old.ExpiresAt.UTC().Format(time.RFC3339) {
				t.Errorf("facts: %s, %s, %s", data["latchkey_key"], data["latchkey_system"], data["latchkey_expires"])
			}
			if c.count(old.ID, "credential.delivered") != 1 || c.count(old.ID, "credential.revealed") != 0 {
				t.Error("the audit log has it otherwise")
			}

			next := c.renew(old)
			if now, _ := c.kept(); now.Expose() != first.Expose() {
				t.Error("the old one is replaced before the new one was delivered")
			}
			c.clock(t, 12*time.Hour) // half a day later it is still not there
			if err := c.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := c.credential(t, old.ID); got.State != storage.CredentialActive {
				t.Errorf("the old one is %s, and the new one is not there", got.State)
			}
			c.settle(t)
			second, version := c.kept()
			if version != 2 || second.Expose() == first.Expose() || connection == "acme" && (!c.vendor.Works(first) || !c.vendor.Works(second)) {
				t.Errorf("version %d", version)
			}
			c.clock(t, 40*time.Hour)
			c.settle(t)
			if was, is := c.credential(t, old.ID), c.credential(t, next.ID); was.State != storage.CredentialRevoked || is.State != storage.CredentialActive || is.SinkVersion != "2" {
				t.Errorf("the old one is %s, the new one %s, version %q", was.State, is.State, is.SinkVersion)
			}
			if connection == "acme" && (c.vendor.Works(first) || !c.vendor.Works(second)) {
				t.Error("the wrong one works")
			}
			c.hides(first, second)
		})
	}
}

// A sink that is down for hours leaves the old secret, and the old key works;
// people see it once. Then it goes on by itself.
func TestASinkIsDownForHours(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	first, _ := c.kept()
	next := c.renew(old)
	for _, f := range []vaulttest.Fault{
		{Method: http.MethodPut, Status: http.StatusServiceUnavailable, Error: "sealed"}, {Method: http.MethodPut},
		{Method: http.MethodPut, Status: http.StatusInternalServerError, Error: "broken: ", Echo: true},
		{Method: http.MethodPut, Status: http.StatusOK, Body: "<html>"}, {Method: http.MethodPut, Status: http.StatusServiceUnavailable, Error: "sealed"},
	} {
		c.Inject(f)
		err := c.Deliver(t.Context(), next.ID)
		if outcome(err) == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("it is not tried again: %v", err)
		}
	}
	c.clock(t, 5*time.Hour)
	if err := c.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != first.Expose() || !c.vendor.Works(first) {
		t.Errorf("version %d, the old key works: %t", version, c.vendor.Works(first))
	}
	if n := c.count(next.ID, "credential.delivery_failed"); n != 1 {
		t.Errorf("people see it %d times", n)
	}
	c.unseen("while the sink is down", next.ID)
	c.deliver(next.ID)
	second, version := c.kept()
	if version != 2 || !c.vendor.Works(second) || !c.vendor.Works(first) {
		t.Errorf("version %d", version)
	}
	c.hides(first, second)
}

// What a sink refuses for good is seen once for each sort, left as it is and
// tried again; a limit is kept.
func TestASinkRefuses(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	c.Put("secret", ledger, map[string]any{"value": "somebody else's"})
	k := c.key("acme")
	again := func(want time.Duration) {
		t.Helper()
		err := c.Deliver(t.Context(), k.ID)
		var later *TryAgainError
		if !errors.As(err, &later) || later.After != want {
			t.Errorf("%v", err)
		}
	}
	for range 3 {
		again(deliverAgain)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != "somebody else's" {
		t.Errorf("version %d", version)
	}
	if n := c.count(k.ID, "credential.delivery_failed"); n != 1 {
		t.Errorf("people see %d times that the place is taken", n)
	}
	c.Inject(vaulttest.Fault{Method: http.MethodPut, Status: http.StatusForbidden, Error: "permission denied", Times: 2})
	again(deliverAgain)
	again(deliverAgain)
	again(deliverAgain) // taken again
	if n := c.count(k.ID, "credential.delivery_failed"); n != 3 {
		t.Errorf("people see %d problems", n)
	}
	c.Inject(vaulttest.Fault{Method: http.MethodPut, Status: http.StatusTooManyRequests, Error: "slow down", Header: http.Header{"Retry-After": {"42"}}, Times: 1})
	if _, limited := errors.AsType[*connectors.RateLimitedError](c.Deliver(t.Context(), k.ID)); !limited {
		t.Error("the limit is not kept")
	}
	c.DeleteMetadata("secret", ledger)
	c.deliver(k.ID)
	if value, _ := c.kept(); !c.vendor.Works(value) {
		t.Error("it is not there after somebody made room")
	}
}

// A key that could not be put into its sink in time is ended, and what the
// sink had before works on.
func TestASinkIsDownForTooLong(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	first, _ := c.kept()
	next := c.renew(old)
	c.Inject(vaulttest.Fault{Status: http.StatusServiceUnavailable, Error: "sealed", Times: -1})
	_ = c.Deliver(t.Context(), next.ID)
	c.clock(t, 24*time.Hour-30*time.Second) // not surely done in time any more: it is not begun
	before := len(c.Calls())
	if err := c.Deliver(t.Context(), next.ID); err != nil || len(c.Calls()) != before {
		t.Errorf("it is begun too late: %v", err)
	}
	c.clock(t, 25*time.Hour)
	c.settle(t)
	if got := c.credential(t, next.ID); got.State != storage.CredentialRevoked || got.StateReason != "it could not be put into vault in time" {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != first.Expose() || !c.vendor.Works(first) || len(c.vendor.Live()) != 1 {
		t.Errorf("version %d, %d keys at the vendor", version, len(c.vendor.Live()))
	}
	if got := c.credential(t, old.ID); got.State != storage.CredentialActive || c.count(old.ID, "credential.rotation_failed") != 1 {
		t.Errorf("the old one is %s", got.State)
	}
	c.deliver(next.ID) // a job that comes late does nothing
	c.unseen("after its end", next.ID)
}

// A worker is killed when the sink has answered: the next one finds it done.
func TestAKilledDelivery(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	for turn := range 2 {
		k := old
		if turn == 1 {
			k = c.renew(old)
		}
		for range 2 {
			c.at("deliver:answered", runtime.Goexit)
			died := make(chan struct{})
			go func() {
				defer close(died)
				_ = c.Deliver(context.Background(), k.ID)
				t.Error("the worker did not die")
			}()
			<-died
			c.unseen("after a worker died", k.ID)
			if got := c.credential(t, k.ID); got.SinkVersion != "" {
				t.Errorf("it is delivered: %q", got.SinkVersion)
			}
		}
		c.deliver(k.ID)
		value, version := c.kept()
		if got := c.credential(t, k.ID); version != turn+1 || got.SinkVersion != []string{"1", "2"}[turn] || !c.vendor.Works(value) || c.count(k.ID, "credential.delivered") != 1 {
			t.Errorf("version %d, %q", version, got.SinkVersion)
		}
		c.settle(t)
		c.unseen("when it is done", k.ID)
	}
}

// A lost answer is found to be done.
func TestASinkLosesItsAnswer(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	c.Inject(vaulttest.Fault{Method: http.MethodPut, Path: "/v1/secret/data", After: true})
	if err := c.Deliver(t.Context(), k.ID); err == nil {
		t.Fatal("the answer was not lost")
	}
	c.deliver(k.ID)
	if value, version := c.kept(); version != 1 || !c.vendor.Works(value) {
		t.Errorf("version %d", version)
	}
}

// Any number of workers, on two replicas, deliver it once.
func TestManyDeliveriesAreOne(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	other := c.service(t, sinkDocument(), func(d *Deps) { d.Connectors = c.Connectors })
	k := c.key("acme")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := []*Service{c.Service, other}[i%2].Deliver(context.Background(), k.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, version := c.kept(); version != 1 || c.count(k.ID, "credential.delivered") != 1 {
		t.Errorf("version %d, delivered %d times", version, c.count(k.ID, "credential.delivered"))
	}
}

// A key that is ended while its sink takes it: the next one knows that it is
// there, and replaces it.
func TestAKeyIsEndedWhileItIsDelivered(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	next := c.renew(old)
	c.at("deliver:answered", func() {
		if _, err := c.Revoke(context.Background(), c.people["erin"], next.ID, "not so fast"); err != nil {
			t.Error(err)
		}
	})
	c.deliver(next.ID)
	c.settle(t)
	if got := c.credential(t, next.ID); got.State != storage.CredentialRevoked || got.SinkVersion != "2" {
		t.Errorf("%s, %q", got.State, got.SinkVersion)
	}
	third := c.renew(old)
	c.deliver(third.ID)
	if value, version := c.kept(); version != 3 || !c.vendor.Works(value) {
		t.Errorf("version %d", version)
	}
	if got := c.credential(t, third.ID); got.SinkVersion != "3" {
		t.Errorf("%q", got.SinkVersion)
	}
}

// A key that is stopped before it is delivered is delivered when it works again.
func TestASuspendedKeyWaitsForItsSink(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	if _, err := c.Suspend(t.Context(), c.people["erin"], k.ID, "odd"); err != nil {
		t.Fatal(err)
	}
	c.workAll(t)
	var later *TryAgainError
	if err := c.Deliver(t.Context(), k.ID); !errors.As(err, &later) {
		t.Errorf("%v", err)
	}
	if _, version := c.kept(); version != 0 {
		t.Error("a key that does not work is delivered")
	}
	if _, err := c.Resume(t.Context(), c.people["erin"], k.ID, "all is well"); err != nil {
		t.Fatal(err)
	}
	c.workAll(t)
	c.deliver(k.ID)
	if value, _ := c.kept(); !c.vendor.Works(value) {
		t.Error("it is not there")
	}
}

// A sink that the configuration has no more keeps nobody from mending it.
func TestASinkIsGone(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	sink := c.Connectors["vault"]
	delete(c.Connectors, "vault")
	var later *TryAgainError
	if err := c.Deliver(t.Context(), k.ID); !errors.As(err, &later) || c.count(k.ID, "credential.delivery_failed") != 1 {
		t.Errorf("%v", err)
	}
	c.Connectors["vault"] = sink
	c.deliver(k.ID)
}

// A key over the API that is for a sink is handed to nobody.
func TestAKeyForASinkIsNotHandedOver(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("tempo")
	c.settle(t)
	robot := Actor{Account: c.people["erin"].Account, Key: old.ID, Scopes: []string{ScopeRotate}}
	out, err := c.Rotate(t.Context(), robot, old.ID, RotateAsk{}, "nightly")
	if err != nil {
		t.Fatal(err)
	}
	c.made(out.New.ID)
	_, _, err = c.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "before it is delivered", err, RuleDecided)
	c.settle(t)
	_, _, err = c.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "after it is delivered", err, RuleDecided)
	if _, version := c.kept(); version != 2 {
		t.Errorf("version %d", version)
	}
}
