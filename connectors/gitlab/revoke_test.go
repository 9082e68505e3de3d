package gitlab_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
)

// refs are the IDs of the world's tokens by name; those of people as an
// administrator sees them.
func (w world) refs() map[string]string {
	return map[string]string{
		"renovate":   "group/9970/" + itoa(w.ids["renovate"]),
		"preview":    fmt.Sprintf("project/%d/%d", w.website, w.ids["preview"]),
		"production": fmt.Sprintf("service/9970/%d/%d", w.deployer, w.ids["production"]),
		"laptop":     "personal/" + itoa(w.ids["laptop"]),
	}
}

func TestRevokeEverySort(t *testing.T) {
	t.Parallel()
	for where, cfg := range map[string]gitlabtest.Config{"an instance": {SelfManaged: true}, "GitLab.com": {}} {
		w := newWorld(t, cfg)
		w.AddToken(gitlabtest.Token{User: w.deployer, Name: "kept", Scopes: []string{"api"}})
		refs := w.refs()
		if !cfg.SelfManaged {
			refs["laptop"] = "inventory/9970/" + itoa(w.ids["laptop"])
		}
		for name, id := range refs {
			r := connectors.Ref{ID: id}
			for _, state := range []string{"alive", "revoked", "forgotten"} {
				if state == "forgotten" {
					w.Forget(w.ids[name])
				}
				if err := w.Revoke(t.Context(), r); err != nil {
					t.Errorf("%s: revoke %s %s: %v", where, state, id, err)
				}
				if l, err := w.Verify(t.Context(), r); l != connectors.Dead || err != nil {
					t.Errorf("%s: %s is %s, %v", where, id, l, err)
				}
			}
			if w.Works(w.values[name]) {
				t.Errorf("%s: %s works", where, name)
			}
		}
		if !w.Works(w.values["mirror"]) || !w.Works(w.values["endless"]) {
			t.Errorf("%s: a token that was not revoked is dead", where)
		}
	}
}

// A 404 or 400 to the attempt is not a success, and neither is a 204 that
// changed nothing.
func TestRevokeIsNotFooled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status    int
		revokeErr bool
	}{
		"404, still there": {404, true},
		"400, still there": {400, true},
		"200":              {200, true},
		"202":              {202, true},
		"304":              {304, true},
		"500":              {500, true},
		"a lying 204":      {204, false}, // Verify finds out
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gitlabtest.Config{SelfManaged: true})
			for token, id := range w.refs() {
				w.Intercept(func(rw http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodDelete {
						rw.WriteHeader(tt.status)
					}
					return r.Method == http.MethodDelete
				})
				err := w.Revoke(t.Context(), connectors.Ref{ID: id})
				if (err != nil) != tt.revokeErr {
					t.Errorf("revoke %s: %v", token, err)
				}
				if l, err := w.Verify(t.Context(), connectors.Ref{ID: id}); l != connectors.Live || err != nil {
					t.Errorf("verify %s: %s, %v, want live", token, l, err)
				}
			}
		})
	}
}

// A 404 on a token is a receipt only when its listing does not have it, or
// when an administrator asked for a personal one.
func TestVerifyDoubtsA404(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		missing string // ends of the paths that are answered 404
		id      func(w world) string
		want    connectors.Liveness
		fails   bool
	}{
		"the group hides":   {"/access_tokens", func(w world) string { return w.refs()["renovate"] }, connectors.Unknown, true},
		"the project hides": {"/access_tokens", func(w world) string { return w.refs()["preview"] }, connectors.Unknown, true},
		"the account hides": {"/personal_access_tokens", func(w world) string { return w.refs()["production"] }, connectors.Unknown, true},
		"to no admin":       {"", func(w world) string { return w.refs()["laptop"] }, connectors.Unknown, true},
		"one lies":          {"", func(w world) string { return w.refs()["renovate"] }, connectors.Live, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gitlabtest.Config{})
			id := tt.id(w)
			own := "/" + id[strings.LastIndex(id, "/")+1:]
			w.Intercept(func(rw http.ResponseWriter, r *http.Request) bool {
				hide := strings.HasSuffix(r.URL.Path, own) || tt.missing != "" && strings.HasSuffix(r.URL.Path, tt.missing)
				if hide {
					rw.WriteHeader(http.StatusNotFound)
				}
				return hide
			})
			l, err := w.Verify(t.Context(), connectors.Ref{ID: id})
			if l != tt.want || (err != nil) != tt.fails {
				t.Errorf("%s, %v, want %s", l, err, tt.want)
			}
			if err := w.Revoke(t.Context(), connectors.Ref{ID: id}); err == nil {
				t.Error("revoke took a 404 for success")
			}
		})
	}
}

// What GitLab shows in a listing only is not dead because there is nothing in
// it at all, and an empty list of users does not make us an administrator who
// sees everything.
func TestAnEmptyListingIsNoReceipt(t *testing.T) {
	t.Parallel()
	for where, cfg := range map[string]gitlabtest.Config{"an instance": {SelfManaged: true}, "GitLab.com": {}} {
		w := newWorld(t, cfg)
		ids := map[string]connectors.Liveness{
			w.refs()["production"]: connectors.Unknown, "personal/1": connectors.Unknown,
			w.refs()["renovate"]: connectors.Live, w.refs()["preview"]: connectors.Live,
		}
		if !cfg.SelfManaged {
			ids["inventory/9970/"+itoa(w.ids["laptop"])] = connectors.Unknown
		}
		w.EmptyListings()
		for id, want := range ids {
			l, err := w.Verify(t.Context(), connectors.Ref{ID: id})
			if l != want || (err == nil) != (want == connectors.Live) {
				t.Errorf("%s: %s is %s, %v, want %s", where, id, l, err, want)
			}
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{SelfManaged: true})
	com := newWorld(t, gitlabtest.Config{})
	for name, tt := range map[string]struct {
		w    world
		id   string
		want connectors.Liveness
		err  error
	}{
		"expired":                       {w, "personal/" + itoa(w.ids["over"]), connectors.Dead, nil},
		"of somebody blocked":           {w, "personal/" + itoa(w.ids["leaver's"]), connectors.Live, nil},
		"never there, to an admin":      {w, "personal/1", connectors.Dead, nil},
		"never there, to an owner":      {com, "personal/1", connectors.Unknown, connectors.ErrUnrecoverable},
		"another's, to an owner":        {com, "personal/" + itoa(com.ids["laptop"]), connectors.Unknown, connectors.ErrUnrecoverable},
		"in the inventory":              {com, "inventory/9970/" + itoa(com.ids["laptop"]), connectors.Live, nil},
		"expired, in the inventory":     {com, "inventory/9970/" + itoa(com.ids["over"]), connectors.Dead, nil},
		"not in the inventory":          {com, "inventory/9970/1", connectors.Dead, nil},
		"no inventory":                  {w, "inventory/9970/1", connectors.Unknown, connectors.ErrUnrecoverable},
		"in another group":              {com, "group/9970/" + itoa(com.ids["mirror"]), connectors.Dead, nil},
		"in a group that is not there":  {com, "group/1/" + itoa(com.ids["mirror"]), connectors.Unknown, connectors.ErrUnrecoverable},
		"an ID that none of theirs has": {com, "group/9970/x", connectors.Unknown, nil},
	} {
		l, err := tt.w.Verify(t.Context(), connectors.Ref{ID: tt.id})
		if l != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %s, %v, want %s, %v", name, l, err, tt.want, tt.err)
		}
	}
}
