package secret

import (
	"errors"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"
)

// The checksums were computed by another program (zlib's crc32), so they pin
// the format for whoever writes a leak scanner.
var keyVectors = []struct{ random, check string }{
	{"000000000000000000000000000000", "2C8GjS"},
	{"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "4IlJEz"},
	{"0123456789ABCDEFGHIJabcdefghij", "4Us3aw"},
	{"LatchkeyGivesEveryKeyAnEnd000x", "0CIhb1"},
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", "35Gx9N"},
	{"padding00000000000000000000100", "0006aI"}, // a small sum keeps its zeros
}

func TestKeyFormat(t *testing.T) {
	t.Parallel()
	for _, v := range keyVectors {
		for _, prefix := range []string{"lk_live_", "lk_test_"} {
			key := prefix + v.random + v.check
			if err := CheckKey(key); err != nil {
				t.Errorf("%s is refused: %v", key, err)
			}
			if got := checkNumber(v.check); got != uint64(crc32.ChecksumIEEE([]byte(v.random))) {
				t.Errorf("%s says %d, CRC32 is %d", v.check, got, crc32.ChecksumIEEE([]byte(v.random)))
			}
		}
	}
}

// checkNumber reads a checksum back.
func checkNumber(s string) uint64 {
	var n uint64
	for _, c := range s {
		n = n*62 + uint64(strings.IndexRune(alphabet, c))
	}
	return n
}

func TestNewKeysAreWellFormedAndDiffer(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^lk_(live|test)_[0-9A-Za-z]{36}$`)
	seen := map[string]bool{}
	for range 500 {
		for _, k := range []Value{NewKey(), NewTestKey()} {
			text := k.Expose()
			if !form.MatchString(text) || len(text) != KeyLen || seen[text] {
				t.Fatalf("key %d is malformed or there twice", len(seen))
			}
			seen[text] = true
			if err := CheckKey(text); err != nil {
				t.Fatalf("own key is refused: %v", err)
			}
		}
	}
	if got := KeyPrefix(NewKey()); got != "lk_live_" {
		t.Errorf("live keys begin with %q", got)
	}
	if got := KeyPrefix(NewTestKey()); got != "lk_test_" {
		t.Errorf("test keys begin with %q", got)
	}
}

func TestCheckKeyRefuses(t *testing.T) {
	t.Parallel()
	good := "lk_live_" + keyVectors[2].random + keyVectors[2].check
	for name, key := range map[string]string{
		"nothing":            "",
		"other prefix":       "lk_prod_" + good[8:],
		"prefix in capitals": "LK_LIVE_" + good[8:],
		"no prefix":          good[8:],
		"too short":          good[:len(good)-1],
		"too long":           good + "0",
		"space before":       " " + good[:len(good)-1],
		"newline after":      good[:len(good)-1] + "\n",
		"symbol":             good[:20] + "-" + good[21:],
		"letter beyond":      good[:20] + "é" + good[22:],
		"zero byte":          good[:20] + "\x00" + good[21:],
		"case of one letter": strings.Replace(good, "ABC", "aBC", 1),
		"swapped neighbours": strings.Replace(good, "CD", "DC", 1),
		"wrong checksum":     good[:len(good)-1] + "x",
		"checksum too large": "lk_live_" + keyVectors[0].random + "zzzzzz",
	} {
		if err := CheckKey(key); !errors.Is(err, ErrMalformedKey) {
			t.Errorf("%s: %q gives %v", name, key, err)
		}
	}
	for i := 8; i < len(good); i++ { // every mistyped character is found
		for _, c := range alphabet {
			bad := good[:i] + string(c) + good[i+1:]
			if (CheckKey(bad) == nil) != (bad == good) {
				t.Fatalf("%q at %d is not found", c, i)
			}
		}
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, v := range keyVectors {
		f.Add("lk_live_" + v.random + v.check)
	}
	f.Add("lk_test_")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		err := CheckKey(s)
		if err != nil && !errors.Is(err, ErrMalformedKey) {
			t.Fatalf("%q: %v", s, err)
		}
		if strings.Contains(ErrMalformedKey.Error(), s) && len(s) > 12 {
			t.Fatal("the error quotes the key")
		}
		if err != nil {
			return
		}
		random, check := s[8:38], s[38:]
		if checkNumber(check) != uint64(crc32.ChecksumIEEE([]byte(random))) {
			t.Fatalf("%q is taken although its checksum is wrong", s)
		}
	})
}

func TestWhatPeopleSeeOfAKey(t *testing.T) {
	t.Parallel()
	key := New("lk_live_" + keyVectors[2].random + keyVectors[2].check)
	if KeyPrefix(key) != "lk_live_" || KeyLast4(key) != "s3aw" {
		t.Errorf("prefix %q, last four %q", KeyPrefix(key), KeyLast4(key))
	}
	for _, short := range []string{"", "abc", "123456789012345"} {
		if got := KeyLast4(New(short)); got != "" {
			t.Errorf("last four of a secret of %d characters: %q", len(short), got)
		}
	}
	if got := KeyPrefix(New("short")); got != "" {
		t.Errorf("prefix of a short secret: %q", got)
	}
}

// A biased alphabet would show as a chi-squared far beyond what chance gives:
// 61 degrees of freedom exceed 130 less than once in a million runs.
func TestRandomCharactersAreNotBiased(t *testing.T) {
	t.Parallel()
	const n = 200_000
	var counts [62]float64
	for _, c := range Token(n).Expose() {
		counts[strings.IndexRune(alphabet, c)]++
	}
	want, chi := float64(n)/62, 0.0
	for _, got := range counts {
		chi += (got - want) * (got - want) / want
	}
	if chi > 130 {
		t.Errorf("chi-squared is %.1f over 62 characters: %v", chi, counts)
	}
	if got := len(Token(0).Expose()); got != 0 {
		t.Errorf("a token of no characters has %d", got)
	}
}
