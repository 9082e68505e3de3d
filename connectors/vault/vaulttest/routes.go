package vaulttest

import (
	"maps"
	"net/http"
	"strings"
)

// answer does what a call asks for.
func (d *Double) answer(r *http.Request, body []byte) reply {
	d.mu.Lock()
	defer d.mu.Unlock()
	path, found := strings.CutPrefix(r.URL.Path, "/v1/")
	if !found || r.URL.RawPath != "" || strings.Contains(path, "//") {
		return refuse(http.StatusNotFound)
	}
	if r.Header.Get("X-Vault-Request") != "true" {
		return refuse(http.StatusPreconditionFailed, "missing required request header") // as Vault's agent has it
	}
	for _, never := range []string{"X-Vault-Wrap-Ttl", "X-Vault-Mfa", "Authorization"} {
		if r.Header.Get(never) != "" {
			return refuse(http.StatusBadRequest, "the double does not take the header "+never)
		}
	}
	if r.Header.Get("X-Vault-Namespace") != d.namespace {
		return refuse(http.StatusNotFound, "namespace not found")
	}
	id := r.Header.Get("X-Vault-Token")
	t := d.live(id)
	if t == nil {
		return refuse(http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	}
	reads := r.Method == http.MethodGet
	switch own, about := strings.CutPrefix(path, "sys/internal/ui/mounts/"); {
	case path == "auth/token/lookup-self" && reads:
		if t.NoDefault {
			return denied()
		}
		return d.lookUpSelf(id, t)
	case path == "auth/token/renew-self" && (r.Method == http.MethodPut || r.Method == http.MethodPost):
		if t.NoDefault {
			return denied()
		}
		return d.renewSelf(id, t, body)
	case about && reads:
		return d.mountOf(t, own)
	}
	return d.kv(r, t, path, body)
}

// mountOf does not tell a mount that is not there from one that the token may
// not see.
func (d *Double) mountOf(t *token, path string) reply {
	for name, m := range d.mounts {
		if (path == name || strings.HasPrefix(path, name+"/")) && t.sees(name) {
			data := object{
				"accessor": "kv_double", "config": object{"default_lease_ttl": 0, "max_lease_ttl": 0}, "description": "",
				"path": name + "/", "type": "kv", "options": object{"version": m.version}, "uuid": "double",
			}
			answer := ok(data, "system")
			maps.Copy(answer.body, data) // sys answers say everything twice
			return answer
		}
	}
	return refuse(http.StatusForbidden,
		`preflight capability check returned 403, please ensure client's policies grant access to path "`+path+`/"`)
}

func (d *Double) kv(r *http.Request, t *token, path string, body []byte) reply {
	for name, m := range d.mounts {
		below, inside := strings.CutPrefix(path, name+"/")
		if !inside {
			continue
		}
		place, data := strings.CutPrefix(below, "data/")
		if m.version != "2" || !data || place == "" {
			return refuse(http.StatusMethodNotAllowed, "unsupported operation") // that the double has not
		}
		return d.kv2(r, t, m, path, place, body)
	}
	return refuse(http.StatusNotFound, `no handler for route "`+path+`". route entry not found.`)
}

func (d *Double) kv2(r *http.Request, t *token, m *mount, path, place string, body []byte) reply {
	switch r.Method {
	case http.MethodGet:
		if !t.may(read, path) {
			return denied()
		}
		return readData(m.entries[place], r.URL.Query())
	case http.MethodPut, http.MethodPost:
		needs := create
		if m.entries[place] != nil {
			needs = update
		}
		if !t.may(needs, path) {
			return denied()
		}
		return d.writeData(m, place, body)
	}
	return refuse(http.StatusMethodNotAllowed, "unsupported operation")
}

func denied() reply {
	return refuse(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
}
