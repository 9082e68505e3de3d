package gateway

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

// exchange is what becomes known of one request on its way.
type exchange struct {
	start    time.Time
	at       time.Time // by the database's clock
	key      *key      // nil while unknown
	upstream *upstream // nil unless forwarded
	route    string    // the rule it was judged by
	metered  bool
	room     int64        // bytes that the body may have
	received atomic.Int64 // bytes of the body; the transport may read on after the answer
	stalled  atomic.Bool  // the body stopped coming
	upgrade  bool         // it asks to change to WebSocket
}

// mask knows the secrets that the vendor was sent.
func (x *exchange) mask() *mask {
	if own := x.key.token; own != nil {
		return &own.mask
	}
	return &x.upstream.mask
}

// noRoute stands in the log where no rule speaks of the request.
const noRoute = "-"

func (g *Gateway) handle(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		stream := g.newStreamWriter(w)
		defer stream.end()
		w = stream
	}
	rec := &recorder{ResponseWriter: w, id: [1]string{requestID()}}
	if !g.closing.TryRLock() {
		w.Header().Set("Connection", "close")
		hurryBody(w, r)
		rec.refuse(errBusy)
		return
	}
	defer g.closing.RUnlock()
	x := &exchange{start: g.now(), route: noRoute}
	defer g.finish(rec, r, x) // also when forward breaks off an answer
	defer g.endPanic(rec)
	if refused := g.judge(rec, r, x); refused != nil {
		hurryBody(w, r)
		rec.refuse(refused)
	}
}

// judge decides about a request and forwards it, or returns the refusal.
func (g *Gateway) judge(w *recorder, r *http.Request, x *exchange) *refusal {
	if refused := g.framingRefusal(w, r); refused != nil {
		return refused
	}
	defer g.flying.Add(-1)
	if g.flying.Add(1) > int64(g.limits.AllConcurrent) {
		return errBusy
	}
	now, err := g.keeper.clock(x.start)
	if err != nil {
		return errStale
	}
	x.at = now
	x.key = g.findKey(r.Header)
	x.upgrade = asksWebSocket(r)
	t, refused := parseTarget(r.RequestURI, g.takesSlashes)
	if refused == nil {
		refused = checkHeaders(r.Header, x.upgrade)
	}
	if x.key == nil {
		if refused != nil {
			return refused
		}
		return errKey
	}
	if refused := g.admit(x, refused); refused != nil {
		return refused
	}
	up, refused := g.authorize(r, t, x)
	if refused != nil {
		return refused
	}
	if refused := up.sizes(r, x); refused != nil {
		return refused
	}
	if !x.key.use.enter(up.bounds.concurrent) {
		return errConcurrent
	}
	defer x.key.use.leave()
	if !up.use.enter(up.bounds.allConcurrent) {
		return errConnectionBusy
	}
	defer up.use.leave()
	if after, ok := up.bounds.all.take(&up.use, x.start.Sub(g.started)); !ok {
		return connectionTooFast(after)
	}
	x.upstream = up
	g.forward(w, r, t, x)
	return nil
}

// admit refuses what a known key may not ask at all or not now; malformed is
// the refusal of a request that can't be judged. Beyond its rate a key does
// not get into the log either, dead or alive: a flood must not become one of
// rows.
func (g *Gateway) admit(x *exchange, malformed *refusal) *refusal {
	limits := &g.bounds
	if up := x.key.grant.upstream; up != nil {
		limits = &up.bounds
	}
	after, ok := limits.key.take(x.key.use, x.start.Sub(g.started))
	x.metered = ok && g.meter.reserve()
	switch {
	case ok && !x.metered && g.meter.strict:
		return errMeter
	case malformed != nil:
		return malformed
	case !x.key.lives(x.at):
		return errKey
	case !ok:
		return tooFast(after)
	}
	return nil
}

// sizes refuses what is known to be too large before any of it is read.
func (u *upstream) sizes(r *http.Request, x *exchange) *refusal {
	x.room = min(x.room, u.bounds.body)
	switch {
	case r.ContentLength > x.room:
		return errBodySize
	case u.bounds.headBound && headSize(r) > u.bounds.head:
		return errHeadSize
	}
	return nil
}

