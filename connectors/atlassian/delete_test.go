package atlassian_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/connectors/atlassian/atlassiantest"
)

// oneToken is the only path that may ever be deleted.
var oneToken = regexp.MustCompile(`^/users/[A-Za-z0-9._:~@+=-]+/manage/api-tokens/[A-Za-z0-9._:~@+=-]+$`)

// deletes fails the test for any DELETE that is not about one token.
func deletes(t testing.TB, d *atlassiantest.Double) {
	t.Helper()
	if bulk := d.BulkRevokes(); len(bulk) > 0 {
		t.Fatalf("everybody's tokens were revoked: %+v", bulk)
	}
	for _, r := range d.Requests() {
		if r.Method == http.MethodDelete && (!oneToken.MatchString(r.Path) || r.Query != "") {
			t.Errorf("DELETE %s?%s", r.Path, r.Query)
		}
	}
}

func hostile(org, account string) []string {
	parts := []string{
		"", ".", "..", "...", "%2e%2e", "%2F", "/", "//", "\\", "?", "#", "*", " ", "\x00", "\n", "a b", "é", "a;b", "a%",
		"api-tokens", "../api-tokens", "..%2fapi-tokens", "%252e%252e%252fapi-tokens", strings.Repeat("x", 1<<16), strings.Repeat("../", 64),
		"../../../admin/api-access/v1/orgs/" + org + "/api-tokens",
		"..%2F..%2F..%2F..%2Fadmin%2Fapi-access%2Fv1%2Forgs%2F" + org + "%2Fapi-tokens",
	}
	ids := []string{
		"", "/", "nonsense", "user-token", "user-token/", "user-token//", "org-key", "org-key/", "service-account-token/", "user-token/" + account,
		"user-token/" + account + "/", "user-token//x", "user-token/" + account + "/x/y", "org-key/x/y", "service-account-token/x/y", "/x/y",
		"orgs/" + org + "/api-tokens", "USER-TOKEN/a/b", "user-token /a/b", "unknown-class/a", "unknown-class/a/b",
	}
	for _, p := range parts {
		ids = append(ids, "user-token/"+p+"/x", "user-token/"+account+"/"+p, "user-token/"+p+"/"+p, "org-key/"+p, "service-account-token/"+p, p)
	}
	return ids
}

// TestNoVerbRevokesEverything drives every exported verb with every hostile
// reference, and with answers that try to lead it astray.
func TestNoVerbRevokesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ids := hostile(b.OrgID(), b.frank)
	each := func(do func(id string)) func() {
		return func() {
			for _, id := range ids {
				do(id)
			}
		}
	}
	verbs := map[string]func(){
		"Check":       func() { _ = b.c.Check(ctx) },
		"Credentials": func() { _, _ = b.list(t) },
		"Scopes":      func() { _, _ = b.c.Scopes(ctx) },
		"Revoke":      each(func(id string) { _ = b.c.Revoke(ctx, connectors.Ref{ID: id}) }),
		"Verify": each(func(id string) {
			if l, _ := b.c.Verify(ctx, connectors.Ref{ID: id}); l == connectors.Live {
				t.Errorf("%.80q is live", id)
			}
		}),
		"GuideRevoke":  each(func(id string) { b.c.GuideRevoke(connectors.Ref{ID: id}) }),
		"CloseAccount": each(func(id string) { _ = b.c.CloseAccount(ctx, connectors.AccountRef{ID: id}) }),
		"GuideIssue": each(func(id string) {
			_, _ = b.c.GuideIssue(connectors.IssueRequest{Label: id, Owner: connectors.AccountRef{ID: id}, Scopes: []string{id}, ExpiresAt: start.AddDate(0, 1, 0)})
		}),
	}
	typ := reflect.TypeFor[*atlassian.Connector]()
	for i := range typ.NumMethod() {
		name := typ.Method(i).Name
		if _, ok := verbs[name]; !ok && name != "SetNow" { // of the tests alone
			t.Errorf("the verb %s is not driven", name)
		}
	}
	_, value := b.token("kept")
	for _, knobs := range []atlassiantest.Knobs{{}, {Hide: true}, {Links: atlassiantest.ForeignURL}, {Errors: atlassiantest.HTMLBody}} {
		b.Set(knobs)
		for _, name := range slices.Sorted(maps.Keys(verbs)) {
			verbs[name]()
		}
	}
	deletes(t, b.Double)
	if !b.Works(value) {
		t.Error("a token of nobody's reference was revoked")
	}
}

func TestHostileSettingsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, org := range []string{"", "..", "a/b", "a%2fb", "a?b", "x/service-accounts/y", " ", strings.Repeat("x", 1000)} {
		s := b.settings(b.admin)
		s.OrgID = org
		if _, err := atlassian.Open(s, http.DefaultTransport); err == nil {
			t.Errorf("org_id %.20q is taken", org)
		}
	}
}

// FuzzRef feeds every verb that takes a reference. Each run has a vendor of
// its own, with the same IDs.
func FuzzRef(f *testing.F) {
	world := func() (d *atlassiantest.Double, admin, kept atlassiantest.Made, account string) {
		d = atlassiantest.NewDouble(atlassiantest.Config{OrgID: "org-1", Now: fixedNow})
		admin = d.AddOrgKey(atlassiantest.OrgKey{Label: "Latchkey"})
		account = d.AddPerson(atlassiantest.Person{ID: "712020:a1", Name: "Frank"})
		return d, admin, d.AddUserToken(atlassiantest.Token{Owner: account, Label: "kept"}), account
	}
	for _, id := range hostile("org-1", "712020:a1") {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		d, admin, kept, account := world()
		if id == "user-token/"+account+"/"+kept.ID || id == "org-key/"+admin.ID {
			return // names a real one, which may be revoked
		}
		c := openInProcess(t, d.Handler(), admin.Secret)
		if l, _ := c.Verify(t.Context(), connectors.Ref{ID: id}); l == connectors.Live {
			t.Fatalf("%q is live", id)
		}
		_ = c.Revoke(t.Context(), connectors.Ref{ID: id})
		_ = c.CloseAccount(t.Context(), connectors.AccountRef{ID: id})
		deletes(t, d)
		if !d.Works(kept.Secret) || !d.Works(admin.Secret) {
			t.Fatalf("%q ended what it does not name", id)
		}
	})
}

// TestOneFunctionDeletes reads the source: deleting is in one function, and no
// request is made in a way that this test would not see.
func TestOneFunctionDeletes(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			where := e.Name()
			if fn, ok := decl.(*ast.FuncDecl); ok {
				where = fn.Name.Name
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if deleting(n) && where != "accessOf" { // where it is the verb of a scope
					found[where]++
				}
				if trick := hidden(n); trick != "" {
					t.Errorf("%s: %s", where, trick)
				}
				return true
			})
		}
	}
	if len(found) != 1 || found["deleteToken"] != 1 {
		t.Errorf("deleting is in %v, want it once, in deleteToken", found)
	}
}

func deleting(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		return n.Sel.Name == "MethodDelete"
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		return err == nil && n.Kind == token.STRING && strings.EqualFold(strings.TrimSpace(text), http.MethodDelete)
	}
	return false
}

// hidden names a way to make a request whose method can't be read off it.
func hidden(n ast.Node) string {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Method" && !is(n.Value, "http", "Method") {
			return "a method that is no constant of net/http"
		}
	case *ast.CompositeLit:
		if is(n.Type, "rest", "Request") && !slices.ContainsFunc(n.Elts, func(e ast.Expr) bool {
			pair, ok := e.(*ast.KeyValueExpr)
			return ok && is(pair.Value, "http", "Method")
		}) {
			return "a request without the name of its method"
		}
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Method" {
				return "a method that is changed afterwards"
			}
		}
	case *ast.SelectorExpr:
		if is(n, "http", "NewRequest") || is(n, "http", "Client") || is(n, "http", "Default") {
			return "a request past the shared client"
		}
	}
	return ""
}

// is tells whether e is pkg.Prefix…
func is(e ast.Expr, pkg, prefix string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && strings.HasPrefix(sel.Sel.Name, prefix)
}
