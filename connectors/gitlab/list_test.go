package gitlab_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at() time.Time { return noon }

// world is a double with one of everything, and the IDs of it.
type world struct {
	bundle
	alice, blocked, deployer, builder int64
	platform, website                 int64
	ids                               map[string]int64 // of tokens by name
	values                            map[string]secret.Value
}

func newWorld(t *testing.T, cfg gitlabtest.Config) world {
	t.Helper()
	cfg.Now = at
	w := world{bundle: setup(t, cfg), ids: map[string]int64{}, values: map[string]secret.Value{}}
	w.alice = w.AddPerson(gitlabtest.Person{Name: "Alice", Email: "alice@example.com", Enterprise: true})
	w.blocked = w.AddPerson(gitlabtest.Person{Name: "Frank", Email: "frank@example.com", Unconfirmed: true, Enterprise: true, State: "blocked"})
	w.deployer = w.AddServiceAccount("deployer")
	w.builder = w.AddInstanceServiceAccount("builder")
	w.platform = w.AddSubgroup(gitlabtest.TopGroup, "platform")
	w.website = w.AddProject(w.platform, "website")
	foreign := w.ShareProject("elsewhere/shared")
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	for _, tok := range []gitlabtest.Token{
		{User: w.alice, Name: "laptop", Scopes: []string{"read_api", "read_user"}, CreatedAt: day(-9), ExpiresAt: day(9), LastUsedAt: day(-1)},
		{User: w.alice, Name: "endless", Scopes: []string{"sudo"}, CreatedAt: day(-900)},
		{User: w.alice, Name: "over", Scopes: []string{"api"}, CreatedAt: day(-90), ExpiresAt: day(0)},
		{User: w.blocked, Name: "leaver's", Scopes: []string{"write_repository"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{User: w.deployer, Name: "production", Scopes: []string{"api"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{User: w.builder, Name: "builds", Scopes: []string{"create_runner"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{Group: gitlabtest.TopGroup, Name: "renovate", Scopes: []string{"write_repository"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{Group: w.platform, Name: "mirror", Scopes: []string{"read_registry"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{Project: w.website, Name: "preview", Scopes: []string{"something_new"}, CreatedAt: day(-9), ExpiresAt: day(9)},
		{Project: foreign, Name: "theirs", Scopes: []string{"api"}, CreatedAt: day(-9), ExpiresAt: day(9)},
	} {
		w.ids[tok.Name], w.values[tok.Name] = w.AddToken(tok)
	}
	return w
}

// listed is one line for each row of a walk, and its error.
func (b bundle) listed() (rows []string, err error) {
	b.t.Helper()
	for c, err := range b.Credentials(b.t.Context()) {
		if err != nil {
			return rows, err
		}
		used := "never"
		if !c.LastUsed.At.IsZero() {
			used = c.LastUsed.At.Format(time.DateOnly)
		}
		ends := "-"
		if !c.ExpiresAt.IsZero() {
			ends = c.ExpiresAt.Format(time.RFC3339)
		}
		if !c.LastUsed.Known || c.Kind != connectors.APIKey || c.CreatedAt.IsZero() || c.Owner != c.Ref.Owner || c.Owner.ID == "" {
			b.t.Errorf("row %+v", c)
		}
		rows = append(rows, fmt.Sprintf("%s %s: %s, %s, by %s <%s> service %t closed %t, ends %s, used %s, suspended %t",
			strings.SplitN(c.Ref.ID, "/", 2)[0], c.Label, c.Class, c.Access, c.Owner.Name, c.Owner.Email, c.Owner.Service, c.Owner.Closed, ends, used, c.Suspended))
	}
	return rows, nil
}

var shared = []string{
	"group renovate: group access token, write, by bot of group acme <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false",
	"group mirror: group access token, read, by bot of group acme/platform <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false",
	"project preview: project access token, admin, by bot of project acme/platform/website <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false",
	"service production: service account personal access token, admin, by deployer <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false",
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	people := func(class, word string) []string {
		return []string{
			word + " endless: " + class + ", admin, by Alice <alice@example.com> service false closed false, ends -, used never, suspended false",
			word + " laptop: " + class + ", read, by Alice <alice@example.com> service false closed false, ends 2026-11-30T00:00:00Z, used 2026-11-20, suspended false",
			word + " leaver's: " + class + ", write, by Frank <> service false closed true, ends 2026-11-30T00:00:00Z, used never, suspended true",
		}
	}
	lapsed := "personal production: service account personal access token, admin, by deployer <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false"
	own := "personal latchkey 1: personal access token, admin, by Olivia Owner <olivia@acme.example> service false closed false, ends -, used 2026-11-21, suspended false"
	builds := "personal builds: service account personal access token, admin, by builder <> service true closed false, ends 2026-11-30T00:00:00Z, used never, suspended false"
	for name, tt := range map[string]struct {
		cfg  gitlabtest.Config
		want []string
	}{
		"GitLab.com":                      {gitlabtest.Config{}, append(people("enterprise user personal access token", "inventory"), shared...)},
		"GitLab.com, page by page":        {gitlabtest.Config{PerPage: 1}, append(people("enterprise user personal access token", "inventory"), shared...)},
		"GitLab.com without an inventory": {gitlabtest.Config{NoInventory: true}, shared},
		"an instance whose licence ended": {gitlabtest.Config{SelfManaged: true, NoServices: true}, append(append(people("personal access token", "personal"), own, builds, lapsed), shared[:3]...)},
		"an instance":                     {gitlabtest.Config{SelfManaged: true}, append(append(people("personal access token", "personal"), own, builds), shared...)},
		"an instance, page by page":       {gitlabtest.Config{SelfManaged: true, PerPage: 1}, append(append(people("personal access token", "personal"), own, builds), shared...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newWorld(t, tt.cfg).listed()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, sortStrings); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// What GitLab refuses (403) is there and hidden from our token: everything that
// is seen is listed, and then the walk fails, so that nothing is taken for gone.
// What it does not have (404) is not missed.
func TestCredentialsSayWhatIsHidden(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg    gitlabtest.Config
		refuse string // ends of paths that are answered 403
		want   []string
		says   []string
	}{
		"service accounts":      {gitlabtest.Config{NoServices: true, NoInventory: true}, "", shared[:3], []string{"service accounts"}},
		"the inventory":         {gitlabtest.Config{}, "/manage/personal_access_tokens", shared, []string{"credentials inventory"}},
		"both":                  {gitlabtest.Config{NoServices: true}, "/manage/personal_access_tokens", shared[:3], []string{"service accounts", "credentials inventory"}},
		"people, by Admin Mode": {gitlabtest.Config{SelfManaged: true, AdminMode: true}, "", shared, []string{"admin_mode"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.cfg)
			if tt.refuse != "" {
				w.answer(http.MethodGet, tt.refuse, http.StatusForbidden, `{"message":"403 Forbidden"}`)
			}
			got, err := w.listed()
			for _, word := range tt.says {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("err = %v, want one about %s", err, word)
				}
			}
			if diff := cmp.Diff(tt.want, got, sortStrings); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

var sortStrings = cmp.Transformer("sorted", func(in []string) map[string]int {
	out := map[string]int{}
	for _, s := range in {
		out[s]++
	}
	return out
})

// Every ID of a row addresses its token.
func TestIDsAddressTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{SelfManaged: true})
	want := map[string]string{
		"renovate":   "group/9970/" + itoa(w.ids["renovate"]),
		"mirror":     fmt.Sprintf("group/%d/%d", w.platform, w.ids["mirror"]),
		"preview":    fmt.Sprintf("project/%d/%d", w.website, w.ids["preview"]),
		"production": fmt.Sprintf("service/9970/%d/%d", w.deployer, w.ids["production"]),
		"laptop":     "personal/" + itoa(w.ids["laptop"]),
	}
	for row, err := range w.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if id, known := want[row.Label]; known && row.Ref.ID != id {
			t.Errorf("%s is %s, want %s", row.Label, row.Ref.ID, id)
		}
		l, err := w.Verify(t.Context(), connectors.Ref{ID: row.Ref.ID})
		if err != nil || l != connectors.Live {
			t.Errorf("verify %s: %s, %v", row.Ref.ID, l, err)
		}
	}
}

// A walk that could have missed a row ends with one error and no end that
// looks like one.
func TestCredentialsFailWhole(t *testing.T) {
	t.Parallel()
	const row = `{"id":7,"name":"x","created_at":"2026-01-01T00:00:00.000Z","user_id":9,"active":true,"scopes":[]}`
	tests := map[string]struct {
		path   string
		status int
		header http.Header
		body   string
	}{
		"a project fails":              {"/access_tokens", 500, nil, `{"message":"500 Internal Server Error"}`},
		"a list is refused":            {"/descendant_groups", 403, nil, `{"message":"403 Forbidden"}`},
		"a service account's fails":    {"/personal_access_tokens", 404, nil, `{}`},
		"the directory fails":          {"/enterprise_users", 403, nil, `{}`},
		"an object for a list":         {"/access_tokens", 200, nil, `{}`},
		"null for a list":              {"/access_tokens", 200, nil, `null`},
		"null for a row":               {"/access_tokens", 200, nil, `[null]`},
		"half a list":                  {"/access_tokens", 200, nil, `[` + row},
		"a page of HTML":               {"/access_tokens", 200, nil, `<html>`},
		"a row without an ID":          {"/access_tokens", 200, nil, `[{"name":"x","created_at":"2026-01-01T00:00:00Z","user_id":9,"active":true}]`},
		"a row without an owner":       {"/access_tokens", 200, nil, `[{"id":7,"created_at":"2026-01-01T00:00:00Z","active":true}]`},
		"a row without its creation":   {"/access_tokens", 200, nil, `[{"id":7,"user_id":9,"active":true}]`},
		"a date that is none":          {"/access_tokens", 200, nil, `[{"id":7,"user_id":9,"created_at":"glpat-in-a-time-field"}]`},
		"a group without an ID":        {"/descendant_groups", 200, nil, `[{"full_path":"x"}]`},
		"a project without an ID":      {"/projects", 200, nil, `[{"name":"x"}]`},
		"a service account without ID": {"/service_accounts", 200, nil, `[{"name":"x"}]`},
		"a user without an ID":         {"/enterprise_users", 200, nil, `[{"name":"x"}]`},
		"the same page again":          {"/access_tokens", 200, http.Header{"X-Next-Page": {"1"}}, `[` + row + `]`},
		"a page before the first":      {"/access_tokens", 200, http.Header{"X-Next-Page": {"-1"}}, `[` + row + `]`},
		"a page that is no number":     {"/access_tokens", 200, http.Header{"X-Next-Page": {"two"}}, `[` + row + `]`},
		"empty pages for ever":         {"/access_tokens", 200, http.Header{"X-Next-Page": {"99"}}, `[]`},
		"a redirect":                   {"/access_tokens", 302, http.Header{"Location": {"/elsewhere"}}, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWorld(t, gitlabtest.Config{})
			b.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/elsewhere" {
					t.Error("a redirect was followed")
				}
				if !strings.HasSuffix(r.URL.Path, tt.path) || strings.Contains(r.URL.Path, "/manage/") {
					return false
				}
				maps.Copy(w.Header(), tt.header)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
				return true
			})
			failures, rowsAfter := 0, 0
			for _, err := range b.Credentials(t.Context()) {
				if err == nil && failures > 0 {
					rowsAfter++
				}
				if err != nil {
					failures++
					if strings.Contains(err.Error(), "glpat-") {
						t.Errorf("%v quotes a secret", err)
					}
				}
			}
			if failures != 1 || rowsAfter != 0 {
				t.Errorf("%d errors, %d rows after the first", failures, rowsAfter)
			}
		})
	}
}

// A 429 in the middle says when to come back, by either of GitLab's headers.
func TestCredentialsRateLimited(t *testing.T) {
	t.Parallel()
	reset := time.Now().Add(30 * time.Minute).Unix()
	for name, tt := range map[string]struct {
		header    http.Header
		low, high time.Duration
	}{
		"Retry-After":     {http.Header{"Retry-After": {"42"}, "Ratelimit-Reset": {"1"}}, 42 * time.Second, 42 * time.Second},
		"RateLimit-Reset": {http.Header{"Ratelimit-Reset": {itoa(reset)}}, 15 * time.Minute, 15 * time.Minute},
		"a reset gone by": {http.Header{"Ratelimit-Reset": {"1"}}, 0, 0},
		"neither":         {nil, time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWorld(t, gitlabtest.Config{})
			b.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/service_accounts") {
					return false
				}
				maps.Copy(w.Header(), tt.header)
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			})
			_, err := b.listed()
			var limited *connectors.RateLimitedError
			if !errors.As(err, &limited) || limited.After < tt.low || limited.After > tt.high {
				t.Errorf("err = %v, want a rate limit from %s to %s", err, tt.low, tt.high)
			}
		})
	}
}

// Something in between may take GitLab's paging headers away. Then pages are
// read until one is short.
func TestCredentialsWithoutPagingHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{NoInventory: true})
	for i := range 205 {
		b.AddToken(gitlabtest.Token{Group: gitlabtest.TopGroup, Name: "t" + itoa(int64(i)), Scopes: []string{"read_api"}})
	}
	b.Connector = openOver(t, b.settings, stripping{http.DefaultTransport})
	rows, err := b.listed()
	if err != nil || len(rows) != 205 {
		t.Errorf("%d rows, err = %v, want 205", len(rows), err)
	}
}

// stripping loses every header that GitLab pages with.
type stripping struct{ next http.RoundTripper }

func (s stripping) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"X-Next-Page", "X-Total", "X-Total-Pages", "X-Page", "X-Prev-Page", "Link"} {
		resp.Header.Del(name)
	}
	return resp, nil
}

// A caller that has enough ends the walk: nothing is asked for afterwards.
func TestCredentialsStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	for range w.Credentials(t.Context()) {
		break
	}
	if n := w.count("GET /api/v4/groups/9970/", "/projects"); n != 0 {
		t.Errorf("%d calls after the break", n)
	}
}
