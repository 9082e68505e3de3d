package storage

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage/storagetest"
)

// house is a migrated database of the test's own, with one connection and one
// policy.
type house struct {
	*DB
	dsn string
}

const housePolicy = "hash-of-policy"

func migratedTemplate(t testing.TB) storagetest.Template {
	t.Helper()
	key, err := MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := Open(ctx, Config{DSN: dsn, MaxConns: 2, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}}
}

// emptyTemplate is a database without any of our tables.
func emptyTemplate() storagetest.Template {
	return storagetest.Template{Key: "empty", Migrate: func(context.Context, string) error { return nil }}
}

func openDSN(t testing.TB, dsn string, conns int32) *DB {
	t.Helper()
	db, err := Open(context.Background(), Config{DSN: dsn, MaxConns: conns, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func openHouse(t testing.TB) *house {
	t.Helper()
	dsn := storagetest.Database(t, migratedTemplate(t))
	h := &house{DB: openDSN(t, dsn, 10), dsn: dsn}
	ctx := context.Background()
	if err := h.SaveConnections(ctx, []Connection{{Name: "tempo", Kind: "tempo", Brokered: true}, {Name: "acme", Kind: "fake"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SavePolicy(ctx, housePolicy, "{}"); err != nil {
		t.Fatal(err)
	}
	return h
}

// in runs a transaction that must commit.
func (h *house) in(t testing.TB, fn func(context.Context, Tx) error) {
	t.Helper()
	if err := h.InTx(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func (h *house) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := h.pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (h *house) count(t testing.TB, sql string, args ...any) (n int) {
	t.Helper()
	if err := h.pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// person makes a person with one Slack account.
func (h *house) person(t testing.TB, name string) (a Account) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		a, err = tx.SaveAccount(ctx, Account{System: SystemSlack, Team: "T1", ExternalID: "U" + strings.ToUpper(name), Email: name + "@example.com", Name: name}, "")
		return err
	})
	return a
}

func actorOf(a Account) Actor {
	return Actor{PersonID: a.PersonID, AccountID: a.ID, Name: a.Name, Ref: "slack:1"}
}

func newRequest(by Account, key string) Request {
	return Request{RequesterID: by.PersonID, AccountID: by.ID, Connection: "acme", Kind: "api_key", Scopes: []string{"files:read", "files:write"},
		LifetimeS: 3600, Reason: "for the report", PolicyHash: housePolicy, PolicyName: "p", State: RequestPending, SourceKey: key,
		LapsesAt: time.Now().Add(time.Hour)}
}

// request files a request with one step.
func (h *house) request(t testing.TB, by Account, key string, eligible ...PersonID) Request {
	t.Helper()
	r := newRequest(by, key)
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.InsertRequest(ctx, &r, []Step{{Group: "admins", Quorum: 1, Eligible: append([]PersonID{}, eligible...)}}, actorOf(by))
	})
	return r
}

func newCredential(r Request) Credential {
	return Credential{Connection: r.Connection, Kind: r.Kind, Managed: true, OwnerID: r.RequesterID, RequestID: r.ID, Label: r.ID.String(),
		Scopes: r.Scopes, LifetimeS: r.LifetimeS, State: CredentialIssuing, NextActionAt: time.Now().Add(time.Hour)}
}

func (h *house) credential(t testing.TB, r Request) Credential {
	t.Helper()
	c := newCredential(r)
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.InsertCredential(ctx, &c, System("test")) })
	return c
}

// activate takes a credential to active as an issue would.
func (h *house) activate(t testing.TB, c *Credential) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) error {
		c.VendorRef, c.ActivatedAt, c.ExpiresAt = fmt.Sprintf("key-%d", c.ID), time.Now(), time.Now().Add(time.Hour)
		return tx.MoveCredential(ctx, c, CredentialActive, System("test"), "")
	})
}

// story lists a subject's audit rows as "action before>after by actor: reason".
func (h *house) story(t testing.TB, subject string, id int64) []string {
	t.Helper()
	events, err := h.Events(context.Background(), subject, id)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s>%s by %s: %s", e.Action, e.Before, e.After, e.Actor, e.Reason))
	}
	return out
}
