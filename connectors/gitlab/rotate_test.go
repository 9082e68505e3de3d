package gitlab_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
)

func TestRotateEverySort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{SelfManaged: true})
	for name, home := range map[string]string{
		"renovate":   "group/9970/",
		"preview":    fmt.Sprintf("project/%d/", w.website),
		"production": fmt.Sprintf("service/9970/%d/", w.deployer),
		"laptop":     "personal/",
	} {
		old := w.ids[name]
		got, err := w.Rotate(t.Context(), connectors.RotateRequest{
			Ref: connectors.Ref{ID: home + itoa(old)}, Label: name, ExpiresAt: noon.Add(30 * time.Hour),
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		id, ours := strings.CutPrefix(got.Ref.ID, home)
		if !ours || id == itoa(old) {
			t.Errorf("%s: the new one is %s, the old one was %s%d", name, got.Ref.ID, home, old)
		}
		if w.Works(w.values[name]) || !w.Works(got.Secret) {
			t.Errorf("%s: old works %t, new works %t", name, w.Works(w.values[name]), w.Works(got.Secret))
		}
		if want := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC); !got.ExpiresAt.Equal(want) {
			t.Errorf("%s: ends %s, want %s", name, got.ExpiresAt, want)
		}
		for _, r := range []struct {
			id   string
			want connectors.Liveness
		}{{home + itoa(old), connectors.Dead}, {got.Ref.ID, connectors.Live}} {
			if l, err := w.Verify(t.Context(), connectors.Ref{ID: r.id}); l != r.want || err != nil {
				t.Errorf("verify %s: %s, %v, want %s", r.id, l, err, r.want)
			}
		}
	}
}

// Without an end asked for, GitLab gives its week.
func TestRotateForGitLabsWeek(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	got, err := w.Rotate(t.Context(), connectors.RotateRequest{Ref: connectors.Ref{ID: "group/9970/" + itoa(w.ids["renovate"])}})
	if want := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC); err != nil || !got.ExpiresAt.Equal(want) {
		t.Errorf("ends %s, err = %v, want %s", got.ExpiresAt, err, want)
	}
}

// After a lost answer nothing rotates again, neither the transport, nor the
// client, nor a caller who asks again: the token that GitLab made lives, and
// is found by its name.
func TestRotateLosesItsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	c := open(t, w.settings)
	old := connectors.Ref{ID: "group/9970/" + itoa(w.ids["renovate"])}
	w.LoseAnswer()
	_, err := c.Rotate(t.Context(), connectors.RotateRequest{Ref: old})
	var limited *connectors.RateLimitedError
	if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrUnsupported) || errors.As(err, &limited) {
		t.Errorf("lost answer: %v, want an ambiguous error", err)
	}
	for range 2 {
		if _, err := c.Rotate(t.Context(), connectors.RotateRequest{Ref: old}); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("asked again: %v, want ErrUnrecoverable", err)
		}
	}
	if n := w.count("POST ", "/rotate"); n != 1 {
		t.Errorf("GitLab saw %d rotations, want 1", n)
	}
	if n := w.Used(w.values["renovate"]); n != 0 {
		t.Errorf("the old token was used %d times", n)
	}
	var found []string
	for row, err := range c.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Label == "renovate" {
			found = append(found, row.Ref.ID)
		}
	}
	if len(found) != 1 || found[0] == old.ID {
		t.Errorf("listed under the name: %v", found)
	}
}

// What the connector keeps from happening: the family dies with one use of the
// old value, or with one more rotation of the old ID.
func TestReuseKillsTheFamily(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]func(w world) (*http.Request, error){
		"using the old value": func(w world) (*http.Request, error) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.settings.BaseURL+"/api/v4/user", nil)
			r.Header.Set("PRIVATE-TOKEN", w.values["renovate"].Expose())
			return r, err
		},
		"rotating the old ID": func(w world) (*http.Request, error) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				w.settings.BaseURL+"/api/v4/groups/9970/access_tokens/"+itoa(w.ids["renovate"])+"/rotate", nil)
			r.Header.Set("Authorization", "Bearer "+w.settings.Token.Expose())
			return r, err
		},
	} {
		w := newWorld(t, gitlabtest.Config{})
		fresh, err := w.Rotate(t.Context(), connectors.RotateRequest{Ref: connectors.Ref{ID: "group/9970/" + itoa(w.ids["renovate"])}})
		if err != nil || !w.Works(fresh.Secret) {
			t.Fatalf("%s: rotate: %v", name, err)
		}
		req, err := reuse(w)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if l, err := w.Verify(t.Context(), fresh.Ref); l != connectors.Dead || err != nil || w.Works(fresh.Secret) {
			t.Errorf("%s (%d): the new token is %s, %v", name, resp.StatusCode, l, err)
		}
	}
}

func TestRotateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	for id, want := range map[string]error{
		"inventory/9970/" + itoa(w.ids["laptop"]): connectors.ErrUnsupported,
		"group/9970/1":   connectors.ErrUnrecoverable, // never was
		"group/9970":     connectors.ErrUnrecoverable,
		"something/else": connectors.ErrUnrecoverable,
	} {
		if _, err := w.Rotate(t.Context(), connectors.RotateRequest{Ref: connectors.Ref{ID: id}}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if n := w.count("POST ", ""); n != 0 {
		t.Errorf("%d calls changed something", n)
	}
}

// An answer that can't be the new token is no success.
func TestRotateReadsItsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	id := itoa(w.ids["renovate"])
	for name, body := range map[string]string{
		"the old token": `{"id":` + id + `,"token":"glpat-new"}`,
		"no value":      `{"id":99999}`,
		"no ID":         `{"token":"glpat-new"}`,
		"null":          `null`,
		"HTML":          `<html>`,
	} {
		w.answer(http.MethodPost, "/rotate", http.StatusOK, body)
		_, err := w.Rotate(t.Context(), connectors.RotateRequest{Ref: connectors.Ref{ID: "group/9970/" + id}})
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || strings.Contains(err.Error(), "glpat-new") {
			t.Errorf("%s: %v, want an ambiguous error without the secret", name, err)
		}
	}
}
