package ssftest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"

	"latchkey/secret"
)

// The events of RISC about accounts.
const (
	AccountDisabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	AccountPurged   = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	AccountEnabled  = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
)

// Claims are those of a fresh token about one event. The subject is the
// token's, as in the framework's final version.
func (tr *Transmitter) Claims(event string, subject map[string]any) map[string]any {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.serial++
	return map[string]any{
		"iss": tr.cfg.Issuer, "aud": tr.cfg.Audience, "iat": tr.cfg.Now().Unix(), "jti": fmt.Sprintf("jti-%d", tr.serial),
		"sub_id": subject, "events": map[string]any{event: map[string]any{}},
	}
}

// Sign makes a token. Headers are added to the right ones, or replace them.
func (tr *Transmitter) Sign(kid string, claims, headers map[string]any) []byte {
	tr.mu.Lock()
	k := tr.keys[kid]
	tr.mu.Unlock()
	header := map[string]any{"typ": "secevent+jwt", "alg": k.alg, "kid": kid}
	maps.Copy(header, headers)
	input := Encode(header) + "." + Encode(claims)
	return []byte(input + "." + base64.RawURLEncoding.EncodeToString(k.sign(input)))
}

// Encode is a part of a token.
func Encode(part any) string {
	text, _ := json.Marshal(part) // strings, numbers and lists of them always can be
	return base64.RawURLEncoding.EncodeToString(text)
}

// Deliver is the request that pushes a token to a receiver's address. An empty
// bearer sends none.
func Deliver(ctx context.Context, address string, bearer secret.Value, token []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(token))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	if !bearer.Empty() {
		r.Header.Set("Authorization", "Bearer "+bearer.Expose())
	}
	return r, nil
}

type key struct {
	alg       string
	withdrawn bool
	rsa       *rsa.PrivateKey
	ec        *ecdsa.PrivateKey
}

const rsaBits = 2048

func newKey(alg string) key {
	k := key{alg: alg}
	if alg == "ES256" {
		k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // crypto/rand never fails
		return k
	}
	k.rsa, _ = rsa.GenerateKey(rand.Reader, rsaBits) // the same
	return k
}

func (k key) sign(input string) []byte {
	digest := sha256.Sum256([]byte(input))
	switch k.alg {
	case "ES256":
		r, s, _ := ecdsa.Sign(rand.Reader, k.ec, digest[:]) // crypto/rand never fails
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "PS256":
		out, _ := rsa.SignPSS(rand.Reader, k.rsa, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		return out
	case "RS256":
		out, _ := rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, digest[:])
		return out
	}
	return nil
}

func (k key) jwk(kid string) map[string]any {
	number := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	out := map[string]any{"kid": kid, "use": "sig", "alg": k.alg}
	if k.ec != nil {
		point, _ := k.ec.PublicKey.Bytes() // of a supported curve: never fails
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", number(point[1:33]), number(point[33:])
		return out
	}
	out["kty"], out["n"], out["e"] = "RSA", number(k.rsa.N.Bytes()), number(big.NewInt(int64(k.rsa.E)).Bytes())
	return out
}