// takesSlashes reports whether a connection has a rule for encoded slashes.
func (g *Gateway) takesSlashes(connection string) bool {
	up := g.upstreams[connection]
	return up != nil && up.scopes.slashes
}

// findKey returns the key that a request was sent with if it is known, dead or
// alive. The look-up is by keyed digest, so its time tells nothing of other
// keys.
func (g *Gateway) findKey(h http.Header) *key {
	text := keyText(h)
	if secret.CheckKey(text) != nil {
		return nil
	}
	return g.keeper.snapshot.Load().find(g.box.Hash(text))
}

// authorize judges connection, method and path of a key that lives, and says
// where the request goes.
func (g *Gateway) authorize(r *http.Request, t target, x *exchange) (*upstream, *refusal) {
	grant := x.key.grant
	up := g.upstreams[t.connection]
	switch {
	case up == nil:
		return nil, refuse(http.StatusNotFound, "unknown_connection", "The gateway has no connection of this name. The path must be /<connection>/<path at the vendor>.")
	case grant.connection != t.connection:
		return nil, refuse(http.StatusForbidden, "wrong_connection",
			fmt.Sprintf("This key is for %s. Ask for one for %s in Slack with %s request.", grant.connection, t.connection, g.command))
	}
	method := methodOf(r.Method)
	if method == 0 {
		return nil, refuse(http.StatusMethodNotAllowed, "method_not_allowed", "The gateway lets GET, HEAD, POST, PUT, PATCH and DELETE through.")
	}
	m := up.scopes.judge(&asked{
		method: method, segments: t.segments, slashed: t.slashed, query: t.query,
		types: r.Header["Content-Type"], length: r.ContentLength, upgrade: x.upgrade, held: &grant.held,
	})
	if m.route != "" {
		x.route = m.route
	}
	if !m.scopes.meets(&grant.held) {
		return nil, g.outOfScope(r.Method, up, &m)
	}
	x.room = m.room
	return up, nil
}

func (g *Gateway) outOfScope(method string, up *upstream, m *match) *refusal {
	refused := refuse(http.StatusForbidden, "out_of_scope", "No scope of "+up.name+" allows this method on this path.")
	needs := up.scopes.needs(m.scopes)
	switch {
	case len(needs) > 0:
		refused.needs = needs
		refused.message = fmt.Sprintf("The scopes of this key do not allow %s %s. A scope listed under needs would: ask for it in Slack with %s request.", method, m.route, g.command)
	case m.unmet:
		refused.message = fmt.Sprintf("A scope of %s allows %s %s, but not with this query, body or upgrade.", up.name, method, m.route)
	}
	return refused
}

func tooFast(after time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "too_fast", after: after, message: "This key sends more requests than it may. Retry-After says when the next one passes."}
}

func connectionTooFast(after time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "connection_too_fast", after: after,
		message: "The keys of this connection together send more requests than they may. Retry-After says when the next one passes."}
}

// finish meters and logs a request, however it ended.
func (g *Gateway) finish(rec *recorder, r *http.Request, x *exchange) {
	took := g.now().Sub(x.start)
	client := clientAddr(r, g.trusted)
	var event *zerolog.Event
	if x.key != nil {
		event = g.log.Info().Str("credential", x.key.id.String())
	} else {
		event = g.strangers.Info().Stringer("client", client)
	}
	event.Str("request_id", rec.id[0]).Str("method", r.Method).Str("route", x.route).Int("status", rec.status).Int64("took_us", took.Microseconds())
	if x.metered {
		g.meter.record(storage.Access{
			CredentialID: x.key.id,
			At:           x.at,
			Method:       r.Method,
			Route:        x.route,
			Status:       rec.status,
			BytesIn:      x.received.Load(),
			BytesOut:     rec.sent,
			Took:         took,
			Client:       client,
		}, x.upstream != nil)
	}
	if x.upstream != nil {
		x.upstream.counts.count(rec.status, took)
		event.Str("connection", x.upstream.name)
		if rec.failed != nil {
			event.Str("error", cut(x.mask().text(rec.failed.Error())))
		}
	}
	if rec.refused != nil {
		g.metrics.refused(rec.refused.code)
		event.Str("refused", rec.refused.code)
	}
	event.Msg("gateway request")
}
