package tempotest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

// restart is a new double that goes on from what another one saved. It accepts
// no token of its own.
func restart(t *testing.T, from bundle) bundle {
	t.Helper()
	raw, err := from.Save()
	if err != nil {
		t.Fatal(err)
	}
	d, base := tempotest.Start(t, unlimited())
	if err := d.Restore(raw); err != nil {
		t.Fatal(err)
	}
	return bundle{d, t, base}
}

// everything is what GET shows of the whole world, without the host.
func (b bundle) everything() map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, path := range []string{
		"/4/worklogs?limit=100", "/4/plans?from=2000-01-01&to=2100-01-01&limit=100", "/4/accounts", "/4/teams",
		"/4/worklogs/team/1?limit=100", "/4/worklogs/project/10100?limit=100", "/4/worklogs/account/ACME",
	} {
		status, _, text := b.call(http.MethodGet, path, "")
		if status != http.StatusOK {
			b.t.Fatalf("GET %s: %d %s", path, status, text)
		}
		out[path] = strings.ReplaceAll(text, b.base, "")
	}
	return out
}

func (b bundle) newWorklogID() int64 {
	b.t.Helper()
	var made struct {
		ID int64 `json:"tempoWorklogId"`
	}
	body := `{"authorAccountId":"` + tempotest.Alice + `","issueId":10001,"startDate":"2026-11-20","timeSpentSeconds":60}`
	b.get(http.MethodPost, "/4/worklogs", body, &made)
	return made.ID
}

func TestDoubleOutlivesARestart(t *testing.T) {
	t.Parallel()
	before := setup(t, unlimited())
	before.AcceptView(secret.New("view-token"))
	before.Accept(secret.New("forgotten"))
	before.Forget(secret.New("forgotten"))
	last := before.newWorklogID()
	for _, path := range []string{"/4/worklogs/2", "/4/teams/2", "/4/accounts/INTERNAL"} {
		if status, _, text := before.call(http.MethodDelete, path, ""); status != http.StatusNoContent {
			t.Fatalf("DELETE %s: %d %s", path, status, text)
		}
	}
	before.call(http.MethodDelete, "/4/worklogs/1", "")

	after := restart(t, before)
	if diff := cmp.Diff(before.everything(), after.everything()); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if id := after.newWorklogID(); id <= last {
		t.Errorf("the new worklog has id %d, %d was given before", id, last)
	}
	if status, _, _ := after.callAs("view-token", http.MethodGet, "/4/teams", ""); status != http.StatusOK {
		t.Errorf("the view token reads: %d", status)
	}
	if status, _, _ := after.callAs("view-token", http.MethodDelete, "/4/teams/1", ""); status != http.StatusForbidden {
		t.Errorf("the view token deletes: %d", status)
	}
	if status, _, _ := after.callAs("forgotten", http.MethodGet, "/4/teams", ""); status != http.StatusUnauthorized {
		t.Errorf("the forgotten token reads: %d", status)
	}
}

func TestRestoreReplacesTheTokens(t *testing.T) {
	t.Parallel()
	saved, err := setup(t, unlimited()).Save()
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, unlimited())
	b.Accept(secret.New("newer"))
	if err := b.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := b.callAs("newer", http.MethodGet, "/4/teams", ""); status != http.StatusUnauthorized {
		t.Errorf("a token that was not saved: %d", status)
	}
}

func TestRestoreRefusesWhatItDidNotSave(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	raw, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	want := b.everything()
	edit := func(change func(map[string]any)) string {
		var d map[string]any
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		change(d)
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "JSON"},
		{"cut off", string(raw[:len(raw)/2]), "JSON"},
		{"two of them", string(raw) + string(raw), "JSON"},
		{"something else", `{"format":"latchkey-fake-vendor","version":1}`, "not a tempo-double"},
		{"a newer version", edit(func(d map[string]any) { d["version"] = 2 }), "version 2"},
		{"an unknown field", edit(func(d map[string]any) { d["extra"] = 1 }), "extra"},
		{"an empty token", edit(func(d map[string]any) { d["tokens"] = []any{map[string]any{"token": ""}} }), "token is empty"},
		{"a row beyond the counter", edit(func(d map[string]any) { d["plans"].(map[string]any)["last"] = 1 }), "plan"},
	} {
		err := b.Restore([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v, want it to say %q", tt.name, err, tt.want)
		}
	}
	if diff := cmp.Diff(want, b.everything()); diff != "" {
		t.Errorf("a refused file changed the double (-want +got)\n%s", diff)
	}
}

// TestSaveIsOneMoment saves while others write: every result restores, and a
// later one has no fewer rows.
func TestSaveIsOneMoment(t *testing.T) {
	t.Parallel()
	b := setup(t, unlimited())
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 20 {
				b.call(http.MethodPost, "/4/worklogs", `{"authorAccountId":"`+tempotest.Bob+`","issueId":10001,"startDate":"2026-11-20","timeSpentSeconds":60}`)
			}
		})
	}
	rows := 0
	for range 10 {
		raw, err := b.Save()
		if err != nil {
			t.Fatal(err)
		}
		if err := tempotest.New(unlimited()).Restore(raw); err != nil {
			t.Fatal(err)
		}
		n := strings.Count(string(raw), "tempoWorklogId")
		if n < rows {
			t.Errorf("%d worklogs after %d", n, rows)
		}
		rows = n
	}
	writers.Wait()
}
