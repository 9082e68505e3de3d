package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/awskms"        // awskms://
	_ "gocloud.dev/secrets/azurekeyvault" // azurekeyvault://
	_ "gocloud.dev/secrets/gcpkms"        // gcpkms://
	_ "gocloud.dev/secrets/hashivault"    // hashivault://
	_ "gocloud.dev/secrets/localsecrets"  // base64key://

	"latchkey/cmd/latchkey/config"
	"latchkey/connectors"
	"latchkey/connectors/catalog"
	"latchkey/gateway"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/postgres"
	"latchkey/workflow"
)

// loadConfig reads the configuration file of a command.
func loadConfig(c *console, path string) (*config.Config, error) {
	cfg, err := config.Load(path, c.env, kindFields())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; `latchkey config example > %s` makes one to fill in", err, path)
	}
	return cfg, err
}

func kindFields() map[string][]string {
	out := map[string][]string{}
	for name, k := range catalog.Kinds() {
		if name != "latchkey" { // which is there by itself
			out[name] = k.Fields
		}
	}
	return out
}

// preSharedKeys are the keys under which the rotation API seals what it hands
// out. The configuration was checked: each is 32 bytes in base64.
func preSharedKeys(c *config.Config) (map[string]secret.Value, error) {
	out := map[string]secret.Value{}
	for name, v := range c.PreSharedKeys {
		key, err := secret.ParseWrapKey(v)
		if err != nil {
			return nil, fmt.Errorf("read pre-shared key %s: %w", name, err)
		}
		out[name] = key
	}
	return out, nil
}

// openDatabase connects to the configured database, or runs a private one.
func openDatabase(ctx context.Context, c *config.Config, log zerolog.Logger) (*postgres.Server, *storage.DB, error) {
	dsn := c.DatabaseURL.Expose()
	var private *postgres.Server
	if dsn == "" {
		var err error
		private, err = postgres.Start(ctx, postgres.Config{Dir: privateDir(c), Logger: log})
		if err != nil {
			return nil, nil, fmt.Errorf("start a private Postgres (set database_url to use your own): %w", err)
		}
		dsn = private.DSN()
	}
	db, err := connect(ctx, dsn, log)
	if err != nil && private != nil {
		err = errors.Join(err, private.Stop(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return nil, nil, err
	}
	return private, db, nil
}

// visitDatabase is openDatabase for a tool: the private Postgres that a
// running service has is used, and left running.
func visitDatabase(ctx context.Context, c *config.Config, log zerolog.Logger) (*postgres.Server, *storage.DB, error) {
	private, db, err := openDatabase(ctx, c, log)
	var taken *postgres.InUseError
	if errors.As(err, &taken) && taken.DSN != "" {
		db, err = connect(ctx, taken.DSN, log)
	}
	return private, db, err
}

func connect(ctx context.Context, dsn string, log zerolog.Logger) (*storage.DB, error) {
	db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return db, nil
}

// privateDir is where the private Postgres has its files.
func privateDir(c *config.Config) string { return filepath.Join(c.DataDir, "postgres") }

// openKeeper opens the key-encryption key.
func openKeeper(ctx context.Context, c *config.Config) (storage.Keeper, func(), error) {
	if c.Keeper.Empty() {
		return storage.Keeper{}, nil, errors.New("keeper is not set: it holds the key that seals every secret; `latchkey config key` makes one to start with")
	}
	k, err := secrets.OpenKeeper(ctx, c.Keeper.Expose())
	if err != nil {
		return storage.Keeper{}, nil, errors.New("keeper can't be opened: check its URL and the rights of this process; its form is base64key://…, awskms://…, gcpkms://…, azurekeyvault://… or hashivault://…")
	}
	return storage.Keeper{Seal: k.Encrypt, Open: k.Decrypt}, func() { _ = k.Close() }, nil
}

// openConnections opens every configured system; nothing is dialled. What is
// wrong with them has its place in the file.
func openConnections(c *config.Config) (map[string]connectors.Connector, error) {
	out := map[string]connectors.Connector{}
	var problems []workflow.Problem
	for _, s := range c.Connections {
		conn, err := catalog.Open(s, connectors.NewTransport)
		if err != nil {
			message := strings.TrimPrefix(err.Error(), "open connection "+s.Name+": ")
			problems = append(problems, workflow.Problem{Path: "connections." + s.Name, Message: strings.ReplaceAll(message, "\n", "; ")})
			continue
		}
		out[s.Name] = conn
	}
	return out, c.Explain(problems)
}

// explain gives a policy's problems their places in the file.
func explain(c *config.Config, err error) error {
	if pe, ok := errors.AsType[*workflow.PolicyError](err); ok {
		return c.Explain(pe.Problems)
	}
	return err
}

// syncEvery is how often each system is listed, where the file says so.
func syncEvery(c *config.Config) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, s := range c.Connections {
		if s.SyncEvery > 0 {
			out[s.Name] = s.SyncEvery
		}
	}
	return out
}

// capabilities is what each system can do, in the words of the catalog.
func capabilities(opened map[string]connectors.Connector) map[string][]string {
	out := map[string][]string{}
	for name, c := range opened {
		for _, can := range catalog.Capabilities(c) {
			out[name] = append(out[name], string(can))
		}
	}
	return out
}

// scopesOfRoutes tells which scopes let pass what a line of the gateway's log
// stands for, for each system behind the gateway.
func scopesOfRoutes(opened map[string]connectors.Connector) (map[string]func(method, route string) []string, error) {
	out := map[string]func(method, route string) []string{}
	for name, c := range opened {
		b, ok := connectors.As[connectors.Broker](c)
		if !ok || b.Upstream().BaseURL == nil { // what our own server honours is in no log of the gateway
			continue
		}
		routes, err := gateway.NewRoutes(b.Upstream().Scopes)
		if err != nil {
			return nil, fmt.Errorf("read the routes of %s: %w", name, err)
		}
		out[name] = routes.Scopes
	}
	return out, nil
}
