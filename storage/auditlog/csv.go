package auditlog

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// columns are those of a CSV file. They mean what the members of the same
// names mean in JSONL; erased is "yes" where the texts were, and the leaf hash
// is in hexadecimal digits, because base64 can begin with a plus sign.
var columns = []string{"position", "event", "at", "person", "account", "action", "subject", "subject_id", "policy", "ref",
	"actor", "before", "after", "reason", "erased", "leaf"}

func appendColumns(b []byte, _ *Header) ([]byte, error) {
	for i, name := range columns {
		b = appendCell(b, i, name)
	}
	return append(b, '\r', '\n'), nil
}

// appendRow writes an event as RFC 4180 has it, each cell quoted.
func appendRow(b []byte, e *Entry, leaf tlog.Hash) []byte {
	erased := ""
	if e.Erased != nil {
		erased = "yes"
	}
	for i, text := range [...]string{
		strconv.FormatInt(e.Position, 10), strconv.FormatInt(e.ID, 10), e.At.UTC().Format(timeForm), number(e.Person), number(e.Account),
		e.Action, e.Subject, strconv.FormatInt(e.SubjectID, 10), e.Policy, e.Ref,
		e.Texts.Actor, e.Texts.Before, e.Texts.After, e.Texts.Reason, erased, hex.EncodeToString(leaf[:]),
	} {
		b = appendCell(b, i, text)
	}
	return append(b, '\r', '\n')
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func appendCell(b []byte, column int, text string) []byte {
	if column > 0 {
		b = append(b, ',')
	}
	b = append(b, '"')
	if runs(text) {
		b = append(b, '\'')
	}
	if strings.IndexByte(text, '"') < 0 {
		return append(append(b, text...), '"')
	}
	return append(append(b, bytes.ReplaceAll([]byte(text), []byte{'"'}, []byte{'"', '"'})...), '"')
}

// runs tells that a spreadsheet might take a text for a formula (OWASP, CSV
// injection): it begins with a sign that begins one, also in the full-width
// and small forms that some programs fold, and after what they trim. A text
// that begins with an apostrophe counts too: so whoever reads the file drops
// the first apostrophe of a cell and has the text as it was.
func runs(text string) bool {
	if text == "" {
		return false
	}
	if c := text[0]; c == '\t' || c == '\r' || c == '\n' || c == '\'' {
		return true
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if !unicode.IsSpace(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) {
			return strings.ContainsRune("=+-@＝＋－＠﹦﹢﹣﹫−", r)
		}
		text = text[size:]
	}
	return false
}
