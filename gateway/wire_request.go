package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
)

var (
	errUnsendable  = errors.New("a request's line or header can't be sent as it is")
	errLongerBody  = errors.New("a request's body is longer than its Content-Length")
	errShorterBody = errors.New("a request's body is shorter than its Content-Length")
)

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// appendRequest writes a request's head. What could end a line before its time
// is refused here too, wherever it came from.
func appendRequest(b []byte, r *http.Request) ([]byte, error) {
	target := r.URL.RequestURI()
	if !isToken(r.Method) || !isVisible(target) || !isHost(r.URL.Host) {
		return b, errUnsendable
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.URL.Host...)
	b = append(b, "\r\n"...)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			continue // the transport's own
		case "User-Agent":
			if len(values) > 0 && values[0] == "" {
				continue // the client has none
			}
		}
		if !isToken(name) {
			return b, errUnsendable
		}
		for _, value := range values {
			if !isFieldValue(value) {
				return b, fmt.Errorf("header %s: %w", name, errUnsendable)
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, value...)
			b = append(b, "\r\n"...)
		}
	}
	return append(appendFraming(b, r), "\r\n"...), nil
}

// appendFraming says how long the body is.
func appendFraming(b []byte, r *http.Request) []byte {
	switch {
	case hasBody(r) && r.ContentLength < 0:
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case hasBody(r) || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		return append(b, "\r\n"...)
	}
	return b
}

// isVisible reports whether s is printable ASCII without spaces.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether a header line can hold s.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// writeBody sends a body of a length, or in chunks if that is negative, each
// piece as it comes. broken is why the body itself was not to be had; then its
// end is not sent.
func writeBody(line io.Writer, body io.Reader, length int64) (broken, err error) {
	out := bufio.NewWriterSize(line, 4<<10)
	var to io.Writer = out
	chunked := length < 0
	if chunked {
		to = httputil.NewChunkedWriter(out)
	}
	buf, _ := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for sent := int64(0); ; {
		n, end := body.Read(buf[:])
		if sent += int64(n); !chunked && sent > length {
			return errLongerBody, nil
		}
		_, err := to.Write(buf[:n])
		if err == nil {
			err = out.Flush()
		}
		switch {
		case err != nil:
			return nil, err
		case end == nil:
			continue
		case !errors.Is(end, io.EOF):
			return end, nil
		case chunked:
			_, err = io.WriteString(line, "0\r\n\r\n")
			return nil, err
		case sent < length:
			return errShorterBody, nil
		}
		return nil, nil
	}
}
