package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the gateway does. Labels hold connections, status
// classes and refusal codes, never anything a client sent.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	gauges   []prometheus.Collector
}

// counts are the metrics of one connection.
type counts struct {
	classes [6]prometheus.Counter
	seconds prometheus.Observer
}

func newMetrics(g *Gateway) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "latchkey", Subsystem: "gateway", Name: name, Help: help}
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), read)
	}
	return &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts(opts("requests_total", "Requests let through, by connection and class of the answer's status.")),
			[]string{"connection", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "latchkey", Subsystem: "gateway", Name: "request_seconds",
			Help:    "How long requests let through took, the vendor included.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"connection"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts(opts("refused_total", "Requests the gateway refused, by reason.")), []string{"code"}),
		gauges: []prometheus.Collector{
			gauge("keys", "Keys known.", func() float64 {
				if s := g.keeper.snapshot.Load(); s != nil {
					return float64(s.size)
				}
				return 0
			}),
			gauge("keys_age_seconds", "Time since the keys were last confirmed to be fresh; -1 before the first time.", func() float64 {
				if r := g.keeper.reading.Load(); r != nil {
					return g.now().Sub(r.at).Seconds()
				}
				return -1
			}),
			gauge("in_flight", "Requests under way.", func() float64 { return float64(g.flying.Load()) }),
			gauge("clients", "Open network connections.", func() float64 { return float64(g.crowd.size()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts(opts("clients_shed_total", "Network connections closed without a request because others came.")),
				func() float64 { return float64(g.crowd.shed.Load()) }),
			gauge("access_queue", "Access log records that wait to be written.", func() float64 { return float64(g.meter.queued()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts(opts("access_lost_total", "Access log records lost because the database was away for too long.")),
				func() float64 { return float64(g.meter.lost.Load()) }),
		},
	}
}

func (m *metrics) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, c := range append(m.gauges, m.requests, m.seconds, m.refusals) {
		if err := to.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) refused(code string) { m.refusals.WithLabelValues(code).Inc() }

func (m *metrics) of(connection string) counts {
	c := counts{seconds: m.seconds.WithLabelValues(connection)}
	for i, class := range []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		c.classes[i] = m.requests.WithLabelValues(connection, class)
	}
	return c
}

func (c *counts) count(status int, took time.Duration) {
	class := status / 100
	if class >= len(c.classes) {
		class = 0
	}
	c.classes[class].Inc()
	c.seconds.Observe(took.Seconds())
}
