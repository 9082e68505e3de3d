package storage

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIDsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<40).Draw(t, "n")
		r, c, err := ParseID(CredentialID(n).String())
		if err != nil || r != 0 || c != CredentialID(n) {
			t.Fatalf("%d is %s, which reads as %d, %d, %v", n, CredentialID(n), r, c, err)
		}
		r, c, err = ParseID(RequestID(n).String())
		if err != nil || r != RequestID(n) || c != 0 {
			t.Fatalf("%d is %s, which reads as %d, %d, %v", n, RequestID(n), r, c, err)
		}
	})
}

// People type what they hear or copy.
func TestIDsReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<40).Draw(t, "n")
		typed := []byte(CredentialID(n).String())
		for i := 3; i < len(typed); i++ {
			switch typed[i] {
			case '0':
				typed[i] = rapid.SampledFrom([]byte("0oO")).Draw(t, "zero")
			case '1':
				typed[i] = rapid.SampledFrom([]byte("1iIlL")).Draw(t, "one")
			}
		}
		text := string(typed)
		if rapid.Bool().Draw(t, "lower") {
			text = strings.ToLower(text)
		}
		if _, c, err := ParseID("  " + text + "\n"); err != nil || c != CredentialID(n) {
			t.Fatalf("%q for %s reads as %s, %v", text, CredentialID(n), c, err)
		}
	})
}

// The first code of each length, and that no two numbers share a code.
func TestIDsGrowAtTheBordersOfBlocks(t *testing.T) {
	t.Parallel()
	first := []int64{0, 1 << 20, 1<<20 + 1<<25, 1<<20 + 1<<25 + 1<<30, 1<<20 + 1<<25 + 1<<30 + 1<<35}
	for i, n := range first {
		for d := int64(-3); d <= 3; d++ {
			if n+d < 1 {
				continue
			}
			want := 4 + i
			if d < 0 {
				want--
			}
			if got := encodeID(n+d, requestShift); len(got) != want {
				t.Errorf("%d is %s, want %d characters", n+d, got, want)
			}
			if got, err := decodeID(encodeID(n+d, requestShift), requestShift); err != nil || got != n+d {
				t.Errorf("%d reads back as %d, %v", n+d, got, err)
			}
		}
	}
}

func TestIDsAreUnique(t *testing.T) {
	t.Parallel()
	seen := make(map[string]int64, 1<<20+5000)
	add := func(n int64) {
		code := encodeID(n, requestShift)
		if other, ok := seen[code]; ok && other != n {
			t.Fatalf("%d and %d are both %s", other, n, code)
		}
		seen[code] = n
	}
	for n := range int64(1<<20 + 1000) { // the whole first block, zero included
		add(n)
	}
	for range 4000 {
		add(rand.Int64N(1 << 40))
	}
}

func TestNeighboursDoNotLookAlike(t *testing.T) {
	t.Parallel()
	for n := int64(1); n < 1000; n++ {
		a, b := encodeID(n, requestShift), encodeID(n+1, requestShift)
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		if same > 2 {
			t.Errorf("%d and %d are %s and %s", n, n+1, a, b)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "TK-", "TK-7F3", "TK7F3K", "XX-7F3K", "7F3K", "TK-7F3KU", "TK-7F 3K", "TK--7F3K", "TK-7F3!", "TK-\x00\x00\x00\x00", "TK-ÄÄÄÄ",
		"TK-0123456789", "TK-" + strings.Repeat("0", 100_000), "RQ-TK-7F3K", CredentialID(0).String(), RequestID(0).String(),
		CredentialID(-5).String(), "TK-7F3K TK-7F3K",
	} {
		if r, c, err := ParseID(s); !errors.Is(err, ErrMalformedID) {
			t.Errorf("%.40q reads as %d, %d, %v", s, r, c, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"TK-7F3K", "rq-oil0", "TK-", "TK-ſſſſ", "TK-ıııı"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, c, err := ParseID(s)
		if err != nil {
			if !errors.Is(err, ErrMalformedID) || r != 0 || c != 0 {
				t.Fatalf("%q: %d, %d, %v", s, r, c, err)
			}
			return
		}
		if (r == 0) == (c == 0) || r < 0 || c < 0 {
			t.Fatalf("%q reads as %d and %d", s, r, c)
		}
		text := c.String()
		if r != 0 {
			text = r.String()
		}
		if r2, c2, err := ParseID(text); err != nil || r2 != r || c2 != c {
			t.Fatalf("%q reads as %s, which reads as %d, %d, %v", s, text, r2, c2, err)
		}
	})
}
