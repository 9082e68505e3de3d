package gateway

import "latchkey/connectors"

// For is what the keys of a connection may take: its own limits, and where it
// says nothing the gateway's. Zero stays where nothing bounds all keys together.
func (l Limits) For(own connectors.Limits) connectors.Limits {
	l = l.withDefaults()
	if own.PerSecond > 0 {
		orDefault(&own.Burst, 2*own.PerSecond)
	}
	orDefault(&own.PerSecond, l.PerSecond)
	orDefault(&own.Burst, l.Burst)
	orDefault(&own.Concurrent, l.Concurrent)
	orDefault(&own.AllBurst, 2*own.AllPerSecond)
	orDefault(&own.AllConcurrent, l.PerConnection)
	orDefault(&own.Body, l.Body)
	orDefault(&own.Head, l.Head)
	orDefault(&own.Duration, l.Duration)
	return own
}
