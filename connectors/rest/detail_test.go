package rest_test

import (
	"strings"
	"testing"
	"unicode"

	"latchkey/connectors/rest"
)

// Whatever a vendor says, what is quoted of it is one short, visible line in
// which no key fits.
func FuzzClean(f *testing.F) {
	f.Add("bad credential ghp_0123456789012345678901234567890 in body")
	f.Add("a\r\nb\u202ec\u200b\x00d")
	f.Add(strings.Repeat("word ", 60))
	f.Fuzz(func(t *testing.T, text string) {
		line := rest.Clean(text)
		if len([]rune(line)) > 160 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is quoted as %q", text, line)
		}
		for word := range strings.FieldsSeq(line) {
			if len([]rune(word)) > 24+1 { // the cut adds an ellipsis
				t.Errorf("%q is quoted with %q", text, word)
			}
		}
	})
}
