package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// clientBody is a request's body as the transport reads it. It counts what
// comes, and gives up on a client from which nothing comes.
type clientBody struct {
	io.ReadCloser
	x     *exchange
	line  *http.ResponseController
	stall time.Duration
	ends  time.Time   // when the request has to be through
	whole atomic.Bool // it came to its end
	over  atomic.Bool // nothing more of it is wanted
}

// Read implements io.Reader.
func (b *clientBody) Read(p []byte) (int, error) {
	_ = b.line.SetReadDeadline(earliest(time.Now().Add(b.stall), b.ends))
	if b.over.Load() { // who ended it may have done so before the line above
		_ = b.line.SetReadDeadline(past())
	}
	n, err := b.ReadCloser.Read(p)
	b.x.received.Add(int64(n))
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.whole.Store(true)
		_ = b.line.SetReadDeadline(b.ends) // the vendor may think longer
	default:
		if errors.Is(err, os.ErrDeadlineExceeded) {
			b.x.stalled.Store(true)
		}
		// Whoever closes the body would wait for the rest of it.
		_ = b.line.SetReadDeadline(past())
	}
	return n, err
}

// unread reports whether an answer comes before the body was read whole. Over
// HTTP/2 that is nothing special.
func (b *clientBody) unread(r *http.Request) bool {
	return b != nil && r.ProtoMajor == 1 && !b.whole.Load() && b.x.received.Load() != r.ContentLength
}

// giveUp has the answer not wait for the rest of the body, which net/http would
// read first, and the connection end behind the answer: the rest must not be
// taken for a request.
func (b *clientBody) giveUp(answer http.Header, r *http.Request) {
	_ = b.line.EnableFullDuplex()
	if c, ok := r.Context().Value(guardedConnKey{}).(*guardedConn); ok {
		c.lingers.Store(true)
	}
	answer["Connection"] = []string{"close"}
}

// end sends the answer there is, and then has nobody wait for the rest of the
// body.
func (b *clientBody) end(w *recorder) {
	_ = w.flush()
	b.over.Store(true)
	_ = b.line.SetReadDeadline(past())
}

// unreadWait is how long the rest of a body may take that is not forwarded.
const unreadWait = time.Second

// hurryBody bounds the wait for the body of a request that is refused without
// reading it: net/http reads up to 256 KiB of one before it answers, so that
// the connection can be used again. If the body does not come in time the
// connection ends behind the answer, and until then it goes before others when
// there are too many.
func hurryBody(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.ContentLength == 0 {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadWait))
	if c, ok := r.Context().Value(guardedConnKey{}).(*guardedConn); ok {
		c.lingers.Store(true)
		c.waits.Store(time.Now().UnixNano())
	}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
