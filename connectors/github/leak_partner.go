package github

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	partnerKeys = "/meta/public_keys/secret_scanning"

	// keysAgain is how soon the keys are asked for again at the earliest: a
	// stranger who makes up names of keys must not use up our calls, of which
	// there are 60 an hour without a credential.
	keysAgain = 5 * time.Minute

	// keysLast is how long a key is trusted that GitHub may have withdrawn.
	keysLast = 24 * time.Hour
)

// partner holds the keys that GitHub signs its reports to partners with. It
// is safe for concurrent use.
type partner struct {
	nobody *api
	now    func() time.Time

	mu    sync.Mutex
	keys  map[string]*ecdsa.PublicKey // by identifier
	asked time.Time
	read  time.Time // when keys are from
}

// verify checks the signature over the raw body: ECDSA on P-256 with SHA-256,
// ASN.1 in base64.
func (p *partner) verify(ctx context.Context, h http.Header, body []byte) error {
	signature, err := base64.StdEncoding.DecodeString(h.Get(headerSignature))
	if err != nil || len(signature) == 0 {
		return unverified("the signature is missing or not base64")
	}
	key, err := p.key(ctx, h.Get(headerKeyID))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	if key == nil || !ecdsa.VerifyASN1(key, digest[:], signature) {
		return unverified("the signature is not GitHub's")
	}
	return nil
}

// key finds a key by its identifier; nil if GitHub has none of that name. While
// that can't be told it is an error, which has GitHub send the report again.
func (p *partner) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if key := p.keys[id]; key != nil && p.now().Sub(p.read) < keysLast {
		return key, nil
	}
	now := p.now()
	if !p.asked.IsZero() && now.Sub(p.asked) < keysAgain {
		return nil, fmt.Errorf("GitHub's keys were asked for %s ago, and are not asked for again so soon", now.Sub(p.asked).Round(time.Second))
	}
	p.asked = now // whatever comes of it
	keys, err := p.ask(ctx)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's keys: %w", err)
	}
	p.keys, p.read = keys, now
	return p.keys[id], nil
}

func (p *partner) ask(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	var answer struct {
		Keys []struct {
			ID  string `json:"key_identifier"`
			Key string `json:"key"`
		} `json:"public_keys"`
	}
	if _, err := p.nobody.do(ctx, request{method: http.MethodGet, path: partnerKeys}, &answer); err != nil {
		return nil, err
	}
	out := map[string]*ecdsa.PublicKey{}
	for _, k := range answer.Keys {
		if key, err := parsePublicKey(k.Key); err == nil { // one of another kind is none of ours
			out[k.ID] = key
		}
	}
	return out, nil
}

func parsePublicKey(text string) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a public key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("a public key can't be read")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("a public key is not on P-256")
	}
	return key, nil
}
