package storage

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"latchkey/storage/storagetest"
)

func TestReplicasThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	dsn := storagetest.Database(t, emptyTemplate())
	const replicas = 3
	applied := make([][]string, replicas)
	errs := make([]error, replicas)
	var ready, done sync.WaitGroup
	ready.Add(replicas)
	for i := range replicas {
		db := openDSN(t, dsn, 2)
		done.Go(func() {
			ready.Done()
			ready.Wait()
			applied[i], errs[i] = db.Migrate(context.Background())
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	workers := 0
	for _, names := range applied {
		if len(names) > 0 {
			workers++
			if names[0] != "0001_main_job.sql" || !strings.HasPrefix(names[len(names)-1], "river ") {
				t.Errorf("applied %v", names)
			}
		}
	}
	if workers != 1 {
		t.Errorf("%d replicas migrated: %v", workers, applied)
	}
	again, err := openDSN(t, dsn, 2).Migrate(context.Background())
	if err != nil || len(again) != 0 {
		t.Errorf("a later start applies %v, %v", again, err)
	}
}

func TestCheckMigratedLooksAndTouchesNothing(t *testing.T) {
	t.Parallel()
	db := openDSN(t, storagetest.Database(t, emptyTemplate()), 2)
	if err := db.CheckMigrated(t.Context()); !errors.Is(err, ErrNotMigrated) {
		t.Errorf("an empty database: %v", err)
	}
	var tables int
	if err := db.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("looking made %d tables, %v", tables, err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.CheckMigrated(t.Context()); err != nil {
		t.Errorf("a migrated database: %v", err)
	}
	if _, err := db.pool.Exec(t.Context(), `DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration)`); err != nil {
		t.Fatal(err)
	}
	if err := db.CheckMigrated(t.Context()); !errors.Is(err, ErrNotMigrated) {
		t.Errorf("a database without the newest job tables: %v", err)
	}
}

// A database that is not this binary's is refused before anything is changed.
func TestMigrateRefusesAForeignDatabase(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ sql, want string }{
		"an edited migration": {`UPDATE schema_migration SET hash = 'edited'`, "never edited"},
		"a newer database":    {`INSERT INTO schema_migration (version, name, hash) VALUES (9999, '9999_future.sql', 'x')`, "older than the database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHouse(t)
			h.exec(t, tt.sql)
			if _, err := h.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Migrate: %v", err)
			}
			if err := h.CheckMigrated(t.Context()); err == nil || errors.Is(err, ErrNotMigrated) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CheckMigrated: %v", err)
			}
		})
	}
}

func TestMigrationsAreNumberedOnce(t *testing.T) {
	t.Parallel()
	all, err := allMigrations()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if m.version != i+1 || len(m.hash) != 64 || strings.TrimSpace(m.sql) == "" {
			t.Errorf("migration %d is %s with version %d", i+1, m.name, m.version)
		}
	}
	one, err := MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	two, _ := MigrationsKey()
	if diff := cmp.Diff(one, two); diff != "" || len(one) != 16 {
		t.Errorf("key %q: %s", one, diff)
	}
}

func TestOpenDoesNotShowThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://u:hunter2@[::1/x", "host=h password=hunter2 port=nonsense"} {
		_, err := Open(t.Context(), Config{DSN: dsn, Logger: zerolog.Nop()})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
