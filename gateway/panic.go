package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
)

// endPanic is deferred by what serves a request. net/http would log whatever a
// panic says, and that may be anything that was in hand: a key, the vendor's
// credential. The log gets its type and where it was.
func (g *Gateway) endPanic(rec *recorder) {
	said := recover()
	if said == nil {
		return
	}
	if err, ok := said.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(said)
	}
	what := fmt.Sprintf("%T", said)
	if fault, ok := said.(runtime.Error); ok {
		what = fault.Error() // it speaks of types, lengths and addresses
	}
	g.log.Error().Str("request_id", rec.id[0]).Str("panic", cut(what)).Bytes("stack", debug.Stack()).Msg("gateway request panicked")
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	rec.refuse(errPanic)
}
