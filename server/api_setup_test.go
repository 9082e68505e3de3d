package server

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/latchkey"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// apiBundle is the doors with a system "latchkey", a system "slow" whose keys
// are made when the test says so, a sink "safe", and a key of Latchkey's own
// that may rotate.
type apiBundle struct {
	*testBundle
	bob  workflow.Actor
	psk  secret.Value
	slow *slowConnector
	safe *safeSink
	key  string // Alice's
	own  storage.CredentialID
}

const pskID = "ci"

func setupAPI(t *testing.T) *apiBundle {
	t.Helper()
	psk := secret.New(string(secret.NewDataKey()))
	return setupAPIWith(t, psk, map[string]secret.Value{pskID: psk})
}

func setupAPIWith(t *testing.T, psk secret.Value, psks map[string]secret.Value) *apiBundle {
	t.Helper()
	own, err := latchkey.Open(connectors.Settings{Name: "latchkey", Kind: workflow.OwnKind}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &apiBundle{psk: psk, slow: &slowConnector{}, safe: &safeSink{}}
	b.testBundle = setupWith(t, Deps{PSKs: psks},
		system{connectors.Settings{Name: "latchkey", Kind: workflow.OwnKind}, own},
		system{connectors.Settings{Name: "slow", Kind: "slow"}, b.slow},
		system{connectors.Settings{Name: "byhand", Kind: "byhand"}, guidedConnector{}},
		system{connectors.Settings{Name: "safe", Kind: "safe"}, b.safe})
	b.guard(base64.StdEncoding.EncodeToString([]byte(psk.Expose())))
	b.bob = b.hire(t, "bob")
	b.own, b.key = b.ownKey(t, b.alice, workflow.ScopeRotate)
	t.Cleanup(func() { b.checkAudit(t) })
	return b
}

func (b *testBundle) hire(t *testing.T, name string) workflow.Actor {
	t.Helper()
	var a storage.Account
	err := b.db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) (err error) {
		a, err = tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T0", ExternalID: "U0" + strings.ToUpper(name),
			Email: name + "@example.com", Name: name}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return workflow.Actor{Account: a, Ref: "test"}
}

// made has somebody ask for a key, and makes it.
func (b *testBundle) made(t *testing.T, who workflow.Actor, ask workflow.Ask) storage.Credential {
	t.Helper()
	ask.Kind, ask.Lifetime, ask.Reason = string(connectors.APIKey), workflow.Duration(30*24*time.Hour), "month-end report"
	request, err := b.service.Submit(t.Context(), who, ask, secret.Token(8).Expose())
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
	return b.credential(t, c.ID)
}

