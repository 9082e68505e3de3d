package github_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

// holdsNone checks an error, however it is printed.
func holdsNone(t *testing.T, err error, secrets ...secret.Value) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v %q", err, err, err, err)
	for _, v := range secrets {
		if !v.Empty() && strings.Contains(text, v.Expose()) {
			t.Error("an error holds a secret")
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		exceed func(*githubtest.Double)
		want   time.Duration
	}{
		"primary":               {func(d *githubtest.Double) { d.ExceedPrimary(17 * time.Minute) }, 17 * time.Minute},
		"primary, over already": {func(d *githubtest.Double) { d.ExceedPrimary(-time.Minute) }, time.Second},
		"primary, too far":      {func(d *githubtest.Double) { d.ExceedPrimary(1000 * time.Hour) }, time.Hour},
		"secondary, 403":        {func(d *githubtest.Double) { d.ExceedSecondary(403, 42*time.Second) }, 42 * time.Second},
		"secondary, 429":        {func(d *githubtest.Double) { d.ExceedSecondary(429, 42*time.Second) }, 42 * time.Second},
		"without a header, 403": {func(d *githubtest.Double) { d.ExceedSecondary(403, 0) }, time.Minute},
		"without a header, 429": {func(d *githubtest.Double) { d.ExceedSecondary(429, 0) }, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if err := b.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			tt.exceed(b.d)
			err := b.Check(t.Context())
			var limited *connectors.RateLimitedError
			if !errors.As(err, &limited) || limited.After != tt.want || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Errorf("err = %v, want RateLimitedError of %s", err, tt.want)
			}
			if err := b.Check(t.Context()); err != nil {
				t.Errorf("the limit is remembered: %v", err)
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, unrecoverable := range map[int]bool{
		301: false, 302: false, 307: false, 400: true, 401: true, 403: true, 404: true, 408: false, 409: true, 410: true,
		422: true, 451: true, 500: false, 502: false, 503: false,
	} {
		b := setup(t)
		b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/orgs/") {
				return false
			}
			w.Header().Set("Location", "/elsewhere")
			answer(status, `{"message":"no","documentation_url":"x","errors":[{"code":"custom"}]}`)(w, r)
			return true
		})
		err := b.Check(t.Context())
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != unrecoverable || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: err = %v, want unrecoverable: %t", status, err, unrecoverable)
		}
	}
}

// No credential goes where a redirect points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed to %s", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	for _, part := range []string{"/app/", "/orgs/", "/credentials/"} {
		b := setup(t)
		pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
		b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, part) {
				return false
			}
			redirect(elsewhere.URL+r.URL.Path)(w, r)
			return true
		})
		verbs := []error{
			b.Check(t.Context()), b.Revoke(t.Context(), patRef(pat)), b.CloseAccount(t.Context(), connectors.AccountRef{ID: "alice"}),
		}
		if part == "/credentials/" {
			verbs = []error{b.RevokeLeaked(t.Context(), []secret.Value{pat.Secret})}
		}
		for i, err := range verbs {
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Errorf("%s, verb %d: %v", part, i, err)
			}
		}
	}
}

// Whatever a vendor, or what stands in its place, makes of our credentials.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	owner := ownerToken()
	for name, h := range map[string]http.HandlerFunc{
		"echo": func(w http.ResponseWriter, r *http.Request) {
			answer(400, `{"message":"`+r.Header.Get("Authorization")+`"}`)(w, r)
		},
		"not JSON": func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) },
		"in a field": func(w http.ResponseWriter, r *http.Request) {
			answer(200, `[{"id":"`+r.Header.Get("Authorization")+`","token_expires_at":"`+owner.Expose()+`"}]`)(w, r)
		},
		"in a status line": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 "+r.Header.Get("Authorization")+"\r\n\r\n")
			_ = conn.Close()
		},
		"in a location": func(w http.ResponseWriter, r *http.Request) { redirect("https://x.example/"+owner.Expose())(w, r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen []secret.Value
			d, base := githubtest.Start(t, githubtest.Config{PrivateKey: key(t), Owner: owner})
			s := settings(base, key(t))
			s.Token = owner
			c, err := github.Open(s, transport(func(r *http.Request) {
				if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
					seen = append(seen, secret.New(token))
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				h(w, r)
				return true
			})
			errs := []error{c.Check(t.Context()), c.Revoke(t.Context(), connectors.Ref{ID: "saml/1"}), open(t, s).Check(t.Context())}
			for _, err := range c.Credentials(t.Context()) {
				errs = append(errs, err)
			}
			for _, err := range errs {
				holdsNone(t, err, append(seen, owner, key(t))...)
			}
			if errors.Join(errs...) == nil || len(seen) < 5 {
				t.Errorf("%d credentials were seen, errors %v", len(seen), errs)
			}
		})
	}
}

// transport sees every request on its way.
func transport(see func(*http.Request)) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		see(r)
		return http.DefaultTransport.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().String()
	_ = ln.Close()
	err = open(t, settings(base, key(t))).Check(t.Context())
	var op *net.OpError
	if !errors.As(err, &op) || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("err = %v, want the cause, and one worth trying again", err)
	}
}
