package ssf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseKeys(t *testing.T) {
	t.Parallel()
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	point, _ := ec.PublicKey.Bytes()
	text := base64.RawURLEncoding.EncodeToString
	bits := func(n int) string { // an odd number of so many bits: as good as a modulus here
		b := slices.Repeat([]byte{0xff}, n/8)
		return text(b)
	}
	curve := map[string]any{"kid": "k", "kty": "EC", "crv": "P-256", "x": text(point[1:33]), "y": text(point[33:])}
	rsaKey := map[string]any{"kid": "k", "kty": "RSA", "n": bits(2048), "e": "AQAB"}
	with := func(base map[string]any, pairs ...string) map[string]any {
		out := map[string]any{}
		maps.Copy(out, base)
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i]] = pairs[i+1]
		}
		return out
	}
	for name, tt := range map[string]struct {
		key  map[string]any
		want string // the algorithms; empty refuses the key
	}{
		"EC":                   {curve, "ES256"},
		"EC for signatures":    {with(curve, "use", "sig", "alg", "ES256"), "ES256"},
		"EC to encrypt":        {with(curve, "use", "enc"), ""},
		"EC of another alg":    {with(curve, "alg", "ES384"), ""},
		"another curve":        {with(curve, "crv", "P-384"), ""},
		"off the curve":        {with(curve, "y", text(point[1:33])), ""},
		"a short coordinate":   {with(curve, "x", text(point[1:32])), ""},
		"padded":               {with(curve, "x", text(point[1:33])+"="), ""},
		"no ID":                {with(curve, "kid", ""), ""},
		"RSA":                  {rsaKey, "RS256 PS256"},
		"RSA for one":          {with(rsaKey, "alg", "PS256"), "PS256"},
		"RSA for another":      {with(rsaKey, "alg", "RS512"), ""},
		"RSA with a small one": {with(rsaKey, "n", bits(1024)), ""},
		"RSA with a huge one":  {with(rsaKey, "n", bits(8200)), ""},
		"an even one":          {with(rsaKey, "n", text(append(slices.Repeat([]byte{0xff}, 255), 0xfe))), ""},
		"no exponent":          {with(rsaKey, "e", ""), ""},
		"exponent 1":           {with(rsaKey, "e", "AQ"), ""},
		"an even exponent":     {with(rsaKey, "e", "AQAA"), ""},
		"a huge exponent":      {with(rsaKey, "e", text([]byte{1, 0, 0, 0, 1})), ""},
		"a shared secret":      {map[string]any{"kid": "k", "kty": "oct", "k": "AA"}, ""},
		"a type of text":       {with(curve, "kty", "ec"), ""},
	} {
		raw, _ := json.Marshal(tt.key)
		set := parseKeys([]json.RawMessage{raw})
		got := ""
		if all := set["k"]; len(all) == 1 {
			got = strings.Join(all[0].algorithms, " ")
		}
		if got != tt.want {
			t.Errorf("%s: for %q, want %q", name, got, tt.want)
		}
	}
	both := parseKeys([]json.RawMessage{mustJSON(t, curve), mustJSON(t, rsaKey), []byte("1"), []byte("null")})
	if k, ok := both.find("k", "ES256"); !ok || !ec.PublicKey.Equal(k) {
		t.Errorf("ES256 = %v", k)
	}
	if k, ok := both.find("k", "RS256"); !ok || k.(*rsa.PublicKey).E != 65537 {
		t.Errorf("RS256 = %v", k)
	}
	if _, ok := both.find("k", "HS256"); ok {
		t.Error("a public key verifies a shared secret's algorithm")
	}
	if all := parseKeys(slices.Repeat([]json.RawMessage{mustJSON(t, curve)}, 200)); len(all["k"]) != maxKeys {
		t.Errorf("%d keys", len(all["k"]))
	}
}

func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`[{"kid":"k","kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kid":"k","kty":"RSA","n":"AQAB","e":"AQAB"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var all []json.RawMessage
		if json.Unmarshal(text, &all) != nil {
			t.Skip()
		}
		for kid, keys := range parseKeys(all) {
			for _, k := range keys {
				if kid == "" || k.key == nil || len(k.algorithms) == 0 {
					t.Errorf("%q: %+v", kid, k)
				}
			}
		}
	})
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{
		`{"format":"email","email":"a@example.com"}`, `{"format":"account","uri":"acct:a%40b@example.com"}`,
		`{"format":"aliases","identifiers":[{"format":"iss_sub","iss":"https://a.example","sub":"1"}]}`,
		`{"user":{"format":"opaque","id":"1"}}`, `{"format":"complex","device":{}}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		account, ok, err := parseSubject(text, "https://idp.example")
		if ok != (account.ID != "" || account.Email != "") || ok && err != nil {
			t.Errorf("%+v, %t, %v", account, ok, err)
		}
		if strings.ContainsAny(account.ID+account.Email, "\r\n\x00 ") {
			t.Errorf("%+v", account)
		}
	})
}
