package main

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

// fleet is gateways that run alone on one database, behind a proxy that gives
// each its turn.
type fleet struct {
	*testing.T
	first, second *Main
	line          *line // of the second to the database
	proxy         string
	log           *safeBuffer
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	s := newSite(t)
	f := &fleet{T: t, log: &safeBuffer{}}
	f.first = f.gateway(s.env)
	env := maps.Clone(s.env)
	f.line, env["DATABASE_URL"] = newLine(t, s.env["DATABASE_URL"])
	f.second = f.gateway(env)
	var turn atomic.Int64
	targets := []*url.URL{f.parse(f.first.GatewayURL()), f.parse(f.second.GatewayURL())}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(targets[turn.Add(1)%2])
	}})
	t.Cleanup(proxy.Close)
	f.proxy = proxy.URL
	t.Cleanup(func() {
		if calls := s.slack.Traffic(); len(calls) > 0 {
			t.Errorf("Slack was called: %+v", calls)
		}
	})
	return f
}

func (f *fleet) parse(text string) *url.URL {
	f.Helper()
	u, err := url.Parse(text)
	if err != nil {
		f.Fatal(err)
	}
	return u
}

// gateway starts one.
func (f *fleet) gateway(env map[string]string) *Main {
	f.Helper()
	cfg, err := loadConfig(&console{ctx: f.Context(), env: variables(env)}, "testdata/gateway.yaml")
	if err != nil {
		f.Fatal(err)
	}
	m := &Main{Config: cfg, Roles: []Role{RoleGateway}, Logger: zerolog.New(f.log)}
	if err := m.Start(f.Context()); err != nil {
		f.Fatalf("start: %v\n%s", err, f.log)
	}
	f.Cleanup(func() {
		if err := m.Stop(context.WithoutCancel(f.Context())); err != nil {
			f.Errorf("stop: %v", err)
		}
	})
	return m
}

// issue makes a key as the other roles would.
func (f *fleet) issue() (string, storage.CredentialID) {
	f.Helper()
	key := secret.NewKey().Expose()
	hash := f.first.keys.Box.Hash(key)
	var id storage.CredentialID
	err := f.first.db.Pool().QueryRow(f.Context(), `
		WITH c AS (INSERT INTO connection (name, kind, brokered) VALUES ('tempo', 'tempo', true) ON CONFLICT DO NOTHING),
		     p AS (INSERT INTO person (email, name) VALUES ($2, 'Alice') RETURNING id)
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		SELECT 'tempo', 'api_key', true, true, p.id, '{worklogs:view}', 3600, 'active', encode($1, 'hex'), $1,
		       latchkey_now(), latchkey_now() + interval '1 hour', true
		FROM p
		RETURNING id`, hash[:], strings.ToLower(key[8:16])+"@example.com").Scan(&id)
	if err != nil {
		f.Fatal(err)
	}
	return key, id
}

// get returns a status and a body.
func (f *fleet) get(address, key string) (int, string) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, address, nil)
	if err != nil {
		f.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		f.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func (f *fleet) use(gateway, key string) int {
	f.Helper()
	status, _ := f.get(gateway+"/tempo/4/worklogs", key)
	return status
}

// both waits until both gateways answer with a status, and then asks the proxy.
func (f *fleet) both(what, key string, want int) {
	f.Helper()
	f.eventually(what, func() bool {
		return f.use(f.first.GatewayURL(), key) == want && f.use(f.second.GatewayURL(), key) == want
	})
	for range 4 {
		if got := f.use(f.proxy, key); got != want {
			f.Errorf("%s: through the proxy %d, want %d", what, got, want)
		}
	}
}

func (f *fleet) eventually(what string, cond func() bool) {
	f.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for late := time.After(patience); !cond(); {
		select {
		case <-look.C:
		case <-late:
			f.Fatalf("waited in vain for %s\n%s", what, f.log)
		}
	}
}

// TestGatewaysBehindAProxy need the database and the keeper: their file says
// nothing of Slack, of people or of policies. A revoke reaches all of them, and
// one that loses the database refuses and says so while the other goes on.
func TestGatewaysBehindAProxy(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	key, id := f.issue()
	f.both("the key to be known", key, http.StatusOK)
	_, err := f.first.db.Pool().Exec(t.Context(), `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	f.both("the revoke", key, http.StatusUnauthorized)

	key, _ = f.issue()
	f.both("another key", key, http.StatusOK)
	f.line.cut()
	f.eventually("the second to refuse", func() bool {
		if got := f.use(f.first.GatewayURL(), key); got != http.StatusOK {
			t.Fatalf("the first answers %d", got)
		}
		return f.use(f.second.GatewayURL(), key) == http.StatusServiceUnavailable
	})
	if status, body := f.get(f.second.URL()+"/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "gateway") {
		t.Errorf("the second is ready: %d %s", status, body)
	}
	if status, _ := f.get(f.second.URL()+"/healthz", ""); status != http.StatusOK {
		t.Errorf("a restart would not help the second, and its health asks for one: %d", status)
	}
	if status, body := f.get(f.first.URL()+"/readyz", ""); status != http.StatusOK {
		t.Errorf("the first is not ready: %d %s", status, body)
	}
	f.line.mend(t)
	f.both("the second to be back", key, http.StatusOK)
	if status, body := f.get(f.second.URL()+"/readyz", ""); status != http.StatusOK {
		t.Errorf("the second is not ready again: %d %s", status, body)
	}
	var policies int
	if err := f.first.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM policy_version`).Scan(&policies); err != nil {
		t.Fatal(err)
	}
	if policies != 0 {
		t.Errorf("%d policies were stored by gateways, whose file has none", policies)
	}
}

// line is a way to the database that can be cut.
type line struct {
	address, network, server string

	mu    sync.Mutex
	ln    net.Listener
	conns []net.Conn
	ways  sync.WaitGroup
}

// newLine returns a line to a database, and its address by that line.
func newLine(t *testing.T, dsn string) (*line, string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{network: "tcp", server: net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))}
	if strings.HasPrefix(cfg.Host, "/") {
		l.network, l.server = "unix", filepath.Join(cfg.Host, ".s.PGSQL."+strconv.Itoa(int(cfg.Port)))
	}
	l.address = "127.0.0.1:0"
	l.mend(t)
	t.Cleanup(func() {
		l.cut()
		l.ways.Wait()
	})
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: l.address, Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return l, u.String()
}

// mend lets connections through, at the address that the line has.
func (l *line) mend(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.ln, l.address = ln, ln.Addr().String()
	l.mu.Unlock()
	l.ways.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			l.join(client)
		}
	})
}

func (l *line) join(client net.Conn) {
	server, err := net.Dial(l.network, l.server)
	if err != nil {
		_ = client.Close()
		return
	}
	l.mu.Lock()
	l.conns = append(l.conns, client, server)
	l.mu.Unlock()
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		l.ways.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		})
	}
}

// cut ends every connection and lets no new one through.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.ln.Close()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}
