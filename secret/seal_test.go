package secret

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newBox(t interface{ Fatal(...any) }, key []byte) *Box {
	b, err := NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func drawPlace(t *rapid.T, label string) Place {
	part := rapid.StringMatching(`[a-z0-9:|]{0,6}`)
	return Place{part.Draw(t, label+" table"), part.Draw(t, label+" row"), part.Draw(t, label+" column")}
}

func TestSealOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	box := newBox(t, NewDataKey())
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.String().Draw(t, "secret")
		at, elsewhere := drawPlace(t, "at"), drawPlace(t, "elsewhere")
		sealed := box.Seal(New(plain), at)
		got, err := box.Open(sealed, at)
		if err != nil || got.Expose() != plain {
			t.Fatalf("does not open at home: %v", err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, []byte(plain)) {
			t.Fatal("the secret is in clear")
		}
		if _, err := box.Open(sealed, elsewhere); (err == nil) != (at == elsewhere) {
			t.Fatalf("sealed at %+v, opened at %+v: %v", at, elsewhere, err)
		}
	})
}

func TestPlacesAreNotConfused(t *testing.T) {
	t.Parallel()
	box := newBox(t, NewDataKey())
	places := []Place{
		{"ticket", "TK-0001", "sealed"}, {"ticket", "TK-0002", "sealed"}, {"ticket", "TK-0001", "other"}, {"other", "TK-0001", "sealed"},
		{"a", "b|1:c", ""}, {"a", "b", "c"}, {"a|1:b", "c", ""}, {"", "", ""}, {"1:a", "", ""}, {"", "1:a", ""},
	}
	for i, p := range places {
		sealed := box.Seal(New("s"), p)
		for j, q := range places {
			if _, err := box.Open(sealed, q); (err == nil) != (i == j) {
				t.Errorf("sealed at %q, opened at %q: %v", p, q, err)
			}
		}
	}
}

func TestEveryBitOfASealCounts(t *testing.T) {
	t.Parallel()
	box, at := newBox(t, NewDataKey()), Place{"ticket", "TK-0001", "sealed"}
	sealed := box.Seal(NewKey(), at)
	for i := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[i/8] ^= 1 << (i % 8)
		if v, err := box.Open(bad, at); !errors.Is(err, ErrSealBroken) || !v.Empty() {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for n := range sealed {
		if _, err := box.Open(sealed[:n], at); !errors.Is(err, ErrSealBroken) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := box.Open(append(bytes.Clone(sealed), 0), at); !errors.Is(err, ErrSealBroken) {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := newBox(t, NewDataKey()).Open(sealed, at); !errors.Is(err, ErrSealBroken) {
		t.Errorf("another data key: %v", err)
	}
}

func TestSealsOfOneSecretDiffer(t *testing.T) {
	t.Parallel()
	box, seen := newBox(t, NewDataKey()), map[string]bool{}
	for range 1000 {
		s := string(box.Seal(New("same"), Place{}))
		if seen[s[:12]] {
			t.Fatal("a nonce came twice")
		}
		seen[s[:12]] = true
	}
}

// A stored hash must find its key again after every restart and upgrade.
func TestHashAndDeriveAreStable(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, KeySize)
	a, b, other := newBox(t, key), newBox(t, key), newBox(t, NewDataKey())
	hash := a.Hash("lk_live_x")
	if got := hex.EncodeToString(hash[:]); got != stableHash {
		t.Errorf("hash is %s, was %s", got, stableHash)
	}
	if got := a.Derive("ticket", "TK-0001", "nonce").Expose(); got != stableToken {
		t.Errorf("token is %s, was %s", got, stableToken)
	}
	if b.Hash("lk_live_x") != hash || other.Hash("lk_live_x") == hash || a.Hash("lk_live_y") == hash {
		t.Error("the hash does not hang on pepper and key alone")
	}
	if other.Derive("ticket", "TK-0001", "nonce").Expose() == stableToken {
		t.Error("another data key derives the same token")
	}
	if hex.EncodeToString(a.pepper) == hex.EncodeToString(key) {
		t.Error("the pepper is the data key itself")
	}
}

func TestDeriveTellsPartsApart(t *testing.T) {
	t.Parallel()
	box, seen := newBox(t, NewDataKey()), map[string][]string{}
	for _, parts := range [][]string{
		nil, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"a", "", "b"}, {"a|1:b"}, {"b", "a"}, {"1:a"}, {"a", "b", ""}, {"ticket", "a", "b"},
	} {
		token := box.Derive(parts...).Expose()
		if len(token) != 32 || strings.Trim(token, alphabet) != "" {
			t.Errorf("%q gives %d characters", parts, len(token))
		}
		if other, ok := seen[token]; ok {
			t.Errorf("%q and %q give one token", parts, other)
		}
		seen[token] = parts
	}
}

func TestNewBoxRefusesOddKeys(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, KeySize - 1, KeySize + 1} {
		if _, err := NewBox(make([]byte, n)); err == nil {
			t.Errorf("a data key of %d bytes is taken", n)
		}
	}
	if bytes.Equal(NewDataKey(), NewDataKey()) || len(NewDataKey()) != KeySize {
		t.Error("data keys are not fresh, or not of the size they should have")
	}
}

func FuzzOpen(f *testing.F) {
	box, at := newBox(f, make([]byte, KeySize)), Place{"t", "r", "c"}
	f.Add(box.Seal(New("s"), Place{"t", "r", "d"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := box.Open(sealed, at); !errors.Is(err, ErrSealBroken) {
			t.Fatalf("forged: %v", err)
		}
	})
}

// Computed by another program from the data key 07…07.
const (
	stableHash  = "fb5d8d43cd6f5f9d952a0847756be25c8d3f6a188b42224030c82c8bc4b3de27"
	stableToken = "6FcOwkbzHa7gR5cAwZJj8xisEZedZTUt"
)
