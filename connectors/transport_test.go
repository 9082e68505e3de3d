package connectors

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// script answers with the given statuses in turn, then 200.
type script struct {
	statuses   []int
	retryAfter string
	calls      []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls = append(s.calls, time.Now())
	status := http.StatusOK
	if len(s.statuses) > 0 {
		status, s.statuses = s.statuses[0], s.statuses[1:]
	}
	h := http.Header{}
	if s.retryAfter != "" {
		h.Set("Retry-After", s.retryAfter)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("x")), Request: r}, nil
}

func TestRetrier(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		method     string
		body       io.Reader
		statuses   []int
		retryAfter string
		wantStatus int
		wantCalls  int
		wantTook   time.Duration
	}{
		{"ok is not repeated", "GET", nil, nil, "", 200, 1, 0},
		{"503 then ok", "GET", nil, []int{503}, "", 200, 2, 500 * time.Millisecond},
		{"backoff doubles", "GET", nil, []int{500, 502}, "", 200, 3, 1500 * time.Millisecond},
		{"at most two more tries", "GET", nil, []int{503, 503, 503, 503}, "", 503, 3, 1500 * time.Millisecond},
		{"429 honours seconds", "GET", nil, []int{429}, "3", 200, 2, 3 * time.Second},
		{"429 at once", "GET", nil, []int{429}, "0", 200, 2, 0},
		{"a long wait is the caller's", "GET", nil, []int{429}, "60", 429, 1, 0},
		{"an unreadable wait is the default", "GET", nil, []int{429}, "soon", 200, 2, 500 * time.Millisecond},
		{"POST is never repeated", "POST", strings.NewReader("{}"), []int{503}, "0", 503, 1, 0},
		{"DELETE is never repeated", "DELETE", nil, []int{429}, "0", 429, 1, 0},
		{"GET with a body is never repeated", "GET", strings.NewReader("{}"), []int{503}, "0", 503, 1, 0},
		{"501 is not temporary", "GET", nil, []int{501}, "", 501, 1, 0},
		{"404 is an answer", "GET", nil, []int{404}, "", 404, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{statuses: tt.statuses, retryAfter: tt.retryAfter}
				req, err := http.NewRequestWithContext(t.Context(), tt.method, "https://vendor.example/x", tt.body)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				resp, err := (&retrier{next: s}).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != tt.wantStatus || len(s.calls) != tt.wantCalls || time.Since(start) != tt.wantTook {
					t.Errorf("status %d after %d calls and %s, want %d, %d, %s",
						resp.StatusCode, len(s.calls), time.Since(start), tt.wantStatus, tt.wantCalls, tt.wantTook)
				}
			})
		})
	}
}

func TestRetrierStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://vendor.example/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		s := &script{statuses: []int{503, 503}, retryAfter: "4"}
		resp, err := (&retrier{next: s}).RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) || len(s.calls) != 1 {
			t.Errorf("err = %v after %d calls", err, len(s.calls))
		}
	})
}

func TestLimitedSpreadsCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		l := &limited{next: s, limiter: rate.NewLimiter(10, 2)}
		start := time.Now()
		for range 5 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vendor.example/x", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := l.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		var took []time.Duration
		for _, at := range s.calls {
			took = append(took, at.Sub(start))
		}
		for i, want := range []time.Duration{0, 0, 100, 200, 300} {
			if took[i] != want*time.Millisecond {
				t.Errorf("calls at %v", took)
				break
			}
		}
	})
}

func TestLimitedSaysRateLimitedWhenTheTurnComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		l := &limited{next: s, limiter: rate.NewLimiter(0.1, 1)}
		l.limiter.Allow()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://vendor.example/x", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := l.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		var limited *RateLimitedError
		if !errors.As(err, &limited) || len(s.calls) != 0 {
			t.Errorf("err = %v after %d calls, want RateLimitedError and none", err, len(s.calls))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		header string
		want   time.Duration
		ok     bool
	}{
		{"", 0, false},
		{"0", 0, true},
		{"7", 7 * time.Second, true},
		{"4294967295", 15 * time.Minute, true},
		{"99999999999999999999", 0, false},
		{"-1", 0, false},
		{"1.5", 0, false},
		{"Sat, 21 Nov 2026 12:00:30 GMT", 30 * time.Second, true},
		{"Sat, 21 Nov 2026 11:00:00 GMT", 0, true},
		{"Sat, 21 Nov 2099 12:00:00 GMT", 15 * time.Minute, true},
		{"tomorrow", 0, false},
	}
	for _, tt := range tests {
		got, ok := RetryAfter(http.Header{"Retry-After": {tt.header}}, now)
		if got != tt.want || ok != tt.ok {
			t.Errorf("RetryAfter(%q) = %s, %t, want %s, %t", tt.header, got, ok, tt.want, tt.ok)
		}
	}
}
