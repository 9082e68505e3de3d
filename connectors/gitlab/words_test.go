package gitlab

import (
	"strings"
	"testing"
	"unicode"
)

// Whatever GitLab answers, what is quoted of it is one short, visible line in
// which no key fits.
func FuzzWords(f *testing.F) {
	f.Add([]byte(`{"error":"expires_at is missing"}`))
	f.Add([]byte(`{"message":{"name":["is too long"]}}`))
	f.Add([]byte(`[[[["x"]]]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		line := words(body)
		if len([]rune(line)) > 160 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is quoted as %q", body, line)
		}
		for _, word := range strings.Fields(line) {
			if len([]rune(word)) > 24+1 { // the cut adds an ellipsis
				t.Errorf("%q is quoted with %q", body, word)
			}
		}
	})
}
