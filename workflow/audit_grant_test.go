package workflow

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

// lesser is a database role that was granted what the service needs, and a
// service that runs as it.
func (h *house) lesser(t *testing.T) (*house, string) {
	t.Helper()
	ctx := t.Context()
	role := "latchkey_test_" + strings.ToLower(secret.Token(12).Expose())
	password := secret.Token(24).Expose()
	name := pgx.Identifier{role}.Sanitize()
	h.exec(t, `CREATE ROLE `+name+` LOGIN PASSWORD '`+password+`'`)
	t.Cleanup(func() {
		for _, sql := range []string{`DROP OWNED BY ` + name, `DROP ROLE ` + name} {
			if _, err := h.DB.Pool().Exec(context.WithoutCancel(ctx), sql); err != nil {
				t.Errorf("clean up: %v", err)
			}
		}
	})
	if err := h.DB.Grant(ctx, role); err != nil {
		t.Fatal(err)
	}
	dsn, err := url.Parse(h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	dsn.User = url.UserPassword(role, password)
	out := &house{dsn: dsn.String(), vendor: h.vendor, url: h.url, people: h.people, logs: h.logs}
	out.Service = out.service(t, houseDocument(), nil)
	return out, role
}

// A service whose role can only read and add to the log does all of its work:
// ask, approve, make, collect, log, revoke, sequence, publish, watch.
func TestServiceRunsAsALesserRole(t *testing.T) {
	t.Parallel()
	owner := open(t)
	h, _ := owner.lesser(t)
	ctx := t.Context()
	if applied, err := h.DB.Migrate(ctx); err != nil || len(applied) > 0 {
		t.Fatalf("a start: %v, %v", applied, err)
	}
	c := h.active(t, "alice")
	if err := h.DB.EnsureAccessPartitions(ctx, 1); err != nil {
		t.Error(err)
	}
	if err := h.DB.WriteAccess(ctx, []storage.Access{{CredentialID: c.ID, At: time.Now(), Method: "GET", Route: "/"}}); err != nil {
		t.Error(err)
	}
	if err := h.DB.DropAccessOlder(ctx, 30); err != nil {
		t.Error(err)
	}
	if _, err := h.Revoke(ctx, h.people["alice"], c.ID, "done"); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked {
		t.Errorf("it is %s", got.State)
	}
	h.gone(t, "frank")
	signer := h.sequenced(t, 1)
	p, err := h.NewPublication(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Look(ctx); err != nil {
		t.Error(err)
	}
	watch := h.NewAuditWatch(signer.Public, p, time.Hour)
	if err := watch.Look(ctx); err != nil || watch.Last().Size == 0 || watch.Last().Problem != "" {
		t.Errorf("%+v, %v", watch.Last(), err)
	}
	if rights, err := h.DB.AuditRights(ctx); err != nil || rights.Superuser || rights.Owner || rights.Change {
		t.Errorf("%+v, %v", rights, err)
	}
	if rights, err := owner.DB.AuditRights(ctx); err != nil || !rights.Superuser && !rights.Owner {
		t.Errorf("the owner's: %+v, %v", rights, err)
	}
}

// What the role may not is refused by the database, whatever the triggers say.
func TestLesserRoleCannotChangeTheLog(t *testing.T) {
	t.Parallel()
	owner := open(t)
	h, role := owner.lesser(t)
	owner.sequenced(t, 2)
	for _, table := range []string{"audit_event", "audit_leaf", "audit_node", "audit_checkpoint", "audit_signer"} {
		for _, sql := range []string{
			`DELETE FROM ` + table,
			`TRUNCATE ` + table,
			`ALTER TABLE ` + table + ` DISABLE TRIGGER ALL`,
			`DROP TABLE ` + table,
			`CREATE OR REPLACE FUNCTION audit_is_fixed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
			`SET session_replication_role = replica`,
		} {
			if _, err := h.DB.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
	for _, sql := range []string{`UPDATE audit_event SET action = 'x'`, `UPDATE audit_leaf SET salt = NULL`, `UPDATE audit_checkpoint SET note = ''`,
		`UPDATE audit_signer SET public = ''`, `UPDATE schema_migration SET hash = ''`, `CREATE TABLE mine (id bigint)`} {
		if _, err := h.DB.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, bad := range []string{"nobody_of_that_name", ""} {
		if err := owner.DB.Grant(t.Context(), bad); err == nil {
			t.Errorf("a grant to %q went well", bad)
		}
	}
	db, err := storage.Open(t.Context(), storage.Config{DSN: h.dsn, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Grant(t.Context(), role); err == nil {
		t.Error("the role gave itself rights")
	}
}
