package config

import (
	"errors"
	"net/netip"

	"latchkey/workflow"
)

// Gateway is where brokered keys are used. What is left out of its limits and
// of its metering has the gateway's own default.
type Gateway struct {
	Listen         string            `json:"listen"`          // default 127.0.0.1:8081
	PublicURL      string            `json:"public_url"`      // as Config.PublicURL; https:// by default where there is TLS
	TLS            TLS               `json:"tls"`             // zero: TLS ends in front
	TrustedProxies []string          `json:"trusted_proxies"` // addresses and networks, see Proxies
	MaxStale       workflow.Duration `json:"max_stale"`       // default 10s
	Limits         GatewayLimits     `json:"limits"`
	Metering       Metering          `json:"metering"`
}

// TLS names the files of a certificate, in PEM.
type TLS struct {
	Cert string `json:"cert"` // the certificate, then those that lead to its authority
	Key  string `json:"key"`
}

// GatewayLimits bound what clients of the gateway can take. The first six are
// for keys whose connection does not say otherwise.
type GatewayLimits struct {
	PerSecond  int               `json:"per_second"` // requests of one key
	Burst      int               `json:"burst"`      // requests of one key at once
	Concurrent int               `json:"concurrent"` // requests of one key under way
	Body       int64             `json:"body_bytes"`
	Head       int               `json:"head_bytes"`
	Duration   workflow.Duration `json:"duration"` // of one request, answer included

	PerConnection int               `json:"connection_concurrent"` // requests of one configured connection under way
	AllConcurrent int               `json:"all_concurrent"`        // requests under way
	Clients       int               `json:"clients"`               // open network connections
	Stall         workflow.Duration `json:"stall"`                 // of a body, either way, that does not move
}

// Metering is how the access log is kept.
type Metering struct {
	Every      workflow.Duration `json:"every"`       // how often it is written
	Records    int               `json:"records"`     // that a crash can lose
	Strict     bool              `json:"strict"`      // refuse requests rather than lose their records
	RetainDays int               `json:"retain_days"` // how long it is kept
}

// Proxies are the networks whose X-Forwarded-For is believed. One address is a
// network of its own.
func (g Gateway) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range g.TrustedProxies {
		if p, err := network(s); err == nil { // else Parse had refused it
			out = append(out, p)
		}
	}
	return out
}

// network reads an address, or a network as address/bits.
func network(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func judgeNetwork(s string) error {
	p, err := network(s)
	switch {
	case err != nil:
		return errors.New("write an address or a network, like 10.0.0.0/8")
	case p.Bits() == 0:
		return errors.New("this believes every client's word on where it comes from: name the proxies' own network, like 10.0.0.0/8")
	}
	return nil
}
