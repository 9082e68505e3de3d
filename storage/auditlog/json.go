package auditlog

import (
	"encoding/base64"
	"strconv"
	"time"
)

// JSON is written by hand, because a log of millions of events is written and
// hashed member by member: no reflection, no allocation. The tests hold it to
// encoding/json.

// appendMember adds a member with a text to an object that is being written.
func appendMember(b []byte, name, value string) []byte {
	return appendString(appendName(b, name), value)
}

// appendText is appendMember, and nothing for an empty text.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendMember(b, name, value)
}

// appendInteger adds a member with a number. Ours are below 2^53, where every
// reader of JSON is exact.
func appendInteger(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendNumber is appendInteger, and nothing for zero.
func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return appendInteger(b, name, n)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(appendName(b, name), '"')
	return append(t.UTC().AppendFormat(b, timeForm), '"')
}

// appendBytes adds a member with bytes in base64.
func appendBytes(b []byte, name string, value []byte) []byte {
	return appendQuotedBytes(appendName(b, name), value)
}

func appendQuotedBytes(b, value []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), value), '"')
}

// appendName begins a member. Names are ours and need no escape.
func appendName(b []byte, name string) []byte {
	if last := b[len(b)-1]; last != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(b, '"', ':')
}

// appendString writes a text as RFC 8785 does: only what must be escaped is,
// in the shortest way.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(append(b, s[plain:i]...), '\\')
		plain = i + 1
		switch c {
		case '"', '\\':
			b = append(b, c)
		case '\b':
			b = append(b, 'b')
		case '\t':
			b = append(b, 't')
		case '\n':
			b = append(b, 'n')
		case '\f':
			b = append(b, 'f')
		case '\r':
			b = append(b, 'r')
		default:
			const hex = "0123456789abcdef"
			b = append(b, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[plain:]...), '"')
}
