package config

import (
	"fmt"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/workflow"
)

// What can be said of the gateway's times. Keys are confirmed every half
// second, and a busy database may be late.
const (
	minStale = workflow.Duration(2 * time.Second)
	maxStale = workflow.Duration(10 * time.Minute)
	maxEvery = workflow.Duration(time.Minute)
)

// defaultHead is the gateway's own bound, in bytes.
const defaultHead = 32 << 10

func (c *checker) gateway() {
	g := c.config.Gateway
	if g.TLS != (TLS{}) && strings.HasPrefix(strings.ToLower(g.PublicURL), "http://") {
		c.addAt("gateway.public_url", "write https://: with tls the gateway speaks nothing else")
	}
	switch {
	case g.MaxStale == 0:
	case g.MaxStale < minStale:
		c.addAt("gateway.max_stale", "this is too short: write at least 2s, or the gateway refuses whenever the database is slow")
	case g.MaxStale > maxStale:
		c.addAt("gateway.max_stale", "this is too long: write at most 10m, because a revoked key works this long where the database is lost")
	}
	if g.Metering.Every > maxEvery {
		c.addAt("gateway.metering.every", "this is too long: write at most 1m")
	}
}

// head refuses a bound that the gateway's own makes pointless.
func (c *checker) head(path string, s connectors.Settings) {
	most := c.config.Gateway.Limits.Head
	if most == 0 {
		most = defaultHead
	}
	if s.Limits.Head > most {
		c.addAt(path+".limits.head_bytes", "%s", fmt.Sprintf("this is more than the gateway takes: write at most %d, or raise gateway.limits.head_bytes", most))
	}
}
