package timepiece_test

import (
	"context"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

// The connector speaks of two sorts of credentials, and the suite of one at a
// time: keys of ours, and the vendor's tokens, listed or ended by hand.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("ours", func(t *testing.T) { conformance.RunTests(t, ours) })
	t.Run("listed", func(t *testing.T) { conformance.RunTests(t, listed) })
	t.Run("ended", func(t *testing.T) { conformance.RunTests(t, ended) })
}

// brokering is what the connector does with keys of ours.
type brokering struct {
	connectors.Connector
	connectors.Issuer
	connectors.Revoker
	connectors.Suspender
	connectors.ScopeLister
	connectors.Broker
}

func ours(t *testing.T) conformance.Harness {
	t.Helper()
	h, b := harness(t)
	view := func(token secret.Value) connectors.Connector {
		c := b.open(t, token)
		return brokering{c, c, c, c, c, c}
	}
	h.Good, h.Bad = view(b.upstream), view(b.bad)
	h.Request = func(label string) connectors.IssueRequest {
		return connectors.IssueRequest{Label: label, Scopes: []string{"reports:view"}, ExpiresAt: time.Now().Add(24 * time.Hour)}
	}
	return h
}

// listing is what it does with the vendor's tokens.
type listing struct {
	connectors.Connector
	connectors.Lister
}

func listed(t *testing.T) conformance.Harness {
	t.Helper()
	h, b := harness(t)
	c, bad := b.open(t, b.upstream, b.made...), b.open(t, b.bad)
	h.Good, h.Bad = listing{c, c}, listing{bad, bad}
	h.Make, h.Works = b.make, b.Works
	return h
}

// ending is the same with an administrator who follows the guide.
type ending struct {
	connectors.Connector
	connectors.Verifier
	*administrator
}

func ended(t *testing.T) conformance.Harness {
	t.Helper()
	h, b := harness(t)
	c, bad := b.open(t, b.upstream, b.made...), b.open(t, b.bad)
	h.Good, h.Bad = ending{c, c, &administrator{b}}, ending{bad, bad, &administrator{b}}
	h.Make, h.Works = b.make, b.Works
	return h
}

type administrator struct{ b *bundle }

// Revoke switches the token's Active off in the app's API Settings.
func (a *administrator) Revoke(ctx context.Context, r connectors.Ref) error {
	for _, token := range a.b.made {
		if fingerprint(token) == r.ID {
			a.b.Deactivate(token)
		}
	}
	return ctx.Err()
}

// harness is what the three have in common: a double, its knobs, and tokens
// that were made before anybody imports them.
func harness(t *testing.T) (conformance.Harness, *bundle) {
	t.Helper()
	b := setup(t)
	for range 6 {
		b.made = append(b.made, b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0)))
	}
	return conformance.Harness{
		Secrets:   append([]secret.Value{b.upstream, b.bad}, b.made...),
		RateLimit: func() time.Duration { b.LimitNext(time.Minute); return time.Minute },
		Refuse:    b.RefuseNext,
		Hold:      b.Hold,
	}, b
}

// make hands out the tokens made before, in order.
func (b *bundle) make(string) connectors.Issued {
	token := b.made[b.handed]
	b.handed++
	return connectors.Issued{Ref: connectors.Ref{ID: fingerprint(token)}, Secret: token}
}
