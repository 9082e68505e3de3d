package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"latchkey/cmd/latchkey/config"
	"latchkey/connectors"
	"latchkey/gateway"
)

// startGateway takes requests through the gateway's own listener, which also
// sees how they are framed.
func (m *Main) startGateway(ctx context.Context) error {
	if !m.has(RoleGateway) {
		return nil
	}
	upstreams := map[string]connectors.Upstream{}
	for name, c := range m.opened {
		if b, ok := connectors.As[connectors.Broker](c); ok && b.Upstream().BaseURL != nil { // others are our own server's
			upstreams[name] = b.Upstream()
		}
	}
	c := m.Config.Gateway
	var err error
	m.gateway, err = gateway.New(gateway.Deps{
		DB: m.db, Box: m.keys.Box, Upstreams: upstreams, Logger: m.Logger, Metrics: m.registry, Doubt: m.publication.DoubtSince, Command: m.Config.Slack.Command,
		TLS:            gateway.TLS(c.TLS),
		TrustedProxies: c.Proxies(),
		MaxStale:       time.Duration(c.MaxStale),
		Limits:         gatewayLimits(c.Limits),
		Metering: gateway.Metering{
			Every: time.Duration(c.Metering.Every), Records: c.Metering.Records, Strict: c.Metering.Strict, RetainDays: c.Metering.RetainDays,
		},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for the gateway: %w", err)
	}
	if m.gateURL == "" {
		scheme := "http://"
		if c.TLS != (config.TLS{}) {
			scheme = "https://"
		}
		m.gateURL = scheme + l.Addr().String()
	}
	m.Logger.Info().Str("address", l.Addr().String()).Msg("gateway listens")
	m.group.Go(func() error { return m.gateway.Run(ctx) })
	m.group.Go(func() error { return m.gateway.Serve(ctx, l) })
	return nil
}

// gatewayLimits are what the configuration says of the gateway's limits; what
// it leaves out is zero, which is the gateway's default.
func gatewayLimits(l config.GatewayLimits) gateway.Limits {
	return gateway.Limits{
		PerSecond: l.PerSecond, Burst: l.Burst, Concurrent: l.Concurrent,
		Body: l.Body, Head: l.Head, Duration: time.Duration(l.Duration),
		PerConnection: l.PerConnection, AllConcurrent: l.AllConcurrent, Clients: l.Clients, Stall: time.Duration(l.Stall),
	}
}
