package okta_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

const ownClass = "API token of Latchkey's own administrator"

// Okta does not say which of an administrator's tokens a call was made with, so
// all of our administrator's are taken for ours: set apart, and never ended.
func TestOurOwnAdministratorsTokensAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	second := secret.New("00second-of-the-same-administrator")
	b.AddToken(oktatest.Token{Name: "terraform", Owner: b.Admin(), Secret: second})
	other := b.issuedToken("deploy")
	own := connectors.AccountRef{ID: b.Admin(), Name: "Okta Admin", Service: true}
	kept := 0
	for id, c := range list(t, b.Connector) {
		if c.Owner.ID != b.Admin() {
			if c.Owner.Service || c.Class != "API token" {
				t.Errorf("somebody else's token: %+v", c)
			}
			continue
		}
		kept++
		if c.Class != ownClass || c.Owner != own || c.Ref.Owner != own {
			t.Errorf("our administrator's token: %+v", c)
		}
		err := b.Revoke(t.Context(), connectors.Ref{ID: id})
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "own administrator") {
			t.Errorf("revoke %s: %v", c.Label, err)
		}
	}
	if kept != 2 || !b.Works(second) || b.Check(t.Context()) != nil {
		t.Errorf("%d tokens of our administrator, the second works: %t, ours: %v", kept, b.Works(second), b.Check(t.Context()))
	}
	if err := b.Revoke(t.Context(), other.Ref); err != nil || b.Works(other.Secret) {
		t.Errorf("revoke somebody else's: %v, works %t", err, b.Works(other.Secret))
	}
	for _, r := range []connectors.AccountRef{{ID: b.Admin()}, {Email: "okta-admin@example.com"}} {
		if err := b.CloseAccount(t.Context(), r); !errors.Is(err, connectors.ErrUnrecoverable) || b.Status(b.Admin()) != "ACTIVE" {
			t.Errorf("close our own administrator %+v: %v, %s", r, err, b.Status(b.Admin()))
		}
	}
}

// Who we are must be known before anything is ended.
func TestNothingIsEndedWithoutKnowingOurselves(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	made := b.issuedToken("deploy")
	b.Inject(oktatest.Fault{Path: "/api/v1/users/me", Status: http.StatusOK, Body: `{}`, Times: -1})
	if err := b.Revoke(t.Context(), made.Ref); err == nil || !b.Works(made.Secret) {
		t.Errorf("revoke: %v, works %t", err, b.Works(made.Secret))
	}
	if n, errs := b.walkCredentials(t); n != 0 || len(errs) != 1 {
		t.Errorf("list: %d rows, %v", n, errs)
	}
}

// Our own token is in a list of API tokens, so one without any proves nothing.
func TestAnEmptyListOfTokensIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.EmptyListings()
	if l, err := b.Verify(t.Context(), connectors.Ref{ID: "api-token/00Tnobody"}); l != connectors.Unknown || err == nil {
		t.Errorf("verify: %s, %v", l, err)
	}
	if err := b.Revoke(t.Context(), connectors.Ref{ID: "api-token/00Tnobody"}); err == nil {
		t.Error("revoke: an empty list made a 404 a success")
	}
}

// A grant is asked for by itself: one call for a live one, and one that Okta
// still shows as revoked opens nothing.
func TestVerifyGrant(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	owner := b.person("Alice")
	for status, want := range map[string]connectors.Liveness{"ACTIVE": connectors.Live, "REVOKED": connectors.Dead} {
		id := b.AddGrant(oktatest.Grant{Owner: owner, ClientID: "0oac", Scope: "openid", Status: status})
		before := b.total()
		b.verify(t, "grant/"+owner+"/"+id, want)
		if n := b.total() - before; n != 1 {
			t.Errorf("%s: %d calls", status, n)
		}
	}
}

func (b bundle) total() int {
	sum := 0
	for _, n := range b.Calls() {
		sum += n
	}
	return sum
}
