package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const token = "s3cr3t-admin-token"

// setup serves h and returns a client of it.
func setup(t *testing.T, h http.HandlerFunc) *rest.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return client(t, srv.URL+"/base", srv.Client().Transport)
}

func client(t *testing.T, base string, rt http.RoundTripper) *rest.Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return rest.New(rest.Config{
		Base: u, Header: "X-Auth", Credential: secret.New("Bearer " + token),
		Extra:     map[string]string{"Accept": "application/vnd.example+json"},
		Transport: rt,
		Now:       func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
		MaxBody:   1 << 10, MaxDepth: 5,
	})
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestDoSendsAndReadsJSON(t *testing.T) {
	t.Parallel()
	type seen struct{ Method, URI, Auth, Accept, ContentType, Body string }
	got := make(chan seen, 1)
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Header.Get("X-Auth"), r.Header.Get("Accept"), r.Header.Get("Content-Type"), string(body)}
		w.Header().Set("X-Next", "2")
		answer(http.StatusCreated, "application/json; charset=utf-8", `{"id":"7"}`)(w, r)
	})
	var out struct{ ID string }
	resp, err := c.Do(t.Context(), rest.Request{
		Method: http.MethodPost,
		Path:   rest.Path("keys", "a b?c%"),
		Query:  url.Values{"page": {"1"}},
		Body:   map[string]string{"label": "x"},
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	want := seen{
		"POST", "/base/keys/a%20b%3Fc%25?page=1", "Bearer " + token,
		"application/vnd.example+json", "application/json", `{"label":"x"}`,
	}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if out.ID != "7" || resp.Status != http.StatusCreated || resp.Header.Get("X-Next") != "2" {
		t.Errorf("answer = %+v, %+v", out, resp)
	}
}

func TestDoRefusesPathsReadTwoWays(t *testing.T) {
	t.Parallel()
	c := setup(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called with %s", r.RequestURI) })
	for _, path := range []string{
		"", "keys", "//keys", "/keys//1", "/keys/../admin", "/keys/./1", rest.Path("keys", ".."), "/keys/%2e%2e/x",
		rest.Path("keys", "", "x"), rest.Path("keys", "a/b"), rest.Path("keys", `a\b`), rest.Path("keys", "a\r\nb"), "/keys?x=1", "/keys#x", "/keys/%zz",
	} {
		_, err := c.Do(t.Context(), rest.Request{Method: http.MethodGet, Path: path}, nil)
		if !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("path %q: err = %v, want ErrUnrecoverable", path, err)
		}
	}
}

func TestDoMapsStatuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status        int
		unrecoverable bool
	}{
		{301, false}, {307, false}, {400, true}, {401, true}, {403, true}, {404, true}, {408, false}, {409, true}, {410, true},
		{422, true}, {425, false}, {500, false}, {502, false}, {503, false},
	}
	for _, tt := range tests {
		c := setup(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/base/x" {
				t.Errorf("a redirect was followed to %s", r.URL)
			}
			w.Header().Set("Location", "/elsewhere")
			answer(tt.status, "text/html", "<html>")(w, r)
		})
		_, err := c.Do(t.Context(), rest.Request{Method: http.MethodPost, Path: "/x"}, nil)
		if got := errors.Is(err, connectors.ErrUnrecoverable); got != tt.unrecoverable || rest.Status(err) != tt.status {
			t.Errorf("%d: err = %v, unrecoverable %t", tt.status, err, got)
		}
	}
}

func TestDoMapsRateLimits(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                              10 * time.Second,
		"42":                            42 * time.Second,
		"Sat, 21 Nov 2026 12:01:00 GMT": time.Minute,
	} {
		c := setup(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := c.Do(t.Context(), rest.Request{Method: http.MethodPost, Path: "/x"}, nil)
		var limited *connectors.RateLimitedError
		if !errors.As(err, &limited) || limited.After != want || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("Retry-After %q: err = %v, want %s", header, err, want)
		}
	}
}

func TestDoRefusesHostileAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]http.HandlerFunc{
		"not JSON": answer(200, "text/html", "<html>"),
		"no type":  answer(200, "", "{}"),
		"cut":      answer(200, "application/json", `{"id":"7`),
		"empty":    answer(200, "application/json", ""),
		"two":      answer(200, "application/json", `{} {}`),
		"deep":     answer(200, "application/json", strings.Repeat("[", 6)+strings.Repeat("]", 6)),
		"large":    answer(200, "application/json", `{"id":"`+strings.Repeat("x", 1<<10)+`"}`),
		"type":     answer(200, "application/json", `{"id":7}`),
		"time":     answer(200, "application/json", `{"at":"lk_secret_in_a_time_field"}`),
		"bomb": func(w http.ResponseWriter, _ *http.Request) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
			_ = z.Close()
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b.Bytes())
		},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out struct {
				ID string
				At time.Time
			}
			_, err := setup(t, h).Do(t.Context(), rest.Request{Method: http.MethodGet, Path: "/x"}, &out)
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Fatalf("err = %v, want one that leaves open what the vendor did", err)
			}
			if strings.Contains(err.Error(), "lk_secret") {
				t.Errorf("error quotes the answer: %v", err)
			}
			if name == "large" || name == "bomb" {
				if !errors.Is(err, rest.ErrTooLarge) {
					t.Errorf("err = %v, want ErrTooLarge", err)
				}
			}
		})
	}
}

func TestDoReadsNestingInsideStrings(t *testing.T) {
	t.Parallel()
	var out struct{ ID string }
	c := setup(t, answer(200, "application/json", `{"id":"[[[[[[[[\"{{{{{{{{\\"}`))
	if _, err := c.Do(t.Context(), rest.Request{Method: http.MethodGet, Path: "/x"}, &out); err != nil || out.ID != `[[[[[[[["{{{{{{{{\` {
		t.Errorf("out = %q, err = %v", out.ID, err)
	}
}

// Whatever goes wrong, neither credential nor query reaches the error, even
// when the vendor echoes them.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	const query = "q-with-secret"
	req := rest.Request{Method: http.MethodGet, Path: "/x", Query: url.Values{"q": {query}}}
	newKey := strings.Repeat("k", 30)
	tests := map[string]*rest.Client{
		"echoed in JSON":   setup(t, answer(400, "application/json", `{"errors":[{"message":"bad token `+token+` or `+newKey+`"}]}`)),
		"refused dial":     client(t, "http://127.0.0.1:1", connectors.NewTransport(connectors.Settings{})),
		"malformed answer": client(t, "http://"+malformed(t), http.DefaultTransport),
		"rate limited":     setup(t, answer(429, "text/plain", token)),
		"not JSON":         setup(t, answer(200, "text/plain", token)),
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Do(t.Context(), req, &struct{}{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{token, query, newKey} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds %q", err, secret)
				}
			}
			if !strings.Contains(err.Error(), "GET /x") {
				t.Errorf("%q does not name the call", err)
			}
		})
	}
}

// malformed answers with the request's own credential as its status line.
func malformed(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 Bearer "+token+"\r\n\r\n")
	}()
	return ln.Addr().String()
}

func TestErrorQuotesTheVendorInOneCleanLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"errors":{"message":"'from' must be valid"}}`:        "'from' must be valid",
		`{"errors":[{"message":"'from' is required"}]}`:        "'from' is required",
		`{"error":"invalid_grant","error_description":"gone"}`: "gone",
		"{\"message\":\"a\\r\\nb\\u202ec\\u200b\\u0000d\"}":    "a bc d",
		`["first"]`: "first",
		`{"message":"` + strings.Repeat("word ", 60) + `"}`: strings.Repeat("word ", 31) + "word…",
		`{"a":1}`: "",
		`nothing`: "",
	} {
		_, err := setup(t, answer(400, "application/json", body)).Do(t.Context(), rest.Request{Method: http.MethodGet, Path: "/x"}, nil)
		var e *rest.Error
		if !errors.As(err, &e) || e.Detail != want {
			t.Errorf("%s: detail = %q, want %q", body, e.Detail, want)
		}
	}
}

func TestDoStopsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	c := setup(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := c.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/x"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"7"}`), 200)
	f.Add([]byte(`{"errors":[{"message":"x"}]}`), 400)
	f.Add([]byte(`[[[[[[[`), 200)
	f.Add([]byte("\"\\"), 500)
	base := &url.URL{Scheme: "https", Host: "vendor.example"}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 100 || status > 999 {
			return
		}
		c := rest.New(rest.Config{
			Base: base, Header: "Authorization", Credential: secret.New("Bearer " + token), MaxBody: 1 << 10,
			Transport: canned{status, body},
		})
		var out map[string]any
		_, err := c.Do(context.Background(), rest.Request{Method: http.MethodGet, Path: "/x"}, &out)
		if err == nil && out == nil && strings.TrimSpace(string(body)) != "null" {
			t.Error("neither an answer nor an error")
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%q holds the credential", err)
		}
	})
}

// canned answers every call the same.
type canned struct {
	status int
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Request: r, Body: io.NopCloser(bytes.NewReader(c.body)),
		Header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}
