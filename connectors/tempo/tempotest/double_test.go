package tempotest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

const token = "tempo-test-token"

type bundle struct {
	*tempotest.Double
	t    *testing.T
	base string
}

func setup(t *testing.T, cfg tempotest.Config) bundle {
	t.Helper()
	d, base := tempotest.Start(t, cfg)
	d.Accept(secret.New(token))
	return bundle{d, t, base}
}

// unlimited is a double that never answers 429, on a fixed day.
func unlimited() tempotest.Config {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return tempotest.Config{PerSecond: -1, Now: func() time.Time { return now }}
}

func (b bundle) call(method, path, body string) (status int, contentType, answer string) {
	b.t.Helper()
	return b.callAs(token, method, path, body)
}

func (b bundle) callAs(token, method, path, body string) (status int, contentType, answer string) {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.base + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

// get expects 200 and JSON.
func (b bundle) get(method, path, body string, into any) {
	b.t.Helper()
	status, contentType, text := b.call(method, path, body)
	if status != http.StatusOK || contentType != "application/json" {
		b.t.Fatalf("%s %s: %d %s %s", method, path, status, contentType, text)
	}
	if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(into); err != nil {
		b.t.Fatal(err)
	}
}

type worklogs struct {
	Metadata struct {
		Count, Offset, Limit int
		Next, Previous       string
	}
	Results []worklog
}

type worklog struct {
	Self             string
	TempoWorklogID   int64
	Description      string
	StartDate        string
	TimeSpentSeconds int
	BillableSeconds  int
	Author           struct{ AccountID string }
	Issue            struct{ ID int64 }
	Attributes       struct{ Values []struct{ Key, Value string } }
}

func TestWorklogLifecycle(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	var made, read worklog
	b.get("POST", "/4/worklogs", `{"authorAccountId":"`+tempotest.Alice+`","issueId":10001,"startDate":"2026-11-20",
		"timeSpentSeconds":3600,"billableSeconds":60,"description":"first","attributes":[{"key":"k","value":"v"}]}`, &made)
	path := strings.TrimPrefix(made.Self, b.base)
	b.get("GET", path, "", &read)
	if diff := cmp.Diff(made, read); diff != "" || read.Description != "first" || read.BillableSeconds != 60 {
		t.Errorf("made and read (-made +read):\n%s", diff)
	}

	var replaced worklog
	b.get("PUT", path, `{"authorAccountId":"`+tempotest.Bob+`","startDate":"2026-11-19","timeSpentSeconds":60}`, &replaced)
	if replaced.Description != "" || len(replaced.Attributes.Values) != 0 || replaced.BillableSeconds != 60 || replaced.Issue.ID != 10001 {
		t.Errorf("PUT kept what it was not given: %+v", replaced)
	}

	if status, _, body := b.call("DELETE", path, ""); status != http.StatusNoContent || body != "" {
		t.Errorf("DELETE = %d %q", status, body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		status, contentType, body := b.call(method, path, "")
		if status != http.StatusNotFound || contentType != "application/json" || !strings.Contains(body, `{"errors":{"message":"`) {
			t.Errorf("%s after DELETE = %d %s %s", method, status, contentType, body)
		}
	}
}

func TestWorklogsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	var starts []string
	seen := map[int64]bool{}
	pages := 0
	for next := "/4/worklogs?limit=5&from=2026-01-01"; next != ""; pages++ {
		var p worklogs
		b.get("GET", next, "", &p)
		if p.Metadata.Count != len(p.Results) || p.Metadata.Limit != 5 || p.Metadata.Offset != pages*5 {
			t.Errorf("page %d: metadata %+v", pages, p.Metadata)
		}
		if (p.Metadata.Previous != "") != (pages > 0) {
			t.Errorf("page %d: previous = %q", pages, p.Metadata.Previous)
		}
		for _, w := range p.Results {
			seen[w.TempoWorklogID] = true
			starts = append(starts, w.StartDate)
		}
		next = p.Metadata.Next
	}
	if pages != 3 || len(seen) != 12 || len(starts) != 12 {
		t.Errorf("%d pages, %d worklogs, %d distinct", pages, len(starts), len(seen))
	}
	for i := 1; i < len(starts); i++ {
		if starts[i] < starts[i-1] {
			t.Errorf("not in order of start: %v", starts)
		}
	}
}

func TestWorklogSearches(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	tests := []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/4/worklogs", "", 12},
		{"GET", "/4/worklogs?from=2026-11-19", "", 5},
		{"GET", "/4/worklogs?to=2026-11-15", "", 2},
		{"GET", "/4/worklogs?from=2026-11-16&to=2026-11-17", "", 4},
		{"GET", "/4/worklogs?issueId=10001&issueId=10002", "", 5},
		{"GET", "/4/worklogs?projectId=10200", "", 3},
		{"GET", "/4/worklogs?projectId=10200&issueId=10001", "", 0},
		{"GET", "/4/worklogs?updatedFrom=2026-11-21", "", 12},
		{"GET", "/4/worklogs?updatedFrom=2026-11-21T12:00:01Z", "", 0},
		{"GET", "/4/worklogs/user/" + tempotest.Bob, "", 4},
		{"GET", "/4/worklogs/user/nobody", "", 0},
		{"GET", "/4/worklogs/issue/10003", "", 4},
		{"GET", "/4/worklogs/project/10100?from=2026-11-19", "", 3},
		{"GET", "/4/worklogs/team/1", "", 9},
		{"GET", "/4/worklogs/account/ACME", "", 7},
		{"POST", "/4/worklogs/search", "{}", 12},
		{"POST", "/4/worklogs/search", `{"authorIds":["` + tempotest.Frank + `"]}`, 3},
		{"POST", "/4/worklogs/search", `{"issueIds":[10003],"from":"2026-11-19","orderBy":[{"field":"ID","order":"DESC"}]}`, 3},
		{"POST", "/4/worklogs/search", `{"projectIds":[10200]}`, 3},
	}
	for _, tt := range tests {
		var p worklogs
		b.get(tt.method, tt.path, tt.body, &p)
		if len(p.Results) != tt.want {
			t.Errorf("%s %s %s: %d worklogs, want %d", tt.method, tt.path, tt.body, len(p.Results), tt.want)
		}
	}
}

