package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey/cmd/latchkey/config"
	"latchkey/secret"
	"latchkey/server"
	"latchkey/storage"
	"latchkey/storage/auditlog"
	"latchkey/workflow"
)

// openAudit compares the database with what this replica published of it
// before anything is let through. A database that is older goes into
// quarantine here; while it can't be compared, the gateway stays closed.
func (m *Main) openAudit(ctx context.Context) error {
	var err error
	if m.publication, err = m.workflow.NewPublication(m.Config.DataDir, time.Duration(m.Config.Gateway.MaxStale)); err != nil {
		return err
	}
	if err := m.publication.Look(ctx); err != nil {
		m.Logger.Error().Err(err).Msg("the database could not be compared with the published checkpoint; no key is let through before that")
	}
	return nil
}

// startAudit keeps the published checkpoint new and, beside the workers, looks
// through the log and delivers it.
func (m *Main) startAudit(ctx context.Context) error {
	m.group.Go(func() error {
		m.publication.Run(ctx)
		return nil
	})
	if !m.has(RoleWorker) {
		return nil
	}
	signer, err := m.workflow.AuditSigner(ctx)
	if err != nil {
		return err
	}
	m.watch = m.workflow.NewAuditWatch(signer.Public, m.publication, time.Duration(m.Config.Audit.VerifyEvery))
	deliveries := m.workflow.NewDeliveries(signer.Public, webhooks(m.Config.Audit.Webhooks), workflow.AuditWebhook{
		URL: m.Config.Audit.Publish.URL, Secrets: []secret.Value{m.Config.Audit.Publish.Secret}, AllowPrivate: m.Config.Audit.Publish.AllowPrivate,
	})
	for _, run := range []func(context.Context){func(ctx context.Context) { m.workflow.RunAudit(ctx, signer) }, m.watch.Run, deliveries.Run} {
		m.group.Go(func() error {
			run(ctx)
			return nil
		})
	}
	return m.registry.Register(auditMetrics{db: m.db, watch: m.watch})
}

func webhooks(all []config.AuditWebhook) []workflow.AuditWebhook {
	out := make([]workflow.AuditWebhook, len(all))
	for i, w := range all {
		out[i] = workflow.AuditWebhook{Name: w.Name, URL: w.URL, Secrets: w.Secrets, Format: auditlog.Format(w.Format), AllowPrivate: w.AllowPrivate}
	}
	return out
}

// auditCheck shows in /readyz whether the log is whole. A log that is not keeps
// nobody from working: it is for people to look at.
func (m *Main) auditCheck() server.Check {
	c := server.Check{Name: "audit", Minor: true}
	if why := m.publication.Doubt(); why != nil {
		c.Err = why
	} else if m.watch != nil {
		if why := m.watch.Problem(); why != "" {
			c.Err = errors.New(why)
		}
	}
	return c
}

// auditMetrics shows how the audit log stands when it is asked.
type auditMetrics struct {
	db    *storage.DB
	watch *workflow.AuditWatch
}

var (
	auditOK        = prometheus.NewDesc("latchkey_audit_ok", "1 unless the last look through the whole audit log found something wrong, or was too long ago.", nil, nil)
	auditEvents    = prometheus.NewDesc("latchkey_audit_events", "Events of the audit log that have their place in its tree.", nil, nil)
	auditWaiting   = prometheus.NewDesc("latchkey_audit_waiting", "Events that wait for their place.", nil, nil)
	auditSize      = prometheus.NewDesc("latchkey_audit_checkpoint_size", "Events under the newest signed checkpoint.", nil, nil)
	auditWatchedAt = prometheus.NewDesc("latchkey_audit_watched_timestamp_seconds", "When the whole log was last looked through.", nil, nil)
)

// Describe implements prometheus.Collector.
func (auditMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{auditOK, auditEvents, auditWaiting, auditSize, auditWatchedAt} {
		out <- d
	}
}

// scrapeWithin bounds what a scrape asks of the database.
const scrapeWithin = 2 * time.Second

// Collect implements prometheus.Collector. While the database is away it leaves
// out what it can't know.
func (a auditMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	last, ok := a.watch.Last(), 1.0
	if a.watch.Problem() != "" {
		ok = 0
	}
	gauge(auditOK, ok)
	if !last.At.IsZero() {
		gauge(auditWatchedAt, float64(last.At.Unix()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	n, err := a.db.AuditCounts(ctx)
	if err != nil {
		return
	}
	gauge(auditEvents, float64(n.Events))
	gauge(auditWaiting, float64(n.Waiting))
	gauge(auditSize, float64(n.Published))
}
