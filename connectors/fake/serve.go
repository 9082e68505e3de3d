package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/connectors"
)

const (
	pageSize     = 2 // small, so that tests walk pages
	maxBody      = 64 << 10
	brokenCursor = "broken"
)

// answer is what a handler decided; it is written after the work is done and
// outside the lock.
type answer struct {
	status int
	body   any
}

func (a answer) write(w http.ResponseWriter) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func problem(status int, text string) answer {
	return answer{status, map[string]string{"message": text}}
}

// call is one request as the handlers see it.
type call struct {
	id     string // of the key, from the path
	cursor string
	fault  Fault
	body   []byte
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

func (v *Vendor) routes() {
	v.handle("GET /v1/me", VerbCheck, v.me)
	v.handle("GET /v1/scopes", VerbScopes, v.scopes)
	v.handle("GET /v1/keys", VerbList, v.list)
	v.handle("POST /v1/keys", VerbIssue, v.issue)
	v.handle("GET /v1/keys/{id}", VerbVerify, v.get)
	v.handle("DELETE /v1/keys/{id}", VerbRevoke, v.revoke)
	v.handle("POST /v1/keys/{id}/rotate", VerbRotate, v.rotate)
	v.handle("POST /v1/keys/{id}/suspend", VerbSuspend, v.suspend)
	v.handle("POST /v1/keys/{id}/resume", VerbResume, v.resume)
	v.handle("GET /v1/requests", VerbAsked, v.listAsked)
	v.handle("POST /v1/requests/{id}", VerbDecide, v.decide)
	v.mux.HandleFunc("GET /v1/whoami", v.whoami)
}

// handle wraps a handler, which runs under the lock, in the vendor's faults.
func (v *Vendor) handle(pattern string, verb Verb, do func(call) answer) {
	v.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			problem(http.StatusBadRequest, "the body is too large").write(w)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+v.Token().Expose() {
			problem(http.StatusUnauthorized, "unknown token").write(w)
			return
		}
		c := call{id: r.PathValue("id"), cursor: r.URL.Query().Get("cursor"), fault: v.begin(verb), body: body}
		if !v.pass(r.Context(), verb, Before) || refuse(w, c.fault) {
			return
		}
		a := v.locked(do, c)
		if c.fault == Duplicate {
			a = v.locked(do, c)
		}
		if !v.pass(r.Context(), verb, After) {
			return
		}
		switch c.fault {
		case LostAnswer:
			hangUp(w)
		case LateError:
			problem(http.StatusInternalServerError, "something broke").write(w)
		default:
			a.write(w)
		}
	})
}

func (v *Vendor) locked(do func(call) answer, c call) answer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return do(c)
}

func (v *Vendor) me(call) answer { return answer{http.StatusOK, map[string]string{"name": "admin"}} }

func (v *Vendor) scopes(call) answer {
	return answer{http.StatusOK, map[string]any{"scopes": vendorScopes()}}
}

func vendorScopes() []wireScope {
	return []wireScope{
		{"files:read", "Files: read", "read", "Read files and folders."},
		{"files:write", "Files: create, change and delete", "write", "Create, change and delete files and folders."},
		{"people:read", "People: read", "read", "Read the names and addresses of people."},
		{"people:admin", "People: administer", "admin", "Invite and remove people and change what they may do."},
	}
}

func (v *Vendor) list(c call) answer {
	if c.cursor == brokenCursor {
		return problem(http.StatusInternalServerError, "something broke")
	}
	after := 0
	if c.cursor != "" {
		n, err := strconv.Atoi(c.cursor)
		if err != nil {
			return problem(http.StatusBadRequest, "unknown cursor")
		}
		after = n
	}
	p := wirePage{Keys: []wireKey{}}
	if c.fault == EmptyList {
		return answer{http.StatusOK, p}
	}
	for _, k := range v.ordered() {
		if k.number <= after || k.State == StateRevoked || k.State == StateExpired {
			continue
		}
		if len(p.Keys) == v.page {
			p.Next = strconv.Itoa(after)
			break
		}
		p.Keys = append(p.Keys, k.wire())
		after = k.number
	}
	if c.fault == PartialList {
		p.Next = brokenCursor
	}
	if c.fault == CutList {
		p.Next = ""
	}
	return answer{http.StatusOK, p}
}

