package timepiece

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const (
	refPrefix = "jwt/"
	refBytes  = 16 // of the token's SHA-256, in hex behind the prefix

	classJWT   = "API token (JWT)"
	classOther = "API token"

	upstreamPosition = "token" // in the configuration, of the token that the gateway uses

	maxToken = 16 << 10
)

// token is one token of the vendor's and what can be read from it.
type token struct {
	value    secret.Value
	position string // in the configuration: "token", "import[2]"
	id       string // of the Ref: a fingerprint
	class    string
	owner    connectors.AccountRef
	site     string // the Jira site it is for, or empty
	created  time.Time
	expires  time.Time // as the token says; an administrator may have moved it since
	client   *rest.Client
}

// readTokens is the upstream token and the imported ones, each once. It
// reports every import that is no token, by its position and never its text.
func readTokens(s connectors.Settings) ([]token, error) {
	var tokens []token
	var problems []error
	add := func(t token) {
		if !slices.ContainsFunc(tokens, func(o token) bool { return o.id == t.id }) {
			tokens = append(tokens, t)
		}
	}
	if upstream, err := readToken(s.Token); err == nil {
		upstream.position = upstreamPosition
		add(upstream)
	} else if !s.Token.Empty() {
		// Of a form we don't know, perhaps a newer one: Check says if it works.
		add(token{value: s.Token, position: upstreamPosition, id: fingerprint(s.Token.Expose()), class: classOther})
	}
	for i, value := range s.Import {
		position := fmt.Sprintf("import[%d]", i)
		t, err := readToken(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", position, err))
			continue
		}
		t.position = position
		add(t)
	}
	return tokens, errors.Join(problems...)
}

// claims are what the vendor's tokens were seen to hold.
type claims struct {
	jwt.RegisteredClaims
	ClientKey string `json:"clientKey"` // the Jira site
}

// isTokenID says whether a text is a UUID, the other form tokens were seen in.
func isTokenID(text string) bool {
	groups := strings.Split(text, "-")
	if len(groups) != 5 {
		return false
	}
	for i, digits := range []int{8, 4, 4, 4, 12} {
		if _, err := hex.DecodeString(groups[i]); err != nil || len(groups[i]) != digits {
			return false
		}
	}
	return true
}

// readToken reads a JWT, or a token ID, which says nothing. The signature is
// not verified: the vendor alone has the key. So what a token says is a hint
// for people and no proof, except that it came from the configuration.
func readToken(value secret.Value) (token, error) {
	text := strings.TrimSpace(value.Expose())
	t := token{value: secret.New(text), id: fingerprint(text), class: classOther}
	switch {
	case text == "":
		return token{}, errors.New("it is empty")
	case len(text) > maxToken:
		return token{}, fmt.Errorf("it is longer than %d characters", maxToken)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return token{}, errors.New("it holds a space, a line break or a character no header can carry")
	case isTokenID(text):
		return t, nil
	}
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(text, &c); err != nil {
		return token{}, errors.New("it is neither a JWT nor a token ID") // the parser's error may quote it
	}
	created, okCreated := date(c.IssuedAt)
	expires, okExpires := date(c.ExpiresAt)
	if !okCreated || !okExpires {
		return token{}, errors.New("it is a JWT with an impossible date")
	}
	t.class, t.owner.ID, t.site, t.created, t.expires = classJWT, c.Subject, c.ClientKey, created, expires
	return t, nil
}

// date is zero for a claim that is not there. ok is false for one that no
// calendar has.
func date(d *jwt.NumericDate) (at time.Time, ok bool) {
	if d == nil {
		return time.Time{}, true
	}
	at = d.UTC()
	return at, at.Unix() > 0 && at.Year() < 10000
}

// fingerprint is stable for a token and gives nothing of it away.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return refPrefix + hex.EncodeToString(sum[:refBytes])
}

// isNative says whether a Ref is about a token of the vendor's.
func isNative(id string) bool { return strings.HasPrefix(id, refPrefix) }

// isRef says whether a Ref about a token of the vendor's is one we could have
// made.
func isRef(id string) bool {
	sum, err := hex.DecodeString(strings.TrimPrefix(id, refPrefix))
	return err == nil && len(sum) == refBytes && strings.ToLower(id) == id
}
