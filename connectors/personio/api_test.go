package personio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/personio"
	"latchkey/connectors/personio/personiotest"
	"latchkey/secret"
)

// An answer that is none makes the sender try again, and never an event.
func TestAPIFails(t *testing.T) {
	t.Parallel()
	const token, one, jobs = "/v2/auth/token", "/v2/persons/7", "/v2/persons/7/employments"
	for name, fault := range map[string]personiotest.Fault{
		"no token for us":     {Path: token, Status: http.StatusUnauthorized, Body: `{"error_description":"` + clientSecret + `"}`},
		"tokens are limited":  {Path: token, Status: http.StatusTooManyRequests, RetryAfter: "7"},
		"limited, no time":    {Path: token, Status: http.StatusTooManyRequests},
		"tokens fail":         {Path: token, Status: http.StatusBadGateway},
		"tokens elsewhere":    {Path: token, Status: http.StatusTemporaryRedirect},
		"no token in it":      {Path: token, Status: http.StatusOK, Body: `{"token":"x"}`},
		"a token of lines":    {Path: token, Status: http.StatusOK, Body: `{"access_token":"a\r\nb"}`},
		"a huge token":        {Path: token, Status: http.StatusOK, Body: `{"access_token":"` + strings.Repeat("a", 1<<17) + `"}`},
		"the token is dead":   {Path: one, Status: http.StatusUnauthorized},
		"forbidden":           {Path: one, Status: http.StatusForbidden},
		"not found":           {Path: one, Status: http.StatusNotFound},
		"limited":             {Path: one, Status: http.StatusTooManyRequests},
		"failing":             {Path: one, Status: http.StatusInternalServerError},
		"garbage":             {Path: one, Status: http.StatusOK, Body: "<html>"},
		"another person":      {Path: one, Status: http.StatusOK, Body: `{"id":"8","status":"INACTIVE"}`},
		"no jobs found":       {Path: jobs, Status: http.StatusNotFound},
		"jobs fail":           {Path: jobs, Status: http.StatusServiceUnavailable},
		"jobs are no list":    {Path: jobs, Status: http.StatusOK, Body: `{}`},
		"a second page":       {Path: jobs, Status: http.StatusOK, Body: `{"_data":[],"_meta":{"links":{"next":{"href":"x"}}}}`},
		"no status":           {Path: jobs, Status: http.StatusOK, Body: `{"_data":[{"id":"1"}]}`},
		"an unknown status":   {Path: jobs, Status: http.StatusOK, Body: `{"_data":[{"status":"PAUSED"}]}`},
		"a wrong start":       {Path: jobs, Status: http.StatusOK, Body: `{"_data":[{"status":"ACTIVE","employment_start_date":"soon"}]}`},
		"a wrong termination": {Path: jobs, Status: http.StatusOK, Body: `{"_data":[{"status":"ACTIVE","termination":{"termination_date":"soon"}}]}`},
		"a wrong last day":    {Path: jobs, Status: http.StatusOK, Body: `{"_data":[{"status":"ACTIVE","termination":{"last_working_date":"soon"}}]}`},
	} {
		b := setup(t)
		b.Set(frank("INACTIVE", personiotest.Employment{Status: "INACTIVE"}))
		b.Inject(fault)
		body := personiotest.Event("employment.terminated", "7", at)
		got, err := b.send(t.Context(), t, body)
		if err == nil || got != nil || errors.Is(err, connectors.ErrUnverified) || errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		limited, ok := errors.AsType[*connectors.RateLimitedError](err)
		if ok != (fault.Status == http.StatusTooManyRequests) || name == "tokens are limited" && limited.After != 7*time.Second {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := b.send(t.Context(), t, body); err != nil || len(got) != 1 {
			t.Errorf("%s, then again: %v, %v", name, got, err)
		}
	}
}

func TestAPIHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.send(ctx, t, personiotest.Event("employment.terminated", "7", at))
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for want, fault := range map[string]personiotest.Fault{
		"credentials were refused":    {Path: "/v2/auth/token", Status: http.StatusUnauthorized},
		"may not read persons":        {Path: "/v2/persons", Status: http.StatusForbidden},
		"answered 502":                {Path: "/v2/persons", Status: http.StatusBadGateway},
		"ask for an access token: PO": {Path: "/v2/auth/token", Status: http.StatusBadGateway},
	} {
		b.Inject(fault)
		if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one about %q", err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	good := settings("")
	if _, err := personio.Open(good, http.DefaultTransport); err != nil {
		t.Errorf("without base_url: %v", err)
	}
	for word, change := range map[string]func(*connectors.Settings){
		"missing setting: client_id":      func(s *connectors.Settings) { s.ClientID = "" },
		"missing setting: client_secret":  func(s *connectors.Settings) { s.ClientSecret = secret.Value{} },
		"missing setting: signing_secret": func(s *connectors.Settings) { s.SigningSecret = secret.Value{} },
		"signing_secret is shorter":       func(s *connectors.Settings) { s.SigningSecret = secret.New("fifteen-letters") },
		"signing_secret holds":            func(s *connectors.Settings) { s.SigningSecret = secret.New("not+for/an?address=") },
		"base_url must be https":          func(s *connectors.Settings) { s.BaseURL, s.AllowPrivate = "http://personio.example", false },
	} {
		s := good
		change(&s)
		if _, err := personio.Open(s, http.DefaultTransport); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want one about %q", err, word)
		}
	}
	if _, err := personio.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("without transport: %v", err)
	}
}
