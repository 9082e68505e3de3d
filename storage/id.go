package storage

import (
	"errors"
	"fmt"
	"strings"
)

// The keys of rows.
type (
	// RequestID is what people see and type as RQ-7F3K.
	RequestID int64
	// CredentialID is what people see and type as TK-7F3K.
	CredentialID int64
	// PersonID is never shown.
	PersonID int64
	// AccountID is never shown.
	AccountID int64
)

// The prefixes people type.
const (
	requestPrefix    = "RQ-"
	credentialPrefix = "TK-"
)

// ErrMalformedID is returned for text that is no ID of ours.
var ErrMalformedID = errors.New("not an ID like TK-7F3K or RQ-7F3K")

// String returns the form people read and type.
func (id RequestID) String() string { return requestPrefix + encodeID(int64(id), requestShift) }

// String returns the form people read and type.
func (id CredentialID) String() string {
	return credentialPrefix + encodeID(int64(id), credentialShift)
}

// ParseID reads what a person typed. Exactly one of the two IDs is set.
// Lower case, O for 0 and I or L for 1 are understood.
func ParseID(s string) (RequestID, CredentialID, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(s, requestPrefix); ok {
		n, err := decodeID(rest, requestShift)
		return RequestID(n), 0, err
	}
	if rest, ok := strings.CutPrefix(s, credentialPrefix); ok {
		n, err := decodeID(rest, credentialShift)
		return 0, CredentialID(n), err
	}
	return 0, 0, ErrMalformedID
}

// Crockford's base 32 has no letters that are easily confused.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// encodeID spreads consecutive numbers over the shortest block of codes that
// still has room: four characters for the first million, five for the next
// 33 million, and so on. Within a block it is a fixed permutation, so codes
// are unique by construction and neighbours do not look alike. Zero, which is
// no row's key, has a code that does not read back.
func encodeID(n, shift int64) string {
	n = max(n, 0)
	base, size := int64(0), int64(1<<20)
	digits := 4
	for n-base >= size {
		base, size, digits = base+size, size<<5, digits+1
	}
	v := ((n-base)*idStride + shift) & (size - 1)
	out := make([]byte, digits)
	for i := digits - 1; i >= 0; i-- {
		out[i] = idAlphabet[v&31]
		v >>= 5
	}
	return string(out)
}

// The shifts keep a request and a key of the same number from looking alike.
const (
	requestShift    = 1
	credentialShift = 0x5F3C7
)

// idStride is odd, so multiplying by it permutes any power of two.
const idStride = 0x9E3779B1

func decodeID(s string, shift int64) (int64, error) {
	if len(s) < 4 || len(s) > 9 {
		return 0, ErrMalformedID
	}
	var v int64
	for _, c := range s {
		switch c {
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		i := strings.IndexRune(idAlphabet, c)
		if i < 0 {
			return 0, ErrMalformedID
		}
		v = v<<5 | int64(i)
	}
	base, size := int64(0), int64(1<<20)
	for digits := 4; digits < len(s); digits++ {
		base, size = base+size, size<<5
	}
	n := base + ((v-shift)*inverse(idStride))&(size-1)
	if n <= 0 || encodeID(n, shift) != canonicalID(s) {
		return 0, fmt.Errorf("%q: %w", s, ErrMalformedID)
	}
	return n, nil
}

func canonicalID(s string) string {
	return strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(s)
}

// inverse finds the multiplicative inverse of an odd number modulo 2^64 by
// Newton's iteration.
func inverse(a int64) int64 {
	x := a
	for range 6 {
		x *= 2 - a*x
	}
	return x
}
