package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// cli is one part per process, so that none shares its memory and processors'
// time with another.
type cli struct {
	Gateway gatewayPart `cmd:"" help:"Latchkey's gateway with a private database."`
	Bare    barePart    `cmd:"" help:"A bare reverse proxy, tuned as the gateway is."`
	Check   checkPart   `cmd:"" help:"The least that an auth_request can ask: is the key known?"`
	Pace    pacePart    `cmd:"" help:"Send requests at a steady pace and print the median time."`
}

func main() {
	var c cli
	command := kong.Parse(&c)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	command.FatalIfErrorf(command.Run())
}

// readKeys reads the file that the gateway part wrote.
func readKeys(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return strings.Fields(string(text)), nil
}

// serve answers on an address until ctx ends.
func serve(ctx context.Context, address string, h http.Handler) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
