package ssf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
)

const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192 // more costs time that others could spend for us
	p256Bytes  = 32
)

// keySet is the keys by ID. Several can share one, if they are of different
// types.
type keySet map[string][]publicKey

type publicKey struct {
	key        crypto.PublicKey
	algorithms []string
}

func (s keySet) find(kid, alg string) (crypto.PublicKey, bool) {
	for _, k := range s[kid] {
		if slices.Contains(k.algorithms, alg) {
			return k.key, true
		}
	}
	return nil, false
}

// jwk is a public key (RFC 7517, RFC 7518).
type jwk struct {
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	N   string `json:"n"`
	E   string `json:"e"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// parseKeys passes over the keys that are not for us: of other types, for
// other uses, too weak, or wrong.
func parseKeys(all []json.RawMessage) keySet {
	set := keySet{}
	for i, text := range all {
		var k jwk
		if i == maxKeys {
			break
		}
		if json.Unmarshal(text, &k) != nil || k.Kid == "" || k.Use != "" && k.Use != "sig" {
			continue
		}
		if public, ok := k.public(); ok {
			set[k.Kid] = append(set[k.Kid], public)
		}
	}
	return set
}

// public is the key with the algorithms it may be used for: its own, if it
// says one.
func (k jwk) public() (publicKey, bool) {
	var p publicKey
	var ok bool
	switch k.Kty {
	case "RSA":
		p.algorithms = []string{"RS256", "PS256"}
		p.key, ok = k.rsa()
	case "EC":
		p.algorithms = []string{"ES256"}
		p.key, ok = k.ec()
	}
	if k.Alg != "" {
		p.algorithms = slices.DeleteFunc(p.algorithms, func(alg string) bool { return alg != k.Alg })
	}
	return p, ok && len(p.algorithms) > 0
}

func (k jwk) rsa() (*rsa.PublicKey, bool) {
	n, okN := number(k.N)
	e, okE := number(k.E)
	if !okN || !okE || n.BitLen() < minRSABits || n.BitLen() > maxRSABits || n.Bit(0) == 0 {
		return nil, false
	}
	if e.BitLen() > 31 || e.Bit(0) == 0 || e.Int64() < 3 {
		return nil, false
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, true
}

func (k jwk) ec() (*ecdsa.PublicKey, bool) {
	x, errX := decoder().DecodeString(k.X)
	y, errY := decoder().DecodeString(k.Y)
	if errX != nil || errY != nil || k.Crv != "P-256" || len(x) != p256Bytes || len(y) != p256Bytes {
		return nil, false
	}
	const uncompressed = 4
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{uncompressed}, x, y))
	return key, err == nil
}

func number(s string) (*big.Int, bool) {
	raw, err := decoder().DecodeString(s)
	if err != nil || len(raw) == 0 {
		return nil, false
	}
	return new(big.Int).SetBytes(raw), true
}

func decoder() *base64.Encoding { return base64.RawURLEncoding.Strict() }
