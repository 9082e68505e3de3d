package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestIsUnavailable(t *testing.T) {
	t.Parallel()
	code := func(c string) error { return fmt.Errorf("read request: %w", &pgconn.PgError{Code: c}) }
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                       {nil, false},
		"not found":                 {ErrNotFound, false},
		"conflict":                  {ErrConflict, false},
		"no rows":                   {pgx.ErrNoRows, false},
		"any other":                 {errors.New("x"), false},
		"canceled by the caller":    {context.Canceled, false},
		"could not connect":         {&pgconn.ConnectError{}, true},
		"connection failure":        {code("08006"), true},
		"admin shut it down":        {code("57P01"), true},
		"it starts up":              {code("57P03"), true},
		"too many connections":      {code("53300"), true},
		"unique violation":          {code("23505"), false},
		"check violation":           {code("23514"), false},
		"deadlock":                  {code("40P01"), false},
		"syntax error":              {code("42601"), false},
		"malformed code":            {code("08"), false},
		"cut within an answer":      {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"connection reset":          {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		"broken pipe":               {&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, true},
		"database/sql gave it up":   {driver.ErrBadConn, true},
		"connection already closed": {sql.ErrConnDone, true},
	} {
		if got := IsUnavailable(tt.err); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// cutter passes bytes to a server until it is cut.
type cutter struct {
	listener net.Listener
	conns    chan net.Conn
}

func startCutter(t *testing.T, network, address string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := &cutter{l, make(chan net.Conn, 100)}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			c.conns <- client
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
	return c
}

// The errors of a server that goes away, as they really look through every
// door.
func TestAVanishingServerIsUnavailable(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	cfg, err := pgx.ParseConfig(h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	c := startCutter(t, network, address)
	port := c.listener.Addr().(*net.TCPAddr).Port
	dsn := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", port, cfg.User, cfg.Password, cfg.Database)
	db := openDSN(t, dsn, 1)
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() {
		slow <- db.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
			_, err := tx.exec(ctx, `SELECT pg_sleep(60)`)
			return err
		})
	}()
	running := `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`
	for h.count(t, running) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the slow statement never ran")
		}
	}
	_ = (<-c.conns).Close()
	if err := <-slow; !IsUnavailable(err) {
		t.Errorf("cut within a statement: %v", err)
	}
	_ = c.listener.Close()
	for name, use := range map[string]func() error{
		"pool": func() error { return db.Ping(context.Background()) },
		"bun":  func() error { _, err := db.Credential(context.Background(), 1); return err },
		"pgx":  func() error { _, err := db.Now(context.Background()); return err },
		"transaction": func() error {
			return db.InTx(context.Background(), func(context.Context, Tx) error { return nil })
		},
	} {
		if err := use(); !IsUnavailable(err) {
			t.Errorf("nobody listens, by %s: %v", name, err)
		}
	}
	if _, err := h.Credential(t.Context(), 1); !errors.Is(err, ErrNotFound) || IsUnavailable(err) {
		t.Errorf("a healthy database without the row: %v", err)
	}
}

func TestPoliciesAreKeptByHash(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for _, text := range []string{"one", "two"} { // the first text of a hash stays
		if _, err := h.SavePolicy(t.Context(), "h1", text); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := h.Policy(t.Context(), "h1"); err != nil || got != "one" {
		t.Errorf("policy %q, %v", got, err)
	}
	if _, err := h.Policy(t.Context(), "h2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown hash: %v", err)
	}
	if err := h.SaveConnections(t.Context(), []Connection{{Name: "acme", Kind: "brokered", Brokered: true}}); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, `SELECT count(*) FROM connection WHERE name = 'acme' AND kind = 'brokered' AND brokered`); n != 1 {
		t.Error("a connection whose kind changed is not brought up to date")
	}
}
