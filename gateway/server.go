package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	headTimeout = 5 * time.Second
	idleTimeout = 2 * time.Minute
	writeGrace  = 10 * time.Second
)

// headSlack is how much more of a head net/http takes over HTTP/2 than the
// gateway does, so that the refusal is the gateway's own, which is logged.
const headSlack = 2

// Serve takes requests from ln until ctx ends, then lets those under way
// finish. It speaks HTTP/1.1 and HTTP/2, inside TLS where it has a certificate,
// else in clear; then TLS ends in front of it.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	if g.cert != nil {
		ln = g.cert.listen(ln)
		watching, stop := context.WithCancel(ctx)
		var watch sync.WaitGroup
		defer watch.Wait()
		defer stop()
		watch.Go(func() { g.cert.watch(watching) })
	}
	srv := &http.Server{
		Handler:                      g.Handler(),
		ConnContext:                  withConn,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headTimeout,
		ReadTimeout:                  g.longest,
		WriteTimeout:                 g.longest + writeGrace,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               headSlack * g.limits.Head,
		Protocols:                    protocols(),
		HTTP2:                        g.http2Config(),
		ConnState:                    g.crowd.watch,
		ErrorLog:                     log.New(errorLog{g.log}, "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(guard{ln, g.crowd, g.limits.Head}) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve gateway: %w", err)
	case <-ctx.Done():
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := srv.Shutdown(bye)
	if err != nil {
		err = errors.Join(err, srv.Close())
	}
	<-served //nolint:errcheck // it has ended, which is all that is wanted
	if err != nil {
		return fmt.Errorf("shut gateway down: %w", err)
	}
	return nil
}

// Handler answers requests that net/http has read. It can't see how they were
// framed: use Serve wherever clients are not trusted.
func (g *Gateway) Handler() http.Handler { return http.HandlerFunc(g.handle) }

// errorLog takes what the HTTP server complains of. Clients cause it at will
// and may put anything into it.
type errorLog struct{ log zerolog.Logger }

// Write implements io.Writer.
func (l errorLog) Write(p []byte) (int, error) {
	l.log.Debug().Str("said", cut(strings.TrimSpace(string(p)))).Msg("http server complained")
	return len(p), nil
}

const maxLogged = 300

// cut bounds what is logged of a text that others made.
func cut(text string) string { return text[:min(len(text), maxLogged)] }