func TestBulkCreate(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	one := `{"authorAccountId":"x","startDate":"2026-11-20","timeSpentSeconds":1}`
	var made []worklog
	b.get("POST", "/4/worklogs/issue/10002/bulk", "["+one+","+one+"]", &made)
	if len(made) != 2 || made[0].Issue.ID != 10002 || made[0].TempoWorklogID == made[1].TempoWorklogID {
		t.Errorf("made %+v", made)
	}
	for _, body := range []string{"[]", "[" + strings.Repeat(one+",", 50) + one + "]", `[{"startDate":"2026-11-20"}]`} {
		if status, _, _ := b.call("POST", "/4/worklogs/issue/10002/bulk", body); status != http.StatusBadRequest {
			t.Errorf("bulk of %d bytes = %d, want 400", len(body), status)
		}
	}
}

func TestOtherResources(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	type page struct{ Results []map[string]any }
	for _, tt := range []struct{ list, create, body, change string }{
		{
			"/4/plans?from=2026-01-01&to=2027-01-01", "/4/plans",
			`{"assigneeId":"a","assigneeType":"USER","planItemId":"10001","planItemType":"ISSUE","startDate":"2026-11-01","endDate":"2026-11-02"}`,
			`{"assigneeId":"b","assigneeType":"USER","planItemId":"10001","planItemType":"ISSUE","startDate":"2026-11-01","endDate":"2026-11-02"}`,
		},
		{"/4/accounts", "/4/accounts", `{"key":"NEW","name":"New","status":"OPEN","leadAccountId":"a"}`, ""},
		{"/4/teams", "/4/teams", `{"name":"New"}`, ""},
	} {
		var before, after page
		var made map[string]any
		b.get("GET", tt.list, "", &before)
		b.get("POST", tt.create, tt.body, &made)
		b.get("GET", tt.list, "", &after)
		if len(before.Results) < 2 || len(after.Results) != len(before.Results)+1 {
			t.Errorf("%s: %d rows, then %d", tt.create, len(before.Results), len(after.Results))
		}
		path := strings.TrimPrefix(made["self"].(string), b.base)
		b.get("GET", path, "", &made)
		if tt.change != "" {
			b.get("PUT", path, tt.change, &made)
		}
		if key, ok := made["key"].(string); ok {
			path = "/4/accounts/" + key // deleted by key, read by id
		}
		if status, _, _ := b.call("DELETE", path, ""); status != http.StatusNoContent {
			t.Errorf("DELETE %s = %d", path, status)
		}
		if status, _, _ := b.call("DELETE", path, ""); status != http.StatusNotFound {
			t.Errorf("second DELETE %s = %d", path, status)
		}
	}
	var config map[string]any
	b.get("GET", "/4/globalconfiguration", "", &config)
	if config["approvalPeriod"] != "WEEK" {
		t.Errorf("configuration = %v", config)
	}
}

func TestMistakesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	object, list := `{"errors":{"message":`, `{"errors":[{"message":`
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/4/worklogs", `{`, 400, object},
		{"POST", "/4/worklogs", `{"unknown":1}`, 400, object},
		{"POST", "/4/worklogs", `{} {}`, 400, object},
		{"POST", "/4/worklogs", `{"authorAccountId":"x","startDate":"2026-11-20","timeSpentSeconds":1}`, 400, "issueId"},
		{"POST", "/4/worklogs", `{"issueId":10001,"startDate":"2026-11-20","timeSpentSeconds":1}`, 400, "authorAccountId"},
		{"POST", "/4/worklogs", `{"issueId":10001,"authorAccountId":"x","startDate":"20.11.2026","timeSpentSeconds":1}`, 400, "yyyy-MM-dd"},
		{"POST", "/4/worklogs", `{"issueId":10001,"authorAccountId":"x","startDate":"2026-11-20"}`, 400, "timeSpentSeconds"},
		{"POST", "/4/worklogs", `{"issueId":99,"authorAccountId":"x","startDate":"2026-11-20","timeSpentSeconds":1}`, 400, "not found"},
		{"PUT", "/4/worklogs/1", `{"issueId":10001,"authorAccountId":"x","startDate":"2026-11-20","timeSpentSeconds":1}`, 400, "issueId"},
		{"GET", "/4/worklogs/0", "", 400, object},
		{"GET", "/4/worklogs/x", "", 400, object},
		{"GET", "/4/worklogs?limit=5001", "", 400, "5000"},
		{"GET", "/4/worklogs?limit=0", "", 400, "limit"},
		{"GET", "/4/worklogs?offset=-1", "", 400, "offset"},
		{"GET", "/4/worklogs?from=yesterday", "", 400, "'from'"},
		{"GET", "/4/worklogs?orderBy=NAME", "", 400, "orderBy"},
		{"GET", "/4/worklogs/issue/99", "", 404, object},
		{"GET", "/4/worklogs/account/NONE", "", 404, "'NONE'"},
		{"GET", "/4/plans", "", 400, "'from'"},
		{"POST", "/4/accounts", `{"key":"ACME","name":"x","status":"OPEN","leadAccountId":"a"}`, 400, "already exists"},
		{"POST", "/4/papertrail/search", `{"author":[]}`, 400, list},
		{"PATCH", "/4/worklogs/1", `{}`, 404, object},
		{"GET", "/4/nothing", "", 404, object},
	}
	for _, tt := range tests {
		status, contentType, body := b.call(tt.method, tt.path, tt.body)
		if status != tt.status || contentType != "application/json" || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s = %d %s %s, want %d with %q", tt.method, tt.path, tt.body, status, contentType, body, tt.status, tt.want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	b.AcceptView(secret.New("viewer"))
	b.Accept(secret.New("gone"))
	b.Forget(secret.New("gone"))
	tests := []struct {
		token, method string
		want          int
	}{
		{"viewer", "GET", 200},
		{"viewer", "POST", 403},
		{"gone", "GET", 401},
		{"stranger", "GET", 401},
		{"", "GET", 401},
	}
	for _, tt := range tests {
		status, contentType, _ := b.callAs(tt.token, tt.method, "/4/worklogs", "")
		if status != tt.want || status > 400 && contentType != "text/html; charset=utf-8" {
			t.Errorf("%s as %q = %d %s, want %d", tt.method, tt.token, status, contentType, tt.want)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	clock := make(chan time.Time, 1)
	clock <- time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	now := func() time.Time {
		at := <-clock
		clock <- at
		return at
	}
	b := setup(t, tempotest.Config{Now: now})
	get := func() int {
		status, _, _ := b.call("GET", "/4/teams", "")
		return status
	}
	for i := range 5 {
		if status := get(); status != http.StatusOK {
			t.Errorf("call %d = %d", i+1, status)
		}
	}
	if status := get(); status != http.StatusTooManyRequests {
		t.Errorf("sixth call = %d, want 429", status)
	}
	clock <- (<-clock).Add(time.Second)
	if status := get(); status != http.StatusOK {
		t.Errorf("a second later = %d", status)
	}
}

func TestKnobs(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	for _, tt := range []struct {
		knobs tempotest.Knobs
		want  int
	}{
		{tempotest.Knobs{Down: true}, 503},
		{tempotest.Knobs{WrongRegion: true}, 401},
		{tempotest.Knobs{Slow: time.Nanosecond}, 200},
		{tempotest.Knobs{}, 200},
	} {
		b.Set(tt.knobs)
		if status, _, _ := b.call("GET", "/4/teams", ""); status != tt.want {
			t.Errorf("%+v = %d, want %d", tt.knobs, status, tt.want)
		}
	}
	if got := b.Calls()["GET /4/teams"]; got != 4 {
		t.Errorf("counted %d calls, want 4", got)
	}
	if h := b.LastHeader(); h.Get("Authorization") != "Bearer "+token || "http://"+h.Get("Host") != b.base {
		t.Errorf("last header = %v", h)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	arrived, release := b.Hold()
	done := make(chan int)
	go func() {
		status, _, _ := b.call("GET", "/4/teams", "")
		done <- status
	}()
	<-arrived
	select {
	case status := <-done:
		t.Errorf("answered %d while held", status)
	default:
	}
	release()
	release()
	if status := <-done; status != http.StatusOK {
		t.Errorf("released = %d", status)
	}
	if status, _, _ := b.call("GET", "/4/teams", ""); status != http.StatusOK {
		t.Errorf("after release = %d", status)
	}
}
