package timepiecetest_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

type bundle struct {
	*timepiecetest.Double
	t    *testing.T
	base string
}

func setup(t *testing.T) bundle {
	t.Helper()
	d, base := timepiecetest.Start(t, timepiecetest.Config{Now: now})
	return bundle{d, t, base}
}

// call makes one call with a whole Authorization header, or none.
func (b bundle) call(authorization, method, path string) (status int, contentType, body string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
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

func (b bundle) calendars(token secret.Value) int {
	b.t.Helper()
	status, _, _ := b.call("TISJWT "+token.Expose(), "GET", "/rest/calendar")
	return status
}

func TestTokenHasTheDocumentedClaims(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parts := strings.Split(b.Make(timepiecetest.Alice, "", now().Add(time.Hour)).Expose(), ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"aud": "com.obss.plugin.time-in-status", "iss": "com.obss.plugin.time-in-status", "sub": timepiecetest.Alice,
		"clientKey": "18e5ebcc-0000-4000-8000-000000000001", "iat": float64(now().Unix()), "exp": float64(now().Add(time.Hour).Unix()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got)\n%s", diff)
	}
	if again := b.Make(timepiecetest.Alice, "", now().Add(time.Hour)); strings.Join(parts, ".") == again.Expose() {
		t.Error("two tokens have one text")
	}
}

func TestTokensThatDoNotWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	year := now().AddDate(1, 0, 0)
	live, id := b.Make(timepiecetest.Alice, "", year), b.MakeID(timepiecetest.Bob, "", year)
	off, late, gone := b.Make(timepiecetest.Bob, "", year), b.Make(timepiecetest.Bob, "", now()), b.Make(timepiecetest.Bob, "", year)
	b.Deactivate(off)
	b.Delete(gone)
	tests := map[string]struct {
		authorization string
		want          int
	}{
		"a JWT":       {"TISJWT " + live.Expose(), 200},
		"a token ID":  {"TISJWT " + id.Expose(), 200},
		"none":        {"", 401},
		"empty":       {"TISJWT ", 401},
		"other word":  {"Bearer " + live.Expose(), 401},
		"no word":     {live.Expose(), 401},
		"forged":      {"TISJWT " + live.Expose() + "x", 401},
		"deactivated": {"TISJWT " + off.Expose(), 401},
		"expired":     {"TISJWT " + late.Expose(), 401},
		"deleted":     {"TISJWT " + gone.Expose(), 401},
	}
	for name, tt := range tests {
		status, contentType, body := b.call(tt.authorization, "GET", "/rest/calendar")
		if status != tt.want || contentType != "application/json" || status == 401 && !strings.Contains(body, `"message":"Unauthorized access"`) {
			t.Errorf("%s = %d %s %s, want %d", name, status, contentType, body, tt.want)
		}
	}
	if _, _, body := b.call("", "GET", "/rest/calendar"); !strings.Contains(body, `"messages":["tisjwt is required for authentication."]`) {
		t.Errorf("without a token: %s", body)
	}
	for token, want := range map[*secret.Value]bool{&live: true, &id: true, &off: false, &late: false, &gone: false} {
		if b.Works(*token) != want {
			t.Errorf("works is %t", !want)
		}
	}
	b.Activate(off)
	b.Expire(late, year)
	b.Expire(live, now())
	if b.calendars(off) != 200 || b.calendars(late) != 200 || b.calendars(live) != 401 {
		t.Error("a changed record does not count")
	}
}

func TestTokenInTheQueryIsAFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.Make(timepiecetest.Frank, "", now().AddDate(1, 0, 0))
	if status, _, _ := b.call("", "GET", "/rest/calendar?tisjwt="+token.Expose()); status != http.StatusOK || b.LastUser() != timepiecetest.Frank {
		t.Errorf("= %d as %q", status, b.LastUser())
	}
	if diff := cmp.Diff([]string{"GET /rest/calendar: a token in the query"}, b.Faults()); diff != "" {
		t.Errorf("faults (-want +got)\n%s", diff)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := "TISJWT " + b.Make(timepiecetest.Alice, "", now().AddDate(1, 0, 0)).Expose()
	tests := []struct {
		call string
		want int
		has  string
	}{
		{"GET /rest/issue?issueKey=PLAT-1&columnsBy=statusDuration", 200, `"value":"340.5"`},
		{"GET /rest/issue/expanded?issueKey=PLAT-2&columnsBy=statusDuration", 200, "PLAT-2"},
		{"GET /rest/issue?issueKey=PAY-1&columnsBy=statusDuration", 404, "Not found"},
		{"GET /rest/issue?columnsBy=statusDuration", 400, "'issueKey' is required"},
		{"GET /rest/issue?issueKey=PLAT-1", 400, "'columnsBy' is required"},
		{"GET /rest/issue?issueKey=PLAT-1&columnsBy=statusDuration&all=1", 400, "'all' is unknown"},
		{"GET /rest/issues?filterType=customjql&customjql=x&columnsBy=statusDuration", 200, "PLAT-1"},
		{"GET /rest/issues/v2?filterType=customjql&columnsBy=statusDuration&outputType=csv", 200, "PLAT-2,Alert rules,95.25,"},
		{"POST /rest/aggregation?filterType=customjql&columnsBy=statusDuration", 200, "table"},
		{"POST /rest/issue?issueKey=PLAT-1&columnsBy=statusDuration", 404, ""},
		{"GET /rest/calendar/1", 200, "Business hours"},
		{"GET /rest/calendar/2", 404, ""},
		{"GET /rest/calendar?page=1", 400, "unknown"},
		{"GET /rest/tis/report/1.0/api/issue", 404, ""},
	}
	for _, tt := range tests {
		method, path, _ := strings.Cut(tt.call, " ")
		status, _, body := b.call(alice, method, path)
		if status != tt.want || !strings.Contains(body, tt.has) || strings.Contains(body, "PAY-1") {
			t.Errorf("%s = %d %s, want %d with %q", tt.call, status, body, tt.want, tt.has)
		}
	}
}

func TestKnobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.Make(timepiecetest.Alice, "", now().AddDate(1, 0, 0))
	b.LimitNext(time.Minute)
	b.RefuseNext()
	b.UnauthorizeNext()
	for _, want := range []int{429, 403, 401, 200} {
		if got := b.calendars(token); got != want {
			t.Errorf("= %d, want %d", got, want)
		}
	}
	for _, tt := range []struct {
		knobs timepiecetest.Knobs
		want  int
	}{{timepiecetest.Knobs{Down: true}, 503}, {timepiecetest.Knobs{NoLicence: true}, 401}, {timepiecetest.Knobs{}, 200}} {
		b.Set(tt.knobs)
		if got := b.calendars(token); got != tt.want || b.Works(token) == (tt.want == 401) {
			t.Errorf("%+v = %d, works %t", tt.knobs, got, b.Works(token))
		}
	}
	arrived, release := b.Hold()
	done := make(chan int)
	go func() { done <- b.calendars(token) }()
	<-arrived
	release()
	release()
	if got := <-done; got != 200 {
		t.Errorf("released = %d", got)
	}
}

func TestDoubleOutlivesARestart(t *testing.T) {
	t.Parallel()
	before := setup(t)
	live, off := before.Make(timepiecetest.Alice, "n", now().AddDate(1, 0, 0)), before.MakeID(timepiecetest.Bob, "", now().AddDate(1, 0, 0))
	before.Deactivate(off)
	raw, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	after := setup(t)
	stray := after.Make(timepiecetest.Frank, "", now().AddDate(1, 0, 0))
	for _, wrong := range []string{
		"", "{}", `{"format":"timepiece-double","version":2}`, `{"format":"tempo-double","version":1}`, string(raw) + "{}",
		`{"format":"timepiece-double","version":1,"records":{"":{"User":"x"}}}`, `{"format":"timepiece-double","version":1,"extra":1}`,
	} {
		if err := after.Restore([]byte(wrong)); err == nil {
			t.Errorf("restored %q", wrong)
		}
	}
	if !after.Works(stray) {
		t.Error("a refused file changed the double")
	}
	if err := after.Restore(raw); err != nil {
		t.Fatal(err)
	}
	if after.calendars(live) != 200 || after.calendars(off) != 401 || after.calendars(stray) != 401 {
		t.Error("the tokens are not those saved")
	}
	after.Activate(off)
	if after.calendars(off) != 200 {
		t.Error("the deactivated token was not saved")
	}
}
