package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func newPreShared() Value { return New(string(NewDataKey())) }

// unwrap opens an envelope as its receiver would.
func unwrap(e Envelope, preShared Value, id string) (string, error) {
	dataKey, err := unseal([]byte(preShared.Expose()), e.KeyWrap, id)
	if err != nil {
		return "", err
	}
	plain, err := unseal(dataKey, e.Secret, id)
	return string(plain), err
}

func unseal(key []byte, text, id string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(raw) < aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(id))
}

func TestEnvelopeOpensForItsKeyAndItsCredentialOnly(t *testing.T) {
	t.Parallel()
	key, psk := NewKey(), newPreShared()
	e, err := Wrap(key, psk, "TK-7F3K")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unwrap(e, psk, "TK-7F3K"); err != nil || got != key.Expose() {
		t.Errorf("the envelope does not open for its receiver: %v", err)
	}
	if strings.Contains(e.Secret+e.KeyWrap, base64.StdEncoding.EncodeToString([]byte(key.Expose()))[:20]) {
		t.Error("the secret is in clear")
	}
	if _, err := unwrap(e, newPreShared(), "TK-7F3K"); err == nil {
		t.Error("another pre-shared key opens it")
	}
	if _, err := unwrap(e, psk, "TK-7F3M"); err == nil {
		t.Error("it passes for another credential's")
	}
	other, err := Wrap(key, psk, "TK-7F3K")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unwrap(Envelope{Secret: other.Secret, KeyWrap: e.KeyWrap}, psk, "TK-7F3K"); err == nil {
		t.Error("two envelopes share a data key")
	}
	if e.Secret[:16] == other.Secret[:16] || e.KeyWrap[:16] == other.KeyWrap[:16] {
		t.Error("a nonce came twice")
	}
}

func TestWrapRefusesKeysOfAnotherSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		psk := New(strings.Repeat("k", n))
		if e, err := Wrap(NewKey(), psk, "TK-7F3K"); !errors.Is(err, ErrWrapKey) || e != (Envelope{}) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
}

func TestParseWrapKey(t *testing.T) {
	t.Parallel()
	raw := strings.Repeat("\xfb\xff\x01k", 8)
	std, url := base64.StdEncoding.EncodeToString([]byte(raw)), base64.URLEncoding.EncodeToString([]byte(raw))
	for _, text := range []string{std, url, strings.TrimRight(std, "="), " " + std + "\n"} {
		got, err := ParseWrapKey(New(text))
		if err != nil || got.Expose() != raw {
			t.Errorf("%q is not read: %v", text, err)
		}
	}
	for _, text := range []string{"", "AAAA", raw, std[:len(std)-5], "AAAA" + std, strings.Repeat("!", 43), std[:10] + "\n" + std[11:]} {
		if got, err := ParseWrapKey(New(text)); !errors.Is(err, ErrWrapKey) || !got.Empty() {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

// openWithNode is what the documentation gives people who don't write Go.
const openWithNode = `
const { createDecipheriv } = require('node:crypto');
const open = (key, text, id) => {
  const raw = Buffer.from(text, 'base64');
  const d = createDecipheriv('aes-256-gcm', key, raw.subarray(0, 12));
  d.setAAD(Buffer.from(id));
  d.setAuthTag(raw.subarray(-16));
  return Buffer.concat([d.update(raw.subarray(12, -16)), d.final()]);
};
const { PSK, ID, SECRET, WRAP } = process.env;
process.stdout.write(open(open(Buffer.from(PSK, 'base64'), WRAP, ID), SECRET, ID));
`

// Whoever receives an envelope writes another language.
func TestEnvelopeOpensWithAStockImplementation(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("this test needs Node.js")
	}
	if err != nil {
		t.Skip("this test needs Node.js, and there is none on this machine")
	}
	key, psk := NewKey(), newPreShared()
	e, err := Wrap(key, psk, "TK-7F3K")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", openWithNode)
	cmd.Env = append(cmd.Environ(), "PSK="+base64.StdEncoding.EncodeToString([]byte(psk.Expose())), "ID=TK-7F3K", "SECRET="+e.Secret, "WRAP="+e.KeyWrap)
	out, err := cmd.Output()
	if err != nil || string(out) != key.Expose() {
		t.Errorf("Node.js does not open it: %v", err)
	}
}
