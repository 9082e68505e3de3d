package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// KeySize is the size of a data key in bytes (AES-256).
const KeySize = 32

// ErrSealBroken is returned by Open when a sealed value was changed, moved to
// another row, or sealed under another data key.
var ErrSealBroken = errors.New("sealed value does not open: changed, moved or sealed under another key")

// Place names the one database cell a sealed value belongs to. It is bound
// into the ciphertext, so a value copied to another row does not open.
type Place struct {
	Table  string
	Row    string
	Column string
}

func (p Place) aad() []byte {
	return fmt.Appendf(nil, "%d:%s|%d:%s|%d:%s", len(p.Table), p.Table, len(p.Row), p.Row, len(p.Column), p.Column)
}

// Box seals values with AES-256-GCM under one data key and computes the keyed
// hashes by which our own keys and tickets are looked up. Both uses have keys
// of their own, derived from the data key (HKDF, RFC 5869). A Box is safe for
// concurrent use.
type Box struct {
	aead   cipher.AEAD
	pepper []byte
	macs   sync.Pool // of HMACs under the pepper that are not in use
}

// NewBox makes a Box from a data key of KeySize bytes.
func NewBox(dataKey []byte) (*Box, error) {
	if len(dataKey) != KeySize {
		return nil, fmt.Errorf("data key has %d bytes, want %d", len(dataKey), KeySize)
	}
	sealKey, err := hkdf.Key(sha256.New, dataKey, nil, "latchkey seal v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive seal key: %w", err)
	}
	pepper, err := hkdf.Key(sha256.New, dataKey, nil, "latchkey pepper v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive pepper: %w", err)
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make gcm: %w", err)
	}
	return &Box{aead: aead, pepper: pepper}, nil
}

// NewDataKey makes a data key from the system's randomness.
func NewDataKey() []byte {
	k := make([]byte, KeySize)
	_, _ = rand.Read(k) // crypto/rand never fails, by its contract
	return k
}

// Seal encrypts v for one place: nonce, then ciphertext and tag.
func (b *Box) Seal(v Value, at Place) []byte {
	nonce := make([]byte, b.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return b.aead.Seal(nonce, nonce, []byte(v.Expose()), at.aad())
}

// Open decrypts what Seal made for the same place, or returns ErrSealBroken.
func (b *Box) Open(sealed []byte, at Place) (Value, error) {
	n := b.aead.NonceSize()
	if len(sealed) < n {
		return Value{}, ErrSealBroken
	}
	plain, err := b.aead.Open(nil, sealed[:n], sealed[n:], at.aad())
	if err != nil {
		return Value{}, ErrSealBroken
	}
	return New(string(plain)), nil
}

// Hash is the keyed digest under which a key or ticket is stored and looked
// up: HMAC-SHA-256 with a pepper that is not in the database.
func (b *Box) Hash(s string) [sha256.Size]byte {
	mac, ok := b.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, b.pepper)
	}
	defer b.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(s))
	var out [sha256.Size]byte
	mac.Sum(out[:0])
	return out
}

// Derive makes a token that only the holder of the data key can compute from
// its parts: the same parts give the same token, so it need not be stored.
func (b *Box) Derive(parts ...string) Value {
	mac := hmac.New(sha256.New, b.pepper)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s|", len(p), p)
	}
	sum := mac.Sum(nil)
	for i, c := range sum {
		sum[i] = alphabet[c%62]
	}
	return New(string(sum))
}
