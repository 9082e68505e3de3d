package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
	"latchkey/workflow"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testBundle is the doors over a real database and real rules.
type testBundle struct {
	db      *storage.DB
	service *workflow.Service
	server  *Server
	http    *httptest.Server
	alice   workflow.Actor
	log     *logbook

	mu      sync.Mutex
	secrets []string // tickets, keys and the like that no log line and no metric may hold
}

func setup(t *testing.T) *testBundle { return setupWith(t, Deps{}) }

// setupWith starts the doors. At the end of the test no log line and no metric
// may hold any ticket or key that the test came by.
func setupWith(t *testing.T, d Deps, more ...system) *testBundle {
	t.Helper()
	b := &testBundle{log: &logbook{}}
	logger := zerolog.New(b.log).Level(zerolog.TraceLevel)
	b.db = openDatabase(t, logger)
	b.service = newService(t, b.db, logger, more)
	b.alice = newActor(t, b.db)
	d.Workflow, d.Logger = b.service, logger
	if d.Metrics == nil {
		d.Metrics = prometheus.NewRegistry()
	}
	if d.GatewayURL == "" {
		d.GatewayURL = "https://api.example.com/"
	}
	b.server = New(d)
	b.http = httptest.NewServer(b.server.Handler())
	t.Cleanup(b.http.Close)
	t.Cleanup(func() { b.checkCanaries(t) })
	return b
}

