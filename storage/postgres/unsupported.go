//go:build !unix

package postgres

import (
	"context"
	"fmt"
	"runtime"
)

// Server is a running private server; there is none on this platform.
type Server struct{}

// FindBinaries reports ErrNoBinaries: this platform has no unix sockets with
// permissions, which keep a private server private.
func FindBinaries() (string, error) {
	return "", fmt.Errorf("%w: %s", ErrNoBinaries, installHint(runtime.GOOS))
}

// Start reports ErrNoBinaries, as FindBinaries does.
func Start(context.Context, Config) (*Server, error) {
	_, err := FindBinaries()
	return nil, err
}

// DSN returns nothing: no server can have been started.
func (*Server) DSN() string { return "" }

// Stop does nothing: no server can have been started.
func (*Server) Stop(context.Context) error { return nil }
