package kubernetestest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	applicationJSON = "application/json"
	mergePatch      = "application/merge-patch+json"
	groupReviews    = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
	account         = "system:serviceaccount:latchkey:latchkey"
)

func (d *Double) routes() {
	d.mux.HandleFunc("POST "+groupReviews, d.review)
	d.mux.HandleFunc("GET /api/v1/namespaces/{namespace}/secrets/{name}", d.get)
	d.mux.HandleFunc("POST /api/v1/namespaces/{namespace}/secrets", d.create)
	d.mux.HandleFunc("PATCH /api/v1/namespaces/{namespace}/secrets/{name}", d.patch)
	d.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	})
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	between := d.arrive(r)
	if !d.Pass(r.Context()) {
		return
	}
	if between != nil {
		between()
	}
	if answer := d.instead(); answer != nil {
		answer(w, r)
		return
	}
	switch {
	case !d.authenticated(r):
		fail(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case r.Header.Get("Accept") != applicationJSON:
		fail(w, http.StatusNotAcceptable, "NotAcceptable", "only the following media types are accepted: application/json")
	case isWrite(r) && d.loses():
		d.mux.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler) // net/http cuts the connection
	default:
		d.mux.ServeHTTP(w, r)
	}
}

// nowhere takes an answer that gets lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

func isWrite(r *http.Request) bool { return r.Method != http.MethodGet && r.URL.Path != groupReviews }

// arrive counts a call, and returns what happens before it is looked at.
func (d *Double) arrive(r *http.Request) (between func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
	if isWrite(r) && len(d.between) > 0 {
		between = d.between[0]
		d.between = d.between[1:]
	}
	return between
}

// instead is what answers a call instead of its route, or nil.
func (d *Double) instead() http.HandlerFunc {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.next) > 0 {
		answer := d.next[0]
		d.next = d.next[1:]
		return answer
	}
	if d.down {
		return func(w http.ResponseWriter, _ *http.Request) {
			fail(w, http.StatusInternalServerError, "InternalError", "Internal error occurred: etcdserver: request timed out")
		}
	}
	return nil
}

func (d *Double) loses() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.lose
	d.lose = false
	return was
}

func (d *Double) authenticated(r *http.Request) bool {
	header := r.Header.Values("Authorization")
	if len(header) != 1 || d.cfg.Token.Empty() {
		return false
	}
	token, ok := strings.CutPrefix(header[0], "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(d.cfg.Token.Expose())) == 1
}

// authorized answers for a caller who may not. It comes before the body is
// read, as on a real server.
func (d *Double) authorized(w http.ResponseWriter, r *http.Request, verb string) bool {
	if d.may(verb) {
		return true
	}
	what := "secrets"
	if one := r.PathValue("name"); one != "" {
		what = fmt.Sprintf("secrets %q", one)
	}
	fail(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(
		"%s is forbidden: User %q cannot %s resource \"secrets\" in API group \"\" in the namespace %q", what, account, verb, r.PathValue("namespace")))
	return false
}

// queried refuses parameters other than the allowed ones. A real server
// ignores unknown ones.
func queried(w http.ResponseWriter, r *http.Request, allowed ...string) bool {
	for key, values := range r.URL.Query() {
		if !slices.Contains(allowed, key) || len(values) != 1 || values[0] == "" || len(values[0]) > 128 {
			fail(w, http.StatusBadRequest, "BadRequest", "a query parameter is unknown or malformed")
			return false
		}
	}
	return true
}

func (d *Double) review(w http.ResponseWriter, r *http.Request) {
	var in struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Spec       struct {
			ResourceAttributes struct {
				Namespace string `json:"namespace"`
				Verb      string `json:"verb"`
				Group     string `json:"group"`
				Resource  string `json:"resource"`
			} `json:"resourceAttributes"`
		} `json:"spec"`
	}
	if !queried(w, r) || !read(w, r, &in) {
		return
	}
	if in.APIVersion != "authorization.k8s.io/v1" || in.Kind != "SelfSubjectAccessReview" {
		fail(w, http.StatusBadRequest, "BadRequest", "the object provided is unrecognized")
		return
	}
	asked := in.Spec.ResourceAttributes
	allowed := asked.Resource == "secrets" && asked.Group == "" && asked.Namespace != "" && d.may(asked.Verb)
	reply(w, http.StatusCreated, map[string]any{
		"apiVersion": in.APIVersion, "kind": in.Kind, "metadata": map[string]any{"creationTimestamp": nil},
		"spec": map[string]any{"resourceAttributes": asked}, "status": map[string]any{"allowed": allowed},
	})
}
