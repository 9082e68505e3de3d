package workflow

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/storage"
)

// interceptor acts once after a call of a path was answered.
type interceptor struct {
	next  http.RoundTripper
	path  string
	once  sync.Once
	after func()
}

// RoundTrip implements http.RoundTripper.
func (i *interceptor) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := i.next.RoundTrip(r)
	if r.URL.Path == i.path {
		i.once.Do(i.after)
	}
	return resp, err
}

func (a *appHouse) through(t testing.TB, rt http.RoundTripper) connectors.Connector {
	t.Helper()
	c, err := tempo.Open(a.app, rt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Three replicas find the same grant due and have all their jobs done at once,
// some of them twice: the vendor is asked once, the old pair is dead and the
// new one used.
func TestAGrantIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	replicas := []*Service{a.Service, a.replica(t), a.replica(t)}
	for round := range 3 {
		_, access, refresh := a.grant(t, c.ID)
		asked := a.tokenCalls()
		a.refreshIsDue(t)
		var all sync.WaitGroup
		for _, s := range replicas {
			all.Go(func() {
				if err := s.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(a.jobs(t, RefreshArgs{}.Kind())); n != 1 {
			t.Errorf("round %d: %d jobs", round, n)
		}
		for range 2 {
			for _, s := range replicas {
				all.Go(func() {
					if err := s.RefreshGrant(context.Background(), c.ID); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		g, newAccess, newRefresh := a.grant(t, c.ID)
		if a.tokenCalls() != asked+1 || a.double.Pairs() != 1 || a.double.Works(access) || !a.double.Works(newAccess) || newRefresh.Expose() == refresh.Expose() {
			t.Errorf("round %d: %d calls, %d pairs, old works %v, new works %v", round, a.tokenCalls()-asked, a.double.Pairs(), a.double.Works(access), a.double.Works(newAccess))
		}
		now, err := a.DB.Now(t.Context())
		if err != nil || g.RefreshAt.Before(now.Add(40*24*time.Hour)) || g.Problem != "" || g.Attempts != 0 {
			t.Errorf("round %d: %s, %q, %v", round, g.RefreshAt, g.Problem, err)
		}
		a.nowhere(t, newAccess, newRefresh)
	}
	if got := a.credential(t, c.ID); got.State != storage.CredentialActive {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	a.check(t)
}

func (a *appHouse) tokenCalls() int { return a.double.Calls()["POST /oauth/token/"] }

// The answer to a refresh is lost: the old pair is dead and the new one
// unknown. The credential ends, and its owner is told to connect anew.
func TestALostRefreshEndsTheGrant(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	a.refreshIsDue(t)
	a.double.LoseNextRefresh()
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if g, _, _ := a.grant(t, c.ID); g.Problem == "" || a.credential(t, c.ID).State != storage.CredentialActive {
		t.Errorf("after a lost answer: %q, %s", g.Problem, a.credential(t, c.ID).State)
	}
	_ = a.told(t)
	a.refreshIsDue(t)
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	got := a.credential(t, c.ID)
	if got.State != storage.CredentialRevoking || !strings.Contains(got.StateReason, "connect anew") || a.told(t)[subject(c.ID)] == 0 {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	a.workAll(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialRevoked {
		t.Errorf("%s", got.State)
	}
	a.check(t)
}

// A worker dies with the new pair in its hands, or before it asked.
func TestAKilledRefresh(t *testing.T) {
	t.Parallel()
	for point, state := range map[string]storage.CredentialState{"refresh:leased": storage.CredentialActive, "refresh:answered": storage.CredentialRevoking} {
		a := openApp(t, nil)
		c := a.connected(t)
		a.refreshIsDue(t)
		dying := a.replica(t)
		dying.Fault = func(p string) {
			if p == point {
				panic("killed at " + p)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = dying.RefreshGrant(context.Background(), c.ID)
			t.Errorf("it did not die at %s", point)
		}()
		if err := a.RefreshGrant(t.Context(), c.ID); err != nil || a.credential(t, c.ID).State != storage.CredentialActive {
			t.Errorf("%s: the lease is not kept: %v", point, err)
		}
		a.exec(t, `UPDATE oauth_grant SET lease_until = clock_timestamp()`)
		if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		if got := a.credential(t, c.ID); got.State != state {
			t.Errorf("%s: %s", point, got.State)
		}
	}
}

// A vendor that is away is asked again later; nothing ends for it.
func TestARefreshIsPutOff(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	a.refreshIsDue(t)
	a.double.Set(tempotest.Knobs{Down: true})
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	g, access, _ := a.grant(t, c.ID)
	now, err := a.DB.Now(t.Context())
	if err != nil || !g.RefreshAt.After(now) || g.Problem == "" || a.credential(t, c.ID).State != storage.CredentialActive {
		t.Errorf("%+v, %v", g, err)
	}
	a.double.Set(tempotest.Knobs{})
	if !a.double.Works(access) {
		t.Error("the pair is gone")
	}
	a.refreshIsDue(t)
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if g, _, _ := a.grant(t, c.ID); g.Problem != "" {
		t.Errorf("%q", g.Problem)
	}
}

// A late "no" about a pair that was renewed since ends nothing.
func TestALateNoToARefreshEndsNothing(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	before, _, _ := a.grant(t, c.ID)
	a.refreshIsDue(t)
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.loseGrant(t.Context(), c, before); err != nil {
		t.Fatal(err)
	}
	if _, access, _ := a.grant(t, c.ID); a.credential(t, c.ID).State != storage.CredentialActive || !a.double.Works(access) {
		t.Error("the grant ended")
	}
}

// A grant ends, by whatever way: both tokens are dead at the vendor and
// forgotten here, and a revoke has its receipt.
func TestTheEndOfAGrant(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end   func(*appHouse, storage.Credential) error
		state storage.CredentialState
	}{
		"revoked": {func(a *appHouse, c storage.Credential) error {
			_, err := a.Revoke(context.Background(), a.people["erin"], c.ID, "leaked")
			return err
		}, storage.CredentialRevoked},
		"given back": {func(a *appHouse, c storage.Credential) error {
			_, err := a.Revoke(context.Background(), a.people["alice"], c.ID, "")
			return err
		}, storage.CredentialRevoked},
		"expired": {func(a *appHouse, c storage.Credential) error {
			if _, _, err := a.Reveal(context.Background(), a.ticket(t, c.ID), ""); err != nil {
				return err
			}
			a.clock(t, 31*24*time.Hour)
			return a.Sweep(context.Background())
		}, storage.CredentialExpired},
		"never collected": {func(a *appHouse, _ storage.Credential) error {
			a.clock(t, 25*time.Hour)
			return a.Sweep(context.Background())
		}, storage.CredentialRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := openApp(t, nil)
			c := a.connected(t)
			_, access, refresh := a.grant(t, c.ID)
			if err := tt.end(a, c); err != nil {
				t.Fatal(err)
			}
			a.workAll(t)
			got := a.credential(t, c.ID)
			g, _, _ := a.grant(t, c.ID)
			if got.State != tt.state || a.double.Pairs() != 0 || a.double.Works(access) || g.Access != nil || g.Refresh != nil {
				t.Errorf("%s, %d pairs", got.State, a.double.Pairs())
			}
			proofs := a.receipts(t, c.ID)
			if (len(proofs) == 1) != (tt.state == storage.CredentialRevoked) {
				t.Errorf("receipts: %+v", proofs)
			}
			if len(proofs) == 1 && (!strings.Contains(proofs[0].Answer, "POST /oauth/revoke_token/: 200") || proofs[0].Liveness != string(connectors.Dead)) {
				t.Errorf("receipt: %+v", proofs[0])
			}
			a.check(t)
			a.nowhere(t, access, refresh)
		})
	}
}

// A vendor that can't be reached for the revoke is asked until it has done it.
func TestARevokeOfAGrantIsNotGivenUp(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	a.double.Set(tempotest.Knobs{Down: true})
	if _, err := a.Revoke(t.Context(), a.people["erin"], c.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	a.workAll(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialRevoking || len(a.receipts(t, c.ID)) != 0 {
		t.Errorf("%s", got.State)
	}
	a.double.Set(tempotest.Knobs{})
	a.settle(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialRevoked || a.double.Pairs() != 0 {
		t.Errorf("%s, %d pairs", got.State, a.double.Pairs())
	}
}

// A revoke comes while the grant is being renewed: the new pair is ended too.
func TestARevokeDuringARefresh(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	a.refreshIsDue(t)
	a.Connectors["tempo"] = a.through(t, &interceptor{next: http.DefaultTransport, path: "/oauth/token/", after: func() {
		if _, err := a.Revoke(context.Background(), a.people["erin"], c.ID, "leaked"); err != nil {
			t.Error(err)
		}
		a.workAll(t)
	}})
	if err := a.RefreshGrant(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	a.settle(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialRevoked || a.double.Pairs() != 0 {
		t.Errorf("%s, %d pairs", got.State, a.double.Pairs())
	}
	a.check(t)
}

// Where a vendor has no way to revoke, the receipt does not say that the
// tokens are dead.
func TestAGrantThatCantBeRevoked(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	c := a.connected(t)
	a.Connectors["tempo"] = withoutRevoke{a.Connectors["tempo"].(*tempo.Connector)}
	if _, err := a.Revoke(t.Context(), a.people["erin"], c.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	a.workAll(t)
	if proofs := a.receipts(t, c.ID); len(proofs) != 1 || proofs[0].Liveness != string(connectors.Unknown) {
		t.Errorf("%+v", proofs)
	}
	if g, _, _ := a.grant(t, c.ID); g.Access != nil {
		t.Error("the tokens are kept")
	}
}

// withoutRevoke is Tempo without its revoke address.
type withoutRevoke struct{ *tempo.Connector }

func (w withoutRevoke) OAuthApp() (connectors.OAuthApp, bool) {
	app, ok := w.Connector.OAuthApp()
	app.RevokeURL = ""
	return app, ok
}
