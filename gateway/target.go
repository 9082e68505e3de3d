package gateway

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTarget   = 8 << 10 // bytes of path and query
	maxSegments = 64
)

// target is a request target that has only one reading. What is forwarded is
// path and query, byte for byte as they came.
type target struct {
	connection string   // first segment
	path       string   // the vendor's path, from its slash on, still encoded
	query      string   // after the first "?", still encoded
	hasQuery   bool     // "?" alone is kept too
	segments   []string // of path, decoded; a trailing slash is an empty last one
	slashed    bool     // a segment holds encoded slashes, which are decoded in it
}

// parseTarget reads the raw target of a request line. Anything two programs
// could read differently is refused: dot and empty segments, encoded
// separators, double encoding, needless encoding, path parameters, bytes that
// must be encoded and are not, text that is not UTF-8. Only a connection that
// takes slashes may have encoded ones.
func parseTarget(raw string, takesSlashes func(connection string) bool) (target, *refusal) {
	if len(raw) > maxTarget {
		return target{}, refuse(http.StatusRequestURITooLong, "target_too_long", "Path and query are longer than 8 KiB.")
	}
	if raw == "" || raw[0] != '/' {
		return target{}, badPath("The request line must hold a path that begins with a slash, not a full address.")
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return target{}, badPath("Path and query may hold printable ASCII only, and no # or \\.")
		}
	}
	if strings.Contains(raw, "lk_") && (strings.Contains(raw, "lk_live_") || strings.Contains(raw, "lk_test_")) {
		return target{}, keyInURL()
	}
	whole, query, hasQuery := strings.Cut(raw, "?")
	connection, rest, ok := strings.Cut(whole[1:], "/")
	if !ok || connection == "" {
		return target{}, badPath("The path must be /<connection>/<path at the vendor>.")
	}
	path := whole[1+len(connection):]
	if !plainName(connection) {
		return target{}, badPath("The first segment must be the plain name of a connection.")
	}
	slashes := takesSlashes(connection)
	segments, refused := splitPath(rest, slashes)
	if refused != nil {
		return target{}, refused
	}
	if refused := checkQuery(query); refused != nil {
		return target{}, refused
	}
	return target{
		connection: connection, path: path, query: query, hasQuery: hasQuery, segments: segments,
		slashed: slashes && slices.ContainsFunc(segments, hasSlash),
	}, nil
}

// plainName spares the first segment the decoding: no connection has a name
// that needs it.
func plainName(s string) bool {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

// splitPath decodes a path without its leading slash, segment by segment. The
// root has no segments.
func splitPath(path string, slashes bool) ([]string, *refusal) {
	if path == "" {
		return nil, nil
	}
	segments := make([]string, 0, 8)
	for more := true; more; {
		var s string
		s, path, more = strings.Cut(path, "/")
		if s == "" && more {
			return nil, badPath("The path holds an empty segment (//).")
		}
		if len(segments) == maxSegments {
			return nil, badPath("The path has more than 64 segments.")
		}
		decoded, refused := decodeSegment(s, slashes)
		if refused != nil {
			return nil, refused
		}
		segments = append(segments, decoded)
	}
	return segments, nil
}

// decodeSegment decodes one segment, or refuses it if decoding or cleaning
// could change what it means. What encoded slashes divide must be as clean as
// segments are.
func decodeSegment(s string, slashes bool) (string, *refusal) {
	encoded := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '%':
			encoded = true
		case !unreserved(c) && strings.IndexByte("!$&'()*+,=:@", c) < 0:
			return "", badPath("The path holds a character that must be percent-encoded, or a path parameter (;).")
		}
	}
	decoded := s
	if encoded {
		var refused *refusal
		if decoded, refused = decodePercent(s, slashes); refused != nil {
			return "", refused
		}
	}
	if decoded == "" {
		return "", nil
	}
	for part := range strings.SplitSeq(decoded, "/") {
		if strings.Trim(part, ". ") == "" {
			return "", badPath("The path holds a dot segment.")
		}
	}
	return decoded, nil
}

// decodePercent decodes what needs its encoding. Clients of systems that take
// slashes encode dots as well.
func decodePercent(s string, slashes bool) (string, *refusal) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", badPath("The path holds a broken percent-encoding.")
			}
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
			if slashes && (c == '/' || c == '.') {
				out = append(out, c)
				continue
			}
			if c < ' ' || c == 0x7f || strings.IndexByte(`/\%;?#`, c) >= 0 {
				return "", badPath("The path holds an encoded separator, percent sign or control character.")
			}
			if unreserved(c) {
				return "", badPath("The path encodes a character that needs no encoding.")
			}
		}
		out = append(out, c)
	}
	decoded := string(out)
	if !utf8.ValidString(decoded) {
		return "", badPath("The path is not valid UTF-8.")
	}
	for _, r := range decoded {
		if unicode.IsControl(r) || strings.ContainsRune(lookalikes, r) {
			return "", badPath("The path holds a control character or one that some systems take for a separator.")
		}
	}
	return decoded, nil
}

func hasSlash(segment string) bool { return strings.IndexByte(segment, '/') >= 0 }

// flatten is the other reading of a slashed target: every encoded slash is one
// that divides. inner marks the segments that this makes.
func flatten(segments []string) (flat []string, inner []bool) {
	for _, s := range segments {
		for part := range strings.SplitSeq(s, "/") {
			flat = append(flat, part)
			inner = append(inner, hasSlash(s))
		}
	}
	return flat, inner
}

// lookalikes are the characters that Unicode compatibility mapping (NFKC), or
// Windows' best-fit mapping, turns into a dot, a slash, a backslash, a percent
// sign, a semicolon, a question mark or a number sign.
const lookalikes = "\u2024\u2025\u2026\ufe52\uff0e" + // dots
	"\u2044\u2215\u29f8\uff0f" + "\u2216\u29f5\u29f9\ufe68\uff3c" + // slashes
	"\u037e\ufe14\ufe54\uff1b" + "\ufe6a\uff05" + "\ufe16\ufe56\uff1f\u2047\u2048\u2049" + "\ufe5f\uff03"

// unreserved is RFC 3986's set: characters that mean the same encoded or not,
// so that encoding them only makes a second spelling.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

func badPath(message string) *refusal {
	return refuse(http.StatusBadRequest, "malformed_path", message)
}
