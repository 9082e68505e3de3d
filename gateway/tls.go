package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// TLS names the files of the gateway's own certificate, in PEM: Cert holds the
// certificate and then those that lead to its authority. The zero value means
// that TLS ends in front of the gateway.
type TLS struct {
	Cert string
	Key  string
}

// certificateEvery is how often the files are looked at for a new certificate.
const certificateEvery = 2 * time.Second

const alpnHTTP2 = "h2"

var errTLS = errors.New("TLS needs a certificate and a key")

// certificate is what the gateway shows in handshakes. A new one takes its
// place while connections go on; files that make no certificate, as when one
// of them is written and the other not yet, change nothing.
type certificate struct {
	files TLS
	log   zerolog.Logger
	shown atomic.Pointer[tls.Certificate]

	// The rest belongs to load, which runs in one goroutine at a time.
	cert, key []byte // as last read, good or bad
	failed    string // why the files could not be read, to say it once
}

// newCertificate reads the files, which must be good at the start. It returns
// nil for the zero TLS.
func newCertificate(files TLS, log zerolog.Logger) (*certificate, error) {
	switch {
	case files == (TLS{}):
		return nil, nil
	case files.Cert == "" || files.Key == "":
		return nil, errTLS
	}
	c := &certificate{files: files, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the files and shows their certificate, if they hold another than
// at the last look.
func (c *certificate) load() error {
	cert, err := os.ReadFile(c.files.Cert)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	key, err := os.ReadFile(c.files.Key)
	if err != nil {
		return fmt.Errorf("read key of the certificate: %w", err)
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	c.cert, c.key = cert, key
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("read certificate %s with key %s: %w", c.files.Cert, c.files.Key, err)
	}
	c.shown.Store(&pair)
	c.log.Info().Strs("names", pair.Leaf.DNSNames).Time("not_after", pair.Leaf.NotAfter).Msg("gateway certificate read")
	return nil
}

// watch follows the files until ctx ends. What is wrong with them is logged
// once, not at every look.
func (c *certificate) watch(ctx context.Context) {
	look := time.NewTicker(certificateEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		c.follow()
	}
}

func (c *certificate) follow() {
	err := c.load()
	if err == nil {
		c.failed = ""
		return
	}
	if said := err.Error(); said != c.failed {
		c.failed = said
		c.log.Error().Err(err).Msg("could not read the gateway's certificate; the one before is still shown")
	}
}

// listen puts TLS 1.2 or later on a listener, with HTTP/2 and HTTP/1.1 to
// choose from. Of TLS 1.2 it takes the ciphers that HTTP/2 allows (RFC 9113,
// appendix A).
func (c *certificate) listen(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{alpnHTTP2, "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.shown.Load(), nil },
	})
}

// negotiated says which protocols a client from which bytes have come may
// speak: in clear either, inside TLS the one agreed on.
func negotiated(c net.Conn) (http1, http2 bool) {
	t, ok := c.(*tls.Conn)
	if !ok {
		return true, true
	}
	http2 = t.ConnectionState().NegotiatedProtocol == alpnHTTP2
	return !http2, http2
}
