package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The control panel shows what vendors have, makes and removes keys there,
// and breaks and mends every part of the world.
func TestPanel(t *testing.T) {
	t.Parallel()
	w := newLivedInWorld(t)
	front := w.panel(http.MethodGet, "/", nil, http.StatusOK)
	for _, s := range w.systems() {
		w.says(front, `<a href="/at/`+s.Name+`">`+s.Title+`</a>`)
		page := w.panel(http.MethodGet, "/at/"+s.Name, nil, http.StatusOK)
		for _, h := range s.holdings() {
			w.says(page, h.Sort+" of "+h.Owner)
			if !h.Secret.Empty() && strings.Contains(page, h.Secret.Expose()) {
				t.Errorf("the page of %s shows a secret", s.Name)
			}
		}
	}
	w.panel(http.MethodGet, "/at/nowhere", nil, http.StatusNotFound)

	for _, tt := range []struct{ system, person, scope string }{
		{"jira", "alice@example.com", "read:jira-work"}, {"gitlab", "bob@example.com", "read_api"},
		{"github", "somebody-else", "contents:read"}, {"acme", "carol@example.com", "files:read"},
	} {
		form := url.Values{"person": {tt.person}, "label": {"made here"}, "scope": {tt.scope}}
		w.atVendor(tt.system, form)
		h, ok := w.holding(tt.system, "made here")
		if !ok || !h.Works || !w.accepts(tt.system, h) {
			t.Fatalf("nothing was made at %s", tt.system)
		}
		w.says(w.panel(http.MethodPost, "/at/"+tt.system+"/remove", url.Values{"id": {h.ID}}, http.StatusOK), "It is gone there")
		if _, still := w.holding(tt.system, "made here"); still || w.accepts(tt.system, h) {
			t.Errorf("%s still has it", tt.system)
		}
		form.Set("label", "")
		w.atVendor(tt.system, form)
		w.says(w.panel(http.MethodGet, "/at/"+tt.system, nil, http.StatusOK), "What it has")
	}
	w.panel(http.MethodPost, "/at/tempo/make", url.Values{"ends": {"2027-01-01"}}, http.StatusBadRequest)

	for _, s := range append(w.systems(), system{Name: "slack"}) {
		w.says(w.panel(http.MethodPost, "/break", url.Values{"what": {s.Name}}, http.StatusOK), `class="down"`)
		if c := w.main.opened[s.Name]; c != nil && s.Name != "acme" && c.Check(w.ctx) == nil { // acme's own check is never broken
			t.Errorf("%s is broken and answers", s.Name)
		}
		page := w.panel(http.MethodPost, "/break", url.Values{"what": {s.Name}}, http.StatusOK)
		if strings.Contains(page, `class="down"`) {
			t.Errorf("%s is not mended", s.Name)
		}
		if c := w.main.opened[s.Name]; c != nil {
			if err := c.Check(w.ctx); err != nil {
				t.Errorf("%s is mended and does not answer: %v", s.Name, err)
			}
		}
	}
	w.panel(http.MethodPost, "/break", url.Values{"what": {"everything"}}, http.StatusBadRequest)
}

// panel asks the control panel, and follows where it leads.
func (w *world) panel(method, path string, form url.Values, want int) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, w.panelURL+path, strings.NewReader(form.Encode()))
	w.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	w.must(err)
	if answer.StatusCode != want {
		w.t.Fatalf("%s %s: %d, want %d\n%s", method, path, answer.StatusCode, want, body)
	}
	return string(body)
}
