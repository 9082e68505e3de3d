package ssf_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/ssf"
	"latchkey/connectors/ssf/ssftest"
	"latchkey/secret"
)

func TestUnverifiedTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	claims := b.Claims(ssftest.AccountDisabled, email)
	right := b.Sign(b.kid, claims, nil)
	if got, err := b.send(t, right); err != nil || len(got) != 1 {
		t.Fatalf("the right one: %v, %v", got, err)
	}
	parts := strings.Split(string(right), ".")
	header := func(h object) []byte { return b.Sign(b.kid, claims, h) }
	claim := func(name string, value any) []byte {
		changed := b.Claims(ssftest.AccountDisabled, email)
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
		return b.Sign(b.kid, changed, nil)
	}
	other := ssftest.New(ssftest.Config{Issuer: b.Issuer(), Audience: audience, Now: b.now})
	otherKid := other.AddKey("ES256") // has the ID of a key of the right one
	unsigned := ssftest.Encode(object{"typ": "secevent+jwt", "alg": "none", "kid": b.kid}) + "." + parts[1] + "."
	changed := ssftest.Encode(b.Claims(ssftest.AccountEnabled, email))
	for name, token := range map[string][]byte{
		"empty":                 nil,
		"JSON":                  []byte(`{"events":{}}`),
		"two parts":             []byte(parts[0] + "." + parts[1]),
		"four parts":            append(bytes.Clone(right), ".x"...),
		"encrypted":             append(bytes.Clone(right), ".x.y"...),
		"a line break":          append(bytes.Clone(right), '\n'),
		"a space before":        append([]byte(" "), right...),
		"padding":               append(bytes.Clone(right), '='),
		"no signature":          []byte(parts[0] + "." + parts[1] + "."),
		"a cut signature":       right[:len(right)-4],
		"one bit":               flipped(right),
		"other claims":          []byte(parts[0] + "." + changed + "." + parts[2]),
		"too large":             append(bytes.Clone(right), bytes.Repeat([]byte("A"), 64<<10)...),
		"none":                  []byte(unsigned),
		"none with signature":   []byte(unsigned + parts[2]),
		"NONE":                  header(object{"alg": "NONE"}),
		"a shared secret":       hs256(b.kid, parts[1]),
		"another key":           other.Sign(otherKid, claims, nil),
		"another algorithm":     header(object{"alg": "RS256"}),
		"a longer algorithm":    header(object{"alg": "ES384"}),
		"no type":               header(object{"typ": nil}),
		"an access token":       header(object{"typ": "at+jwt"}),
		"plain type":            header(object{"typ": "JWT"}),
		"no key named":          header(object{"kid": nil}),
		"a number as key":       header(object{"kid": 1}),
		"a long key ID":         header(object{"kid": strings.Repeat("k", 257)}),
		"unknown key":           header(object{"kid": "k9"}),
		"a key of another kind": header(object{"kid": "okp"}),
		"an extension":          header(object{"crit": []string{"b64"}, "b64": false}),
		"its own key":           header(object{"kid": "mine", "jwk": object{"kty": "EC"}, "jku": "https://evil.example"}),
		"another issuer":        claim("iss", "https://evil.example"),
		"no issuer":             claim("iss", nil),
		"issuer with a slash":   claim("iss", b.Issuer()+"/"),
		"another audience":      claim("aud", "https://other.example"),
		"no audience":           claim("aud", nil),
		"part of the audience":  claim("aud", audience[:len(audience)-1]),
		"no time":               claim("iat", nil),
		"a text as time":        claim("iat", "now"),
		"from the future":       claim("iat", start.Add(5*time.Minute+time.Second).Unix()),
		"too old":               claim("iat", start.AddDate(0, 0, -7).Add(-time.Second).Unix()),
		"ended":                 claim("exp", start.Unix()),
		"not begun":             claim("nbf", start.Add(6*time.Minute).Unix()),
	} {
		got, err := b.send(t, token)
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// flipped changes the signature's first bit; the last ones may be unused.
func flipped(token []byte) []byte {
	out := bytes.Clone(token)
	i := bytes.LastIndexByte(out, '.') + 1
	if out[i]++; out[i] > 'z' || out[i] > 'Z' && out[i] < 'a' || out[i] > '9' && out[i] < 'A' {
		out[i] = 'B'
	}
	return out
}

// hs256 uses what everybody knows, the key's ID, as a shared secret.
func hs256(kid, payload string) []byte {
	input := ssftest.Encode(object{"typ": "secevent+jwt", "alg": "HS256", "kid": kid}) + "." + payload
	mac := hmac.New(sha256.New, []byte(kid))
	mac.Write([]byte(input))
	return []byte(input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

func TestBearer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), nil)
	for name, headers := range map[string][]string{
		"none": nil, "empty": {""}, "another": {"Bearer of-nobody"}, "two": {"Bearer " + bearer, "Bearer " + bearer},
		"without a scheme": {bearer}, "basic": {"Basic " + bearer}, "cut": {"Bearer " + bearer[1:]}, "a second space": {"Bearer  " + bearer},
	} {
		r, _ := ssftest.Deliver(t.Context(), address, secret.Value{}, token)
		for _, h := range headers {
			r.Header.Add("Authorization", h)
		}
		got, err := b.Events(r, token)
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the keys were asked for: %v", calls)
	}

	s := settings(b.Issuer())
	s.SigningSecret = secret.Value{} // then the signature alone proves it
	c, err := ssf.Open(s, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(b.now)
	for _, sent := range []string{"", "anything"} {
		r, _ := ssftest.Deliver(t.Context(), address, secret.New(sent), token)
		if got, err := c.Events(r, token); err != nil || len(got) != 1 {
			t.Errorf("without a bearer configured: %v, %v", got, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	good := settings("https://idp.example")
	for word, change := range map[string]func(*connectors.Settings){
		"missing setting: issuer":   func(s *connectors.Settings) { s.Issuer = "" },
		"missing setting: audience": func(s *connectors.Settings) { s.Audience = "" },
		"issuer is not a URL":       func(s *connectors.Settings) { s.Issuer = "idp" },
		"issuer must be https":      func(s *connectors.Settings) { s.Issuer, s.AllowPrivate = "http://idp.example", false },
		"signing_secret":            func(s *connectors.Settings) { s.SigningSecret = secret.New("a b") },
	} {
		s := good
		change(&s)
		if _, err := ssf.Open(s, http.DefaultTransport); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want one about %q", err, word)
		}
	}
	if _, err := ssf.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("without transport: %v", err)
	}
}
