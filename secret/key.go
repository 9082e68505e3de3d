package secret

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"strings"
)

// Our keys look like lk_live_<30 random base62><6 base62 of CRC32>: a prefix
// that leak scanners can match, 178 bits of randomness, and a checksum that
// refuses a mistyped key without a look-up.
const (
	prefixLive = "lk_live_"
	prefixTest = "lk_test_"
	randomLen  = 30
	checkLen   = 6
	alphabet   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// KeyLen is the length of every key in characters.
const KeyLen = len(prefixLive) + randomLen + checkLen

// ErrMalformedKey is returned by CheckKey for text that can't be one of our
// keys: wrong prefix, length, alphabet or checksum.
var ErrMalformedKey = errors.New("not a Latchkey key: wrong prefix, length or checksum")

// NewKey makes a live key from the system's randomness.
func NewKey() Value { return newKey(prefixLive) }

// NewTestKey makes a key marked as belonging to a test environment.
func NewTestKey() Value { return newKey(prefixTest) }

func newKey(prefix string) Value {
	random := randomBase62(randomLen)
	return New(prefix + random + checksum(random))
}

// CheckKey says whether s has the form of one of our keys. It proves nothing
// about the key being known or alive.
func CheckKey(s string) error {
	if len(s) != KeyLen || (!strings.HasPrefix(s, prefixLive) && !strings.HasPrefix(s, prefixTest)) {
		return ErrMalformedKey
	}
	body := s[len(prefixLive):]
	for i := range len(body) {
		if strings.IndexByte(alphabet, body[i]) < 0 {
			return ErrMalformedKey
		}
	}
	if checksum(body[:randomLen]) != body[randomLen:] {
		return ErrMalformedKey
	}
	return nil
}

// KeyPrefix and KeyLast4 are the parts of a key that people may see, so that
// they can tell their keys apart.
func KeyPrefix(v Value) string {
	s := v.Expose()
	if len(s) < len(prefixLive) {
		return ""
	}
	return s[:len(prefixLive)]
}

// KeyLast4 returns the last four characters of a secret long enough to spare
// them, else nothing.
func KeyLast4(v Value) string {
	s := v.Expose()
	if len(s) < 16 {
		return ""
	}
	return s[len(s)-4:]
}

// Token makes n random base62 characters, for tickets and the like.
func Token(n int) Value { return New(randomBase62(n)) }

func randomBase62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // crypto/rand never fails, by its contract
		for _, b := range buf {
			if b < 248 && len(out) < n { // 248 = 4*62: no modulo bias
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	var out [checkLen]byte
	for i := checkLen - 1; i >= 0; i-- {
		out[i] = alphabet[sum%62]
		sum /= 62
	}
	return string(out[:])
}
