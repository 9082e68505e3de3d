package auditlog

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// encoded is a text as encoding/json writes it, but for U+2028 and U+2029,
// which RFC 8785 leaves as they are.
func encoded(t testing.TB, s string) string {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func TestTextsAreWrittenAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for r := range rune(0x3000) {
		if r != 0x2028 && r != 0x2029 {
			all.WriteRune(r)
		}
	}
	for _, s := range []string{"", "plain", `a "b" \c`, all.String(), "\U0001F511 \U00010FFFF", "\x00\x1f\x7f"} {
		if got, want := string(appendString(nil, s)), encoded(t, s); got != want {
			t.Errorf("%q is written %s, want %s", s, got, want)
		}
	}
	if got := string(appendString(nil, "a\u2028b\u2029")); got != "\"a\u2028b\u2029\"" {
		t.Errorf("a line separator is written %q", got)
	}
}

func FuzzTextsReadBack(f *testing.F) {
	f.Add("a \"b\"\n\u2028<&>\x01")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // the database has none
		}
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != s {
			t.Errorf("%q reads back as %q, %v", s, got, err)
		}
	})
}

// The record is the canonical JSON of its members, which encoding/json makes of
// a map: it sorts them.
func TestRecordIsCanonical(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		e := madeEntry(i)
		record := e.Record()
		members := map[string]any{}
		d := json.NewDecoder(bytes.NewReader(record))
		d.UseNumber()
		if err := d.Decode(&members); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		enc := json.NewEncoder(&again)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(members); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSuffix(again.String(), "\n") != string(record) {
			t.Errorf("the record is\n%s\nand canonical\n%s", record, again.String())
		}
		for _, text := range []string{"Evans", "active", "left"} {
			if bytes.Contains(record, []byte(text)) {
				t.Errorf("the record has a text in it: %s", record)
			}
		}
	}
}
