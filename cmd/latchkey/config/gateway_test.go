package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/cmd/latchkey/config"
	"latchkey/workflow"
)

func TestSettingsOfTheGateway(t *testing.T) {
	t.Parallel()
	c := parse(t, minimal+`gateway:
  listen: 127.0.0.1:9443
  tls: {cert: /etc/latchkey/gateway.crt, key: /etc/latchkey/gateway.key}
  trusted_proxies: [10.0.0.0/8, 192.0.2.7, "2001:db8::1", "::ffff:192.0.2.9"]
  max_stale: 5s
  limits:
    per_second: 1
    burst: 2
    concurrent: 3
    body_bytes: 4
    head_bytes: 5000
    duration: 6m
    connection_concurrent: 7
    all_concurrent: 8
    clients: 9
    stall: 10s
  metering: {every: 2s, records: 300, strict: true, retain_days: 4}
`)
	want := config.Gateway{
		Listen: "127.0.0.1:9443", PublicURL: "https://127.0.0.1:9443",
		TLS:            config.TLS{Cert: "/etc/latchkey/gateway.crt", Key: "/etc/latchkey/gateway.key"},
		TrustedProxies: []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.9"},
		MaxStale:       workflow.Duration(5 * time.Second),
		Limits: config.GatewayLimits{
			PerSecond: 1, Burst: 2, Concurrent: 3, Body: 4, Head: 5000, Duration: workflow.Duration(6 * time.Minute),
			PerConnection: 7, AllConcurrent: 8, Clients: 9, Stall: workflow.Duration(10 * time.Second),
		},
		Metering: config.Metering{Every: workflow.Duration(2 * time.Second), Records: 300, Strict: true, RetainDays: 4},
	}
	if diff := cmp.Diff(want, c.Gateway); diff != "" {
		t.Errorf("gateway (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(c.Gateway.Proxies()); got != "[10.0.0.0/8 192.0.2.7/32 2001:db8::1/128 192.0.2.9/32]" {
		t.Errorf("trusts %s", got)
	}
}

// A connection's own bound fits under the gateway's where that is raised.
func TestHeadOfAConnectionUnderTheGateways(t *testing.T) {
	t.Parallel()
	connection := "connections: {tempo: {kind: tempo, token: t, limits: {head_bytes: 40000}}}\n"
	kinds := map[string][]string{"tempo": {"token", "limits"}}
	_, err := config.Parse("latchkey.yaml", []byte(minimal+connection), lookUp(environment()), kinds)
	if err == nil || !strings.Contains(err.Error(), "connections.tempo.limits.head_bytes: this is more than the gateway takes: write at most 32768") {
		t.Errorf("over the default: %v", err)
	}
	_, err = config.Parse("latchkey.yaml", []byte(minimal+"gateway: {limits: {head_bytes: 40000}}\n"+connection), lookUp(environment()), kinds)
	if err != nil {
		t.Errorf("at the gateway's own: %v", err)
	}
}
