package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// EnvelopeAlgorithm is how both layers of an Envelope are sealed.
const EnvelopeAlgorithm = "AES-256-GCM"

// ErrWrapKey is returned for a pre-shared key that is not 32 bytes.
var ErrWrapKey = errors.New("a pre-shared key is 32 random bytes, in base64")

// Envelope is a secret sealed for the holder of a pre-shared key, in a form
// that any AES-GCM implementation opens: both fields are base64 of a 12-byte
// nonce, then the ciphertext, then the 16-byte tag.
type Envelope struct {
	Secret  string // the secret, under a data key of its own
	KeyWrap string // that data key, under the pre-shared key
}

// Wrap seals a secret under a fresh data key and that under the pre-shared
// key. Both layers carry id as additional data, so that an envelope can't pass
// for that of another credential.
func Wrap(v, preShared Value, id string) (Envelope, error) {
	if err := CheckWrapKey(preShared); err != nil {
		return Envelope{}, err
	}
	dataKey := NewDataKey()
	body, err := seal(dataKey, []byte(v.Expose()), id)
	if err != nil {
		return Envelope{}, err
	}
	wrap, err := seal([]byte(preShared.Expose()), dataKey, id)
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{Secret: body, KeyWrap: wrap}, nil
}

func seal(key, plain []byte, id string) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", fmt.Errorf("make gcm: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand never fails, by its contract
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(id))), nil
}

// CheckWrapKey refuses what can't be a pre-shared key.
func CheckWrapKey(preShared Value) error {
	if len(preShared.Expose()) != KeySize {
		return ErrWrapKey
	}
	return nil
}

// ParseWrapKey reads a pre-shared key as a configuration writes it: base64 of
// 32 bytes, in either alphabet, padded or not.
func ParseWrapKey(text Value) (Value, error) {
	t := strings.TrimRight(strings.TrimSpace(text.Expose()), "=")
	t = strings.NewReplacer("-", "+", "_", "/").Replace(t)
	raw, err := base64.RawStdEncoding.Strict().DecodeString(t)
	if err != nil || len(raw) != KeySize {
		return Value{}, ErrWrapKey // the decoder's error would quote the text
	}
	return New(string(raw)), nil
}
