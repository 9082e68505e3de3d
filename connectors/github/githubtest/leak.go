package githubtest

import (
	"net/http"
	"regexp"
	"slices"
)

// leakable is the documented forms of tokens. How long they are, and of which
// characters, is unverified.
var leakable = regexp.MustCompile(`^(ghp|gho|ghu|ghr)_[A-Za-z0-9_-]{36,251}$|^github_pat_[A-Za-z0-9_-]{59,244}$`)

// revokeLeaked takes 1 to 1000 tokens of the documented forms, known or not. A
// token of another form refuses them all, which is unverified.
func (d *Double) revokeLeaked(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Credentials []string `json:"credentials"`
	}
	if !read(w, r, &in) {
		return
	}
	foreign := slices.ContainsFunc(in.Credentials, func(s string) bool {
		return !leakable.MatchString(s)
	})
	if n := len(in.Credentials); n < 1 || n > 1000 || foreign {
		reply(w, http.StatusUnprocessableEntity, map[string]any{
			"message": "Validation Failed", "documentation_url": docs, "errors": []string{"credentials are not valid"},
		})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	kill := func() {
		for _, t := range d.tokens {
			if slices.Contains(in.Credentials, t.value.Expose()) {
				d.kill(t)
			}
		}
	}
	if d.knobs.Later {
		d.later = append(d.later, kill)
	} else {
		kill()
	}
	reply(w, http.StatusAccepted, map[string]any{})
}

// kill ends a token everywhere.
func (d *Double) kill(t *token) {
	t.killed = true
	d.grants = slices.DeleteFunc(d.grants, func(g *grant) bool { return g.token == t.id })
	d.requests = slices.DeleteFunc(d.requests, func(g *grant) bool { return g.token == t.id })
	d.authorizations = slices.DeleteFunc(d.authorizations, func(a *authorization) bool { return a.token == t.id })
}
