package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// allScopes are those of keys of Latchkey's own.
var allScopes = []string{workflow.ScopeRead, workflow.ScopeEdit, workflow.ScopeRevoke, workflow.ScopeRotate, workflow.ScopeRequests, workflow.ScopeFile,
	workflow.ScopePeople, workflow.ScopeOffboard, workflow.ScopeAudit, workflow.ScopeReportLeaks}

// v1Bundle is an apiBundle whose key may everything.
type v1Bundle struct {
	*apiBundle
	all string
}

func setupV1(t *testing.T) *v1Bundle {
	t.Helper()
	b := &v1Bundle{apiBundle: setupAPI(t)}
	_, b.all = b.ownKey(t, b.alice, allScopes...)
	return b
}

// call sends a request of the API. A POST gets an idempotency key of its own
// unless headers name one. No pace is kept: tests about that say so.
func (b *v1Bundle) call(t *testing.T, key, method, path string, body any, headers ...string) reply {
	t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		content = strings.NewReader(asJSON(t, body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, b.http.URL+path, content)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPost {
		r.Header.Set(idempotencyHeader, secret.Token(12).Expose())
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
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

// unhurried forgets how often keys called.
func (b *v1Bundle) unhurried() { b.server.paces = newPaces(time.Now) }

// read is what an answer of 200 says.
func read[T any](t *testing.T, r reply) T {
	t.Helper()
	var out T
	d := json.NewDecoder(strings.NewReader(r.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); r.status != http.StatusOK || err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return out
}

// want asserts a problem.
func (r reply) want(t *testing.T, status int, code, field string) {
	t.Helper()
	p := r.problem(t)
	if r.status != status || p.Code != code || p.Field != field {
		t.Errorf("%d %s on %q, want %d %s on %q: %s", r.status, p.Code, p.Field, status, code, field, p.Detail)
	}
}

// sequenced gives every event its place in the tree.
func (b *v1Bundle) sequenced(t *testing.T) {
	t.Helper()
	signer, err := b.service.AuditSigner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.NewSequencer(b.db).Next(t.Context(), signer.Open, signer.Sign, 10_000); err != nil {
		t.Fatal(err)
	}
}

// door is the door of the bundle's server, for its table.
func (b *v1Bundle) door() *v1Door { return &v1Door{Server: b.server} }

// document is the API's, as it is served.
func (b *testBundle) document(t *testing.T) map[string]any {
	t.Helper()
	got := b.do(t, http.MethodGet, "/v1/openapi.json")
	var out map[string]any
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	return out
}

func because(why string) map[string]any { return map[string]any{"reason": why} }

func at(path string, args ...any) string { return fmt.Sprintf(path, args...) }
