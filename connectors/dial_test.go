package connectors

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dialCases are addresses as the kernel is about to be given them. want is
// what a connection without allow_private may do; private ones open with it.
func dialCases() []struct {
	want  reach
	addrs string
} {
	return []struct {
		want  reach
		addrs string
	}{
		{public, `1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 34.117.59.81 99.255.255.255 100.63.255.255 100.128.0.0
			126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
			192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255
			203.0.112.255 203.0.114.0 223.255.255.255 168.63.129.15 1.0.0.0`},
		{public, `[2606:4700:4700::1111] [2001:4860:4860::8888] [2a00:1450::1] [2001:200::1] [2003::1] [3fff:1000::1]
			[::ffff:8.8.8.8] [64:ff9b::8.8.8.8] [64:ff9b::101:101] [2002:808:808::1] [::ffff:0:8.8.8.8] [2001:db7:ffff::1]`},

		{private, `127.0.0.1 127.0.0.0 127.1.2.3 127.255.255.255 10.0.0.0 10.255.255.255 10.1.2.3 172.16.0.0 172.31.255.255
			192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255 192.0.0.0 192.0.0.8 192.0.2.1 198.51.100.7 203.0.113.9
			198.18.0.0 198.19.255.255 192.88.99.1`},
		{private, `[::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:192.168.1.1]
			[0:0:0:0:0:ffff:172.16.0.1] [::ffff:100.64.0.1] [64:ff9b::127.0.0.1] [64:ff9b::10.0.0.1] [64:ff9b::c0a8:101]
			[64:ff9b:1::8.8.8.8] [64:ff9b:1:ffff::1] [2002:7f00:1::] [2002:a00:1::1] [2002:c0a8:101::5] [2002:ac10:1::1]
			[::ffff:0:127.0.0.1] [::ffff:0:10.2.3.4] [fc00::1] [fdff:ffff::1] [fd12:3456:789a::1] [fec0::1] [feff::1]
			[2001:db8::1] [3fff::1] [3fff:fff::1] [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:2::1] [2001:10::1]
			[2001:1ff:ffff::1]`},

		{never, `0.0.0.0 0.0.0.1 0.255.255.255 169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.23 169.254.0.0
			169.254.255.255 100.100.100.200 168.63.129.16 192.0.0.192 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
			255.255.255.254`},
		{never, `[::] [::0.0.0.2] [::127.0.0.1] [::8.8.8.8] [::ffff:0.0.0.0] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe]
			[64:ff9b::169.254.169.254] [64:ff9b::a9fe:a9fe] [64:ff9b::0.0.0.0] [64:ff9b::255.255.255.255] [2002:a9fe:a9fe::1]
			[2002::1] [2002:e000:1::] [::ffff:0:169.254.169.254] [::ffff:100.100.100.200] [64:ff9b::168.63.129.16]
			[fd00:ec2::254] [fd00:ec2::23] [fd20:ce::254] [fe80::1] [fe80::1%lo] [fe80::1%eth0] [fe80::a9fe:a9fe] [febf::1]
			[ff02::1] [ff0e::1] [100::1] [4000::1] [1000::1] [5f00::1] [e000::1] [::2]`},
		{never, `[fd00:ec2::254%eth0]`}, // a zone does not hide it
		{private, `[fd00::1%eth0] [fec0::1%1]`},
	}
}

func TestDialerJudgesEveryForm(t *testing.T) {
	t.Parallel()
	closed, open := newGuard(false), newGuard(true)
	count := 0
	for _, tc := range dialCases() {
		for _, text := range strings.Fields(tc.addrs) {
			count++
			err := closed.control(t.Context(), network(text), text+":443", nil)
			if (err == nil) != (tc.want == public) {
				t.Errorf("%s without allow_private: err = %v", text, err)
			}
			err = open.control(t.Context(), network(text), text+":443", nil)
			if (err == nil) != (tc.want != never) {
				t.Errorf("%s with allow_private: err = %v", text, err)
			}
			if err != nil && !errors.Is(err, ErrPrivateAddress) {
				t.Errorf("%s: %v is not ErrPrivateAddress", text, err)
			}
		}
	}
	if count < 120 {
		t.Errorf("table has %d addresses, want at least 120", count)
	}
}

func network(text string) string {
	if strings.HasPrefix(text, "[") {
		return "tcp6"
	}
	return "tcp4"
}

func TestDialerRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	g := newGuard(true)
	for _, tc := range [][2]string{
		{"udp4", "8.8.8.8:53"},
		{"unix", "/var/run/docker.sock"},
		{"tcp4", "localhost:80"},
		{"tcp4", "2130706433:80"},
		{"tcp4", "0x7f000001:80"},
		{"tcp4", "127.1:80"},
		{"tcp4", "8.8.8.8"},
		{"tcp4", ""},
	} {
		if err := g.control(t.Context(), tc[0], tc[1], nil); !errors.Is(err, ErrPrivateAddress) {
			t.Errorf("%s %q: err = %v, want ErrPrivateAddress", tc[0], tc[1], err)
		}
	}
}

