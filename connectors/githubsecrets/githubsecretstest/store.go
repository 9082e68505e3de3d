package githubsecretstest

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"

	"latchkey/secret"
)

const (
	maxValue    = 48 << 10 // bytes of a secret or a variable; unverified
	namePattern = `^[A-Za-z_][A-Za-z0-9_]*$`
	sealPattern = `^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$`
)

// within finds the store of the path and holds mu while h runs; 404 where
// there is none.
func (d *Double) within(w http.ResponseWriter, r *http.Request, h func(*store)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.stores[at(r.PathValue("owner")+"/"+r.PathValue("repo"), r.PathValue("environment"))]
	if !ok {
		notFound(w, r)
		return
	}
	h(s)
}

func isName(name string) bool {
	return regexp.MustCompile(namePattern).MatchString(name) && !strings.HasPrefix(strings.ToUpper(name), "GITHUB_")
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

func (d *Double) listSecrets(w http.ResponseWriter, r *http.Request) {
	d.within(w, r, func(s *store) {
		rows := []any{}
		for _, one := range s.secrets {
			rows = append(rows, one.row())
		}
		reply(w, http.StatusOK, map[string]any{"total_count": len(rows), "secrets": rows})
	})
}

func (s stored) row() map[string]string {
	return map[string]string{"name": s.name, "created_at": stamp(s.created), "updated_at": stamp(s.updated)}
}

func (d *Double) publicKey(w http.ResponseWriter, r *http.Request) {
	d.within(w, r, func(s *store) {
		reply(w, http.StatusOK, map[string]string{"key_id": s.keyID, "key": base64.StdEncoding.EncodeToString(s.public[:])})
	})
}

func (d *Double) getSecret(w http.ResponseWriter, r *http.Request) {
	d.within(w, r, func(s *store) {
		one, ok := s.secrets[strings.ToUpper(r.PathValue("name"))]
		if ok && d.stale {
			ok = one.before != nil
			if ok {
				one = *one.before
			}
		}
		if !ok {
			notFound(w, r)
			return
		}
		reply(w, http.StatusOK, one.row())
	})
}

func (d *Double) putSecret(w http.ResponseWriter, r *http.Request) {
	var in struct {
		EncryptedValue string `json:"encrypted_value"`
		KeyID          string `json:"key_id"`
	}
	if !read(w, r, &in) {
		return
	}
	d.within(w, r, func(s *store) {
		sealed, err := base64.StdEncoding.DecodeString(in.EncryptedValue)
		opened, ok := box.OpenAnonymous(nil, sealed, s.public, s.private)
		switch {
		case !isName(r.PathValue("name")):
			invalid(w, "name", "Secret names can only contain alphanumeric characters or underscores")
		case in.KeyID != s.keyID:
			invalid(w, "key_id", "Invalid key_id")
		case err != nil || !regexp.MustCompile(sealPattern).MatchString(in.EncryptedValue) || !ok || len(opened) > maxValue:
			invalid(w, "encrypted_value", "Improperly encrypted secret")
		default:
			d.writes++
			if s.put(r.PathValue("name"), secret.New(string(opened)), d.clock()) {
				reply(w, http.StatusCreated, struct{}{})
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

func (d *Double) listVariables(w http.ResponseWriter, r *http.Request) {
	d.within(w, r, func(s *store) {
		rows := []any{}
		for _, one := range s.variables {
			rows = append(rows, one.row())
		}
		reply(w, http.StatusOK, map[string]any{"total_count": len(rows), "variables": rows})
	})
}

func (v variable) row() map[string]string {
	return map[string]string{"name": v.name, "value": v.value, "created_at": stamp(v.created), "updated_at": stamp(v.updated)}
}

func (d *Double) getVariable(w http.ResponseWriter, r *http.Request) {
	d.within(w, r, func(s *store) {
		v, ok := s.variables[strings.ToUpper(r.PathValue("name"))]
		if !ok {
			notFound(w, r)
			return
		}
		reply(w, http.StatusOK, v.row())
	})
}

// variableBody is of both writes; an update may leave either out.
type variableBody struct {
	Name  *string `json:"name"`
	Value *string `json:"value"`
}

func (d *Double) createVariable(w http.ResponseWriter, r *http.Request) {
	var in variableBody
	if !read(w, r, &in) {
		return
	}
	d.within(w, r, func(s *store) {
		if in.Name == nil || in.Value == nil || !isName(*in.Name) || len(*in.Value) > maxValue {
			invalid(w, "name", "is missing or invalid")
			return
		}
		key := strings.ToUpper(*in.Name)
		if _, there := s.variables[key]; there {
			fail(w, http.StatusConflict, "Already exists - Variable already exists") // unverified
			return
		}
		now := d.clock()
		s.variables[key] = variable{key, *in.Value, now, now}
		reply(w, http.StatusCreated, struct{}{})
	})
}

func (d *Double) updateVariable(w http.ResponseWriter, r *http.Request) {
	var in variableBody
	if !read(w, r, &in) {
		return
	}
	d.within(w, r, func(s *store) {
		key := strings.ToUpper(r.PathValue("name"))
		v, there := s.variables[key]
		switch {
		case !there:
			notFound(w, r)
			return
		case in.Name != nil && strings.ToUpper(*in.Name) != key, in.Value == nil || len(*in.Value) > maxValue:
			invalid(w, "value", "is missing or invalid") // renaming is not played
			return
		}
		if *in.Value != v.value { // whether the same value is an update is unverified
			v.value, v.updated = *in.Value, d.clock()
		}
		s.variables[key] = v
		w.WriteHeader(http.StatusNoContent)
	})
}
