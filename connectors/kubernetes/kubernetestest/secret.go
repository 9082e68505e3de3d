package kubernetestest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"latchkey/secret"
)

// object is a core/v1 Secret with the fields the double knows.
type object struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Immutable  *bool             `json:"immutable,omitempty"`
	Data       map[string][]byte `json:"data,omitempty"`
	Type       string            `json:"type,omitempty"`
}

type metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	CreationTimestamp string            `json:"creationTimestamp,omitempty"`
	DeletionTimestamp string            `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

// fresh gives a new object what the server sets.
func (d *Double) fresh(o object) object {
	o.Metadata.UID = secret.Token(20).Expose()
	o.Metadata.CreationTimestamp = d.cfg.Now().UTC().Format(time.RFC3339)
	return o
}

func (d *Double) get(w http.ResponseWriter, r *http.Request) {
	if !d.authorized(w, r, "get") || !queried(w, r) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.secrets[name{r.PathValue("namespace"), r.PathValue("name")}]
	if !ok {
		missing(w, r.PathValue("name"))
		return
	}
	reply(w, http.StatusOK, o)
}

func missing(w http.ResponseWriter, secretName string) {
	fail(w, http.StatusNotFound, "NotFound", fmt.Sprintf("secrets %q not found", secretName))
}

func (d *Double) create(w http.ResponseWriter, r *http.Request) {
	var o object
	if !d.authorized(w, r, "create") || !queried(w, r, "fieldManager") || !read(w, r, &o) {
		return
	}
	namespace := r.PathValue("namespace")
	if o.Metadata.Namespace == "" {
		o.Metadata.Namespace = namespace
	}
	if o.Type == "" {
		o.Type = "Opaque"
	}
	switch {
	case o.APIVersion != "v1" || o.Kind != "Secret":
		fail(w, http.StatusBadRequest, "BadRequest", "the object provided is unrecognized")
		return
	case o.Metadata.Namespace != namespace:
		fail(w, http.StatusBadRequest, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request")
		return
	case o.Metadata.ResourceVersion != "":
		fail(w, http.StatusInternalServerError, "InternalError", "resourceVersion should not be set on objects to be created")
		return
	case !slices.Contains(d.cfg.Namespaces, namespace):
		fail(w, http.StatusNotFound, "NotFound", fmt.Sprintf("namespaces %q not found", namespace))
		return
	}
	if problem := o.invalid(); problem != "" {
		unprocessable(w, o.Metadata.Name, problem)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at := name{namespace, o.Metadata.Name}
	if _, there := d.secrets[at]; there {
		fail(w, http.StatusConflict, "AlreadyExists", fmt.Sprintf("secrets %q already exists", o.Metadata.Name))
		return
	}
	d.store(at, d.fresh(o))
	d.writes++
	reply(w, http.StatusCreated, d.secrets[at])
}

func (d *Double) patch(w http.ResponseWriter, r *http.Request) {
	if !d.authorized(w, r, "patch") || !queried(w, r, "fieldManager") {
		return
	}
	if r.Header.Get("Content-Type") != mergePatch {
		fail(w, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body of the request was in an unknown format")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "the body can't be read")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at := name{r.PathValue("namespace"), r.PathValue("name")}
	old, ok := d.secrets[at]
	if !ok {
		missing(w, at.secret)
		return
	}
	changed, err := merged(old, body)
	if err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "error decoding patch: strict decoding error")
		return
	}
	if changed.Metadata.ResourceVersion != old.Metadata.ResourceVersion {
		fail(w, http.StatusConflict, "Conflict", fmt.Sprintf(
			"Operation cannot be fulfilled on secrets %q: the object has been modified; please apply your changes to the latest version and try again", at.secret))
		return
	}
	problem := changed.invalid()
	if problem == "" {
		problem = changed.differs(old)
	}
	if problem != "" {
		unprocessable(w, at.secret, problem)
		return
	}
	d.store(at, changed)
	d.writes++
	reply(w, http.StatusOK, d.secrets[at])
}

// merged applies a merge patch (RFC 7386) and reads the result strictly.
func merged(old object, body []byte) (object, error) {
	var target, change map[string]any
	text, err := json.Marshal(old)
	if err != nil {
		return object{}, err
	}
	if err := json.Unmarshal(text, &target); err != nil {
		return object{}, err
	}
	if err := json.Unmarshal(body, &change); err != nil {
		return object{}, err
	}
	text, err = json.Marshal(apply(target, change))
	if err != nil {
		return object{}, err
	}
	var out object
	return out, strict(text, &out)
}

func apply(target, change map[string]any) map[string]any {
	if target == nil {
		target = map[string]any{}
	}
	for key, value := range change {
		if value == nil {
			delete(target, key)
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			into, _ := target[key].(map[string]any)
			target[key] = apply(into, inner)
			continue
		}
		target[key] = value
	}
	return target
}
