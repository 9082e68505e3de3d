package okta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/okta"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

// openAPIVariable names the vendor's documents: paths with the system's list
// separator between them. No single published package describes all we call:
// the npm package @okta/openapi has client secrets and no API tokens, the Go
// module github.com/okta/okta-sdk-golang/v5 the other way round.
const openAPIVariable = "LATCHKEY_OKTA_OPENAPI"

// Every request of the connector, and every answer of the double, is as the
// vendor's documents have it.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	docs := openAPIDocuments(t)
	checkBites(t, docs)
	undescribed := []string{} // requests that we know none of the documents has
	unknown, known := []string{}, []string{}
	for _, e := range everyExchange(t) {
		r, operations := e.request, 0
		for name, doc := range docs {
			op := findOperation(doc, r)
			if op == nil {
				continue
			}
			operations++
			known = append(known, r.Method+" "+op.route.Path)
			if err := op.validate(t.Context(), r); err != nil {
				t.Errorf("%s %s does not fit %s: %v", r.Method, r.URL.Path, name, err)
			}
			if err := op.validateAnswer(t.Context(), e); err != nil {
				t.Errorf("the double's answer to %s %s does not fit %s: %v", r.Method, r.URL.Path, name, err)
			}
		}
		if operations == 0 {
			unknown = append(unknown, r.Method+" "+r.URL.Path)
		}
	}
	slices.Sort(unknown)
	if diff := cmp.Diff(undescribed, slices.Compact(unknown)); diff != "" {
		t.Errorf("requests that no document describes (-want +got):\n%s", diff)
	}
	if len(known) == 0 {
		t.Error("no request was checked")
	}
	slices.Sort(known)
	t.Logf("described and valid: %s", strings.Join(slices.Compact(known), ", "))
}

// checkBites refuses what does not fit: a check that lets everything pass would
// prove nothing.
func checkBites(t *testing.T, docs map[string]*openapi3.T) {
	t.Helper()
	const good = "https://acme.okta.com/api/v1/users/00u1/grants?limit=200"
	for name, tt := range map[string]struct {
		target, auth string
		valid        bool
	}{
		"a good one":       {good, "SSWS x", true},
		"no SSWS":          {good, "Bearer x", false},
		"an unknown key":   {good + "&page=2", "SSWS x", false},
		"a limit of words": {"https://acme.okta.com/api/v1/users/00u1/grants?limit=many", "SSWS x", false},
		"an unknown path":  {"https://acme.okta.com/api/v1/nothing", "SSWS x", false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", tt.auth)
		for file, doc := range docs {
			op := findOperation(doc, r)
			if valid := op != nil && op.validate(t.Context(), r) == nil; valid != tt.valid {
				t.Errorf("%s by %s: valid is %t", name, file, valid)
			}
		}
	}
}

// openAPIDocuments skips the test without documents, or fails it where they
// must be.
func openAPIDocuments(t *testing.T) map[string]*openapi3.T {
	t.Helper()
	paths := os.Getenv(openAPIVariable)
	if paths == "" && os.Getenv("CI") != "" {
		t.Fatalf("%s is not set: in CI, requests are checked against the vendor's documents", openAPIVariable)
	}
	if paths == "" {
		t.Skipf("%s is not set: requests are not checked against the vendor's documents", openAPIVariable)
	}
	docs := map[string]*openapi3.T{}
	for _, path := range filepath.SplitList(paths) {
		doc, err := loadDocument(path)
		if err != nil {
			t.Fatalf("load %s: %v", filepath.Base(path), err)
		}
		docs[filepath.Base(path)] = doc
	}
	return docs
}

func loadDocument(path string) (*openapi3.T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err == nil && old.Swagger != "" {
		return openapi2conv.ToV3(&old)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if duration := doc.Components.Schemas["TimeDuration"]; duration != nil {
		duration.Value.Pattern = "" // needs a lookahead, which Go's expressions do not have
	}
	return doc, nil
}

// operation is where a request belongs in a document.
type operation struct {
	route  *routers.Route
	params map[string]string
}

// findOperation matches a path by its segments; a literal one is preferred.
func findOperation(doc *openapi3.T, r *http.Request) *operation {
	var best *operation
	for path, item := range doc.Paths.Map() {
		op := item.GetOperation(r.Method)
		params, ok := matchPath(path, r.URL.Path)
		if op == nil || !ok || best != nil && len(best.params) <= len(params) {
			continue
		}
		best = &operation{params: params, route: &routers.Route{
			Spec: doc, Path: path, PathItem: item, Method: r.Method, Operation: op,
		}}
	}
	return best
}

func matchPath(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i := range want {
		name, variable := strings.CutPrefix(want[i], "{")
		if !variable && want[i] != got[i] {
			return nil, false
		}
		if variable {
			params[strings.TrimSuffix(name, "}")] = got[i]
		}
	}
	return params, true
}

// validate also refuses query keys that the operation does not have, which the
// library lets pass.
func (o *operation) validate(ctx context.Context, r *http.Request) error {
	declared := slices.Concat(o.route.Operation.Parameters, o.route.PathItem.Parameters)
	for key := range r.URL.Query() {
		if declared.GetByInAndName("query", key) == nil {
			return errors.New("it has no query parameter " + key)
		}
	}
	return openapi3filter.ValidateRequest(ctx, o.input(r))
}

// validateAnswer keeps the double true to the vendor. Not every document names
// the refusals.
func (o *operation) validateAnswer(ctx context.Context, e exchange) error {
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: o.input(e.request), Status: e.status, Header: e.header, Body: io.NopCloser(bytes.NewReader(e.answer)),
		Options: &openapi3filter.Options{IncludeResponseStatus: e.status < http.StatusBadRequest},
	})
}

