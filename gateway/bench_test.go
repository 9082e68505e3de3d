package gateway

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

const (
	benchClients = 32
	benchKeys    = 10_000
)

// benchBundle is a vendor with the gateway and a bare proxy in front of it.
type benchBundle struct {
	gateway, bare string   // addresses
	requests      [][]byte // one per key
}

// newBench compares like with like: both proxies listen on loopback and reach
// the same vendor in the same process with the same requests. The bare one has
// net/http's own transport, tuned for the purpose. The gateway checks one of
// 10,000 keys, judges, logs to a writer that forgets, and meters every request
// into Postgres.
func newBench(b *testing.B) *benchBundle {
	b.Helper()
	body := bytes.Repeat([]byte(`{"id":1234567,"ok":true},`), 40)
	bundle := start(b, nil, func(d *Deps) {
		d.Logger = zerolog.New(io.Discard)
		d.Metrics = prometheus.NewRegistry()
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
		vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		}))
		b.Cleanup(vendor.Close)
		u := d.Upstreams["tempo"]
		base, err := url.Parse(vendor.URL)
		if err != nil {
			b.Fatal(err)
		}
		u.BaseURL, u.Extra = base, nil
		d.Upstreams["tempo"] = u
	})
	up := bundle.upstreams["tempo"]
	bare := &httputil.ReverseProxy{
		Rewrite:    func(p *httputil.ProxyRequest) { p.SetURL(up.base) },
		Transport:  NewTransport(bundle.vendor.upstream(b)),
		BufferPool: benchPool{},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: bare, ReadHeaderTimeout: headTimeout}
	go func() { _ = srv.Serve(ln) }()
	b.Cleanup(func() { _ = srv.Close() })

	out := &benchBundle{gateway: bundle.addr, bare: ln.Addr().String()}
	hashes := make([][]byte, benchKeys)
	for n := range benchKeys {
		key := secret.NewKey().Expose()
		hash := bundle.box.Hash(key)
		hashes[n] = hash[:]
		out.requests = append(out.requests, benchRequest("/tempo/4/worklogs/17?from=2026-11-01", key))
	}
	_, err = bundle.db.Pool().Exec(b.Context(), `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		SELECT 'tempo', 'api_key', true, true, $1, '{worklogs:view,plans:view}', 3600, 'active', encode(hash, 'hex'), hash, latchkey_now(), latchkey_now() + interval '1 day', true
		FROM unnest($2::bytea[]) hash`, pgx.QueryExecModeCacheStatement, bundle.owner, hashes)
	if err != nil {
		b.Fatal(err)
	}
	eventually(b, "the keys to be known", func() bool { return bundle.keeper.snapshot.Load().size == benchKeys })
	bundle.exec(b, `UPDATE credential SET changed_at = changed_at - interval '1 hour'`) // they are no news to the poll
	return out
}

// benchPool implements httputil.BufferPool.
type benchPool struct{}

func (benchPool) Get() []byte {
	buf, _ := buffers.Get().(*[bufferSize]byte)
	return buf[:]
}

func (benchPool) Put(b []byte) { buffers.Put((*[bufferSize]byte)(b)) }

func benchRequest(target, key string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n" +
		"Accept-Language: en\r\nX-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer " + key + "\r\n\r\n")
}

// benchClient is one keep-alive connection that costs as little as possible.
type benchClient struct {
	conn net.Conn
	buf  []byte
}

func dialBench(b *testing.B, addr string) *benchClient {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &benchClient{conn: conn, buf: make([]byte, 8<<10)}
}

// do sends a request and reads the answer, whose last bytes it knows.
func (c *benchClient) do(request []byte) bool {
	if _, err := c.conn.Write(request); err != nil {
		return false
	}
	for n := 0; ; {
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return false
		}
		n += m
		head, body, ok := bytes.Cut(c.buf[:n], []byte("\r\n\r\n"))
		if ok && len(body) >= 1000 {
			return bytes.HasPrefix(head, []byte("HTTP/1.1 200 "))
		}
	}
}

// run sends n requests over the clients and returns how long that took.
func run(b *testing.B, clients []*benchClient, n int, request func(int) []byte) time.Duration {
	b.Helper()
	var next atomic.Int64
	var failed atomic.Bool
	var done sync.WaitGroup
	begin := time.Now()
	for _, c := range clients {
		done.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				if !c.do(request(i)) {
					failed.Store(true)
					return
				}
			}
		})
	}
	done.Wait()
	if failed.Load() {
		b.Fatal("a request failed")
	}
	return time.Since(begin)
}

func (x *benchBundle) clients(b *testing.B, addr string) []*benchClient {
	b.Helper()
	all := make([]*benchClient, benchClients)
	for i := range all {
		all[i] = dialBench(b, addr)
	}
	return all
}

func (x *benchBundle) request(i int) []byte { return x.requests[i*7919%benchKeys] }

// turn is how many requests are sent at a time.
const turn = 1000

func (x *benchBundle) measure(b *testing.B, addr string) {
	b.Helper()
	clients := x.clients(b, addr)
	b.Run("keepalive", func(b *testing.B) {
		b.ReportAllocs()
		took := run(b, clients, b.N, x.request)
		b.ReportMetric(float64(b.N)/took.Seconds(), "req/s")
	})
}

func BenchmarkGateway(b *testing.B) {
	x := newBench(b)
	x.measure(b, x.gateway)
}

func BenchmarkBareProxy(b *testing.B) {
	x := newBench(b)
	x.measure(b, x.bare)
}

// BenchmarkGatewayOfBare takes turns between the two, so that a busy machine
// slows both alike, and reports their ratio.
func BenchmarkGatewayOfBare(b *testing.B) {
	x := newBench(b)
	gateway, bare := x.clients(b, x.gateway), x.clients(b, x.bare)
	run(b, gateway, 2*turn, x.request)
	run(b, bare, 2*turn, x.request)
	b.Run("turns", func(b *testing.B) {
		var ours, theirs time.Duration
		for sent := 0; sent < b.N; sent += turn {
			ours += run(b, gateway, turn, x.request)
			theirs += run(b, bare, turn, x.request)
		}
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-of-bare")
	})
}

// BenchmarkJudge is the judgement alone.
func BenchmarkJudge(b *testing.B) {
	s, err := compileScopes(newVendor(b, nil).upstream(b).Scopes)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		t, refused := parseTarget("/tempo/4/worklogs/17?from=2026-11-01", noSlashes)
		if refused != nil {
			b.Fatal(refused)
		}
		s.judge(&asked{method: methodOf("GET"), segments: t.segments, query: t.query, held: &scopeSet{}})
	}
}

// BenchmarkSnapshotChange is one changed key among a million.
func BenchmarkSnapshotChange(b *testing.B) {
	g := &grants{made: map[string]*grant{}}
	s := &snapshot{}
	row := storage.GatewayKey{Connection: "tempo", Scopes: []string{"worklogs:view"}, Alive: true}
	for n := range 1_000_000 {
		row.Hash = sha256.Sum256([]byte(strconv.Itoa(n)))
		s.fill(row, &snapshot{}, g)
	}
	b.ReportAllocs()
	for b.Loop() {
		row.Alive = !row.Alive
		s = s.with([]storage.GatewayKey{row}, g)
	}
}
