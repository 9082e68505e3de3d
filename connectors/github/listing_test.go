package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
)

var (
	made  = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	used  = time.Date(2026, 11, 1, 9, 30, 0, 0, time.UTC)
	ends  = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	ended = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
)

func person(login string) connectors.AccountRef {
	return connectors.AccountRef{ID: login, Name: login}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	both := b.d.AddPAT(githubtest.PAT{
		Owner: "Alice", Name: "deploy", MadeAt: made, ExpiresAt: ends, LastUsed: used,
		Organization: map[string]string{"members": "read", "organization_hooks": "admin"},
		Repository:   map[string]string{"metadata": "read", "contents": "write"},
	})
	plain := b.d.AddPAT(githubtest.PAT{Owner: "bob", Name: "old", MadeAt: made, ExpiresAt: ended})
	b.d.AddPATRequest(githubtest.PAT{Owner: "bob", Name: "waiting"})
	classic, _ := b.d.AddAuthorization(githubtest.Authorization{
		Owner: "carol", Type: githubtest.ClassicPAT, Label: "laptop", Scopes: []string{"read:org", "repo"},
		AuthorizedAt: made, AccessedAt: used, ExpiresAt: ends,
	})
	b.d.AddAuthorization(githubtest.Authorization{Owner: "carol", Type: githubtest.OAuthApp})
	ssh, _ := b.d.AddAuthorization(githubtest.Authorization{Owner: "carol", Type: githubtest.SSHKey, Label: "yubikey", AuthorizedAt: made})

	never, at := connectors.LastUsed{Known: true}, connectors.LastUsed{Known: true, At: used}
	want := []connectors.Credential{
		{
			Ref: connectors.Ref{ID: patRef(both).ID, Owner: person("Alice")}, Kind: connectors.APIKey,
			Class: "fine-grained personal access token", Label: "deploy", Owner: person("Alice"),
			Scopes: []string{"org-hooks:admin", "org-members:read", "repo-contents:write", "repo-metadata:read"}, Access: connectors.Admin,
			CreatedAt: made, ExpiresAt: ends, LastUsed: at, Match: fmt.Sprintf("pat:%d", both.ID),
		},
		{
			Ref: connectors.Ref{ID: patRef(plain).ID, Owner: person("bob")}, Kind: connectors.APIKey,
			Class: "fine-grained personal access token", Label: "old", Owner: person("bob"), Scopes: []string{}, Access: connectors.Read,
			CreatedAt: made, ExpiresAt: ended, LastUsed: never, Suspended: true, Match: fmt.Sprintf("pat:%d", plain.ID),
		},
		{
			Ref: connectors.Ref{ID: fmt.Sprintf("saml/%d", classic), Owner: person("carol")}, Kind: connectors.APIKey,
			Class: "personal access token (classic)", Label: "laptop", Owner: person("carol"),
			Scopes: []string{"read:org", "repo"}, Access: connectors.Admin, CreatedAt: made, ExpiresAt: ends, LastUsed: at,
		},
		{
			Ref: connectors.Ref{ID: fmt.Sprintf("saml/%d", ssh), Owner: person("carol")}, Kind: connectors.APIKey,
			Class: "SSH key", Label: "yubikey", Owner: person("carol"), Access: connectors.Write, CreatedAt: made, LastUsed: never,
		},
	}
	if diff := cmp.Diff(want, all(t, b.Credentials(t.Context()))); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	now := made
	owner := ownerToken()
	d, base := githubtest.Start(t, githubtest.Config{PrivateKey: key(t), Owner: owner, Now: func() time.Time { return now }})
	s := settings(base, d.PrivateKey())
	s.Token = owner
	bot := d.AddInstallation("deploy-bot", map[string]string{
		"contents": "write", "members": "read", "organization_hooks": "read", "repository_hooks": "read", "git_ssh_keys": "read",
		"enterprise_administration": "read",
	})
	d.AddAuthorization(githubtest.Authorization{Owner: "carol", Type: githubtest.ClassicPAT})
	oauth, _ := d.AddAuthorization(githubtest.Authorization{
		Owner: "carol", Type: githubtest.OAuthApp, Label: "Travis", Scopes: []string{"user:email"}, AccessedAt: used,
	})
	app, _ := d.AddAuthorization(githubtest.Authorization{Owner: "dana", Type: githubtest.GitHubApp})

	org := connectors.AccountRef{ID: "octo-org", Name: "octo-org", Service: true}
	want := []connectors.Grant{
		{
			Ref: connectors.GrantRef{ID: "installation/42", AppID: "7", Owner: org}, App: "latchkey", GivenAt: made, Access: connectors.Write,
			Scopes: []string{
				"org-administration:read", "org-members:write", "org-personal_access_token_requests:write", "org-personal_access_tokens:write",
				"repo-secret_scanning_alerts:read",
			},
		},
		{
			Ref: connectors.GrantRef{ID: fmt.Sprintf("installation/%d", bot), AppID: fmt.Sprint(bot - 1), Owner: org},
			App: "deploy-bot", GivenAt: made, Access: connectors.Write,
			Scopes: []string{
				"enterprise-administration:read", "org-hooks:read", "org-members:read", "repo-contents:write", "repo-hooks:read", "user-git_ssh_keys:read",
			},
		},
		{
			Ref: connectors.GrantRef{ID: fmt.Sprintf("saml/%d", oauth), Owner: person("carol")}, App: "Travis", GivenAt: made,
			Scopes: []string{"user:email"}, Access: connectors.Read, LastUsed: connectors.LastUsed{Known: true, At: used},
		},
		{
			Ref: connectors.GrantRef{ID: fmt.Sprintf("saml/%d", app), Owner: person("dana")}, App: "GitHub app token", GivenAt: made,
			LastUsed: connectors.LastUsed{Known: true},
		},
	}
	if diff := cmp.Diff(want, all(t, open(t, s).Grants(t.Context()))); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.d.AddPATRequest(githubtest.PAT{
		Owner: "alice", Name: "ci", Reason: "for the nightly build", MadeAt: made, Repository: map[string]string{"actions": "write"},
	})
	want := []connectors.VendorRequest{{
		ID: requestID(asked), Owner: person("alice"), Label: "ci", Scopes: []string{"repo-actions:write"}, Access: connectors.Write,
		Reason: "for the nightly build", CreatedAt: made, Match: fmt.Sprintf("pat:%d", asked.ID),
	}}
	if diff := cmp.Diff(want, all(t, b.Requests(t.Context()))); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if err := b.Decide(t.Context(), connectors.Decision{ID: requestID(asked), Approve: true}); err != nil {
		t.Fatal(err)
	}
	found := all(t, b.Credentials(t.Context()))
	if len(found) != 1 || found[0].Match != want[0].Match {
		t.Errorf("after the approval: %+v, want the credential to match %s", found, want[0].Match)
	}
}

