package github_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

// documentEnv names the vendor's OpenAPI document: generated/ghec.json of the
// npm package @octokit/openapi, version 23.0.2. It is too large to be kept
// here.
const documentEnv = "LATCHKEY_GITHUB_OPENAPI"

// operations are what the connector may call; the test fails for any other,
// and for one of these that it no longer calls.
var operations = []string{
	"POST /app/installations/{installation_id}/access_tokens",
	"GET /orgs/{org}/personal-access-tokens",
	"POST /orgs/{org}/personal-access-tokens/{pat_id}",
	"GET /orgs/{org}/personal-access-token-requests",
	"POST /orgs/{org}/personal-access-token-requests/{pat_request_id}",
	"GET /orgs/{org}/credential-authorizations",
	"DELETE /orgs/{org}/credential-authorizations/{credential_id}",
	"GET /orgs/{org}/installations",
	"DELETE /orgs/{org}/members/{username}",
	"GET /orgs/{org}/memberships/{username}",
	"GET /users/{username}",
	"GET /repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}",
	"POST /credentials/revoke",
}

// Every request of the connector, and every answer of the double, is as the
// vendor's document has it.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc := document(t)
	called := map[string]bool{}
	for _, e := range tour(t) {
		called[e.check(t, doc)] = true
	}
	for _, op := range operations {
		if !called[op] {
			t.Errorf("%s was not called", op)
		}
	}
}

// The catalogue has the names and the levels of the vendor's schema.
func TestCatalogueIsTheVendors(t *testing.T) {
	t.Parallel()
	properties := document(t).Components.Schemas["app-permissions"].Value.Properties
	for _, s := range github.Catalogue() {
		name, level, _ := strings.Cut(s.Name, ":")
		category, own, _ := strings.Cut(name, "-")
		long := map[string]string{"org": "organization_", "repo": "repository_"}[category]
		property := properties[long+own]
		if property == nil {
			property = properties[own]
		}
		if property == nil || !slices.Contains(property.Value.Enum, any(level)) {
			t.Errorf("%s is not in the schema", s.Name)
		}
	}
}

// exchange is a call with its answer.
type exchange struct {
	r            *http.Request
	sent, answer []byte
	status       int
	header       http.Header
}

// tour has the connector use every verb, with two pages where there are pages,
// and the refusals it acts upon.
func tour(t *testing.T) []exchange {
	t.Helper()
	b := setup(t)
	var seen []exchange
	c, err := github.Open(b.s, roundTripper(func(r *http.Request) (*http.Response, error) {
		e := exchange{r: r.Clone(context.Background())}
		if r.Body != nil {
			e.sent, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(e.sent))
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		e.answer, _ = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(e.answer))
		e.status, e.header = resp.StatusCode, resp.Header
		seen = append(seen, e)
		return resp, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x", ExpiresAt: ends, LastUsed: used, Repository: map[string]string{"contents": "write"}})
		b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: "y", Organization: map[string]string{"members": "read"}})
		for _, sort := range []string{githubtest.ClassicPAT, githubtest.SSHKey, githubtest.OAuthApp, githubtest.GitHubApp} {
			b.d.AddAuthorization(githubtest.Authorization{Owner: "bob", Type: sort, Label: "z", AccessedAt: used})
		}
		b.d.AddInstallation("bot", map[string]string{"contents": "read"})
	}
	pat, asked := b.d.AddPAT(githubtest.PAT{Owner: "carol"}), b.d.AddPATRequest(githubtest.PAT{Owner: "carol"})
	ctx := t.Context()
	hook, err := b.d.AlertHook(ctx, "http://latchkey.example/hooks/hub", b.s.SigningSecret, "created", b.d.AddAlert("shop", secret.New("found"), false))
	if err != nil {
		t.Fatal(err)
	}
	leaks, err := c.Leaks(hook, bodyOf(t, hook))
	if err != nil || len(leaks) != 1 {
		t.Fatalf("leaks: %v, %v", leaks, err)
	}
	if l, err := c.FetchLeak(ctx, leaks[0].Ref); err != nil || l.Secret.Expose() != "found" {
		t.Errorf("fetch leak: %v", err)
	}
	for name, err := range map[string]error{"check": c.Check(ctx), "revoke leaked": c.RevokeLeaked(ctx, []secret.Value{ownerToken()})} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, row := range all(t, c.Credentials(ctx))[99:102] {
		for range 2 { // the second is gone already
			if err := c.Revoke(ctx, row.Ref); err != nil {
				t.Error(err)
			}
		}
		if l, err := c.Verify(ctx, row.Ref); l != connectors.Dead || err != nil {
			t.Errorf("%s, %v", l, err)
		}
	}
	if err := c.RevokeGrant(ctx, all(t, c.Grants(ctx))[150].Ref); err != nil {
		t.Error(err)
	}
	for i, r := range all(t, c.Requests(ctx))[:3] {
		for range 2 {
			if err := c.Decide(ctx, connectors.Decision{ID: r.ID, Approve: i == 0, Reason: strings.Repeat("r", 1024*(i%2))}); err != nil {
				t.Error(err)
			}
		}
	}
	for range 2 {
		if err := c.CloseAccount(ctx, connectors.AccountRef{ID: "carol"}); err != nil {
			t.Error(err)
		}
	}
	if b.d.Works(pat.Secret) || b.d.Works(asked.Secret) {
		t.Error("the tour did not do what it says")
	}
	return seen
}

