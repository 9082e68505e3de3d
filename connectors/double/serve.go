package double

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Test is the part of *testing.T that a double needs; naming it keeps package
// testing out of the demo.
type Test interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Serve answers on a free port of localhost until the test ends, and returns
// the base URL.
func Serve(t Test, h http.Handler) (baseURL string) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for a double: %v", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String()
}
