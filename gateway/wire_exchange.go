package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var (
	errManyInterim = errors.New("the vendor sent one interim answer after the other")
	errSwitched    = errors.New("the vendor switched protocols unasked")
	errBodyClosed  = errors.New("read of an answer's body after its end")
)

// wireExchange is one request and its answer. To the caller it is the
// answer's body, and like any body is for one goroutine at a time. When it
// ends the connection goes back to the pool, or is closed if anything about
// it is not as it must be.
type wireExchange struct {
	conn *wireConn // nil once it ended
	pool *pool
	head bool          // the request asks for no body
	stop func() bool   // of the watch over the request's context
	sent chan struct{} // closed when the request's body is sent, or is not to be had

	from  answerBody
	keeps bool      // the vendor lets the connection be used again
	ends  time.Time // when the request has to be through
	err   error     // what a read gets once it ended

	mu       sync.Mutex // guards the rest, and the connection's deadlines once begun
	canceled bool
	sending  bool  // the request's body is being sent
	half     bool  // no more than a part of it was sent
	broken   error // why it could not be read
	answered bool
	over     bool // the answer was whole while the body was still being sent
}

// exchange sends a request on a connection and reads its answer's head.
func (w *vendorWire) exchange(c *wireConn, r *http.Request, ends time.Time) (*http.Response, error) {
	x := &wireExchange{conn: c, pool: &w.pool, head: r.Method == http.MethodHead, ends: ends}
	resp, err := x.begin(r, w.answerWait)
	if err != nil {
		if x.sent != nil && r.Context().Err() != nil {
			x.hearSender()
		}
		x.finish(err)
		return nil, x.err
	}
	return resp, nil
}

// hearSender waits for the sender of a body once the request was canceled. To
// the server a body that can't be read and a client that went away look alike,
// and end the request's context; which of the two it was the sender knows in a
// moment, because nothing holds it up any more.
func (x *wireExchange) hearSender() {
	late := time.NewTimer(senderTimeout)
	defer late.Stop()
	select {
	case <-x.sent:
	case <-late.C:
	}
}

// begin sends the request and returns its answer, whose body is x unless it
// has none. Wait is for the answer to one with a body, from the body's end on.
func (x *wireExchange) begin(r *http.Request, wait time.Duration) (*http.Response, error) {
	c := x.conn
	c.heard = false
	var err error
	if c.text, err = appendRequest(c.text[:0], r); err != nil {
		return nil, err
	}
	x.stop = context.AfterFunc(r.Context(), func() { x.cancel(c) })
	if _, err := c.Write(c.text); err != nil {
		return nil, err
	}
	if hasBody(r) {
		x.sending, x.sent = true, make(chan struct{})
		go x.sendBody(c, r, wait)
	}
	return x.readAnswer(r)
}

// cancel ends every wait on the connection.
func (x *wireExchange) cancel(c *wireConn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.canceled = true
	_ = c.SetDeadline(past())
}

// sendBody sends the request's body beside the reading of the answer, which
// may come before the whole body was sent.
func (x *wireExchange) sendBody(c *wireConn, r *http.Request, wait time.Duration) {
	broken, err := writeBody(c.Conn, r.Body, r.ContentLength)
	_ = r.Body.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	defer close(x.sent)
	x.sending, x.half, x.broken = false, broken != nil || err != nil, broken
	switch {
	case x.over && !x.half:
		x.pool.put(c)
	case x.over:
		_ = c.Close()
	case broken != nil: // the vendor must not take what it has for the whole
		_ = c.SetDeadline(past())
	case !x.answered && !x.canceled:
		_ = c.SetReadDeadline(earliest(time.Now().Add(wait), x.ends))
	}
}

// readAnswer reads the head of the answer behind those of interim ones.
func (x *wireExchange) readAnswer(r *http.Request) (*http.Response, error) {
	for range maxInterim {
		text, err := x.conn.readHead()
		if err != nil {
			return nil, err
		}
		a, err := parseAnswer(text)
		if err != nil {
			return nil, err
		}
		switch {
		case a.status == http.StatusSwitchingProtocols:
			return nil, errSwitched
		case a.status >= http.StatusOK:
			return x.answer(a, r), nil
		}
	}
	return nil, errManyInterim
}

// answer makes the response of an answer's head.
func (x *wireExchange) answer(a answerHead, r *http.Request) *http.Response {
	resp := &http.Response{
		Status: a.reason, StatusCode: a.status, Proto: a.proto(), ProtoMajor: 1, ProtoMinor: a.minor,
		Header: a.header, ContentLength: a.length, Close: a.closes, Body: http.NoBody, Request: r,
	}
	x.from = a.body(x.head, x.conn.r)
	x.keeps = !a.closes && x.from.kind != endlessBody
	if x.from.kind == noBody {
		x.finish(io.EOF)
		return resp
	}
	if x.from.kind != sizedBody {
		resp.ContentLength = -1
	}
	x.mu.Lock()
	x.answered = true
	if !x.canceled && x.broken == nil && !x.from.here() {
		_ = x.conn.SetReadDeadline(x.ends)
	}
	x.mu.Unlock()
	resp.Body = x
	return resp
}

// Read implements io.Reader.
func (x *wireExchange) Read(p []byte) (int, error) {
	if x.conn == nil {
		return 0, x.err
	}
	n, err := x.from.read(p)
	if err != nil {
		x.finish(err)
		err = x.err
	}
	return n, err
}

// Close implements io.Closer. An answer that was not read to its end takes its
// connection with it.
func (x *wireExchange) Close() error {
	if x.conn != nil {
		x.finish(errBodyClosed)
	}
	return nil
}

// finish ends the exchange; io.EOF is the end of an answer that is whole.
// Where the request's body is still being sent, that decides about the
// connection when it ends.
func (x *wireExchange) finish(err error) {
	c := x.conn
	watched := x.stop == nil || x.stop()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken != nil {
		err = x.broken
	}
	x.conn, x.err = nil, err
	whole := errors.Is(err, io.EOF) && watched && x.keeps && !x.half && c.r.Buffered() == 0
	switch {
	case !whole:
		_ = c.Close()
	case x.sending:
		x.over = true
	default:
		x.pool.put(c)
	}
}
