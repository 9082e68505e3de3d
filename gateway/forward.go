package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// forward sends on exactly what was judged, and passes the answer back as it
// comes. net/http's own proxy does more than is wanted here (upgrades, interim
// answers, trailers, mending of queries) and goes over the headers four times.
func (g *Gateway) forward(w *recorder, r *http.Request, t target, x *exchange) {
	up, began := x.upstream, time.Now()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	out := r.WithContext(ctx)
	out.URL = up.address(t)
	out.Host, out.RequestURI = "", ""
	out.Header = up.headers(r.Header, x.key.token)
	if x.upgrade {
		askUpgrade(out.Header)
	}
	out.TransferEncoding, out.Trailer, out.Close = nil, nil, false
	out.Body = nil
	var body *clientBody
	if r.ContentLength != 0 {
		body = &clientBody{
			// It is read beside the answer, so it must not know the writer:
			// that would close the connection through the answer's headers.
			ReadCloser: http.MaxBytesReader(nil, r.Body, x.room),
			x:          x, line: http.NewResponseController(w.ResponseWriter), stall: g.limits.Stall, ends: began.Add(g.longest),
		}
		out.Body = body
		// The transport may still read when the answer is there; the server
		// does not allow that after the handler.
		defer func() { _ = body.Close() }()
	}
	f := &forwarded{request: r, target: t, x: x, began: began, cancel: cancel}
	g.underWay.enter(f)
	defer g.underWay.leave(f)
	resp, release, err := up.send(out, began.Add(up.bounds.duration))
	defer release()
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode == http.StatusSwitchingProtocols && x.upgrade {
			g.underWay.leave(f) // a tunnel looks for itself
			g.tunnel(w, r, t, x, resp)
			return
		}
	}
	early := body.unread(r)
	why := noAnswer(ctx, x, resp, err)
	if why == nil {
		passHeader(w.Header(), resp.Header, x.mask())
	}
	if early {
		body.giveUp(w.Header(), r)
	}
	if why != nil {
		w.failed = err
		w.refuse(why)
		if why == errGone {
			w.status = statusGone
		}
	} else {
		w.pass(ctx, resp, x.mask(), g.limits.Stall)
	}
	if early {
		body.end(w)
	}
}

// statusGone is logged, never sent: the client did not wait for the answer.
const statusGone = 499

// noAnswer says why what a vendor answered, or did not, is not for the client;
// nil if it is. To the server a body that breaks its framing and a client that
// went away look alike, and end the request's context.
func noAnswer(ctx context.Context, x *exchange, resp *http.Response, err error) *refusal {
	var size *http.MaxBytesError
	var timeout net.Error
	ended, isEnded := errors.AsType[*refusal](context.Cause(ctx))
	switch {
	case err == nil && resp.StatusCode == http.StatusUnauthorized && x.key.token != nil:
		return errGrantRefused
	case err == nil && resp.StatusCode == http.StatusUnauthorized:
		return errRefused
	case err == nil && resp.StatusCode == http.StatusSwitchingProtocols: // unasked
		return errUpstream
	case err == nil:
		return nil
	case isEnded:
		return ended
	case errors.Is(err, errFraming) || connRefusal(ctx) == errFraming:
		return errFraming
	case errors.As(err, &size):
		return errBodySize
	case x.stalled.Load():
		return errSlow
	case errors.Is(ctx.Err(), context.Canceled):
		return errGone
	case errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	}
	return errUpstream
}

// pass passes a vendor's answer on, whose headers are set.
func (r *recorder) pass(ctx context.Context, resp *http.Response, secrets *mask, stall time.Duration) {
	r.WriteHeader(resp.StatusCode)
	if resp.Body == http.NoBody {
		return
	}
	err := passBody(r, resp, secrets, stall)
	if err == nil {
		return
	}
	r.failed = err
	switch why, ended := errors.AsType[*refusal](context.Cause(ctx)); {
	case ended:
		r.refused = why
	case ctx.Err() != nil:
		r.status = statusGone
	}
	// The answer has begun: all that is left is to break it off, so that the
	// client sees that it is not whole. This is net/http's way.
	panic(http.ErrAbortHandler)
}

// passHeader copies the headers of an answer that are for the client.
func passHeader(to, from http.Header, secrets *mask) {
	to["Content-Type"] = nil // net/http would guess one
	for name, values := range from {
		if comesBack(name) && !secrets.among(values) {
			to[name] = values
		}
	}
	for _, value := range from["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			to.Del(strings.TrimSpace(name))
		}
	}
}

// passBody copies an answer's body without the secrets. A stream is passed on
// piece by piece, at once. A client that takes none of a large one for too
// long is given up.
func passBody(w *recorder, resp *http.Response, secrets *mask, stall time.Duration) error {
	buf, _ := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	body := maskedBody{from: resp.Body, mask: secrets}
	stream := resp.ContentLength < 0
	line := http.NewResponseController(w.ResponseWriter)
	for pieces := 0; ; pieces++ {
		n, err := body.Read(buf[:])
		if n > 0 {
			if pieces > 0 { // the first fits into the socket's buffer
				_ = line.SetWriteDeadline(time.Now().Add(stall))
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if stream {
				if err := w.flush(); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

const bufferSize = 16 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}
