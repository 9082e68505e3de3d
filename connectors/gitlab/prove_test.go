package gitlab_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

// A fresh token is proven by itself: our own token takes no part in it.
func TestProve(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"read_api", "read_repository", "api"} {
		b := setup(t, gitlabtest.Config{})
		req := request("TK-1")
		req.Scopes = []string{scope}
		fresh, err := b.Issue(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		ours := b.Used(b.settings.Token)
		if err := b.Prove(t.Context(), fresh); err != nil {
			t.Errorf("a token with %s: %v", scope, err)
		}
		if b.Used(fresh.Secret) != 1 || b.Used(b.settings.Token) != ours || b.count("GET /api/v4/personal_access_tokens/self", "") != 1 {
			t.Errorf("calls: %q", b.Calls())
		}
	}
}

// A dead fresh token is refused for good, and our own goes on working: it is
// not taken for the dead one.
func TestProveOfADeadToken(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{})
	fresh, err := b.Issue(t.Context(), request("TK-1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Revoke(t.Context(), fresh.Ref); err != nil {
		t.Fatal(err)
	}
	if err := b.Prove(t.Context(), fresh); !errors.Is(err, connectors.ErrUnrecoverable) || strings.Contains(err.Error(), fresh.Secret.Expose()) {
		t.Errorf("err = %v", err)
	}
	if _, err := b.Issue(t.Context(), request("TK-2")); err != nil {
		t.Errorf("our own token is not used any more: %v", err)
	}
}

func TestProveIsNotFooled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		body    string
		forGood bool
		limited bool
	}{
		"another token":   {status: 200, body: `{"id":1,"active":true}`},
		"shown as dead":   {status: 200, body: `{"id":ID,"active":false,"revoked":true}`, forGood: true},
		"no token":        {status: 200, body: `null`},
		"a page":          {status: 200, body: `<html>`},
		"broken":          {status: 500, body: `{}`},
		"an unknown one":  {status: 401, body: `{"message":"401 Unauthorized"}`, forGood: true},
		"too many calls":  {status: 429, body: `{}`, limited: true},
		"a blocked owner": {status: 403, body: `{"message":"403 Forbidden"}`, forGood: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, gitlabtest.Config{})
			fresh, err := b.Issue(t.Context(), request("TK-1"))
			if err != nil {
				t.Fatal(err)
			}
			id := fresh.Ref.ID[strings.LastIndexByte(fresh.Ref.ID, '/')+1:]
			b.answer(http.MethodGet, "/personal_access_tokens/self", tt.status, strings.ReplaceAll(tt.body, "ID", id))
			err = b.Prove(t.Context(), fresh)
			var limited *connectors.RateLimitedError
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != tt.forGood || errors.As(err, &limited) != tt.limited {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// What is no token of GitLab's is not asked about.
func TestProveOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{})
	for _, i := range []connectors.Issued{
		{}, {Ref: connectors.Ref{ID: "group/9970/5"}}, {Ref: connectors.Ref{ID: "group/../5"}, Secret: secret.New("glpat-x")},
	} {
		if err := b.Prove(t.Context(), i); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("%+v: %v", i.Ref, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("calls: %q", calls)
	}
}
