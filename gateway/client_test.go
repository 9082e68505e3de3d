package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	gitlab "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/oauth2"

	"latchkey/connectors"
	"latchkey/secret"
)

// gitlabLike answers like GitLab as far as the client below asks, and is as
// strict: a project's path is one segment, and the token has a header of its
// own.
func gitlabLike(w http.ResponseWriter, r *http.Request) {
	const project = `{"id":7,"path_with_namespace":"group/sub/my.project","web_url":"https://gitlab.example/group/sub/my.project"}`
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Ratelimit-Limit", "600")
	if r.Header.Get("Private-Token") != vendorSecret || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message":"401 Unauthorized"}`)
		return
	}
	const base = "/api/v4/projects/group%2Fsub%2Fmy%2Eproject"
	path, _, _ := strings.Cut(r.RequestURI, "?")
	switch r.Method + " " + path {
	case "GET " + base:
		_, _ = io.WriteString(w, project)
	case "GET " + base + "/issues":
		if page := r.URL.Query().Get("page"); page != "2" {
			w.Header().Set("X-Next-Page", "2")
			_, _ = io.WriteString(w, `[{"id":1,"iid":1,"title":"first"}]`)
			return
		}
		w.Header().Set("X-Next-Page", "")
		_, _ = io.WriteString(w, `[{"id":2,"iid":2,"title":"second"}]`)
	case "POST " + base + "/issues":
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":3,"iid":3,"title":"third"}`)
	case "GET " + base + "/repository/files/lib%2Fa%2Eb%2Fclass%2Erb/raw":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "class A; end\n")
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"404 Not Found"}`)
	}
}

func gitlabUpstream(u connectors.Upstream) connectors.Upstream {
	u.Header, u.Credential, u.Extra = "Private-Token", secret.New(vendorSecret), nil
	u.Scopes = []connectors.Scope{
		{Name: "projects:read", Access: connectors.Read, Rules: []connectors.Rule{
			{Methods: []string{"GET"}, Path: "/api/v4/projects/{id}", Slashes: []string{"id"}},
			{Methods: []string{"GET"}, Path: "/api/v4/projects/{id}/issues", Slashes: []string{"id"}},
			{Methods: []string{"GET"}, Path: "/api/v4/projects/{id}/repository/files/{file_path}/raw", Slashes: []string{"id", "file_path"}},
		}},
		{Name: "issues:write", Access: connectors.Write, Rules: []connectors.Rule{
			{Methods: []string{"POST"}, Path: "/api/v4/projects/{id}/issues", Slashes: []string{"id"}, Body: connectors.Body{Types: []string{"application/json"}, Max: 1 << 20}},
		}},
	}
	return u
}

// GitLab's official client works through the gateway with no change but its
// base URL and a key of ours for a token, in each header it can send one.
func TestOfficialGitLabClient(t *testing.T) {
	t.Parallel()
	b := start(t, gitlabLike, func(d *Deps) { d.Upstreams["tempo"] = gitlabUpstream(d.Upstreams["tempo"]) })
	text, _ := b.issue(t, "tempo", "projects:read", "issues:write")
	reader, _ := b.issue(t, "tempo", "projects:read")
	base := gitlab.WithBaseURL("http://" + b.addr + "/tempo")

	const project = "group/sub/my.project"
	token, err := gitlab.NewClient(text, base, gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	oauth, err := gitlab.NewAuthSourceClient(gitlab.OAuthTokenSource{TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: text})}, base, gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*gitlab.Client{"token": token, "oauth": oauth} {
		p, _, err := client.Projects.GetProject(project, nil, gitlab.WithContext(t.Context()))
		if err != nil || p.PathWithNamespace != project {
			t.Errorf("%s: project %v, %v", name, p, err)
		}
		var titles []string
		opt := &gitlab.ListProjectIssuesOptions{State: new("opened")}
		for {
			issues, resp, err := client.Issues.ListProjectIssues(project, opt, gitlab.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			for _, issue := range issues {
				titles = append(titles, issue.Title)
			}
			if resp.NextPage == 0 {
				break
			}
			opt.Page = resp.NextPage
		}
		if diff := cmp.Diff([]string{"first", "second"}, titles); diff != "" {
			t.Errorf("%s: issues (-want +got):\n%s", name, diff)
		}
		issue, _, err := client.Issues.CreateIssue(project, &gitlab.CreateIssueOptions{Title: new("third")}, gitlab.WithContext(t.Context()))
		if err != nil || issue.IID != 3 {
			t.Errorf("%s: created %v, %v", name, issue, err)
		}
		file, _, err := client.RepositoryFiles.GetRawFile(project, "lib/a.b/class.rb", nil, gitlab.WithContext(t.Context()))
		if err != nil || string(file) != "class A; end\n" {
			t.Errorf("%s: file %q, %v", name, file, err)
		}
	}

	// What the key may not do is an error as the client knows them.
	limited, err := gitlab.NewClient(reader, base, gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = limited.Issues.CreateIssue(project, &gitlab.CreateIssueOptions{Title: new("x")}, gitlab.WithContext(t.Context()))
	var refused *gitlab.ErrorResponse
	if !errors.As(err, &refused) || !refused.HasStatusCode(http.StatusForbidden) {
		t.Fatalf("writing with a read key: %v", err)
	}
	var body errorBody
	if err := json.Unmarshal(refused.Body, &body); err != nil || !cmp.Equal(body.Error.Needs, []string{"issues:write"}) {
		t.Errorf("the refusal does not name the scope: %s", refused.Body)
	}
}

// A request has one key, wherever the clients of vendors put it.
func TestKeyText(t *testing.T) {
	t.Parallel()
	good, other := secret.NewKey().Expose(), secret.NewKey().Expose()
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for i, tt := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{"Authorization": {"Bearer " + good}}, good},
		{http.Header{"Authorization": {"token " + good}}, good},
		{http.Header{"Authorization": {"TISJWT " + good}}, good},
		{http.Header{"Authorization": {basic("alice@example.com:" + good)}}, good},
		{http.Header{"Private-Token": {good}}, good},
		{http.Header{"Authorization": {"Bearer " + good}, "Private-Token": {other}}, good},
		{http.Header{"Authorization": {"Basic x"}, "Private-Token": {good}}, ""},
		{http.Header{"Authorization": {""}, "Private-Token": {good}}, ""},
		{http.Header{"Authorization": {basic(good)}}, ""},
		{http.Header{"Authorization": {"Digest " + good}}, ""},
		{http.Header{"Authorization": {good}}, ""},
		{http.Header{"Authorization": {"Bearer " + good, "Bearer " + other}}, ""},
		{http.Header{"Private-Token": {good, other}}, ""},
		{http.Header{}, ""},
	} {
		if got := keyText(tt.header); got != tt.want {
			t.Errorf("case %d: another key than wanted", i)
		}
	}
}
