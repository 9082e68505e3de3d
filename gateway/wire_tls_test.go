package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey/connectors"
)

// secureUpstream is a system that speaks TLS as config has it, and notes the
// protocol of each request.
func secureUpstream(t *testing.T, http2 bool, config *tls.Config) (*upstream, chan string) {
	t.Helper()
	spoken := make(chan string, 10)
	vendor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		spoken <- r.Proto
		_, _ = w.Write(body)
	}))
	vendor.EnableHTTP2, vendor.TLS = http2, config
	vendor.StartTLS()
	t.Cleanup(vendor.Close)
	base, err := url.Parse(vendor.URL)
	if err != nil {
		t.Fatal(err)
	}
	u := newVendor(t, nil).upstream(t)
	u.BaseURL = base
	up, err := newUpstream(u, nil, Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.closeIdle)
	trusting, _ := vendor.Client().Transport.(*http.Transport)
	other, _ := up.transport.(*http.Transport)
	up.wire.tls.RootCAs = trusting.TLSClientConfig.RootCAs
	other.TLSClientConfig.RootCAs = trusting.TLSClientConfig.RootCAs
	return up, spoken
}

// post sends "body" through an upstream and returns the answer's.
func post(ctx context.Context, up *upstream) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, up.base.String(), strings.NewReader("body"))
	if err != nil {
		return "", err
	}
	resp, release, err := up.send(r, soon())
	defer release()
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// TestSpeaksWhatTheVendorDoes shows that HTTP/2 is used where it is offered,
// and that connections of either protocol are kept.
func TestSpeaksWhatTheVendorDoes(t *testing.T) {
	t.Parallel()
	for want, http2 := range map[string]bool{"HTTP/2.0": true, "HTTP/1.1": false} {
		up, spoken := secureUpstream(t, http2, &tls.Config{})
		for range 3 {
			if body, err := post(t.Context(), up); err != nil || body != "body" {
				t.Fatalf("%s: %q, %v", want, body, err)
			}
			if got := <-spoken; got != want {
				t.Errorf("the vendor was spoken to in %s, want %s", got, want)
			}
		}
		if up.wire.http2.Load() != http2 {
			t.Errorf("%s: the wire knows otherwise", want)
		}
		if !http2 {
			eventually(t, "a connection to be kept", func() bool { return up.wire.idling() > 0 })
			if !up.wire.pool.idle[0].quiet(soon()) {
				t.Error("a connection over TLS can't be used again")
			}
		}
	}
}

// TestDialsNobodyElse shows that an address and a certificate are judged
// before a byte of a request is sent.
func TestDialsNobodyElse(t *testing.T) {
	t.Parallel()
	old, spoken := secureUpstream(t, false, &tls.Config{MaxVersion: tls.VersionTLS11})
	if _, err := post(t.Context(), old); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	unknown, unknownSpoken := secureUpstream(t, false, &tls.Config{})
	unknown.wire.tls.RootCAs = nil
	var untrusted *tls.CertificateVerificationError
	if _, err := post(t.Context(), unknown); !errors.As(err, &untrusted) {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
	private, privateSpoken := secureUpstream(t, false, &tls.Config{})
	private.wire.dialer = connectors.Dialer(false)
	if _, err := post(t.Context(), private); !errors.Is(err, connectors.ErrPrivateAddress) {
		t.Errorf("a private address: %v", err)
	}
	if n := len(spoken) + len(unknownSpoken) + len(privateSpoken); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestWhatTheWireDoesNotTake shows what goes over the other transport.
func TestWhatTheWireDoesNotTake(t *testing.T) {
	t.Parallel()
	if w := newWire(connectors.Upstream{BaseURL: &url.URL{Scheme: "https", Host: "bücher.example"}}); w != nil {
		t.Error("a host outside ASCII")
	}
	for raw, want := range map[string]string{
		"https://api.example.com/x": "api.example.com:443", "http://api.example.com": "api.example.com:80",
		"https://api.example.com:8443": "api.example.com:8443", "https://[2001:db8::1]": "[2001:db8::1]:443",
	} {
		base, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		w := newWire(connectors.Upstream{BaseURL: base})
		if w.address != want || (w.tls != nil) != (base.Scheme == "https") {
			t.Errorf("%s is dialled at %s", raw, w.address)
		}
		if !w.takes(&http.Request{Header: http.Header{}}) || w.takes(&http.Request{Header: http.Header{"Upgrade": {"websocket"}}}) {
			t.Errorf("%s: takes an upgrade, or no plain request", raw)
		}
	}
}
