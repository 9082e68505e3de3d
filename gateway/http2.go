package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// preface is what an HTTP/2 client sends before anything else (RFC 9113,
// section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// prefaceMethod is what net/http takes the preface for where it does not speak
// HTTP/2.
const prefaceMethod = "PRI"

// What one HTTP/2 connection can take. net/http runs no more handlers at once
// than it lets streams be open, lets four times as many wait and then ends the
// connection, so that streams reset as soon as they are opened gain nothing.
// It ends a connection whose header list, CONTINUATION frames included, goes
// far beyond the limit, or that leaves thousands of answers to its control
// frames unread.
const (
	maxStreams       = 128
	streamWindow     = 128 << 10 // bytes of a body that wait to be read
	connectionWindow = 256 << 10 // bytes of all its bodies
	frameSize        = 16 << 10
	headerTable      = 4 << 10
)

// protocols are those of the gateway's listener. Whether a client speaks
// HTTP/1.1 or HTTP/2 is decided by the guard, also inside TLS, of which
// net/http knows nothing.
func protocols() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

func (g *Gateway) http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxDecoderHeaderTableSize:     headerTable,
		MaxEncoderHeaderTableSize:     headerTable,
		MaxReadFrameSize:              frameSize,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReceiveBufferPerStream:     streamWindow,
		WriteByteTimeout:              g.limits.Stall,
		CountError:                    func(string) { g.metrics.refused("http2") },
	}
}

// checkHTTP2 holds a request that came by HTTP/2 to what the guard holds heads
// of HTTP/1.1 to, as far as net/http has not done so: that refuses names in
// upper case, control characters, what belongs to one connection, pseudo
// headers that are missing, repeated, late or unknown, and a path that is
// none. What passes has one reading in HTTP/1.1 as well.
func (g *Gateway) checkHTTP2(r *http.Request) *refusal {
	if !isToken(r.Method) || len(r.Method) > maxMethod {
		return badFraming("The method is no method.")
	}
	if refused := checkFields(r.Header); refused != nil {
		return refused
	}
	if headSize(r) > g.limits.Head {
		return errHeadSize
	}
	if refused := checkAuthority(r); refused != nil {
		return refused
	}
	return checkDeclared(r)
}

func checkFields(h http.Header) *refusal {
	fields := 0
	for name, values := range h {
		if !isToken(name) {
			return badFraming("A header has a name that is none.")
		}
		fields += len(values)
		for _, value := range values {
			if strings.Trim(value, " \t") != value {
				return badFraming("A header's value begins or ends with a space, which HTTP/2 does not allow.")
			}
		}
	}
	if fields > maxHeaders {
		return errHeadSize
	}
	if len(h["Authorization"]) > 1 {
		return errAuthorizations
	}
	return nil
}

// checkAuthority asks for one name of the host. A Host header beside
// :authority must agree with it, and goes no further.
func checkAuthority(r *http.Request) *refusal {
	hosts := r.Header["Host"]
	switch {
	case len(hosts) > 1, len(hosts) == 1 && hosts[0] != r.Host:
		return badFraming("The request has more than one host: Host and :authority must be the same.")
	case r.Host == "":
		return badFraming("The request must have one Host header, or :authority.")
	case !isHost(r.Host):
		return badFraming("The Host header is no host and port.")
	}
	delete(r.Header, "Host")
	return nil
}

// checkDeclared asks for a Content-Length that is a number and, where the
// request ends without a body, zero. net/http sees to it that a body that comes
// is no longer than declared, and streamBody that it is no shorter.
func checkDeclared(r *http.Request) *refusal {
	values, declared := r.Header["Content-Length"]
	if !declared {
		return nil
	}
	if len(values) > 1 {
		return badFraming("Content-Length is there twice.")
	}
	n, ok := parseLength(values[0])
	if !ok {
		return badFraming("Content-Length is not a number.")
	}
	if n != r.ContentLength {
		return badFraming("Content-Length is " + strconv.FormatInt(n, 10) + ", but the request ends with its headers.")
	}
	return nil
}

// streamBody is the body of a request that came by HTTP/2.
type streamBody struct {
	io.ReadCloser
	ctx context.Context // of the request
}

// Read implements io.Reader. A body that ends before its declared length is
// malformed; net/http's error for it is like no other.
func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || b.ctx.Err() != nil {
		return n, err
	}
	return n, errFraming
}

// streamWriter is the answer to a request that came by HTTP/2, whose client
// says how much it takes. One that takes nothing for too long is given
// up; while the vendor is waited for there is no such bound, since net/http
// would reset the stream at its end.
type streamWriter struct {
	http.ResponseWriter
	line  *http.ResponseController
	stall time.Duration
	ends  time.Time // when the answer has to be through

	mu   sync.Mutex
	over bool // the handler has returned
}

func (g *Gateway) newStreamWriter(w http.ResponseWriter) *streamWriter {
	return &streamWriter{ResponseWriter: w, line: http.NewResponseController(w), stall: g.limits.Stall, ends: time.Now().Add(g.longest + writeGrace)}
}

// Write implements http.ResponseWriter.
func (w *streamWriter) Write(p []byte) (int, error) {
	w.last()
	n, err := w.ResponseWriter.Write(p)
	_ = w.line.SetWriteDeadline(w.ends)
	return n, err
}

// FlushError is what http.ResponseController looks for.
func (w *streamWriter) FlushError() error {
	w.last()
	err := w.line.Flush()
	_ = w.line.SetWriteDeadline(w.ends)
	return err
}

// SetReadDeadline is what http.ResponseController looks for. Whoever sends the
// request's body on may ask for it when the handler has returned already; then
// net/http's own would crash.
func (w *streamWriter) SetReadDeadline(at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return http.ErrBodyReadAfterClose
	}
	return w.line.SetReadDeadline(at)
}

// end is for the handler to call last.
func (w *streamWriter) end() {
	w.last()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// Unwrap is what http.ResponseController looks for.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// last bounds what is written next; after the handler that is the rest of the
// answer.
func (w *streamWriter) last() { _ = w.line.SetWriteDeadline(time.Now().Add(w.stall)) }
