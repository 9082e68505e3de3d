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
	ctx, up := r.Context(), x.upstream
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
			ReadCloser: http.MaxBytesReader(w.ResponseWriter, r.Body, x.room),
			x:          x, line: http.NewResponseController(w.ResponseWriter), stall: g.limits.Stall, ends: time.Now().Add(g.longest),
		}
		out.Body = body
		// The transport may still read when the answer is there; the server
		// does not allow that after the handler.
		defer func() { _ = body.Close() }()
	}
	resp, release, err := up.send(out, time.Now().Add(up.bounds.duration))
	defer release()
	if err != nil {
		w.failed = err
		w.fail(ctx, err, x.stalled.Load())
		return
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		if x.key.token != nil {
			w.refuse(errGrantRefused)
			return
		}
		w.refuse(errRefused)
		return
	case http.StatusSwitchingProtocols:
		if x.upgrade {
			g.tunnel(w, r, t, x, resp)
			return
		}
		w.refuse(errUpstream)
		return
	}
	secrets := x.mask()
	passHeader(w.Header(), resp.Header, secrets)
	early := body.unread(r)
	if early {
		body.giveUp(w.Header())
	}
	w.WriteHeader(resp.StatusCode)
	if resp.Body != http.NoBody {
		err = passBody(w, resp, secrets, g.limits.Stall)
	}
	if err != nil {
		w.failed = err
		if ctx.Err() != nil {
			w.status = statusGone
		}
		// The answer has begun: all that is left is to break it off, so that
		// the client sees that it is not whole. This is net/http's way.
		panic(http.ErrAbortHandler)
	}
	if early {
		_ = w.flush() // before the wait for who reads the body
		_ = body.line.SetReadDeadline(past())
	}
}

// statusGone is logged, never sent: the client did not wait for the answer.
const statusGone = 499

// fail answers in place of a vendor that does not. To the server a body that
// breaks its framing and a client that went away look alike, and end the
// request's context.
func (r *recorder) fail(ctx context.Context, err error, stalled bool) {
	var size *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.Is(err, errFraming) || connRefusal(ctx) == errFraming:
		r.refuse(errFraming)
	case errors.As(err, &size):
		r.refuse(errBodySize)
	case stalled:
		r.refuse(errSlow)
	case errors.Is(ctx.Err(), context.Canceled):
		r.refuse(errGone)
		r.status = statusGone
	case errors.As(err, &timeout) && timeout.Timeout():
		r.refuse(errTimeout)
	default:
		r.refuse(errUpstream)
	}
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
