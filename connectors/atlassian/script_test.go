package atlassian_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/secret"
)

// inProcess is a vendor without a network.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (v inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	v.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// script opens a connector on answers that no healthy vendor gives.
func script(t testing.TB, answer http.HandlerFunc) *atlassian.Connector {
	t.Helper()
	return openInProcess(t, answer, secret.New("key"))
}

func openInProcess(t testing.TB, h http.Handler, key secret.Value) *atlassian.Connector {
	t.Helper()
	c, err := atlassian.Open(connectors.Settings{
		Name: "jira", Kind: "atlassian", OrgID: "org-1", APIKey: key,
	}, inProcess{h})
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(fixedNow)
	return c
}

// A row that could not be addressed later, or read at all, is never left out.
func TestMalformedRowsEndTheWalk(t *testing.T) {
	t.Parallel()
	const good = `{"id":"t1","label":"fine","user":{"id":"a1"},"createdAt":"2026-01-01T00:00:00+00:00"}`
	for _, bad := range []string{
		`{"label":"no id","user":{"id":"a1"}}`,
		`{"id":"t2","label":"no owner"}`,
		`{"id":"t2","user":{"id":""}}`,
		`{"id":"..","user":{"id":"a1"}}`,
		`{"id":"t2","user":{"id":"../../admin"}}`,
		`{"id":"t2%2f..","user":{"id":"a1"}}`,
		`{"id":"t 2","user":{"id":"a1"}}`,
		`{"id":"` + strings.Repeat("x", 300) + `","user":{"id":"a1"}}`,
		`{"id":"t2","user":{"id":"a1"},"createdAt":"yesterday"}`,
		`{"id":"t2","user":{"id":"a1"},"expiresAt":"12/11/2026"}`,
		`{"id":"t2","user":{"id":"a1"},"lastActiveAt":"2026-13-01T00:00:00Z"}`,
		`{"id":"t2","user":{"id":"a1"},"createdAt":1767225600}`,
		`{"id":7,"user":{"id":"a1"}}`,
		`"t2"`,
		`null`,
	} {
		c := script(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"data":[` + good + `,` + bad + `],"links":{}}`))
		})
		rows, errs := 0, 0
		for _, err := range c.Credentials(t.Context()) {
			if err != nil {
				errs++
				continue
			}
			rows++
		}
		if errs != 1 || rows > 1 {
			t.Errorf("%s: %d rows, %d errors", bad, rows, errs)
		}
	}
}

// Pages that go round in a circle end, however long the circle.
func TestCirclesOfPagesEnd(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 2, 3, 7, 100} {
		calls := 0
		c := script(t, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"data":[],"links":{"next":"c` + strings.Repeat("x", calls%length) + `"}}`))
		})
		var last error
		for _, err := range c.Credentials(t.Context()) {
			last = err
		}
		if last == nil || calls > 5*length+5 {
			t.Errorf("circle of %d: %d calls, %v", length, calls, last)
		}
	}
}

// An account's count in the style of a guide in circulation is not our list.
func TestAnswersOfAnotherShapeAreErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"count":42}`, `{}`, `[]`, `null`, `{"data":{}}`, `{"data":[]`, ``} {
		c := script(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		})
		if err := c.Check(t.Context()); err == nil {
			t.Errorf("check takes %q", body)
		}
		if l, err := c.Verify(t.Context(), connectors.Ref{ID: "user-token/a1/t1"}); err == nil || l != connectors.Unknown {
			t.Errorf("verify of %q: %s, %v", body, l, err)
		}
	}
}
