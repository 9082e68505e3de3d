package atlassian_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
)

func TestEverySortOfCredentialIsListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created := time.Date(2026, 3, 1, 9, 30, 0, 123000000, time.UTC)
	used := time.Date(2026, 11, 20, 7, 0, 0, 500000000, time.UTC)
	ends := start.AddDate(0, 3, 0)
	scoped := b.AddUserToken(atlassiantest.Token{
		Owner: b.frank, Label: "ci", Scopes: []string{"read:jira-work", "write:jira-work"},
		CreatedAt: created, ExpiresAt: ends, LastActiveAt: used, Blocked: true,
	})
	classic := b.AddUserToken(atlassiantest.Token{Owner: b.alice, Label: "old script", CreatedAt: created})
	emptied := b.AddUserToken(atlassiantest.Token{Owner: b.alice, Label: "empty", Scopes: []string{}, CreatedAt: created})
	key := b.AddOrgKey(atlassiantest.OrgKey{
		CreatedBy: b.alice, Label: "audit export", Scopes: []string{"read:events:admin"}, CreatedAt: created,
	})
	robot := b.AddServiceAccount("build robot")
	service := b.AddServiceAccountToken(atlassiantest.Token{
		Owner: robot, Label: "deploy", Scopes: []string{"manage:jira-configuration"}, CreatedAt: created,
	})

	alice := connectors.AccountRef{ID: b.alice, Name: "Alice Ames", Email: "alice@example.com"}
	frank := connectors.AccountRef{ID: b.frank, Name: "Frank Fox", Email: "frank@example.com"}
	maker := connectors.AccountRef{ID: b.alice, Name: "Alice Ames", Service: true} // no address: it is the person's own account's
	want := []connectors.Credential{
		{
			Ref: connectors.Ref{ID: "user-token/" + b.frank + "/" + scoped.ID, Owner: frank}, Class: "user API token", Label: "ci",
			Owner: frank, Scopes: []string{"read:jira-work", "write:jira-work"}, Access: connectors.Write,
			CreatedAt: created, ExpiresAt: ends, LastUsed: connectors.LastUsed{At: used, Known: true}, Suspended: true,
		},
		{
			Ref: connectors.Ref{ID: "user-token/" + b.alice + "/" + classic.ID, Owner: alice}, Class: "user API token",
			Label: "old script", Owner: alice, Scopes: []string{connectors.FullAccess}, Access: connectors.Admin, CreatedAt: created,
		},
		{
			Ref: connectors.Ref{ID: "user-token/" + b.alice + "/" + emptied.ID, Owner: alice}, Class: "user API token",
			Label: "empty", Owner: alice, Scopes: []string{connectors.FullAccess}, Access: connectors.Admin, CreatedAt: created,
		},
		{
			Class: "organisation API key", Label: "Latchkey", Scopes: []string{connectors.FullAccess}, Access: connectors.Admin,
			Owner: connectors.AccountRef{ID: b.OrgID(), Name: "the organisation", Service: true}, CreatedAt: start,
		},
		{
			Ref: connectors.Ref{ID: "org-key/" + key.ID, Owner: maker}, Class: "organisation API key", Label: "audit export",
			Owner: maker, Scopes: []string{"read:events:admin"}, Access: connectors.Read, CreatedAt: created,
		},
		{
			Class: "service account API token", Label: "deploy", Scopes: []string{"manage:jira-configuration"}, Access: connectors.Admin,
			Owner:     connectors.AccountRef{ID: robot, Name: "build robot", Email: "svc-8@serviceaccount.example.com", Service: true},
			CreatedAt: created,
		},
	}
	got, errs := b.list(t)
	if len(errs) > 0 || len(got) != len(want) {
		t.Fatalf("%d rows, errors %v", len(got), errs)
	}
	for i := range want {
		want[i].Kind = connectors.APIKey
		if want[i].Ref.ID == "" {
			want[i].Ref = connectors.Ref{ID: got[i].Ref.ID, Owner: want[i].Owner}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[5].Ref.ID != "service-account-token/"+service.ID {
		t.Errorf("service account token is %s", got[5].Ref.ID)
	}
}

// However the vendor writes the link to the next page, the walk stays on the
// configured host and sees every row.
func TestEveryLinkStyleIsFollowed(t *testing.T) {
	t.Parallel()
	for _, style := range []atlassiantest.LinkStyle{
		atlassiantest.BareCursor, atlassiantest.FullURL, atlassiantest.RelativeURL, atlassiantest.ForeignURL,
	} {
		b := setup(t)
		for range 5 {
			b.token("x")
		}
		b.Set(atlassiantest.Knobs{Links: style})
		rows, errs := b.list(t)
		if len(rows) != 6 || len(errs) > 0 {
			t.Errorf("style %q: %d rows, errors %v", style, len(rows), errs)
		}
		if n := len(b.Requests()); n != 5 {
			t.Errorf("style %q: %d calls, want 3 pages of user tokens and one of each other list", style, n)
		}
	}
}

// A listing that is not whole ends in exactly one error.
func TestPartialListingsEndInAnError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		knobs atlassiantest.Knobs
		rows  int
		says  string
	}{
		{"page fails", atlassiantest.Knobs{FailPage: 2}, 2, "500"},
		{"page fails, empty body", atlassiantest.Knobs{FailPage: 2, Errors: atlassiantest.EmptyBody}, 2, "500"},
		{"page fails, HTML body", atlassiantest.Knobs{FailPage: 2, Errors: atlassiantest.HTMLBody, FailStatus: 403}, 2, "scope read:tokens:admin"},
		{"page is limited", atlassiantest.Knobs{FailPage: 2, FailStatus: 429}, 2, "try again in 42s"},
		{"page redirects", atlassiantest.Knobs{FailPage: 2, FailStatus: 302}, 2, "never followed"},
		{"page is empty HTML", atlassiantest.Knobs{FailPage: 2, FailStatus: 200, Errors: atlassiantest.HTMLBody}, 2, "not JSON"},
		{"keys fail", atlassiantest.Knobs{FailPage: 1, FailList: "/api-keys"}, 5, "organisation API keys"},
		{"service accounts fail", atlassiantest.Knobs{FailPage: 1, FailList: "/service-accounts/api-tokens", FailStatus: 404}, 6, "service account"},
		{"link without a cursor", atlassiantest.Knobs{Links: atlassiantest.NoCursor}, 0, ""},
		{"the same page for ever", atlassiantest.Knobs{Links: atlassiantest.Stuck}, 4, "again and again"},
		{"no data", atlassiantest.Knobs{EmptyData: true}, 0, "no list"},
		{"no links", atlassiantest.Knobs{NoLinks: true}, 0, "more pages"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for range 5 {
				b.token("x")
			}
			b.Set(tt.knobs)
			rows, errs := b.list(t)
			if len(rows) != tt.rows || len(errs) != 1 || !strings.Contains(errors.Join(errs...).Error(), tt.says) {
				t.Errorf("%d rows, errors %v", len(rows), errs)
			}
			var limited *connectors.RateLimitedError
			if tt.knobs.FailStatus == 429 && (!errors.As(errs[0], &limited) || limited.After != atlassiantest.LimitedFor) {
				t.Errorf("mid-walk limit: %v", errs[0])
			}
			b.Set(atlassiantest.Knobs{})
			if rows, errs = b.list(t); len(rows) != 6 || len(errs) > 0 {
				t.Errorf("afterwards %d rows, errors %v", len(rows), errs)
			}
		})
	}
}

func TestACallerMayStopAnywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		b.token("x")
	}
	for stop := 1; stop <= 4; stop++ {
		n := 0
		for _, err := range b.c.Credentials(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("stopped after %d rows, want %d", n, stop)
		}
	}
}

func TestRevokedKeysAreNotListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(atlassiantest.Knobs{KeepRevoked: true})
	b.Remove(b.AddOrgKey(atlassiantest.OrgKey{Label: "gone", CreatedBy: b.alice}).ID)
	rows, errs := b.list(t)
	if len(errs) > 0 || slices.ContainsFunc(rows, func(c connectors.Credential) bool { return c.Label == "gone" }) {
		t.Errorf("%d rows, errors %v", len(rows), errs)
	}
}

func TestAKeyWithoutAScopeIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := b.AddOrgKey(atlassiantest.OrgKey{Label: "narrow", Scopes: []string{"read:tokens:admin", "read:keys:admin"}})
	b.c = b.open(t, key.Secret)
	if err := b.c.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	_, errs := b.list(t)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "read:service-accounts-tokens:admin") || !errors.Is(errs[0], connectors.ErrUnrecoverable) {
		t.Errorf("errors %v", errs)
	}
}

func TestRateLimitIsToldInTheVendorsWay(t *testing.T) {
	t.Parallel()
	for reset, want := range map[string]time.Duration{
		"2026-11-21T12:00:10Z":           10 * time.Second,
		"2026-11-21T12:00:09.2Z":         10 * time.Second,
		"2026-11-21T13:00:10+01:00":      10 * time.Second,
		"2026-11-21T11:59:00.000Z":       time.Second,
		"2036-11-21T12:00:00Z":           15 * time.Minute,
		"1795262410":                     10 * time.Second, // unreadable: the client's default
		"":                               10 * time.Second,
		"2026-11-21T12:01:00.000+00:00x": 10 * time.Second,
	} {
		c := script(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Reset", reset)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		var limited *connectors.RateLimitedError
		if err := c.Check(t.Context()); !errors.As(err, &limited) || limited.After != want {
			t.Errorf("reset %q: %v, want %s", reset, err, want)
		}
	}
}