func (o *operation) input(r *http.Request) *openapi3filter.RequestValidationInput {
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: o.params, Route: o.route,
		Options: &openapi3filter.Options{AuthenticationFunc: func(_ context.Context, in *openapi3filter.AuthenticationInput) error {
			scheme := in.SecurityScheme // one of several; OAuth is not what we use
			if scheme.Type != "apiKey" || !strings.HasPrefix(in.RequestValidationInput.Request.Header.Get(scheme.Name), "SSWS ") {
				return errors.New("no SSWS token")
			}
			return nil
		}},
	}
}

// exchange is a request of the connector and the double's answer.
type exchange struct {
	request *http.Request
	status  int
	header  http.Header
	answer  []byte
}

// recorder keeps what the connector asks and gets.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  []exchange
}

func (rec *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	kept := r.Clone(context.Background()) // none has a body: the double refuses them
	resp, err := rec.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.all = append(rec.all, exchange{kept, resp.StatusCode, resp.Header, answer})
	return resp, nil
}

// everyExchange drives every verb, in every way that calls something else.
func everyExchange(t *testing.T) []exchange {
	t.Helper()
	d, base := oktatest.Start(t, oktatest.Config{Token: secret.New(adminToken), MaxPage: 2})
	rec := &recorder{next: http.DefaultTransport}
	c, err := okta.Open(settings(base, adminToken), rec)
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{d, c, base}
	frank := b.person("Frank")
	for range 3 {
		b.AddGrant(oktatest.Grant{Owner: frank, ClientID: "0oac", Scope: "openid"})
		b.issuedSecret("app")
	}
	grant := "grant/" + frank + "/" + b.AddGrant(oktatest.Grant{Owner: frank, ClientID: "0oac", Scope: "openid"})
	token, clientSecret := b.issuedToken("deploy").Ref, b.issuedSecret("shop").Ref
	ctx := t.Context()
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	note(c.Check(ctx))
	_, listErrs := b.walkCredentials(t)
	_, grantErrs := b.walkGrants(t)
	errs = slices.Concat(errs, listErrs, grantErrs)
	for _, id := range []string{token.ID, clientSecret.ID, grant, "client-secret/0oanobody/ocsnobody"} {
		_, err := c.Verify(ctx, connectors.Ref{ID: id})
		note(err)
	}
	note(c.Suspend(ctx, clientSecret))
	note(c.Resume(ctx, clientSecret))
	for range 2 { // the second time it looks whether they are gone
		note(c.Revoke(ctx, token))
		note(c.Revoke(ctx, clientSecret))
		note(c.RevokeGrant(ctx, connectors.GrantRef{ID: grant}))
		note(c.CloseAccount(ctx, connectors.AccountRef{ID: frank}))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return rec.all
}