// Without an owner's token the SAML listing is neither read nor guessed at.
func TestWithoutAnOwnersToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, v := b.d.AddAuthorization(githubtest.Authorization{Owner: "carol", Type: githubtest.ClassicPAT})
	s := b.s
	s.Token = settings("", key(t)).Token
	c := open(t, s)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := all(t, c.Credentials(t.Context())); len(got) != 0 {
		t.Errorf("credentials = %+v", got)
	}
	if got := all(t, c.Grants(t.Context())); len(got) != 1 {
		t.Errorf("grants = %+v, want the App's own", got)
	}
	ref := connectors.Ref{ID: fmt.Sprintf("saml/%d", id)}
	if err := c.Revoke(t.Context(), ref); !errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("revoke: %v, want ErrUnsupported", err)
	}
	if l, err := c.Verify(t.Context(), ref); l != connectors.Unknown || err == nil {
		t.Errorf("verify: %s, %v", l, err)
	}
	if !b.d.Works(v) {
		t.Error("it was revoked all the same")
	}
}

func TestListingsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 250
	for i := range n {
		b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: fmt.Sprint(i)})
		b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: fmt.Sprint(i)})
		b.d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.SSHKey, Label: fmt.Sprint(i)})
		b.d.AddInstallation(fmt.Sprintf("app-%d", i), map[string]string{"metadata": "read"})
	}
	seen := map[string]bool{}
	for i, c := range all(t, b.Credentials(t.Context())) {
		seen[c.Ref.ID] = true
		if c.Label != fmt.Sprint(i%n) {
			t.Fatalf("row %d is %s: not the oldest first", i, c.Label)
		}
	}
	if len(seen) != 2*n {
		t.Errorf("%d credentials, want %d", len(seen), 2*n)
	}
	if got := len(all(t, b.Requests(t.Context()))); got != n {
		t.Errorf("%d requests, want %d", got, n)
	}
	if got := len(all(t, b.Grants(t.Context()))); got != n+1 {
		t.Errorf("%d grants, want %d and the App's own", got, n)
	}

	path := "GET /orgs/octo-org/personal-access-tokens"
	before := b.d.Calls()[path]
	if before != 3 {
		t.Errorf("%d calls for %d tokens, want 3", before, n)
	}
	for range b.Credentials(t.Context()) {
		break
	}
	if got := b.d.Calls()[path] - before; got != 1 {
		t.Errorf("%d pages were read for one row", got)
	}
}

