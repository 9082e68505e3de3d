package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/connectors/latchkey"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
	"latchkey/workflow"
)

// directory is the door for directories over a real database, with a key that
// may provision. At the end nothing that must not be kept is in any row or log.
type directory struct {
	db      *storage.DB
	service *workflow.Service
	server  *Server
	http    *httptest.Server
	admin   workflow.Actor
	key     string
	log     *logbook
}

const passwordCanary = "Correct-Horse-91-Battery"

func openDirectory(t testing.TB) *directory {
	t.Helper()
	d := &directory{log: &logbook{}}
	logger := zerolog.New(d.log).Level(zerolog.TraceLevel)
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	migrate := func(ctx context.Context, dsn string) error {
		db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}
	d.db, err = storage.Open(context.Background(), storage.Config{DSN: storagetest.Database(t, storagetest.Template{Key: key, Migrate: migrate}), MaxConns: 16, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.db.Close)
	d.serve(t, logger)
	d.admin = d.hire(t, "admin@example.com")
	d.key = d.ownKey(t, workflow.ScopeProvision)
	t.Cleanup(func() { d.checkNothingKept(t) })
	return d
}

func (d *directory) serve(t testing.TB, logger zerolog.Logger) {
	t.Helper()
	box, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	d.exec(t, `INSERT INTO data_key (id, sealed) VALUES (1, '')`)
	settings := []connectors.Settings{{Name: "latchkey", Kind: workflow.OwnKind}}
	own, err := latchkey.Open(settings[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := map[string]connectors.Connector{"latchkey": own}
	document := workflow.Document{
		Groups: map[string]workflow.Group{"security": {SCIM: "Security"}},
		Policies: []workflow.Policy{{Name: "all", Connections: []string{"latchkey"}, Scopes: []string{"*"}, Requesters: []string{workflow.Everyone},
			Approval: workflow.Approval{Auto: true}, MaxLifetime: workflow.Duration(90 * 24 * time.Hour)}},
	}
	if err := workflow.Describe(context.Background(), &document, settings, opened); err != nil {
		t.Fatal(err)
	}
	d.service, err = workflow.New(context.Background(), workflow.Deps{DB: d.db, Keys: storage.Keyring{ID: 1, Box: box}, Document: document, Connectors: opened,
		Logger: logger, PublicURL: "https://latchkey.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	d.server = New(Deps{Workflow: d.service, Logger: logger})
	d.http = httptest.NewServer(d.server.Handler())
	t.Cleanup(d.http.Close)
}

func (d *directory) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := d.db.Pool().Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// hire gives somebody a Slack account.
func (d *directory) hire(t testing.TB, email string) workflow.Actor {
	t.Helper()
	var a storage.Account
	err := d.db.InTx(context.Background(), func(ctx context.Context, tx storage.Tx) (err error) {
		a, err = tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T0", ExternalID: "U0" + strings.ToUpper(email), Email: email, Name: email}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return workflow.Actor{Account: a, Ref: "test"}
}

// ownKey has the admin ask for a key and collect it.
func (d *directory) ownKey(t testing.TB, scopes ...string) string {
	t.Helper()
	ctx := context.Background()
	request, err := d.service.Submit(ctx, d.admin, workflow.Ask{Connection: "latchkey", Kind: string(connectors.APIKey), Scopes: scopes,
		Lifetime: workflow.Duration(30 * 24 * time.Hour), Reason: "the directory pushes people"}, secret.Token(8).Expose())
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.db.CredentialOf(ctx, request.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.service.Issue(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	address, err := d.service.RevealURL(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := d.service.Reveal(ctx, address[strings.LastIndex(address, "/")+1:], "test")
	if err != nil {
		t.Fatal(err)
	}
	return key.Expose()
}

// send makes a call under the door's root. A header of "-" is none. It may be
// called from any goroutine.
func (d *directory) send(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, d.http.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	r.Header.Set("Authorization", "Bearer "+d.key)
	if body != "" {
		r.Header.Set("Content-Type", scimType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "-" {
			r.Header.Del(headers[i])
		}
	}
	res, err := d.http.Client().Do(r)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

// must is send whose status is known.
func (d *directory) must(t testing.TB, want int, method, path, body string, headers ...string) reply {
	t.Helper()
	r := d.send(t, method, path, body, headers...)
	if r.status != want {
		t.Fatalf("%s %s = %d, want %d:\n%s", method, path, r.status, want, r.body)
	}
	return r
}

func (d *directory) count(t testing.TB, sql string, args ...any) (n int) {
	t.Helper()
	if err := d.db.Pool().QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// newUser makes a user and returns the id.
func (d *directory) newUser(t testing.TB, name string) string {
	t.Helper()
	r := d.must(t, http.StatusCreated, http.MethodPost, "/Users", fmt.Sprintf(`{"schemas":[%q],"userName":%q}`, workflow.SCIMUserSchema, name))
	return idOf(r)
}

func (d *directory) newGroup(t testing.TB, name string) string {
	t.Helper()
	r := d.must(t, http.StatusCreated, http.MethodPost, "/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":%q}`, workflow.SCIMGroupSchema, name))
	return idOf(r)
}

func idOf(r reply) string {
	location := r.header.Get("Location")
	return location[strings.LastIndex(location, "/")+1:]
}

// checkNothingKept looks for what must be in no row and no log: passwords that
// directories sent, and the key.
func (d *directory) checkNothingKept(t testing.TB) {
	t.Helper()
	if strings.Contains(d.log.String(), passwordCanary) || strings.Contains(d.log.String(), d.key) {
		t.Error("a secret is in the log")
	}
	for _, table := range []string{"scim_user", "scim_group", "person", "audit_event", "river_job", "offboarding", "credential"} {
		if n := d.count(t, `SELECT count(*) FROM `+table+` t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0`, passwordCanary, d.key); n > 0 {
			t.Errorf("a secret is in %d rows of %s", n, table)
		}
	}
}
