package ssf

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/ssf/ssftest"
)

// Whatever arrives without a right signature is refused; nothing panics.
func FuzzVerify(f *testing.F) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	tr := ssftest.New(ssftest.Config{Issuer: "https://idp.example", Audience: "us", Now: clock})
	kid := tr.AddKey("ES256")
	email := map[string]any{"format": "email", "email": "a@example.com"}
	f.Add(tr.Sign(kid, tr.Claims(ssftest.AccountDisabled, email), nil))
	f.Add(tr.Sign(kid, tr.Claims(ssftest.AccountDisabled, email), map[string]any{"alg": "none"}))
	f.Add([]byte("e30.e30."))
	strangers := newKeyring(func(context.Context) (keySet, error) { return keySet{}, nil }, clock)
	c := &Connector{issuer: "https://idp.example", audience: "us", keys: strangers, now: clock}
	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := c.verify(t.Context(), body, now)
		if set != nil || !errors.Is(err, connectors.ErrUnverified) {
			t.Errorf("%v, %v", set, err)
		}
	})
}
