package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"latchkey/secret"
)

func TestRequestsAreCountedByPattern(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	b.do(t, http.MethodGet, path)
	b.do(t, http.MethodGet, path)
	b.do(t, http.MethodPost, path)
	b.do(t, http.MethodPost, path)
	b.do(t, "BREW", path)
	b.do(t, http.MethodGet, "/nowhere/"+strings.TrimPrefix(path, "/reveal/"))
	metrics := b.do(t, http.MethodGet, "/metrics")
	for _, want := range []string{
		`latchkey_http_requests_total{method="GET",route="GET /reveal/{ticket}",status="200"} 2`,
		`latchkey_http_requests_total{method="POST",route="POST /reveal/{ticket}",status="200"} 1`,
		`latchkey_http_requests_total{method="POST",route="POST /reveal/{ticket}",status="410"} 1`,
		`latchkey_http_requests_total{method="other",route="/reveal/{ticket}",status="405"} 1`,
		`latchkey_http_requests_total{method="GET",route="/",status="404"} 1`,
		`latchkey_http_request_duration_seconds_count{method="GET",route="GET /reveal/{ticket}"} 2`,
	} {
		if !strings.Contains(metrics.body, want) {
			t.Errorf("metrics lack %s in:\n%s", want, metrics.body)
		}
	}
}

// TestNoSecretReachesALog takes every path a ticket or key can take through
// the doors; the check itself runs when the test ends, as in every other test.
func TestNoSecretReachesALog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	ticket := strings.TrimPrefix(path, "/reveal/")
	for _, p := range []string{
		path, "//reveal//" + ticket, "/reveal/" + ticket + "/", "/reveal/x/../" + ticket, "/" + ticket, "/assets/" + ticket,
		path + "?again=" + ticket, "/?ticket=" + ticket, "/reveal/" + ticket + "%0a" + ticket,
	} {
		b.do(t, http.MethodGet, p, "User-Agent", ticket, "Referer", b.http.URL+path, "X-Forwarded-For", ticket)
		b.do(t, http.MethodDelete, p)
		b.do(t, http.MethodPost, p, "Origin", "https://"+ticket)
	}
	page := b.do(t, http.MethodPost, path)
	if page.shownKey() == "" {
		t.Fatalf("POST = %d, want the key", page.status)
	}
	if _, err := b.db.Pool().Exec(t.Context(), `DROP TABLE ticket`); err != nil {
		t.Fatal(err)
	}
	b.do(t, http.MethodGet, path)
	b.do(t, http.MethodPost, path)
	if log := b.log.String(); !strings.Contains(log, "GET /reveal/{ticket}") || !strings.Contains(log, "request failed") {
		t.Errorf("the log lacks what happened:\n%s", log)
	}
}

func TestRevealIsRecordedUnderItsReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, path := b.issueTempo(t)
	b.do(t, http.MethodPost, path)
	var ref string
	err := b.db.Pool().QueryRow(t.Context(),
		`SELECT ref FROM audit_event WHERE action = 'credential.revealed' AND subject_id = $1`, int64(id)).Scan(&ref)
	if err != nil {
		t.Fatal(err)
	}
	if ref, ok := strings.CutPrefix(ref, "http:"); !ok || !strings.Contains(b.log.String(), ref) {
		t.Errorf("reference %q of the audit log is not in the access log", ref)
	}
}

func TestPanicIsAnsweredWithAReference(t *testing.T) {
	t.Parallel()
	key := secret.NewKey().Expose()
	var none []int
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		logged  string
	}{
		"error":   {func(http.ResponseWriter, *http.Request) { panic(errors.New("bad " + key)) }, "*errors.errorString"},
		"text":    {func(http.ResponseWriter, *http.Request) { panic("bad " + key) }, `"string"`},
		"runtime": {func(http.ResponseWriter, *http.Request) { none[len(key)]++ }, "index out of range"},
	} {
		log := &logbook{}
		s := New(Deps{Logger: zerolog.New(log)})
		w := httptest.NewRecorder()
		s.observe(s.harden(tc.handler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		m := regexp.MustCompile(`Reference: <code>(\w+)</code>`).FindStringSubmatch(w.Body.String())
		if w.Code != http.StatusInternalServerError || m == nil || !strings.Contains(log.String(), m[1]) {
			t.Errorf("%s: %d, want 500 with a reference that is logged:\n%s", name, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), tc.logged) || strings.Contains(log.String(), key) {
			t.Errorf("%s: the log must have %s and not the key:\n%s", name, tc.logged, log)
		}
	}
}

func TestPanicHalfWayBreaksTheAnswer(t *testing.T) {
	t.Parallel()
	log := &logbook{}
	s := New(Deps{Logger: zerolog.New(log)})
	srv := httptest.NewServer(s.observe(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		panic("too late")
	})))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("the client took half an answer for a whole one")
	}
	if !strings.Contains(log.String(), "handler panicked") {
		t.Errorf("the panic is not logged:\n%s", log)
	}
}