// Whatever goes wrong on a later page, the listing does not look whole.
func TestABrokenPageEndsTheWalk(t *testing.T) {
	t.Parallel()
	row := `{"id":1,"owner":{"login":"alice"},"permissions":{},"token_id":2}`
	tests := map[string]http.HandlerFunc{
		"bad gateway":      answer(502, ""),
		"null":             answer(200, "null"),
		"an object":        answer(200, `{"message":"hello"}`),
		"no list":          answer(200, ""),
		"cut":              answer(200, `[`+row),
		"accepted":         answer(202, `{}`),
		"no content":       answer(204, ""),
		"no id":            answer(200, `[{"owner":{"login":"alice"},"permissions":{},"token_id":2}]`),
		"no token":         answer(200, `[{"id":1,"owner":{"login":"alice"},"permissions":{}}]`),
		"no owner":         answer(200, `[{"id":1,"owner":null,"permissions":{},"token_id":2}]`),
		"a path for owner": answer(200, `[{"id":1,"owner":{"login":"../x"},"permissions":{},"token_id":2}]`),
		"no permissions":   answer(200, `[{"id":1,"owner":{"login":"alice"},"token_id":2}]`),
		"odd permissions":  answer(200, `[{"id":1,"owner":{"login":"alice"},"permissions":[],"token_id":2}]`),
		"odd time":         answer(200, `[{"id":1,"owner":{"login":"alice"},"permissions":{},"token_id":2,"token_expires_at":"soon"}]`),
		"odd last use":     answer(200, `[{"id":1,"owner":{"login":"alice"},"permissions":{},"token_id":2,"token_last_used_at":"soon"}]`),
		"a fraction as id": answer(200, `[{"id":1.5,"owner":{"login":"alice"},"permissions":{},"token_id":2}]`),
		"again":            linked(`<http://x/?page=2>; rel="next"`),
		"back":             linked(`<http://x/?page=1>; rel="next"`),
		"next unreadable":  linked(`<http://x/?page=three>; rel="next"`),
		"next unnumbered":  linked(`<http://x/?after=abc>; rel="next"`),
		"redirect":         redirect("https://elsewhere.example/"),
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for range 150 {
				b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
			}
			b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("page") != "2" {
					return false
				}
				h(w, r)
				return true
			})
			before, err := broken(t, b.Credentials(t.Context()))
			if before < 100 || err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Errorf("%d rows, then %v", before, err)
			}
		})
	}
}

func TestALimitEndsTheWalk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 150 {
		b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	}
	rows := 0
	var limited *connectors.RateLimitedError
	for _, err := range b.Credentials(t.Context()) {
		if rows++; rows == 1 {
			b.d.ExceedSecondary(http.StatusTooManyRequests, 30*time.Second)
		}
		if err != nil && (!errors.As(err, &limited) || limited.After != 30*time.Second) {
			t.Errorf("err = %v", err)
		}
	}
	if limited == nil || rows != 101 {
		t.Errorf("%d rows and errors, want a page and the limit", rows)
	}
}

// A field that is not there is unknown; only null is never.
func TestLastUsedHasThreeValues(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]connectors.LastUsed{
		``:                           {},
		`,"token_last_used_at":null`: {Known: true},
		`,"token_last_used_at":"2026-11-01T10:30:00.000+01:00"`: {Known: true, At: used},
	} {
		b := setup(t)
		b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || r.URL.Path != "/orgs/octo-org/personal-access-tokens" {
				return false
			}
			answer(200, `[{"id":1,"owner":{"login":"alice"},"permissions":{},"token_id":2`+field+`}]`)(w, r)
			return true
		})
		got := all(t, b.Credentials(t.Context()))
		if len(got) != 1 || got[0].LastUsed.Known != want.Known || !got[0].LastUsed.At.Equal(want.At) {
			t.Errorf("%s: %+v", field, got)
		}
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func linked(link string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", link)
		answer(200, "[]")(w, r)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}