func (v *Vendor) issue(c call) answer {
	var in wireKey
	if json.Unmarshal(c.body, &in) != nil {
		return problem(http.StatusBadRequest, "the body is not a key")
	}
	if in.Label == "" {
		return problem(http.StatusUnprocessableEntity, "a key needs a label")
	}
	if text := v.wrongExpiry(in.ExpiresAt); text != "" {
		return problem(http.StatusUnprocessableEntity, text)
	}
	for _, name := range in.Scopes {
		if !slices.ContainsFunc(vendorScopes(), func(s wireScope) bool { return s.Name == name }) {
			return problem(http.StatusUnprocessableEntity, fmt.Sprintf("unknown scope %q", name))
		}
	}
	k := v.add(Key{
		Label: in.Label, Owner: in.owner(),
		Scopes: in.Scopes, ExpiresAt: in.ExpiresAt, LastUsed: connectors.LastUsed{Known: true},
	})
	return answer{http.StatusCreated, wireIssued{ID: k.ID, Secret: k.Secret.Expose(), ExpiresAt: k.ExpiresAt}}
}

func (v *Vendor) wrongExpiry(at time.Time) string {
	if !at.IsZero() && !at.After(v.now()) {
		return "the end of a key must be in the future"
	}
	return ""
}

func (v *Vendor) get(c call) answer {
	v.ordered()
	k, ok := v.keys[c.id]
	if !ok {
		return problem(http.StatusNotFound, "no such key")
	}
	return answer{http.StatusOK, k.wire()}
}

func (v *Vendor) revoke(c call) answer {
	k, ok := v.keys[c.id]
	if !ok || k.State == StateRevoked {
		return problem(http.StatusNotFound, "no such key")
	}
	k.State = StateRevoked
	return answer{status: http.StatusNoContent}
}

func (v *Vendor) rotate(c call) answer {
	var in wireKey
	if json.Unmarshal(c.body, &in) != nil {
		return problem(http.StatusBadRequest, "the body is not a rotation")
	}
	if text := v.wrongExpiry(in.ExpiresAt); text != "" {
		return problem(http.StatusUnprocessableEntity, text)
	}
	return v.change(c, func(k *Key) answer {
		k.Secret = newSecret()
		if in.Label != "" {
			k.Label = in.Label
		}
		if !in.ExpiresAt.IsZero() {
			k.ExpiresAt = in.ExpiresAt
		}
		return answer{http.StatusOK, wireIssued{ID: k.ID, Secret: k.Secret.Expose(), ExpiresAt: k.ExpiresAt}}
	})
}

func (v *Vendor) suspend(c call) answer { return v.setState(c, StateSuspended) }

func (v *Vendor) resume(c call) answer { return v.setState(c, StateActive) }

func (v *Vendor) setState(c call, s State) answer {
	return v.change(c, func(k *Key) answer {
		k.State = s
		return answer{status: http.StatusNoContent}
	})
}

// change runs do on a key that is not dead.
func (v *Vendor) change(c call, do func(*Key) answer) answer {
	v.ordered()
	k, ok := v.keys[c.id]
	if !ok {
		return problem(http.StatusNotFound, "no such key")
	}
	if k.State == StateRevoked || k.State == StateExpired {
		return problem(http.StatusConflict, "the key is "+string(k.State))
	}
	return do(k)
}

// whoami is for the holder of a key.
func (v *Vendor) whoami(w http.ResponseWriter, r *http.Request) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	fault := v.begin(VerbWhoami)
	if !v.pass(r.Context(), VerbWhoami, Before) || refuse(w, fault) {
		return
	}
	a := v.locked(func(call) answer {
		k := v.working(text)
		if k == nil {
			return problem(http.StatusUnauthorized, "unknown key")
		}
		k.LastUsed = connectors.LastUsed{At: v.now().UTC(), Known: true}
		return answer{http.StatusOK, map[string]any{"owner": k.Owner.ID, "scopes": k.Scopes}}
	}, call{})
	if fault == LostAnswer {
		hangUp(w)
		return
	}
	a.write(w)
}

func (k *Key) wire() wireKey {
	w := wireKey{
		ID: k.ID, Label: k.Label, Owner: k.Owner.ID, Email: k.Owner.Email, Scopes: k.Scopes,
		Name: k.Owner.Name, Service: k.Owner.Service, Closed: k.Owner.Closed, Match: k.Match,
		State: k.State, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
	}
	switch {
	case !k.LastUsed.Known:
	case k.LastUsed.At.IsZero():
		w.LastUsed = neverUsed
	default:
		w.LastUsed = k.LastUsed.At.Format(time.RFC3339Nano)
	}
	return w
}
