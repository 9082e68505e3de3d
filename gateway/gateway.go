package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// Deps is what a Gateway needs. Where a zero value has a meaning it is the
// default named beside the field.
type Deps struct {
	DB        *storage.DB
	Box       *secret.Box
	Upstreams map[string]connectors.Upstream // by connection
	Logger    zerolog.Logger
	Now       func() time.Time      // time.Now
	Metrics   prometheus.Registerer // none

	MaxStale    time.Duration // how old unconfirmed keys may be before nothing passes: 10s
	PollEvery   time.Duration // 500ms
	ReloadEvery time.Duration // 1m

	// Doubt says why the database can't be trusted to know what has ended by
	// what was learned of it after a time, or nil. Nothing passes while there
	// is doubt since the zero time. Once the database was lost sight of, no
	// key comes to life while there is doubt since then. It must not block.
	Doubt func(since time.Time) error // none

	Metering       Metering
	Limits         Limits
	TLS            TLS            // none: it ends in front
	TrustedProxies []netip.Prefix // whose X-Forwarded-For names the client
	Command        string         // the Slack command that asks for scopes: /tokens
	// Transport reaches vendors: the gateway's own, and NewTransport for HTTP/2.
	Transport func(connectors.Upstream) http.RoundTripper
}

// Gateway is the data plane. Run keeps its keys and its log; Serve takes
// requests.
type Gateway struct {
	log       zerolog.Logger
	strangers zerolog.Logger // for requests with no known key: sampled
	now       func() time.Time
	started   time.Time
	box       *secret.Box
	upstreams map[string]*upstream
	keeper    *keeper
	meter     *meter
	metrics   *metrics
	limits    Limits
	bounds    bounds        // of keys whose connection left the configuration
	longest   time.Duration // that a request of any connection may take
	crowd     *crowd
	cert      *certificate // nil where TLS ends in front
	trusted   []netip.Prefix
	command   string

	flying   atomic.Int64 // requests under way
	underWay underWay     // those that are at their vendors
	// closing is held for reading by every request under way. Once Run waits
	// for it, no request gets in any more.
	closing sync.RWMutex
}

// strangersPerSecond is how many refusals of unknown keys are logged.
const strangersPerSecond = 20

// New checks the connections and compiles their scopes. It does not dial.
func New(d Deps) (*Gateway, error) {
	d = d.withDefaults()
	if d.DB == nil || d.Box == nil {
		return nil, errors.New("make gateway: no database or no key box")
	}
	g := &Gateway{
		log:       d.Logger,
		strangers: d.Logger.Sample(&zerolog.BurstSampler{Burst: strangersPerSecond, Period: time.Second}),
		now:       d.Now,
		started:   d.Now(),
		box:       d.Box,
		upstreams: make(map[string]*upstream, len(d.Upstreams)),
		limits:    d.Limits,
		longest:   d.Limits.Duration,
		crowd:     &crowd{most: d.Limits.Clients, conns: map[*guardedConn]struct{}{}},
		trusted:   d.TrustedProxies,
		command:   d.Command,
	}
	g.keeper = &keeper{
		db:          d.DB,
		doubt:       d.Doubt,
		grants:      &grants{upstreams: g.upstreams, tokens: tokens{d.Box, d.Logger}, made: map[string]*grant{}},
		log:         d.Logger,
		now:         d.Now,
		maxStale:    d.MaxStale,
		pollEvery:   d.PollEvery,
		reloadEvery: d.ReloadEvery,
		heard:       map[storage.CredentialID]struct{}{},
		hearing:     make(chan struct{}, 1),
		loaded:      make(chan *snapshot, 1),
	}
	g.meter = newMeter(d.DB, d.Logger, d.Metering)
	g.metrics = newMetrics(g)
	var err error
	if g.cert, err = newCertificate(d.TLS, d.Logger); err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	if g.bounds, err = newBounds(connectors.Limits{}, d.Limits); err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	for name, u := range d.Upstreams {
		up, err := newUpstream(u, d.Transport, d.Limits)
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", name, err)
		}
		g.longest = max(g.longest, up.bounds.duration)
		up.name, up.counts = name, g.metrics.of(name)
		g.upstreams[name] = up
	}
	if err := g.metrics.register(d.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return g, nil
}

func (d Deps) withDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Doubt == nil {
		d.Doubt = func(time.Time) error { return nil }
	}
	orDefault(&d.MaxStale, 10*time.Second)
	orDefault(&d.PollEvery, 500*time.Millisecond)
	orDefault(&d.ReloadEvery, time.Minute)
	orDefault(&d.Command, "/tokens")
	d.Metering = d.Metering.withDefaults()
	d.Limits = d.Limits.withDefaults()
	return d
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// drainTime is how long requests under way may take to end at a shutdown.
const drainTime = 20 * time.Second

// Run loads the keys and keeps them fresh, and writes the access log. When
// ctx ends it lets no new request in, waits for those under way, and writes
// the rest of the log; what could not be written is the error.
func (g *Gateway) Run(ctx context.Context) error {
	metering, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	metered := make(chan error, 1)
	go func() { metered <- g.meter.run(metering) }()
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { g.meter.keepPartitions(ctx) })
	beside.Go(func() { g.watch(ctx) })

	g.keeper.run(ctx)

	idle := make(chan struct{})
	go func() {
		g.closing.Lock() // for good
		close(idle)
	}()
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
		g.log.Warn().Int64("under_way", g.flying.Load()).Msg("requests did not end in time")
	}
	for _, up := range g.upstreams {
		up.closeIdle()
	}
	stop()
	return <-metered
}

// Ready says why the gateway lets nothing through, or nil if it does.
func (g *Gateway) Ready() error {
	if _, err := g.keeper.clock(g.now()); err != nil {
		return fmt.Errorf("gateway not ready: %w", err)
	}
	return nil
}
