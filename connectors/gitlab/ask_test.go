package gitlab_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/gitlab"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const ownToken = "glpat-s3cr3t-admin-token"

// against connects to a server of the test's own.
func against(t *testing.T, base string) *gitlab.Connector {
	t.Helper()
	return open(t, connectors.Settings{
		Name: "gitlab", BaseURL: base, AllowPrivate: true, Token: secret.New(ownToken), Group: gitlabtest.TopGroupPath,
	})
}

func served(t *testing.T, h http.HandlerFunc) *gitlab.Connector {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return against(t, srv.URL)
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRefusalsQuoteGitLabInOneCleanLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":"expires_at is missing"}`:                                              "expires_at is missing",
		`{"message":"403 Forbidden - blocked"}`:                                          "403 Forbidden - blocked",
		`{"error":"insufficient_scope","error_description":"Higher privileges needed."}`: "Higher privileges needed.",
		`{"message":{"expires_at":["must be before 2027-01-01"]}}`:                       "expires_at must be before 2027-01-01",
		`{"message":["first","second"]}`:                                                 "first",
		"{\"message\":\"a\\r\\nb\\u202ec\\u0000d\"}":                                     "a bc d",
		`{"message":"token ` + strings.Repeat("k", 30) + ` is bad"}`:                     "token […] is bad",
		`{"message":"` + strings.Repeat("word ", 60) + `"}`:                              strings.Repeat("word ", 31) + "word…",
		`{"a":{"b":{"c":{"d":"deep"}}}}`:                                                 "",
		`nothing`:                                                                        "",
	} {
		err := served(t, answering(http.StatusForbidden, body)).Check(t.Context())
		e, ok := errors.AsType[*rest.Error](err)
		if !ok || e.Detail != want || e.Method != http.MethodGet || e.Path != "/api/v4/personal_access_tokens/self" {
			t.Errorf("%s: %v, want detail %q", body, err, want)
		}
	}
}

// Neither our token nor what an answer holds reaches an error.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*gitlab.Connector{
		"echoed as a message":   served(t, answering(400, `{"message":"bad `+ownToken+`"}`)),
		"echoed as another key": served(t, answering(401, `{"`+ownToken+`":"x"}`)),
		"in a time":             served(t, answering(200, `{"id":1,"created_at":"`+ownToken+`"}`)),
		"in a number":           served(t, answering(200, `{"id":"`+ownToken+`"}`)),
		"in plain text":         served(t, answering(200, ownToken)),
		"in a status line":      against(t, "http://"+malformed(t)),
		"no answer":             against(t, "http://127.0.0.1:1"),
	} {
		err := c.Check(t.Context())
		if err == nil || strings.Contains(err.Error(), ownToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// malformed answers with our own token as its status line.
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
		_, _ = io.WriteString(c, "HTTP/1.1 "+ownToken+"\r\n\r\n")
	}()
	return ln.Addr().String()
}

// An answer over 8 MiB is not read to its end, however well formed.
func TestAnswersAreCapped(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, `{"id":1,"scopes":["api"],"name":"`+strings.Repeat("x", 8<<20)+`"}`)
	})
	if err := c.Check(t.Context()); err == nil || calls.Load() != 1 {
		t.Errorf("err = %v after %d calls, want it to end at the first", err, calls.Load())
	}
}

// The token goes to no other host.
func TestAnswersAreContained(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"null":     answering(200, "null"),
	} {
		err := served(t, h).Check(t.Context())
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("%s: %v, want an error that leaves open what GitLab means", name, err)
		}
	}
}

func TestRateLimitOfTheVendor(t *testing.T) {
	t.Parallel()
	d, base := gitlabtest.Start(t, gitlabtest.Config{PerMinute: 1, Tokens: []secret.Value{secret.New(ownToken)}, Now: at})
	c := against(t, base)
	err := c.Check(t.Context())
	var limited *connectors.RateLimitedError
	if !errors.As(err, &limited) || limited.After != time.Minute {
		t.Errorf("err = %v after %q, want a minute", err, d.Calls())
	}
}
