package ssf

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken = 64 << 10           // bytes
	maxID    = 256                // characters of a jti or kid
	window   = 5 * time.Minute    // that the transmitter's clock may be ahead
	maxAge   = 7 * 24 * time.Hour // of a token: transmitters try again for days
)

// algorithms are those of public keys that the framework's profiles ask for.
// "none" and the shared-secret ones can't come in: a public key is no secret.
func algorithms() []string { return []string{"RS256", "ES256", "PS256"} }

// claims are those of a security event token. It has no end of its own; one
// that has is held to it.
type claims struct {
	jwt.RegisteredClaims

	SubID  json.RawMessage            `json:"sub_id"` // whom it is about
	TOE    *jwt.NumericDate           `json:"toe"`    // when it happened
	Events map[string]json.RawMessage `json:"events"` // by type, a URI
}

// verify proves that the body is a token of the transmitter for this stream.
// What can be refused without the keys is, so that nobody has us ask for them
// with a token of somebody else.
func (c *Connector) verify(ctx context.Context, body []byte, now time.Time) (*claims, error) {
	if len(body) > maxToken || !isCompact(body) {
		return nil, unverified("it is no token in the compact form")
	}
	parser := jwt.NewParser(jwt.WithValidMethods(algorithms()), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	var claimed claims
	token, _, err := parser.ParseUnverified(string(body), &claimed)
	if err != nil {
		return nil, unverified("it is no token in the compact form")
	}
	kid, err := checkHeader(token.Header)
	switch {
	case err != nil:
		return nil, err
	case claimed.Issuer != c.issuer:
		return nil, unverified("the token is of another issuer")
	}
	alg := token.Method.Alg()
	key, err := c.keys.find(ctx, kid, alg)
	if err != nil {
		return nil, err
	}
	var proven claims
	if _, err := parser.ParseWithClaims(string(body), &proven, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return nil, unverified("the signature is wrong")
	}
	if err := c.checkClaims(&proven, now); err != nil {
		return nil, err
	}
	return &proven, nil
}

// isCompact is true for three parts of base64url. The decoder would pass over
// line breaks among them.
func isCompact(body []byte) bool {
	dots := 0
	for _, b := range body {
		switch {
		case b == '.':
			dots++
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return dots == 2
}

// checkHeader returns the key's ID. The type keeps tokens that the same issuer
// signed for something else from being taken for events.
func checkHeader(h map[string]any) (kid string, err error) {
	typ, _ := h["typ"].(string)
	alg, _ := h["alg"].(string)
	kid, _ = h["kid"].(string)
	_, critical := h["crit"]
	switch {
	case !strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), "secevent+jwt"):
		return "", unverified("the token's type is not secevent+jwt")
	case !slices.Contains(algorithms(), alg):
		return "", unverified("the token is not signed by RS256, ES256 or PS256")
	case kid == "" || len(kid) > maxID:
		return "", unverified("the token names no key")
	case critical:
		return "", unverified("the token asks for an extension we don't have")
	}
	return kid, nil
}

func (c *Connector) checkClaims(p *claims, now time.Time) error {
	switch {
	case p.Issuer != c.issuer:
		return unverified("the token is of another issuer")
	case !slices.Contains(p.Audience, c.audience):
		return unverified("the token is for another audience")
	case p.IssuedAt == nil:
		return unverified("the token does not say when it was made")
	case p.IssuedAt.After(now.Add(window)):
		return unverified("the token is from the future")
	case p.IssuedAt.Before(now.Add(-maxAge)):
		return unverified("the token is older than 7 days")
	case p.ExpiresAt != nil && !p.ExpiresAt.After(now):
		return unverified("the token has ended")
	case p.NotBefore != nil && p.NotBefore.After(now.Add(window)):
		return unverified("the token has not begun")
	case p.ID == "" || len(p.ID) > maxID:
		return malformed("the token has no jti")
	case len(p.Events) == 0:
		return malformed("the token has no event")
	}
	return nil
}
