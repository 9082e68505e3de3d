package gateway

import (
	"bytes"
	"net/http"
	"strings"
)

const (
	maxHeaders = 100
	maxMethod  = 32 // bytes
)

var (
	errHeadSize       = refuse(http.StatusRequestHeaderFieldsTooLarge, "head_too_large", "Request line and headers together are larger than the gateway lets through.")
	errLines          = badFraming("Lines of the request's head must end in CRLF and hold no control characters.")
	errAuthorizations = badFraming("The request has more than one Authorization header.")
)

func badFraming(message string) *refusal {
	return refuse(http.StatusBadRequest, "malformed_request", message)
}

// nextLine takes a line off b, without its CRLF. It refuses a line feed
// without a carriage return, and the other way round, as soon as it sees one.
func nextLine(b []byte) (line []byte, ok bool, refused *refusal) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		if cr := bytes.IndexByte(b, '\r'); cr >= 0 && cr != len(b)-1 {
			return nil, false, errLines
		}
		return nil, false, nil
	}
	if i == 0 || b[i-1] != '\r' || bytes.IndexByte(b[:i-1], '\r') >= 0 {
		return nil, false, errLines
	}
	return b[:i-1], true, nil
}

// head judges the head of one request, line by line. What passes has one
// reading only: RFC 9112 without any of its tolerances.
type head struct {
	lines   int
	http10  bool
	hosts   int
	auths   int
	chunked bool
	sized   bool
	length  int64
}

// line judges the next line; done is true for the empty one at the end.
func (h *head) line(b []byte) (done bool, refused *refusal) {
	h.lines++
	switch {
	case h.lines == 1:
		return false, h.requestLine(b)
	case len(b) == 0:
		return true, h.end()
	case h.lines > maxHeaders+1:
		return false, errHeadSize
	}
	return false, h.header(b)
}

func (h *head) requestLine(b []byte) *refusal {
	method, rest, ok1 := bytes.Cut(b, []byte{' '})
	target, version, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || !isToken(method) || len(method) > maxMethod {
		return badFraming("The request line must be: method, space, path, space, HTTP/1.1.")
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.http10 = true
	default:
		return badFraming("The gateway speaks HTTP/1.1.")
	}
	if len(target) == 0 || target[0] != '/' {
		return badPath("The request line must hold a path that begins with a slash, not a full address.")
	}
	for i, c := range target {
		if c <= ' ' || c >= 0x7f {
			return badPath("Path and query may hold printable ASCII only.")
		}
		if c == '%' && (i+2 >= len(target) || !isHex(target[i+1]) || !isHex(target[i+2])) {
			return badPath("Path or query hold a broken percent-encoding.")
		}
	}
	return nil
}

func (h *head) header(b []byte) *refusal {
	name, value, ok := bytes.Cut(b, []byte{':'})
	if !ok || !isToken(name) { // a folded line begins with a space, which is no token
		return badFraming("A header must be a name, a colon and a value on one line.")
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errLines
		}
	}
	value = bytes.Trim(value, " \t")
	switch len(name) {
	case len("Host"):
		if bytes.EqualFold(name, []byte("Host")) {
			return h.host(value)
		}
	case len("Authorization"):
		if bytes.EqualFold(name, []byte("Authorization")) {
			h.auths++
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			return h.contentLength(value)
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return h.transferEncoding(value)
		}
	}
	return nil
}

func (h *head) host(value []byte) *refusal {
	h.hosts++
	if !isHost(value) {
		return badFraming("The Host header is no host and port.")
	}
	return nil
}

// isHost reports whether b holds only what a host and a port are made of.
func isHost[T string | []byte](b T) bool {
	for i := range len(b) {
		if c := b[i]; !unreserved(c) && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}

func (h *head) contentLength(value []byte) *refusal {
	if h.sized {
		return badFraming("Content-Length is there twice.")
	}
	n, ok := parseLength(string(value))
	if !ok {
		return badFraming("Content-Length is not a number.")
	}
	h.sized, h.length = true, n
	return nil
}

// parseLength takes decimal digits and nothing else.
func parseLength(s string) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

func (h *head) transferEncoding(value []byte) *refusal {
	if h.chunked || !bytes.EqualFold(value, []byte("chunked")) {
		return badFraming("Transfer-Encoding must be chunked, once.")
	}
	h.chunked = true
	return nil
}

// end judges what only the whole head can tell.
func (h *head) end() *refusal {
	switch {
	case h.hosts > 1 || h.hosts == 0 && !h.http10:
		return badFraming("The request must have one Host header.")
	case h.auths > 1:
		return errAuthorizations
	case h.chunked && h.sized:
		return badFraming("The request has Content-Length and Transfer-Encoding.")
	case h.chunked && h.http10:
		return badFraming("HTTP/1.0 has no Transfer-Encoding.")
	}
	return nil
}

func (h *head) body() body { return body{left: h.length, chunked: h.chunked} }

// isToken reports whether b is an RFC 9110 token.
func isToken[T string | []byte](b T) bool {
	for i := range len(b) {
		if c := b[i]; !unreserved(c) && strings.IndexByte("!#$%&'*+^`|", c) < 0 {
			return false
		}
	}
	return len(b) > 0
}