func TestDialerNamesAddressAndSetting(t *testing.T) {
	t.Parallel()
	_, err := Dialer(false).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if !errors.Is(err, ErrPrivateAddress) {
		t.Fatalf("err = %v, want ErrPrivateAddress", err)
	}
	for _, want := range []string{"127.0.0.1", "allow_private", "loopback"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

// Spellings of 127.0.0.1 that some resolver somewhere reads as an address.
// Whatever this machine's resolver makes of them, nothing may reach the
// listener.
func TestDialerRefusesSpellingsOfLoopback(t *testing.T) {
	t.Parallel()
	ln, accepted := countingListener(t)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := Dialer(false)
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server in this test")
	}}
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1",
		"0177.0.0.1", "017700000001", "127.0.0.1.", "127.000.000.001", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1",
		"0", "0.0.0.0", "", "①②⑦.⓪.⓪.①", "127。0。0。1",
	} {
		conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			_ = conn.Close()
			t.Errorf("dial %q succeeded", host)
		}
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("listener accepted %d connections", n)
	}
}

// A name that is public when somebody checks and private when it is dialled.
func TestDialerJudgesAfterRebinding(t *testing.T) {
	t.Parallel()
	ln, accepted := countingListener(t)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dns := &rebinding{answers: []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("127.0.0.1")}}
	resolver := &net.Resolver{PreferGo: true, Dial: dns.dial}

	checked, err := resolver.LookupNetIP(t.Context(), "ip4", "vendor.example.")
	if err != nil || len(checked) != 1 || checked[0].Unmap() != dns.answers[0] {
		t.Fatalf("first lookup = %v, %v", checked, err)
	}
	d := Dialer(false)
	d.Resolver = resolver
	if _, err := d.DialContext(t.Context(), "tcp4", "vendor.example.:"+port); !errors.Is(err, ErrPrivateAddress) {
		t.Errorf("dial after rebinding: %v, want ErrPrivateAddress", err)
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("listener accepted %d connections", n)
	}
}

func TestTransportRefusesPrivateUnlessAllowed(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })

	for _, allow := range []bool{false, true} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := NewTransport(Settings{AllowPrivate: allow}).RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if allow && err != nil {
			t.Errorf("allow_private: %v", err)
		}
		if !allow && !errors.Is(err, ErrPrivateAddress) {
			t.Errorf("no allow_private: err = %v, want ErrPrivateAddress", err)
		}
	}
}

// FuzzDialer checks the judgement against the standard library's own idea of
// special addresses, in every form an IPv4 address can take.
func FuzzDialer(f *testing.F) {
	for _, tc := range dialCases() {
		for _, text := range strings.Fields(tc.addrs) {
			f.Add(text + ":443")
		}
	}
	f.Add("[::1%25lo]:80")
	g := newGuard(false)
	f.Fuzz(func(t *testing.T, address string) {
		if g.control(context.Background(), "tcp6", address, nil) != nil {
			return
		}
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			t.Fatalf("%q was let through unread", address)
		}
		a := at.Addr().Unmap()
		if !a.IsGlobalUnicast() || a.IsPrivate() {
			t.Fatalf("%q was let through", address)
		}
		if !a.Is4() {
			return
		}
		v4 := a.As4()
		for _, form := range []netip.Addr{
			netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: v4[0], 13: v4[1], 14: v4[2], 15: v4[3]}),
			netip.AddrFrom16([16]byte{0x20, 0x02, v4[0], v4[1], v4[2], v4[3]}),
			netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 12: v4[0], 13: v4[1], 14: v4[2], 15: v4[3]}),
		} {
			if err := g.judge(form); err != nil {
				t.Fatalf("%s is let through but not as %s: %v", a, form, err)
			}
		}
	})
}

func countingListener(t *testing.T) (net.Listener, *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln, &n
}

// rebinding is a name server on one end of a pipe: its A records change with
// every question, and it has no AAAA records.
type rebinding struct {
	answers []netip.Addr
	asked   atomic.Int64
}

func (r *rebinding) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go r.serve(server)
	return client, nil
}

// serve speaks DNS over a stream: a pipe is not a packet connection, so the
// resolver puts two bytes of length before each message.
func (r *rebinding) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 4096)
	n, err := c.Read(buf[:2])
	if err != nil || n != 2 {
		return
	}
	n, err = c.Read(buf[:int(buf[0])<<8|int(buf[1])])
	if err != nil {
		return
	}
	var m dnsmessage.Message
	if m.Unpack(buf[:n]) != nil {
		return
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		i := min(int(r.asked.Add(1))-1, len(r.answers)-1)
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: r.answers[i].As4()},
		}}
	}
	out, err := m.Pack()
	if err != nil {
		return
	}
	_, _ = c.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...))
}
