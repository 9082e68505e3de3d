package connectors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivateAddress is wrapped by every connection the Dialer refuses.
var ErrPrivateAddress = errors.New("refused to dial an address outside the public internet")

// Dialer dials TCP for connectors and the gateway, and refuses addresses that
// no vendor on the public internet has. The judgement falls after DNS, on the
// very address about to be connected to, so neither an odd spelling nor a name
// that resolves differently the second time gets around it.
//
// allowPrivate (the connection's allow_private) permits loopback and private
// networks. Link-local addresses, cloud metadata services and addresses that
// are no host at all stay refused.
func Dialer(allowPrivate bool) *net.Dialer {
	g := newGuard(allowPrivate)
	return &net.Dialer{
		Timeout:        5 * time.Second,
		KeepAlive:      30 * time.Second,
		ControlContext: g.control,
	}
}

// guard judges addresses against the IANA special-purpose registries
// (RFC 6890 and successors) and the metadata services of the large clouds.
type guard struct {
	allowPrivate bool
	v4           []block // first match decides; no match is public
	v6           []block // first match decides; no match is not a host
}

// block is a range of addresses and what may be done about it.
type block struct {
	prefix netip.Prefix
	what   string
	reach  reach
}

// reach says who may dial a block.
type reach int

const (
	never   reach = iota // refused whatever the configuration says
	private              // only with allow_private
	public
	embedded // an IPv6 form of an IPv4 address, which decides
)

func newGuard(allowPrivate bool) *guard {
	b := func(prefix string, r reach, what string) block {
		return block{prefix: netip.MustParsePrefix(prefix), what: what, reach: r}
	}
	return &guard{
		allowPrivate: allowPrivate,
		v4: []block{
			b("100.100.100.200/32", never, "a cloud metadata address"), // Alibaba
			b("168.63.129.16/32", never, "a cloud metadata address"),   // Azure's wire server
			b("192.0.0.192/32", never, "a cloud metadata address"),     // Oracle Classic
			b("169.254.0.0/16", never, "a link-local or cloud metadata address"),
			b("0.0.0.0/8", never, "this network, not a host"),
			b("224.0.0.0/4", never, "a multicast address"),
			b("240.0.0.0/4", never, "a reserved or broadcast address"),
			b("127.0.0.0/8", private, "a loopback address"),
			b("10.0.0.0/8", private, "a private address"),
			b("172.16.0.0/12", private, "a private address"),
			b("192.168.0.0/16", private, "a private address"),
			b("100.64.0.0/10", private, "a carrier-grade NAT address"),
			b("192.0.0.0/24", private, "a protocol assignment, not a host"),
			b("192.0.2.0/24", private, "a documentation address"),
			b("198.51.100.0/24", private, "a documentation address"),
			b("203.0.113.0/24", private, "a documentation address"),
			b("198.18.0.0/15", private, "a benchmark address"),
			b("192.88.99.0/24", private, "a 6to4 relay address"),
		},
		v6: []block{
			b("fd00:ec2::/32", never, "a cloud metadata address"),        // AWS
			b("fd20:ce::254/128", never, "a cloud metadata address"),     // Google
			b("fe80::/10", never, "a link-local address"),                // and OpenStack's metadata
			b("ff00::/8", never, "a multicast address"),                  //
			b("::1/128", private, "a loopback address"),                  //
			b("fc00::/7", private, "a unique local address"),             //
			b("fec0::/10", private, "a site-local address"),              // deprecated, still routed
			b("64:ff9b::/96", embedded, "NAT64"),                         // RFC 6052
			b("64:ff9b:1::/48", private, "a local NAT64 address"),        // RFC 8215
			b("::ffff:0:0:0/96", embedded, "an IPv4-translated address"), // RFC 2765
			b("2002::/16", embedded, "6to4"),                             // RFC 3056
			b("2001:db8::/32", private, "a documentation address"),       //
			b("3fff::/20", private, "a documentation address"),           // RFC 9637
			b("2001::/23", private, "a Teredo, benchmark or protocol address"),
			b("2000::/3", public, ""),
		},
	}
}

// control runs between DNS and connect, once for every address tried.
func (g *guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s is not TCP", ErrPrivateAddress, network)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is not an address and port", ErrPrivateAddress, address)
	}
	return g.judge(at.Addr())
}

func (g *guard) judge(addr netip.Addr) error {
	r, what := g.classify(addr)
	if r == public || r == private && g.allowPrivate {
		return nil
	}
	if r == private {
		return fmt.Errorf("%w: %s is %s (allow_private: true on the connection permits it)", ErrPrivateAddress, addr, what)
	}
	return fmt.Errorf("%w: %s is %s, which allow_private never permits", ErrPrivateAddress, addr, what)
}

// classify never answers embedded: the IPv4 address inside has the last word.
func (g *guard) classify(addr netip.Addr) (reach, string) {
	addr = addr.WithZone("").Unmap() // a zone would hide the address from every prefix
	if addr.Is4() {
		for _, b := range g.v4 {
			if b.prefix.Contains(addr) {
				return b.reach, b.what
			}
		}
		return public, ""
	}
	for _, b := range g.v6 {
		if !b.prefix.Contains(addr) {
			continue
		}
		if b.reach != embedded {
			return b.reach, b.what
		}
		r, what := g.classify(innerIPv4(addr, b.prefix))
		return r, b.what + " for " + what
	}
	return never, "not a global unicast address"
}

// innerIPv4 takes out the IPv4 address that follows the 2002::/16 prefix, or
// ends an address under one of the /96 prefixes.
func innerIPv4(addr netip.Addr, p netip.Prefix) netip.Addr {
	b := addr.As16()
	if p.Bits() == 16 {
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return netip.AddrFrom4([4]byte(b[12:16]))
}