func (b *testBundle) credential(t *testing.T, id storage.CredentialID) storage.Credential {
	t.Helper()
	c, err := b.db.Credential(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect takes a key from its reveal page.
func (b *testBundle) collect(t *testing.T, id storage.CredentialID) string {
	t.Helper()
	address, err := b.service.RevealURL(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := b.service.Reveal(t.Context(), address[strings.LastIndex(address, "/")+1:], "test")
	if err != nil {
		t.Fatal(err)
	}
	b.guard(key.Expose())
	return key.Expose()
}

func (b *testBundle) ownKey(t *testing.T, who workflow.Actor, scopes ...string) (storage.CredentialID, string) {
	t.Helper()
	c := b.made(t, who, workflow.Ask{Connection: "latchkey", Scopes: scopes})
	return c.ID, b.collect(t, c.ID)
}

// bobs is a key of Bob's at tempo that is in use.
func (b *apiBundle) bobs(t *testing.T) storage.Credential {
	t.Helper()
	c := b.made(t, b.bob, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view", "worklogs:manage"}})
	b.collect(t, c.ID)
	return c
}

// body is the body of a rotation as its users wrote it, with another end.
func body(ends time.Time) map[string]any {
	return map[string]any{
		"newKeyExpiresAt": ends.UTC().Format(time.RFC3339), "rotateReason": "Scheduled rotation", "notifyContacts": []string{"secops@example.com"},
		"metadata": map[string]string{"rotatedBy": "secops-bot", "initiatedFrom": "ci-pipeline", "rotationPolicyId": "quarterly"},
	}
}

// changed is body with members set anew; nil takes one away.
func changed(body map[string]any, changes ...any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, body)
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(out, changes[i].(string))
			continue
		}
		out[changes[i].(string)] = changes[i+1]
	}
	return out
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// patch asks for a rotation; headers are added to, or replace, the usual ones.
// It may be called from any goroutine.
func (b *testBundle) patch(t *testing.T, key, path string, body any, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, b.http.URL+path, strings.NewReader(asJSON(t, body)))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return reply{res.StatusCode, res.Header, string(raw)}
}

func rotatePath(c storage.Credential) string {
	return "/v1/orgs/" + c.Connection + "/api-keys/rotate/" + c.ID.String()
}

func (r reply) data(t *testing.T) rotationData {
	t.Helper()
	var out rotationAnswer
	d := json.NewDecoder(strings.NewReader(r.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return out.Data
}

func (r reply) problem(t *testing.T) problem {
	t.Helper()
	var out problem
	if err := json.Unmarshal([]byte(r.body), &out); err != nil || r.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s is no problem: %v", r.status, r.body, err)
	}
	if out.Status != r.status || out.Type == "" || out.Title == "" || out.Detail == "" || out.Code == "" || !strings.HasPrefix(out.Instance, "urn:") {
		t.Errorf("the problem lacks something: %s", r.body)
	}
	return out
}

// unsealed opens what was handed out, as its receiver would.
func (b *apiBundle) unsealed(t *testing.T, d rotationData) string {
	t.Helper()
	if d.Encryption == nil || d.Encryption.Algorithm != "AES-256-GCM" || d.Encryption.PSKID != pskID {
		t.Fatalf("encryption = %+v", d.Encryption)
	}
	key := unseal(t, unseal(t, []byte(b.psk.Expose()), d.Encryption.KeyWrap, d.ID), d.EncryptedSecret, d.ID)
	b.guard(string(key))
	return string(key)
}

func unseal(t *testing.T, key []byte, text, id string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, raw[:12], raw[12:], []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// rows is everything that a request could change, but for the last use of
// keys.
func (b *testBundle) rows(t *testing.T) string {
	t.Helper()
	var out string
	err := b.db.Pool().QueryRow(t.Context(), `
		SELECT concat_ws(' ', (SELECT count(*) FROM audit_event), (SELECT count(*) FROM rotation), (SELECT count(*) FROM request),
		       (SELECT count(*) FROM river_job), (SELECT count(*) FROM ticket WHERE sealed IS NOT NULL),
		       (SELECT string_agg(md5((to_jsonb(c) - 'last_used_at')::text), ' ' ORDER BY id) FROM credential c))`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkAudit looks for secrets in the audit log and beside it.
func (b *testBundle) checkAudit(t *testing.T) {
	t.Helper()
	var text string
	err := b.db.Pool().QueryRow(context.WithoutCancel(t.Context()), `
		SELECT concat((SELECT string_agg(e::text, ' ') FROM audit_event e), (SELECT string_agg(r::text, ' ') FROM rotation r),
		              (SELECT string_agg(j.args::text, ' ') FROM river_job j), (SELECT string_agg(c::text, ' ') FROM credential c))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.secrets {
		if len(s) >= 40 && (strings.Contains(text, s) || strings.Contains(text, s[:20])) {
			t.Errorf("a secret of %d characters is in the database in clear", len(s))
		}
	}
}

// slowConnector is a vendor that makes keys when the test says so.
type slowConnector struct {
	nativeConnector

	mu  sync.Mutex
	err error
}

func (c *slowConnector) set(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *slowConnector) Issue(ctx context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return connectors.Issued{}, err
	}
	return c.nativeConnector.Issue(ctx, r)
}

// Credentials finds nothing of what was cut off.
func (c *slowConnector) Credentials(context.Context) iter.Seq2[connectors.Credential, error] {
	return func(func(connectors.Credential, error) bool) {}
}

// Verify finds every key alive.
func (c *slowConnector) Verify(context.Context, connectors.Ref) (connectors.Liveness, error) {
	return connectors.Live, nil
}

// guidedConnector is a vendor at which only people make keys.
type guidedConnector struct{ nativeConnector }

func (guidedConnector) GuideIssue(connectors.IssueRequest) (connectors.Task, error) {
	return connectors.Task{}, nil
}

// safeSink keeps what it is given.
type safeSink struct {
	mu   sync.Mutex
	kept map[string]string // by place
}

func (*safeSink) Check(context.Context) error { return nil }

func (s *safeSink) Deliver(_ context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[d.Place] = d.Secret.Expose()
	return connectors.Delivered{Version: fmt.Sprint(len(s.kept), d.Label), Where: d.Place}, nil
}

func (s *safeSink) at(place string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[place]
}
