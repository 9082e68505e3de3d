package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// bare is the doors without rules behind them.
func bare(t *testing.T, d Deps) (http.Handler, *logbook) {
	t.Helper()
	log := &logbook{}
	d.Logger = zerolog.New(log).Level(zerolog.TraceLevel)
	return New(d).Handler(), log
}

func ask(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func decodeReady(t *testing.T, w *httptest.ResponseRecorder) readyAnswer {
	t.Helper()
	var out readyAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return out
}

func TestReadyzListsChecks(t *testing.T) {
	t.Parallel()
	var broken error
	h, log := bare(t, Deps{Ready: func(context.Context) []Check {
		return []Check{{Name: "slack"}, {Name: "database", Err: broken}}
	}})

	w := ask(h, "/readyz")
	want := readyAnswer{Ready: true, Checks: []readyCheck{{"slack", true, "It works."}, {"database", true, "It works."}}}
	if diff := cmp.Diff(want, decodeReady(t, w)); diff != "" || w.Code != http.StatusOK {
		t.Errorf("%d (-want +got):\n%s", w.Code, diff)
	}

	broken = errors.New("dial tcp 10.0.0.5:5432: connection refused")
	w = ask(h, "/readyz")
	got := decodeReady(t, w)
	if w.Code != http.StatusServiceUnavailable || got.Ready || !got.Checks[0].OK || got.Checks[1].OK {
		t.Errorf("with a broken database: %d %+v, want 503", w.Code, got)
	}
	if strings.Contains(w.Body.String(), "10.0.0.5") {
		t.Errorf("the answer shows internals: %s", w.Body)
	}
	if !strings.Contains(log.String(), "10.0.0.5") {
		t.Error("the log does not show the cause")
	}
}

func TestReadyzWaitsTwoSecondsAtMost(t *testing.T) {
	t.Parallel()
	var bounded bool
	h, _ := bare(t, Deps{Ready: func(ctx context.Context) []Check {
		_, bounded = ctx.Deadline()
		return nil
	}})
	r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
	over, cancel := context.WithCancel(r.Context())
	cancel() // stands for a deadline that passed while the checks ran
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(over))
	if got := decodeReady(t, w); w.Code != http.StatusServiceUnavailable || got.Ready {
		t.Errorf("%d %+v, want 503", w.Code, got)
	}
	if !bounded {
		t.Error("the checks have no deadline")
	}
}

func TestHealthzNeedsNothing(t *testing.T) {
	t.Parallel()
	h, _ := bare(t, Deps{Ready: func(context.Context) []Check { return []Check{{Name: "database", Err: errors.New("gone")}} }})
	if w := ask(h, "/healthz"); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("%d %q, want 200 ok", w.Code, w.Body)
	}
}
