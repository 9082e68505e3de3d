package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// write makes a certificate for 127.0.0.1 that is its own authority,
// and returns the client's trust in it.
func (f TLS) write(t testing.TB, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "gateway"}, DNSNames: []string{"gateway.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	f.put(t, cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

func (f TLS) put(t testing.TB, cert, key []byte) {
	t.Helper()
	for name, text := range map[string][]byte{f.Cert: cert, f.Key: key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func newFiles(t testing.TB) TLS {
	t.Helper()
	dir := t.TempDir()
	return TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

func startTLS(t *testing.T) (*bundle, TLS, *x509.CertPool) {
	t.Helper()
	files := newFiles(t)
	pool := files.write(t, 1)
	return start(t, nil, func(d *Deps) { d.TLS = files }), files, pool
}

func (b *bundle) dialTLS(t testing.TB, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	dialer := &tls.Dialer{Config: c}
	conn, err := dialer.DialContext(t.Context(), "tcp", b.addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*tls.Conn), nil
}

func TestTLSCarriesBothProtocols(t *testing.T) {
	t.Parallel()
	b, _, pool := startTLS(t)
	key, _ := b.issue(t, "tempo", "everything")
	for _, major := range []int{1, 2} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: major == 2}
		for _, body := range []string{"", strings.Repeat("body ", 100_000)} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+b.addr+"/tempo/4/x", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+key)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.ProtoMajor != major || resp.StatusCode != http.StatusOK || string(text) != `{"ok":true}` {
				t.Errorf("HTTP/%d: %v, %+v %q", major, err, resp, text)
			}
		}
		transport.CloseIdleConnections()
	}
	for _, s := range b.vendor.seen() {
		if s.Target != "/4/x" || len(s.Body) != 0 && len(s.Body) != 500_000 {
			t.Errorf("the vendor got %s with %d bytes", s.Target, len(s.Body))
		}
	}
}

// The guard judges inside TLS what it judges in clear, and holds clients to
// the protocol they agreed on.
func TestGuardInsideTLS(t *testing.T) {
	t.Parallel()
	b, _, pool := startTLS(t)
	key, _ := b.issue(t, "tempo", "everything")
	get := "GET /tempo/4/ok HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + key + "\r\n"
	for _, tt := range []struct {
		name, agreed, send, want string
	}{
		{"plain", "http/1.1", get + "Connection: close\r\n\r\n", "HTTP/1.1 200 "},
		{"nothing agreed", "", get + "Connection: close\r\n\r\n", "HTTP/1.1 200 "},
		{"CL and TE", "http/1.1", get + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		{"bare line feeds", "http/1.1", strings.ReplaceAll(get, "\r\n", "\n") + "\n", "HTTP/1.1 400 "},
		{"HTTP/2 where HTTP/1.1 was agreed on", "http/1.1", preface, "HTTP/1.1 400 "},
		{"HTTP/2 where nothing was agreed on", "", preface, "HTTP/1.1 400 "},
		{"HTTP/1.1 where HTTP/2 was agreed on", "h2", get + "\r\n", "HTTP/1.1 400 "},
	} {
		config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		if tt.agreed != "" {
			config.NextProtos = []string{tt.agreed}
		}
		c, err := b.dialTLS(t, config)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := c.ConnectionState().NegotiatedProtocol; got != tt.agreed {
			t.Errorf("%s: agreed on %q", tt.name, got)
		}
		if _, err := io.WriteString(c, tt.send); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), tt.want) {
			t.Errorf("%s: %v, %q", tt.name, err, got)
		}
	}
	if n := len(b.vendor.seen()); n != 2 {
		t.Errorf("%d requests got through, want the two plain ones", n)
	}
	c, err := b.dialTLS(t, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, NextProtos: []string{alpnHTTP2}})
	if err != nil {
		t.Fatal(err)
	}
	f := speak(t, c)
	if status, _ := f.answer(f.open(t, true, b.head("GET", "/tempo/x/../y", key))); status != "400" {
		t.Errorf("dots by HTTP/2: %s", status)
	}
	if status, _ := f.answer(f.open(t, true, b.head("GET", "/tempo/y", key))); status != "200" {
		t.Errorf("by HTTP/2: %s", status)
	}
}

