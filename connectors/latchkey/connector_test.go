package latchkey_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/latchkey"
	"latchkey/secret"
)

func open(t *testing.T) *latchkey.Connector {
	t.Helper()
	c, err := latchkey.Open(connectors.Settings{Name: "latchkey", Kind: "latchkey"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The suite of the other kinds is about admin credentials and base URLs, which
// this one has not. What is left of it: verbs may be said twice, and stop when
// their caller does.
func TestVerbsAreHarmlessAndStop(t *testing.T) {
	t.Parallel()
	c := open(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	ref := connectors.Ref{ID: "latchkey-TK-7F3K"}
	for name, verb := range map[string]func(context.Context) error{
		"check":   c.Check,
		"revoke":  func(ctx context.Context) error { return c.Revoke(ctx, ref) },
		"suspend": func(ctx context.Context) error { return c.Suspend(ctx, ref) },
		"resume":  func(ctx context.Context) error { return c.Resume(ctx, ref) },
		"scopes":  func(ctx context.Context) error { _, err := c.Scopes(ctx); return err },
	} {
		if first, again := verb(t.Context()), verb(t.Context()); first != nil || again != nil {
			t.Errorf("%s: %v, then %v", name, first, again)
		}
		if err := verb(over); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after its caller left: %v", name, err)
		}
	}
	if _, err := c.Issue(over, connectors.IssueRequest{Label: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("issue after its caller left: %v", err)
	}
}

// Policies and rows hold these names.
func TestScopeNamesAreKept(t *testing.T) {
	t.Parallel()
	scopes, err := open(t).Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range scopes {
		got = append(got, s.Name+" "+string(s.Access))
		if s.Description == "" || s.Title == s.Name {
			t.Errorf("%s has no words for people", s.Name)
		}
	}
	want := []string{"credentials:read read", "credentials:edit write", "credentials:revoke admin", "credentials:rotate admin", "requests:read read", "requests:file write", "audit:read read", "people:read read", "people:offboard admin",
		"people:provision admin", "leaks:report write"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

func TestGatewayIsToldNoAddress(t *testing.T) {
	t.Parallel()
	c := open(t)
	up := c.Upstream()
	if up.BaseURL != nil || !up.Credential.Empty() || up.Connection != "latchkey" || len(up.Scopes) != 11 {
		t.Errorf("upstream = %+v", up)
	}
	up.Scopes[0].Name = "changed"
	if c.Upstream().Scopes[0].Name == "changed" {
		t.Error("a caller changed the connector through Upstream")
	}
}

func TestIssueMakesOurKeys(t *testing.T) {
	t.Parallel()
	c := open(t)
	ask := connectors.IssueRequest{Label: "latchkey-TK-7F3K", Scopes: []string{"credentials:read", "audit:read"}}
	first, err := c.Issue(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Issue(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if first.Ref.ID != ask.Label || secret.CheckKey(first.Secret.Expose()) != nil || first.Secret.Expose() == second.Secret.Expose() {
		t.Errorf("issued %s, well formed: %v", first.Ref.ID, secret.CheckKey(first.Secret.Expose()))
	}
	for name, bad := range map[string]connectors.IssueRequest{
		"unknown scope": {Label: "x", Scopes: []string{"credentials:write"}},
		"no label":      {Scopes: []string{"audit:read"}},
	} {
		if _, err := c.Issue(t.Context(), bad); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestOpenReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := latchkey.Open(connectors.Settings{BaseURL: "https://x.example", Token: secret.New("hunter2"), Scopes: []connectors.Scope{{Name: "a"}}}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v, want ErrMissing", err)
	}
	for _, want := range []string{"name", "base_url", "scopes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported", want)
		}
	}
	if slices.Contains(strings.Fields(err.Error()), "hunter2") {
		t.Error("the error holds the secret")
	}
}