// check validates an exchange, and says which operation it is.
func (e exchange) check(t *testing.T, doc *openapi3.T) string {
	t.Helper()
	route, params := find(doc, e.r)
	if route == nil {
		t.Errorf("%s %s is not an operation the connector may call", e.r.Method, e.r.URL.Path)
		return ""
	}
	op := route.Method + " " + route.Path
	for key := range e.r.URL.Query() {
		name, list := strings.CutSuffix(key, "[]")
		p := route.Operation.Parameters.GetByInAndName("query", name)
		if p == nil || list != p.Schema.Value.Type.Is("array") {
			t.Errorf("%s has no query key %s", op, key)
		}
	}
	if len(e.sent) > 0 {
		if route.Operation.RequestBody == nil {
			t.Errorf("%s has no body, and was sent %d bytes", op, len(e.sent))
		} else {
			var fields map[string]any
			_ = json.Unmarshal(e.sent, &fields)
			for field := range fields {
				if route.Operation.RequestBody.Value.Content["application/json"].Schema.Value.Properties[field] == nil {
					t.Errorf("%s has no field %s", op, field)
				}
			}
		}
	}
	e.r.Body = io.NopCloser(bytes.NewReader(e.sent))
	in := &openapi3filter.RequestValidationInput{Request: e.r, PathParams: params, Route: route}
	if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
		t.Errorf("%s: %v", op, err)
	}
	answered := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: e.status, Header: e.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: e.status < 400}, // some refusals are not in the document
	}
	if err := openapi3filter.ValidateResponse(t.Context(), answered.SetBodyBytes(e.answer)); err != nil {
		t.Errorf("the double's answer to %s, %d: %v", op, e.status, err)
	}
	return op
}

func find(doc *openapi3.T, r *http.Request) (*routers.Route, map[string]string) {
	got := strings.Split(r.URL.Path, "/")
	for _, op := range operations {
		method, path, _ := strings.Cut(op, " ")
		want := strings.Split(path, "/")
		if method != r.Method || len(want) != len(got) {
			continue
		}
		params, same := map[string]string{}, true
		for i, w := range want {
			if strings.HasPrefix(w, "{") {
				params[strings.Trim(w, "{}")] = got[i]
				continue
			}
			same = same && w == got[i]
		}
		if !same {
			continue
		}
		item := doc.Paths.Value(path)
		return &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}, params
	}
	return nil, nil
}

// document loads the part of the vendor's document that the operations reach;
// resolving all 14 megabytes of it takes long.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	path := os.Getenv(documentEnv)
	if path == "" && os.Getenv("CI") == "" {
		t.Skipf("%s does not name GitHub's OpenAPI document (generated/ghec.json of npm's @octokit/openapi 23.0.2)", documentEnv)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the document that %s names: %v", documentEnv, err)
	}
	var whole struct {
		OpenAPI    string                                `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	paths := map[string]map[string]json.RawMessage{}
	components := map[string]map[string]json.RawMessage{}
	reference := regexp.MustCompile(`"\$ref":\s*"#/components/([^/"]+)/([^"]+)"`)
	var take func(json.RawMessage)
	take = func(part json.RawMessage) {
		for _, m := range reference.FindAllSubmatch(part, -1) {
			section, name := string(m[1]), string(m[2])
			if components[section] == nil {
				components[section] = map[string]json.RawMessage{}
			}
			if _, taken := components[section][name]; !taken {
				components[section][name] = whole.Components[section][name]
				take(whole.Components[section][name])
			}
		}
	}
	for _, op := range operations {
		method, path, _ := strings.Cut(op, " ")
		part := whole.Paths[path][strings.ToLower(method)]
		if part == nil {
			t.Fatalf("%s is not in the vendor's document", op)
		}
		if paths[path] == nil {
			paths[path] = map[string]json.RawMessage{}
		}
		paths[path][strings.ToLower(method)] = part
		take(part)
	}
	part, err := json.Marshal(map[string]any{"openapi": whole.OpenAPI, "info": whole.Info, "paths": paths, "components": components})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(part)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
