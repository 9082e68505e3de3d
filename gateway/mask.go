package gateway

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"

	"latchkey/secret"
)

// minNeedle is the length from which a text is looked for in answers. Shorter
// ones are no secrets and would be found everywhere.
const minNeedle = 8

// mask takes a vendor's secret out of what goes to clients and logs. A vendor
// that echoes its requests must not give away the gateway's credential.
type mask struct {
	needles [][]byte
	longest int
}

// newMask looks for the credential of a header value, with and without its
// scheme, and for the password inside a Basic one.
func newMask(value secret.Value) mask {
	var m mask
	_, token, ok := strings.Cut(value.Expose(), " ")
	if !ok {
		token = value.Expose()
	}
	m.add(token)
	if pair, err := base64.StdEncoding.DecodeString(token); err == nil {
		if _, password, ok := strings.Cut(string(pair), ":"); ok {
			m.add(password)
		}
	}
	return m
}

func (m *mask) add(needle string) {
	if len(needle) < minNeedle {
		return
	}
	m.needles = append(m.needles, []byte(needle))
	m.longest = max(m.longest, len(needle))
}

// text returns s without the secret.
func (m *mask) text(s string) string {
	for _, needle := range m.needles {
		s = strings.ReplaceAll(s, string(needle), "[redacted]")
	}
	return s
}

// among reports whether one of a header's values holds the secret.
func (m *mask) among(values []string) bool {
	for _, value := range values {
		for _, needle := range m.needles {
			if len(value) >= len(needle) && strings.Contains(value, string(needle)) {
				return true
			}
		}
	}
	return false
}

// blot overwrites the secret in b.
func (m *mask) blot(b []byte) {
	for _, needle := range m.needles {
		for from := 0; ; {
			i := bytes.Index(b[from:], needle)
			if i < 0 {
				break
			}
			from += i
			for j := range needle {
				b[from+j] = '*'
			}
		}
	}
}

// open returns the length of the longest end of b with which the secret may
// begin.
func (m *mask) open(b []byte) int {
	longest := 0
	for _, needle := range m.needles {
		tail := b[max(0, len(b)-len(needle)+1):]
		for len(tail) > longest {
			i := bytes.IndexByte(tail, needle[0])
			if i < 0 {
				break
			}
			if tail = tail[i:]; bytes.HasPrefix(needle, tail) {
				longest = max(longest, len(tail))
				break
			}
			tail = tail[1:]
		}
	}
	return longest
}

// maskedBody is an answer's body with the secret overwritten in place, so
// that its length stays. It holds back no more than what may be the secret's
// beginning.
type maskedBody struct {
	from io.Reader
	mask *mask
	held []byte
}

// Read implements io.Reader. It needs room for the secret's length.
func (b *maskedBody) Read(p []byte) (int, error) {
	if len(p) < b.mask.longest {
		return 0, io.ErrShortBuffer
	}
	for {
		held := copy(p, b.held)
		n, err := b.from.Read(p[held:])
		n += held
		b.mask.blot(p[:n])
		b.held = b.held[:0]
		if err != nil {
			return n, err
		}
		hold := b.mask.open(p[:n])
		b.held = append(b.held, p[n-hold:n]...)
		if n > hold {
			return n - hold, nil
		}
	}
}
