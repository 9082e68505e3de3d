package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
)

// vendorSecret is the credential the gateway sends to the vendor in tests.
const vendorSecret = "vendor-s3cret-0123456789abcdef"

// open returns a migrated database of the test's own.
func open(t testing.TB) *storage.DB {
	t.Helper()
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	dsn := storagetest.Database(t, storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := storage.Open(ctx, storage.Config{DSN: dsn, MaxConns: 2, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}})
	db, err := storage.Open(t.Context(), storage.Config{DSN: dsn, MaxConns: 8, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// seen is one request as the vendor got it.
type seen struct {
	Method, Target, Body string
	Header               http.Header
}

// vendor is a system behind the gateway. It notes what it gets and answers
// with answer, if that is set.
type vendor struct {
	*httptest.Server
	answer http.HandlerFunc

	mu  sync.Mutex
	got []seen
}

func newVendor(t testing.TB, answer http.HandlerFunc) *vendor {
	v := &vendor{answer: answer}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.got = append(v.got, seen{r.Method, r.RequestURI, string(body), r.Header})
	v.mu.Unlock()
	if v.answer != nil {
		v.answer(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"ok":true}`)
}

func (v *vendor) seen() []seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got)
}

// upstream is the connection "tempo" of most tests.
func (v *vendor) upstream(t testing.TB) connectors.Upstream {
	t.Helper()
	base, err := url.Parse(v.URL)
	if err != nil {
		t.Fatal(err)
	}
	return connectors.Upstream{
		Connection:   "tempo",
		BaseURL:      base,
		Header:       "Authorization",
		Credential:   secret.New("Bearer " + vendorSecret),
		Extra:        map[string]string{"x-tempo-client": "latchkey"},
		AllowPrivate: true,
		Scopes: []connectors.Scope{
			{Name: "worklogs:view", Access: connectors.Read, Rules: []connectors.Rule{
				{Methods: []string{"GET"}, Path: "/4/worklogs"},
				{Methods: []string{"GET"}, Path: "/4/worklogs/{id}"},
				{Methods: []string{"GET"}, Path: "/4/worklogs/{id}/attributes/**"},
			}},
			{Name: "worklogs:manage", Access: connectors.Write, Rules: []connectors.Rule{
				{Path: "/4/worklogs/**"},
				{Path: "/4/worklogs/export/**", Deny: true},
			}},
			{Name: "plans:view", Access: connectors.Read, Rules: []connectors.Rule{{Methods: []string{"GET"}, Path: "/4/plans/**"}}},
			{Name: "everything", Access: connectors.Admin, Rules: []connectors.Rule{
				{Path: "/**"},
				{Path: "/4/audit/**", Deny: true},
			}},
		},
	}
}

// bundle is a running gateway in front of a vendor.
type bundle struct {
	*Gateway
	db     *storage.DB
	box    *secret.Box
	vendor *vendor
	addr   string
	logs   *logBuffer
	prom   *prometheus.Registry
	owner  storage.PersonID
	stop   func() error // ends Serve and Run, and waits
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a gateway; change adjusts what it is made of.
func start(t testing.TB, answer http.HandlerFunc, change func(*Deps)) *bundle {
	t.Helper()
	b := &bundle{db: open(t), vendor: newVendor(t, answer), logs: &logBuffer{}, prom: prometheus.NewRegistry()}
	box, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	b.box = box
	d := Deps{
		DB: b.db, Box: box, Logger: zerolog.New(b.logs), Metrics: b.prom,
		Upstreams: map[string]connectors.Upstream{"tempo": b.vendor.upstream(t)},
	}
	if change != nil {
		change(&d)
	}
	b.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('tempo', 'tempo', true), ('jira', 'brokered', true)`)
	b.owner = b.person(t, "alice")
	if b.Gateway, err = New(d); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ends := make(chan error, 2)
	go func() { ends <- b.Run(ctx) }()
	go func() { ends <- b.Serve(ctx, ln) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		first, second := <-ends, <-ends
		if first == nil {
			first = second
		}
		return first
	})
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Logf("gateway ended with %v", err)
		}
	})
	eventually(t, "the gateway to be ready", func() bool { return b.Ready() == nil })
	return b
}

// eventually waits for what no signal tells.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (b *bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := b.db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) strings(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.db.Pool().Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bundle) person(t testing.TB, name string) (id storage.PersonID) {
	t.Helper()
	err := b.db.Pool().QueryRow(t.Context(), `INSERT INTO person (email, name) VALUES ($1, $2) RETURNING id`, name+"@example.com", name).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// issue inserts an active key of the bundle's owner and waits until the
// gateway knows it.
func (b *bundle) issue(t testing.TB, connection string, scopes ...string) (string, storage.CredentialID) {
	t.Helper()
	text := secret.NewKey().Expose()
	hash := b.box.Hash(text)
	var id storage.CredentialID
	err := b.db.Pool().QueryRow(t.Context(), `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		VALUES ($1, 'api_key', true, true, $2, $3, 3600, 'active', encode($4, 'hex'), $4, latchkey_now(), latchkey_now() + interval '1 hour', true)
		RETURNING id`, connection, b.owner, scopes, hash[:]).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key to be known", func() bool { return b.keeper.snapshot.Load().find(hash) != nil })
	return text, id
}

// answer is a response with its body read.
type answer struct {
	Status int
	Body   string
	Header http.Header
}

// client keeps connections and follows nothing.
func (b *bundle) send(t testing.TB, method, target, key, body string, header ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+b.addr, reader)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	req.URL.Opaque, req.URL.RawQuery = path, query
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", method, target, err)
	}
	return answer{resp.StatusCode, string(text), resp.Header}
}

// raw sends bytes on a connection of their own and returns what comes back
// until the gateway closes it.
func (b *bundle) raw(t testing.TB, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("read answer to %.80q: %v (got %.80q)", text, err, got)
	}
	return string(got)
}
