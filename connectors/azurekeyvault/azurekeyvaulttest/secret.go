package azurekeyvaulttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"latchkey/secret"
)

const (
	namePattern = `^[0-9a-zA-Z-]{1,127}$`
	maxValue    = 25 << 10 // bytes
	maxTags     = 15       // unverified
	maxTag      = 256      // characters; unverified
)

func (d *Double) get(w http.ResponseWriter, r *http.Request) {
	if d.cfg.NoGet {
		forbidden(w, "ForbiddenByRbac")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[strings.ToLower(r.PathValue("name"))]
	if e == nil || e.deleted {
		fail(w, http.StatusNotFound, "SecretNotFound", fmt.Sprintf(
			"A secret with (name/id) %s was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command.", r.PathValue("name")), "")
		return
	}
	last := e.versions[len(e.versions)-1]
	if !last.enabled {
		fail(w, http.StatusForbidden, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
		return
	}
	reply(w, http.StatusOK, bundle(e, last))
}

func (d *Double) set(w http.ResponseWriter, r *http.Request) {
	if d.cfg.NoSet {
		forbidden(w, "ForbiddenByRbac")
		return
	}
	var in struct {
		Value *string           `json:"value"`
		Tags  map[string]string `json:"tags"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields() // attributes and contentType are not played
	if r.Header.Get("Content-Type") != "application/json" || dec.Decode(&in) != nil || in.Value == nil {
		bad(w, "The request body is invalid")
		return
	}
	if !regexp.MustCompile(namePattern).MatchString(r.PathValue("name")) || len(*in.Value) > maxValue || len(in.Tags) > maxTags {
		bad(w, "The request URI contains an invalid name, or the body is too large")
		return
	}
	for key, value := range in.Tags {
		if key == "" || len([]rune(key)) > maxTag || len([]rune(value)) > maxTag {
			bad(w, "A tag is too long")
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := r.PathValue("name")
	switch e := d.secrets[strings.ToLower(name)]; {
	case e != nil && e.busy:
		fail(w, http.StatusConflict, "Conflict", fmt.Sprintf(
			"Secret %s is currently being recovered and cannot be re-created; retry later.", name), "ObjectIsBeingRecovered")
	case e != nil && e.deleted:
		fail(w, http.StatusConflict, "Conflict", fmt.Sprintf(
			"Secret %s is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.", name),
			"ObjectIsDeletedButRecoverable")
	default:
		v := d.put(name, secret.New(*in.Value), in.Tags)
		d.writes++
		reply(w, http.StatusOK, bundle(d.secrets[strings.ToLower(name)], v))
	}
}

func bundle(e *entry, v version) map[string]any {
	out := map[string]any{
		"value": v.value.Expose(), "id": VaultURL + "/secrets/" + e.name + "/" + v.id,
		"attributes": map[string]any{
			"enabled": v.enabled, "created": v.made.Unix(), "updated": v.made.Unix(),
			"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
		},
	}
	if len(v.tags) > 0 {
		out["tags"] = v.tags
	}
	return out
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// fail is the vault's error; inner is left out where it is empty.
func fail(w http.ResponseWriter, status int, code, message, inner string) {
	e := map[string]any{"code": code, "message": message}
	if inner != "" {
		e["innererror"] = map[string]string{"code": inner}
	}
	reply(w, status, map[string]any{"error": e})
}

func bad(w http.ResponseWriter, message string) {
	fail(w, http.StatusBadRequest, "BadParameter", message, "")
}

func forbidden(w http.ResponseWriter, inner string) {
	fail(w, http.StatusForbidden, "Forbidden", "Caller is not authorized to perform action on resource.", inner)
}
