package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

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
	"latchkey/storage"
	"latchkey/storage/postgres"
	"latchkey/workflow"
)

// loadConfig reads the configuration file of a command.
func loadConfig(c *console, path string) (*config.Config, error) {
	return config.Load(path, c.env, kindFields())
}

func kindFields() map[string][]string {
	out := map[string][]string{}
	for name, k := range catalog.Kinds() {
		out[name] = k.Fields
	}
	return out
}

// openDatabase connects to the configured database, or runs a private one.
func openDatabase(ctx context.Context, c *config.Config, log zerolog.Logger) (*postgres.Server, *storage.DB, error) {
	dsn := c.DatabaseURL.Expose()
	var private *postgres.Server
	if dsn == "" {
		var err error
		private, err = postgres.Start(ctx, postgres.Config{Dir: filepath.Join(c.DataDir, "postgres"), Logger: log})
		if err != nil {
			return nil, nil, fmt.Errorf("start a private Postgres (set database_url to use your own): %w", err)
		}
		dsn = private.DSN()
	}
	db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: log})
	if err == nil {
		err = db.Ping(ctx)
	}
	if err != nil {
		if db != nil {
			db.Close()
		}
		if private != nil {
			err = errors.Join(err, private.Stop(context.WithoutCancel(ctx)))
		}
		return nil, nil, fmt.Errorf("connect to the database: %w", err)
	}
	return private, db, nil
}

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

// openConnections opens every configured system; nothing is dialled.
func openConnections(c *config.Config) (map[string]connectors.Connector, error) {
	out := map[string]connectors.Connector{}
	var errs []error
	for _, s := range c.Connections {
		conn, err := catalog.Open(s, connectors.NewTransport)
		if err != nil {
			errs = append(errs, fmt.Errorf("connection %s: %w", s.Name, err))
			continue
		}
		out[s.Name] = conn
	}
	return out, errors.Join(errs...)
}

// explain gives a policy's problems their places in the file.
func explain(c *config.Config, err error) error {
	var pe *workflow.PolicyError
	if errors.As(err, &pe) {
		return c.Explain(pe.Problems)
	}
	return err
}
