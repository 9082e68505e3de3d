package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html/template"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
	"latchkey/workflow"
)

// What is served under /v1 is what the document says, each with its scope.
func TestEveryRouteIsInTheDocumentWithItsScope(t *testing.T) {
	t.Parallel()
	b := setup(t)
	served := map[string]string{}
	for _, o := range (&v1Door{Server: b.server}).operations() {
		served[o.method+" "+o.path] = o.scope
	}
	documented := map[string]string{}
	ids := map[string]bool{}
	for path, item := range b.document(t)["paths"].(map[string]any) {
		for method, raw := range item.(map[string]any) {
			op := raw.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] || op["summary"] == "" || op["description"] == "" || len(op["tags"].([]any)) != 1 {
				t.Errorf("%s %s lacks an ID of its own, a summary, a description or a tag", method, path)
			}
			ids[id] = true
			security, _ := op["security"].([]any)
			if len(security) != 1 {
				t.Errorf("%s %s declares no scope", method, path)
				continue
			}
			scopes := security[0].(map[string]any)[v1Scheme].([]any)
			if len(scopes) != 1 || !slices.Contains(allScopes, scopes[0].(string)) {
				t.Errorf("%s %s declares the scopes %v", method, path, scopes)
			}
			documented[strings.ToUpper(method)+" "+path] = scopes[0].(string)
		}
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("the table and the document (-table +document):\n%s", diff)
	}
}

// Nobody opens an address of the API beside the table. Who adds one finds it
// here.
func TestNoRouteBesideTheTable(t *testing.T) {
	t.Parallel()
	known := []string{"/v1/", "/v1/openapi.json", "/v1/openapi.yaml", "/v1/docs"}
	for _, call := range callsIn(t, "*.go", "Handle", "HandleFunc") {
		literal, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			continue
		}
		pattern, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		_, path, found := strings.Cut(pattern, " ")
		if !found {
			path = pattern
		}
		if strings.HasPrefix(path, "/v1") && !slices.Contains(known, path) {
			t.Errorf("%s is served beside the table of operations, so nothing says who may call it", pattern)
		}
	}
}

// No operation decides on a request: nothing of the API calls what does, and
// the rules refuse a key that would.
func TestTheAPINeverReviews(t *testing.T) {
	t.Parallel()
	if calls := callsIn(t, "v1*.go", "Review", "ReviewForm", "ReviewLess", "Cancel", "DecideHeld", "Exempt", "HandOver", "Reveal"); len(calls) > 0 {
		t.Errorf("the API calls what only people may do, %d times", len(calls))
	}
	for _, o := range (&v1Door{Server: setup(t).server}).operations() {
		for _, word := range []string{"approve", "deny", "review", "decide", "vote"} {
			if strings.Contains(o.path, word) || strings.Contains(o.id, word) {
				t.Errorf("%s sounds like a review", o.path)
			}
		}
	}
	b := setupV1(t)
	key := b.bobs(t)
	a := b.alice
	a.Key, a.Scopes = b.own, allScopes
	_, err := b.service.Review(t.Context(), a, key.RequestID, workflow.Vote{Decision: storage.Approve})
	if refusal, refused := workflow.AsRefusal(err); !refused || refusal.Rule != workflow.RuleKeyOnly {
		t.Errorf("a key that reviews = %v", err)
	}
}

// callsIn finds the calls of methods by name in our own files, but for tests.
func callsIn(t *testing.T, pattern string, methods ...string) []*ast.CallExpr {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	var out []*ast.CallExpr
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(methods, method.Sel.Name) {
				out = append(out, call)
			}
			return true
		})
	}
	return out
}

func TestTheDocumentIsServedToEverybody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, want := range map[string]string{"/v1/openapi.json": "application/openapi+json", "/v1/openapi.yaml": "application/openapi+yaml", "/v1/docs": "text/html; charset=utf-8"} {
		got := b.do(t, http.MethodGet, path)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != want || got.header.Get("Content-Security-Policy") != contentPolicy {
			t.Errorf("%s = %d %v", path, got.status, got.header)
		}
	}
	if got := b.do(t, http.MethodGet, "/v1/openapi.yaml"); !strings.Contains(got.body, "openapi: 3.1.0") {
		t.Error("the YAML is none")
	}
	page := b.do(t, http.MethodGet, "/v1/docs").body
	for _, o := range (&v1Door{Server: b.server}).operations() {
		for _, want := range []string{`id="` + o.id + `"`, o.method + " " + o.path, o.scope, template.HTMLEscapeString(o.summary)} {
			if !strings.Contains(page, want) {
				t.Errorf("the guide lacks %q", want)
			}
		}
	}
	for _, never := range []string{"<script", "http-equiv", " style=", "ZgotmplZ", "&lt;nil&gt;", "null,"} {
		if strings.Contains(page, never) {
			t.Errorf("the guide holds %q", never)
		}
	}
}

// A field without words or an example helps nobody.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Parallel()
	schemas := setup(t).document(t)["components"].(map[string]any)["schemas"].(map[string]any)
	if len(schemas) < 20 {
		t.Fatalf("only %d schemas", len(schemas))
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		if strings.HasPrefix(name, "V1") || strings.HasPrefix(name, "Error") {
			t.Errorf("%s is no name for others", name)
		}
		properties, _ := schemas[name].(map[string]any)["properties"].(map[string]any)
		for field, raw := range properties {
			p := raw.(map[string]any)
			_, refers := p["$ref"]
			items, _ := p["items"].(map[string]any)
			_, refers2 := items["$ref"]
			if p["description"] == nil || p["examples"] == nil && p["type"] != "object" && !refers && !refers2 {
				t.Errorf("%s.%s lacks words or an example", name, field)
			}
		}
	}
}