func openDatabase(t *testing.T, logger zerolog.Logger) *storage.DB {
	t.Helper()
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	dsn := storagetest.Database(t, storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: logger})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}})
	db, err := storage.Open(t.Context(), storage.Config{DSN: dsn, MaxConns: 8, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// system is a connection of the test's own.
type system struct {
	settings  connectors.Settings
	connector connectors.Connector
}

func newService(t *testing.T, db *storage.DB, logger zerolog.Logger, more []system) *workflow.Service {
	t.Helper()
	box, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(t.Context(), `INSERT INTO data_key (id, sealed) VALUES (1, '')`); err != nil {
		t.Fatal(err)
	}
	settings := []connectors.Settings{
		{Name: "tempo", Kind: "brokered", BaseURL: "https://api.tempo.example", Token: secret.New("vendor-token"), Scopes: []connectors.Scope{
			{Name: "worklogs:view", Title: "Worklogs: see", Access: connectors.Read, Rules: []connectors.Rule{
				{Methods: []string{"GET"}, Path: "/4/worklogs/{id}"}, {Methods: []string{"GET"}, Path: "/4/worklogs"}}},
			{Name: "worklogs:manage", Title: "Worklogs: create, change and delete", Access: connectors.Write, Rules: []connectors.Rule{
				{Path: "/4/worklogs/**"}}},
		}},
		{Name: "wiki", Kind: "native"},
	}
	tempo, err := brokered.Open(settings[0], http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	opened := map[string]connectors.Connector{"tempo": tempo, "wiki": nativeConnector{}}
	for _, v := range more {
		settings, opened[v.settings.Name] = append(settings, v.settings), v.connector
	}
	document := workflow.Document{
		Groups: map[string]workflow.Group{},
		Policies: []workflow.Policy{{Name: "all", Connections: slices.Sorted(maps.Keys(opened)), Scopes: []string{"*"},
			Sinks: sinksOf(opened), Requesters: []string{workflow.Everyone}, Approval: workflow.Approval{Auto: true}, MaxLifetime: workflow.Duration(90 * 24 * time.Hour)}},
	}
	if err := workflow.Describe(t.Context(), &document, settings, opened); err != nil {
		t.Fatal(err)
	}
	service, err := workflow.New(t.Context(), workflow.Deps{DB: db, Keys: storage.Keyring{ID: 1, Box: box}, Document: document,
		Connectors: opened, Logger: logger, PublicURL: "https://latchkey.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func sinksOf(opened map[string]connectors.Connector) []string {
	var out []string
	for name, c := range opened {
		if _, ok := connectors.As[connectors.Sink](c); ok {
			out = append(out, name)
		}
	}
	return out
}

// nativeConnector is a vendor that makes its own keys.
type nativeConnector struct{}

func (nativeConnector) Check(context.Context) error { return nil }

func (nativeConnector) Scopes(context.Context) ([]connectors.Scope, error) {
	return []connectors.Scope{{Name: "pages:read", Title: "pages:read", Access: connectors.Read}}, nil
}

func (nativeConnector) Issue(_ context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	return connectors.Issued{Ref: connectors.Ref{ID: "wiki-" + r.Label}, Secret: secret.New("wiki_" + secret.Token(120).Expose())}, nil
}

func (nativeConnector) Revoke(context.Context, connectors.Ref) error { return nil }

func newActor(t *testing.T, db *storage.DB) workflow.Actor {
	t.Helper()
	var a storage.Account
	err := db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) (err error) {
		a, err = tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T0", ExternalID: "U0ALICE",
			Email: "alice@example.com", Name: "Alice"}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return workflow.Actor{Account: a, Ref: "test"}
}

// issue has Alice ask for a key and makes it, up to the moment it waits for
// her. It returns the path of its reveal page.
func (b *testBundle) issue(t *testing.T, connection string, scopes ...string) (storage.CredentialID, string) {
	t.Helper()
	request, err := b.service.Submit(t.Context(), b.alice, workflow.Ask{Connection: connection, Kind: string(connectors.APIKey),
		Scopes: scopes, Lifetime: workflow.Duration(30 * 24 * time.Hour), Reason: "month-end report"}, secret.Token(8).Expose())
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.db.CredentialOf(t.Context(), request.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	address, err := b.service.RevealURL(t.Context(), c.ID)
	if err != nil || address == "" {
		t.Fatalf("RevealURL = %q, %v", address, err)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b.guard(strings.TrimPrefix(at.Path, "/reveal/"))
	return c.ID, at.Path
}

func (b *testBundle) issueTempo(t *testing.T) (storage.CredentialID, string) {
	t.Helper()
	return b.issue(t, "tempo", "worklogs:view", "worklogs:manage")
}

// moveClock sets the database's clock ahead of the real one.
func (b *testBundle) moveClock(t *testing.T, by time.Duration) {
	t.Helper()
	_, err := b.db.Pool().Exec(t.Context(), fmt.Sprintf(`
		CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
		AS 'SELECT statement_timestamp() + interval ''%d milliseconds'''`, by.Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) stateOf(t *testing.T, id storage.CredentialID) storage.CredentialState {
	t.Helper()
	c, err := b.db.Credential(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c.State
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// shownKey finds the key on a page, or "".
func (r reply) shownKey() string {
	m := regexp.MustCompile(`<textarea[^>]*>([^<]+)</textarea>`).FindStringSubmatch(r.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// do sends a request with headers given as name, value, name, value. It may be
// called from any goroutine.
func (b *testBundle) do(t *testing.T, method, path string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.http.URL+path, nil)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	out := reply{res.StatusCode, res.Header, string(body)}
	if key := out.shownKey(); key != "" {
		b.guard(key)
	}
	return out
}

func (b *testBundle) guard(s string) {
	if s == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secrets = append(b.secrets, s)
}

// checkCanaries looks for secrets in the encodings they could slip out in.
func (b *testBundle) checkCanaries(t *testing.T) {
	t.Helper()
	var sinks bytes.Buffer
	sinks.WriteString(b.log.String())
	families, err := b.server.registry.Gather()
	if err != nil {
		t.Error(err)
	}
	for _, f := range families {
		sinks.WriteString(f.String())
	}
	text := sinks.String()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.secrets {
		for _, form := range []string{s, s[:16], url.QueryEscape(s), hex.EncodeToString([]byte(s)),
			base64.StdEncoding.EncodeToString([]byte(s))[:20], base64.URLEncoding.EncodeToString([]byte(s))[:20]} {
			if strings.Contains(text, form) {
				t.Errorf("a secret is in the log or the metrics, as %d characters", len(form))
			}
		}
	}
}

// logbook is a log that a test can read while others write.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String implements fmt.Stringer.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