func TestTLSRefusesWhatIsOld(t *testing.T) {
	t.Parallel()
	b, _, pool := startTLS(t)
	for name, config := range map[string]*tls.Config{
		"TLS 1.1":            {RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC":                {RootCAs: pool, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
		"no common protocol": {RootCAs: pool, MinVersion: tls.VersionTLS12, NextProtos: []string{"spdy/3"}},
	} {
		if _, err := b.dialTLS(t, config); err == nil {
			t.Errorf("%s: the handshake succeeded", name)
		}
	}
	got := b.raw(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\n\r\n")
	if strings.Contains(got, "HTTP/1.1 ") {
		t.Errorf("in clear: %q", got)
	}
}

// Connections that do not finish their handshake are let go for others.
func TestSlowHandshakesMakeRoom(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	pool := files.write(t, 1)
	b := start(t, nil, func(d *Deps) { d.TLS, d.Limits.Clients = files, 4 })
	key, _ := b.issue(t, "tempo", "everything")
	for range 20 {
		b.dial(t, "\x16\x03\x01")
	}
	c, err := b.dialTLS(t, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a whole request: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	if n := b.crowd.size(); n > 4 {
		t.Errorf("%d clients, at most 4 are let in", n)
	}
}

func TestCertificateIsReplacedWithoutRestart(t *testing.T) {
	t.Parallel()
	b, files, old := startTLS(t)
	key, _ := b.issue(t, "tempo", "everything")
	before, err := b.dialTLS(t, &tls.Config{RootCAs: old, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	next := files.write(t, 2)
	eventually(t, "the new certificate", func() bool {
		c, err := b.dialTLS(t, &tls.Config{RootCAs: next, MinVersion: tls.VersionTLS12})
		return err == nil && c.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 2
	})
	if _, err := io.WriteString(before, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer "+key+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(before); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
		t.Errorf("a connection from before: %v %q", err, got)
	}
}

// Files that make no certificate leave the one before, and are complained of
// once.
func TestBadCertificateChangesNothing(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	files.write(t, 1)
	logs := &logBuffer{}
	c, err := newCertificate(files, zerolog.New(logs))
	if err != nil {
		t.Fatal(err)
	}
	first := c.shown.Load()
	good, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	other := newFiles(t)
	other.write(t, 2)
	foreign, err := os.ReadFile(other.Key)
	if err != nil {
		t.Fatal(err)
	}
	complaints := 0
	for name, pair := range map[string][2][]byte{
		"another's key": {good, foreign},
		"no key yet":    {good, nil},
		"half":          {good[:len(good)/2], foreign},
		"no PEM":        {[]byte("hello"), []byte("hello")},
	} {
		files.put(t, pair[0], pair[1])
		before := strings.Count(logs.String(), "could not read")
		for range 3 {
			c.follow()
		}
		complaints += strings.Count(logs.String(), "could not read") - before
		if c.shown.Load() != first {
			t.Errorf("%s: the certificate changed", name)
		}
	}
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	c.follow()
	c.follow()
	if c.shown.Load() != first {
		t.Error("no file: the certificate changed")
	}
	if n := strings.Count(logs.String(), "could not read") - complaints; n != 1 {
		t.Errorf("a file that is gone is complained of %d times", n)
	}
	files.write(t, 3)
	c.follow()
	if got := c.shown.Load(); got == first || got.Leaf.SerialNumber.Int64() != 3 {
		t.Error("a good certificate after bad ones is not shown")
	}
	if complaints == 0 || complaints > 4 {
		t.Errorf("%d complaints about 4 bad pairs", complaints)
	}
	if strings.Contains(logs.String(), "PRIVATE") {
		t.Errorf("a key is in the log: %s", logs)
	}
}

func TestBadCertificateIsNoStart(t *testing.T) {
	t.Parallel()
	good := newFiles(t)
	good.write(t, 1)
	for name, files := range map[string]TLS{
		"no key":        {Cert: good.Cert},
		"no file":       {Cert: good.Cert, Key: filepath.Join(t.TempDir(), "none.pem")},
		"not a key":     {Cert: good.Cert, Key: good.Cert},
		"no PEM at all": {Cert: os.Args[0], Key: good.Key},
	} {
		if c, err := newCertificate(files, zerolog.Nop()); err == nil || c != nil {
			t.Errorf("%s: taken", name)
		}
	}
}
