package gateway

import (
	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

// token is the OAuth access token of a key's owner, which such a key sends to
// the vendor instead of the connection's credential. A new token makes a new
// key.
type token struct {
	value secret.Value // of the header
	mask  mask         // of it and of the connection's credential
}

// tokens opens what storage keeps sealed.
type tokens struct {
	box *secret.Box
	log zerolog.Logger
}

// maxToken is longer than tokens are, and shorter than the buffers in which
// answers are searched for them.
const maxToken = 8 << 10

// open returns the token of a key's owner. Nil means that there is none fit to
// be sent: then the key opens nothing, and above all not what the connection's
// credential does.
func (t tokens) open(row storage.GatewayKey, up *upstream) *token {
	if up == nil {
		return nil // its connection left the configuration, and is not found anyway
	}
	value, err := t.box.Open(row.Sealed, secret.Place{Table: "oauth_grant", Row: row.ID.String(), Column: "access"})
	if err != nil || !sendable(value.Expose()) {
		t.log.Error().Err(err).Str("credential", row.ID.String()).Int16("data_key", row.DataKeyID).Msg("could not open an OAuth token")
		return nil
	}
	own := &token{value: secret.New("Bearer " + value.Expose())}
	own.mask = newMask(own.value)
	for _, needle := range up.mask.needles {
		own.mask.add(string(needle))
	}
	return own
}

// sendable reports whether a header can carry a token as it is (RFC 6750 asks
// for less).
func sendable(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return text != "" && len(text) <= maxToken
}
