package gitlab_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
)

func TestIssueSendsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scopes []string
		ends   time.Time
		level  float64
		date   string
	}{
		"read":                     {[]string{"read_api", "read_repository"}, noon.Add(24 * time.Hour), 20, "2026-11-23"},
		"write":                    {[]string{"read_api", "write_repository"}, noon.Add(time.Minute), 30, "2026-11-22"},
		"admin":                    {[]string{"api"}, noon.Add(12 * time.Hour), 40, "2026-11-22"},
		"in another zone":          {[]string{"k8s_proxy"}, time.Date(2026, 11, 23, 1, 0, 0, 0, time.FixedZone("CET", 3600)), 40, "2026-11-23"},
		"a moment after midnight":  {[]string{"read_api"}, time.Date(2026, 11, 24, 0, 0, 0, 1, time.UTC), 20, "2026-11-25"},
		"a year, the most GitLab ": {[]string{"read_api"}, time.Date(2027, 11, 21, 0, 0, 0, 0, time.UTC), 20, "2027-11-21"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, gitlabtest.Config{Now: at})
			sent := map[string]any{}
			b.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				body, _ := io.ReadAll(r.Body)
				if err := json.Unmarshal(body, &sent); err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				return false
			})
			got, err := b.Issue(t.Context(), connectors.IssueRequest{Label: "latchkey-1", Scopes: tt.scopes, ExpiresAt: tt.ends})
			if err != nil {
				t.Fatal(err)
			}
			scopes := []any{}
			for _, s := range tt.scopes {
				scopes = append(scopes, s)
			}
			want := map[string]any{"name": "latchkey-1", "scopes": scopes, "access_level": tt.level, "expires_at": tt.date}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got.ExpiresAt.Format(time.DateOnly) != tt.date || got.ExpiresAt.Before(tt.ends) || got.ExpiresAt.Sub(tt.ends) >= 24*time.Hour {
				t.Errorf("ends %s, asked for %s", got.ExpiresAt, tt.ends)
			}
			if !strings.HasPrefix(got.Ref.ID, "group/9970/") || !got.Ref.Owner.Service || !b.Works(got.Secret) {
				t.Errorf("issued %+v", got.Ref)
			}
		})
	}
}

func TestIssueIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{Now: at})
	good := connectors.IssueRequest{Label: "latchkey-1", Scopes: []string{"read_api"}, ExpiresAt: noon.Add(time.Hour)}
	for name, tt := range map[string]struct {
		change func(*connectors.IssueRequest)
		want   string
		asked  bool // GitLab itself refuses
	}{
		"no label":           {func(r *connectors.IssueRequest) { r.Label = "" }, "label", false},
		"no scope":           {func(r *connectors.IssueRequest) { r.Scopes = nil }, "scope", false},
		"no end":             {func(r *connectors.IssueRequest) { r.ExpiresAt = time.Time{} }, "end", false},
		"renews itself":      {func(r *connectors.IssueRequest) { r.Scopes = []string{"read_api", "self_rotate"} }, "self_rotate", false},
		"an unknown scope":   {func(r *connectors.IssueRequest) { r.Scopes = []string{"sudo"} }, "sudo", false},
		"more than a year":   {func(r *connectors.IssueRequest) { r.ExpiresAt = noon.AddDate(1, 0, 1) }, "Expiration date must be before 2027-11-21", true},
		"an end in the past": {func(r *connectors.IssueRequest) { r.ExpiresAt = noon.AddDate(0, 0, -2) }, "Expiration date must be in the future", true},
	} {
		before := b.count("POST ", "/access_tokens")
		req := good
		tt.change(&req)
		_, err := b.Issue(t.Context(), req)
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want ErrUnrecoverable about %q", name, err, tt.want)
		}
		if asked := b.count("POST ", "/access_tokens") > before; asked != tt.asked {
			t.Errorf("%s: GitLab was asked: %t", name, asked)
		}
	}
}

// What GitLab may answer to the attempt, and what it leaves open.
func TestIssueReadsItsAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status        int
		body          string
		unrecoverable bool
	}{
		"a failure":      {500, `{"message":"500 Internal Server Error"}`, false},
		"a gateway's":    {502, `<html>`, false},
		"a redirect":     {302, ``, false},
		"no value":       {201, `{"id":7}`, false},
		"no ID":          {201, `{"token":"glpat-new"}`, false},
		"half an answer": {201, `{"id":7,"token":"glpat-new`, false},
		"an odd date":    {201, `{"id":7,"expires_at":"glpat-new"}`, false},
		"a refusal":      {400, `{"error":"expires_at is missing"}`, true},
		"another one":    {400, `{"message":{"expires_at":["is too far glpat-0123456789012345678901234"]}}`, true},
		"no permission":  {401, `{"message":"401 Unauthorized"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, gitlabtest.Config{Now: at})
			b.Connector = open(t, b.settings)
			b.answer(http.MethodPost, "/access_tokens", tt.status, tt.body)
			_, err := b.Issue(t.Context(), connectors.IssueRequest{Label: "l", Scopes: []string{"api"}, ExpiresAt: noon.Add(time.Hour)})
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != tt.unrecoverable {
				t.Errorf("err = %v, want unrecoverable %t", err, tt.unrecoverable)
			}
			if err != nil && strings.Contains(err.Error(), "glpat-") {
				t.Errorf("%v quotes a secret", err)
			}
			if n := b.count("POST ", ""); n != 1 {
				t.Errorf("GitLab was asked %d times", n)
			}
		})
	}
}
