package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"latchkey/bot"
	"latchkey/cmd/latchkey/config"
	"latchkey/connectors"
	"latchkey/gateway"
	"latchkey/server"
	"latchkey/storage"
	"latchkey/storage/postgres"
	"latchkey/workflow"
)

// Main is one running Latchkey: any of its roles, wired from one
// configuration. Fill the exported fields, then Start, then Stop.
type Main struct {
	Config      *config.Config
	Roles       []Role // empty means all
	Logger      zerolog.Logger
	SlackAPIURL string        // SLACK_API_URL; empty means Slack itself
	LeaseFor    time.Duration // of one vendor call; zero means the default
	Fault       func(string)  // see workflow.Deps
	AckWithin   time.Duration // see bot.Config

	postgres *postgres.Server
	db       *storage.DB
	keys     storage.Keyring
	registry *prometheus.Registry
	workflow *workflow.Service
	gateway  *gateway.Gateway
	bot      *bot.Bot
	opened   map[string]connectors.Connector

	publication *workflow.Publication
	watch       *workflow.AuditWatch // nil without the role worker

	publicURL string
	gateURL   string

	cancel context.CancelFunc
	group  *errgroup.Group
}

// drainFor bounds a clean stop; what is not done then is taken up again by
// whoever starts next.
const drainFor = 25 * time.Second

// Start opens everything and returns once every role listens. On an error
// whatever was opened is closed again.
func (m *Main) Start(ctx context.Context) (err error) {
	if len(m.Roles) == 0 {
		m.Roles = allRoles
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := m.openDatabase(ctx); err != nil {
		return err
	}
	if err := m.openWorkflow(ctx); err != nil {
		return err
	}
	if err := m.openAudit(ctx); err != nil {
		return err
	}
	m.registry = prometheus.NewRegistry()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.cancel = cancel
	m.group, run = errgroup.WithContext(run)
	if err := m.startGateway(run); err != nil {
		return err
	}
	if err := m.startServer(run); err != nil {
		return err
	}
	if err := m.startWork(run); err != nil {
		return err
	}
	if err := m.startAudit(run); err != nil {
		return err
	}
	m.awaitGateway(ctx)
	return nil
}

// awaitGateway gives the gateway time to read its keys, so that a process that
// says it runs also lets keys through. One that can't read them yet refuses
// them, and /readyz says so.
func (m *Main) awaitGateway(ctx context.Context) {
	if !m.has(RoleGateway) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for m.gateway.Ready() != nil && m.publication.Doubt() == nil { // which seconds don't mend
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// Wait returns when a role failed or Stop was called.
func (m *Main) Wait() error { return m.group.Wait() }

// Stop drains: no new work is taken, what is under way ends, then everything
// closes. It may be called more than once.
func (m *Main) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainFor)
	defer cancel()
	var err error
	if m.cancel != nil {
		m.cancel()
		done := make(chan error, 1)
		go func() { done <- m.group.Wait() }()
		select {
		case err = <-done:
		case <-ctx.Done():
			err = errors.New("some work did not end in time; it will be taken up again at the next start")
		}
	}
	if m.db != nil {
		m.db.Close()
	}
	if m.postgres != nil {
		err = errors.Join(err, m.postgres.Stop(context.WithoutCancel(ctx)))
	}
	m.cancel, m.db, m.postgres = nil, nil, nil
	return err
}

// URL is where the server's pages are, once started.
func (m *Main) URL() string { return m.publicURL }

// GatewayURL is where keys are used, once started.
func (m *Main) GatewayURL() string { return m.gateURL }

func (m *Main) openDatabase(ctx context.Context) (err error) {
	if m.postgres, m.db, err = openDatabase(ctx, m.Config, m.Logger); err != nil {
		return err
	}
	applied, err := m.db.Migrate(ctx)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		m.Logger.Info().Int("migrations", len(applied)).Msg("database migrated")
	}
	keeper, closeKeeper, err := openKeeper(ctx, m.Config)
	if err != nil {
		return err
	}
	defer closeKeeper()
	m.keys, err = m.db.OpenKeyring(ctx, keeper)
	return err
}

func (m *Main) openWorkflow(ctx context.Context) error {
	var err error
	if m.opened, err = openConnections(m.Config); err != nil {
		return err
	}
	document := m.Config.Policy
	if err := workflow.Describe(ctx, &document, m.Config.Connections, m.opened); err != nil {
		return err
	}
	allows, err := scopesOfRoutes(m.opened)
	if err != nil {
		return err
	}
	m.publicURL, m.gateURL = m.Config.PublicURL, m.Config.Gateway.PublicURL
	deps := workflow.Deps{PublicURL: m.publicURL, GatewayURL: m.gateURL, DB: m.db, Keys: m.keys, Document: document, Connectors: m.opened,
		SyncEvery: syncEvery(m.Config), Capabilities: capabilities(m.opened), Allows: allows, Logger: m.Logger, LeaseFor: m.LeaseFor, Fault: m.Fault}
	if m.talksToSlack() {
		client := bot.NewClient(m.slack(), m.Logger)
		directory := bot.NewDirectory(client, m.db, document.People, m.Logger)
		deps.Refresh, deps.AccountNow = directory.Refresh, directory.Account
		return m.openBot(ctx, deps, client, directory)
	}
	if len(m.Roles) == 1 && m.has(RoleGateway) { // whose file may do without the policies that the others follow
		m.workflow, err = workflow.Onlooker(deps)
		return explain(m.Config, err)
	}
	m.workflow, err = workflow.New(ctx, deps)
	return explain(m.Config, err)
}

