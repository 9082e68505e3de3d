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
	ended atomic.Bool // it came whole, or broke
}

// Read implements io.Reader.
func (b *clientBody) Read(p []byte) (int, error) {
	_ = b.line.SetReadDeadline(earliest(time.Now().Add(b.stall), b.ends))
	n, err := b.ReadCloser.Read(p)
	b.x.received.Add(int64(n))
	if err != nil {
		b.ended.Store(true)
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.x.stalled.Store(true)
	default:
		_ = b.line.SetReadDeadline(b.ends) // the vendor may think longer
	}
	return n, err
}

// unread reports whether an answer comes before the body was read whole. Over
// HTTP/2 that is nothing special.
func (b *clientBody) unread(r *http.Request) bool {
	return b != nil && r.ProtoMajor == 1 && !b.ended.Load() && b.x.received.Load() != r.ContentLength
}

// giveUp has the answer not wait for the rest of the body, which net/http would
// read first, and the connection end behind the answer: the rest must not be
// taken for a request.
func (b *clientBody) giveUp(answer http.Header) {
	_ = b.line.EnableFullDuplex()
	answer["Connection"] = []string{"close"}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
