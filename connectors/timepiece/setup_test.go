package timepiece_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/timepiece"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

// bundle is a double with a token of Alice's for the gateway.
type bundle struct {
	*timepiecetest.Double
	base          string
	upstream, bad secret.Value
	made          []secret.Value
	handed        int
}

func (*bundle) now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	b.Double, b.base = timepiecetest.Start(t, timepiecetest.Config{Now: b.now})
	b.upstream = b.Make(timepiecetest.Alice, "gateway", b.now().AddDate(1, 0, 0))
	b.bad = secret.New("no-token-of-the-vendors")
	return b
}

func (b *bundle) settings(token secret.Value, imported ...secret.Value) connectors.Settings {
	return connectors.Settings{
		Name: "time", Kind: "timepiece", BaseURL: b.base, AllowPrivate: true, Token: token, Import: imported,
	}
}

func (b *bundle) open(t *testing.T, token secret.Value, imported ...secret.Value) *timepiece.Connector {
	t.Helper()
	s := b.settings(token, imported...)
	c, err := timepiece.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// list expects a whole listing.
func list(t *testing.T, c *timepiece.Connector) []connectors.Credential {
	t.Helper()
	var out []connectors.Credential
	for cred, err := range c.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, cred)
	}
	return out
}

func fingerprint(token secret.Value) string {
	sum := sha256.Sum256([]byte(token.Expose()))
	return "jwt/" + hex.EncodeToString(sum[:16])
}

func ref(token secret.Value) connectors.Ref { return connectors.Ref{ID: fingerprint(token)} }

// wantNoSecret fails if an error holds one of the tokens that is no mere space.
func wantNoSecret(t *testing.T, err error, tokens ...secret.Value) {
	t.Helper()
	for _, token := range tokens {
		if len(token.Expose()) > 1 && strings.Contains(fmt.Sprintf("%v %+v", err, err), token.Expose()) {
			t.Error("an error holds a token")
		}
	}
}