// onlooker is the rules over the database as it is, for a command that shows
// and does nothing: no policy is stored and no connection remembered.
func (m *Main) onlooker(ctx context.Context) (*workflow.Service, error) {
	var err error
	if m.opened, err = openConnections(m.Config); err != nil {
		return nil, err
	}
	document := m.Config.Policy
	if err := workflow.Describe(ctx, &document, m.Config.Connections, m.opened); err != nil {
		return nil, err
	}
	service, err := workflow.Onlooker(workflow.Deps{DB: m.db, Keys: m.keys, Document: document, Connectors: m.opened, PublicURL: m.Config.PublicURL, Logger: m.Logger})
	return service, explain(m.Config, err)
}

func (m *Main) openBot(ctx context.Context, deps workflow.Deps, client *bot.Client, directory *bot.Directory) error {
	var err error
	if m.workflow, err = workflow.New(ctx, deps); err != nil {
		return explain(m.Config, err)
	}
	directory.GroupRead = m.workflow.GroupRead
	notifier := bot.NewNotifier(client, directory, m.db, m.workflow, m.Logger)
	m.bot = bot.New(bot.Deps{Client: client, Directory: directory, Notifier: notifier, Workflow: m.workflow, DB: m.db, Logger: m.Logger})
	return nil
}

// talksToSlack is false for a gateway or server that stands alone.
func (m *Main) talksToSlack() bool { return m.has(RoleBot) || m.has(RoleWorker) }

func (m *Main) slack() bot.Config {
	s := m.Config.Slack
	return bot.Config{BotToken: s.BotToken, AppToken: s.AppToken, APIURL: m.SlackAPIURL, Command: s.Command, ApprovalsChannel: s.ApprovalsChannel, AckWithin: m.AckWithin}
}

// startWork runs the roles that have no address: bot and worker.
func (m *Main) startWork(ctx context.Context) error {
	if m.has(RoleWorker) {
		workers, err := m.workflow.NewWorkers(m.bot.Notifier)
		if err != nil {
			return err
		}
		if err := workers.Start(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("start workers: %w", err)
		}
		m.group.Go(func() error {
			m.knowPeople(ctx)
			m.workflow.RunSync(ctx)
			return nil
		})
		m.group.Go(func() error {
			m.workflow.RunSweep(ctx)
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor-5*time.Second)
			defer cancel()
			return workers.Stop(stop)
		})
	}
	if m.has(RoleBot) {
		m.group.Go(func() error { return m.bot.Run(ctx) })
	}
	return nil
}

// knowPeople reads the workspace's people before the first listing, so that
// what it finds has owners to tell. While Slack is away it waits no longer
// than a little.
func (m *Main) knowPeople(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := m.bot.Directory.Load(ctx); err != nil {
		m.Logger.Warn().Err(err).Msg("people could not be read before the first listing; accounts are linked when they are")
		return
	}
	// Somebody may have been deactivated while nothing ran here.
	if err := m.workflow.FollowSlack(ctx, 0); err != nil {
		m.Logger.Error().Err(err).Msg("who left Slack could not be offboarded; it is tried at the next start and at each change of theirs")
	}
}

// startServer opens the pages to the role server, and health and metrics to
// every role.
func (m *Main) startServer(ctx context.Context) error {
	l, err := net.Listen("tcp", m.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen for the server: %w", err)
	}
	if m.publicURL == "" {
		m.publicURL = "http://" + l.Addr().String()
	}
	m.workflow.PublicURL, m.workflow.GatewayURL = m.publicURL, m.gateURL
	d := server.Deps{Logger: m.Logger, GatewayURL: m.gateURL, Limits: gatewayLimits(m.Config.Gateway.Limits).For, Ready: m.Ready, Metrics: m.registry, Secure: strings.HasPrefix(m.publicURL, "https://")}
	if m.has(RoleServer) {
		d.Workflow, d.SignIn = m.workflow, m.signIn()
		if d.PSKs, err = preSharedKeys(m.Config); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	m.serve(ctx, "server", l, server.New(d).Handler())
	return nil
}

// serve answers until the context ends, then lets open requests finish.
func (m *Main) serve(ctx context.Context, what string, l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	m.Logger.Info().Str("address", l.Addr().String()).Msg(what + " listens")
	m.group.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", what, err)
		}
		return nil
	})
	m.group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor-5*time.Second)
		defer cancel()
		if err := srv.Shutdown(stop); err != nil {
			return srv.Close()
		}
		return nil
	})
}

// Ready says what works, for /readyz.
func (m *Main) Ready(ctx context.Context) []server.Check {
	checks := []server.Check{{Name: "database", Err: m.db.Ping(ctx)}, m.auditCheck()}
	if m.has(RoleBot) {
		checks = append(checks, server.Check{Name: "slack", Err: m.bot.Ready()})
	}
	if m.has(RoleGateway) {
		checks = append(checks, server.Check{Name: "gateway", Err: m.gateway.Ready()})
	}
	return checks
}
