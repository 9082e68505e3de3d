package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/gateway"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/postgres"
)

// gatewayPart is the gateway as it is in production: full judgement, metering
// into Postgres, metrics, and a log line for each request, which goes nowhere.
type gatewayPart struct {
	Listen   string
	Upstream *url.URL
	Dir      string `help:"Where the database lives."`
	Keys     string `help:"File to write the keys into. It is there once the gateway answers."`
	Count    int    `default:"10000" help:"How many keys."`
}

// Run serves until ctx ends.
func (p *gatewayPart) Run(ctx context.Context) (err error) {
	server, err := postgres.Start(ctx, postgres.Config{Dir: p.Dir, Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	db, err := storage.Open(ctx, storage.Config{DSN: server.DSN(), MaxConns: 4, Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	box, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		return err
	}
	keys, err := p.makeKeys(ctx, db, box)
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Deps{
		DB: db, Box: box, Logger: zerolog.New(io.Discard), Metrics: prometheus.NewRegistry(),
		Limits:    gateway.Limits{PerSecond: 1_000_000},
		Upstreams: map[string]connectors.Upstream{"tempo": p.upstream()},
	})
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ends := make(chan error, 2)
	go func() { ends <- g.Run(ctx) }()
	go func() { ends <- g.Serve(ctx, ln) }()
	if err := os.WriteFile(p.Keys, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return errors.Join(<-ends, <-ends)
}

func (p *gatewayPart) upstream() connectors.Upstream {
	get := func(path string) connectors.Rule { return connectors.Rule{Methods: []string{"GET"}, Path: path} }
	return connectors.Upstream{
		Connection: "tempo", BaseURL: p.Upstream, Header: "Authorization", AllowPrivate: true,
		Credential: secret.New("Bearer " + secret.Token(40).Expose()),
		Scopes: []connectors.Scope{
			{Name: "worklogs:view", Access: connectors.Read, Rules: []connectors.Rule{get("/4/worklogs"), get("/4/worklogs/{id}")}},
			{Name: "worklogs:manage", Access: connectors.Write, Rules: []connectors.Rule{{Path: "/4/worklogs/**"}, {Path: "/4/worklogs/export/**", Deny: true}}},
			{Name: "plans:view", Access: connectors.Read, Rules: []connectors.Rule{get("/4/plans/**")}},
		},
	}
}

// makeKeys issues keys as a person would hold them.
func (p *gatewayPart) makeKeys(ctx context.Context, db *storage.DB, box *secret.Box) ([]string, error) {
	keys, hashes := make([]string, p.Count), make([][]byte, p.Count)
	for i := range keys {
		keys[i] = secret.NewKey().Expose()
		hash := box.Hash(keys[i])
		hashes[i] = hash[:]
	}
	_, err := db.Pool().Exec(ctx, `
		WITH c AS (INSERT INTO connection (name, kind, brokered) SELECT 'tempo', 'tempo', true RETURNING name),
		     p AS (INSERT INTO person (email, name) VALUES ('alice@example.com', 'Alice') RETURNING id)
		INSERT INTO credential (connection, brokered, kind, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
		                        activated_at, expires_at, use_known)
		SELECT c.name, true, 'api_key', true, p.id, '{worklogs:view,plans:view}', 86400, 'active', encode(hash, 'hex'), hash,
		       latchkey_now(), latchkey_now() + interval '1 day', true
		FROM c, p, unnest($1::bytea[]) hash`, pgx.QueryExecModeCacheStatement, hashes)
	if err != nil {
		return nil, fmt.Errorf("insert keys: %w", err)
	}
	return keys, nil
}
