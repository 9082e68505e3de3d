package gitlabtest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	apiTime  = "2006-01-02T15:04:05.000Z"
	maxInput = 1 << 20
)

// caller is who makes a call: a token and its user.
type caller struct {
	*token
	user  *user
	admin bool // of the instance, and acting as one
	owner bool // of the top-level group
}

// handler answers one call under the double's lock.
type handler func(w http.ResponseWriter, r *http.Request, by caller)

// handle adds a route. query are the keys it takes beside those of paging,
// which only listings take.
func (d *Double) handle(pattern string, h handler, query ...string) {
	method, path, _ := strings.Cut(pattern, " ")
	d.mux.HandleFunc(method+" /api/v4"+path, func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		by, ok := d.authenticate(w, r)
		if !ok {
			return
		}
		for key, values := range r.URL.Query() {
			if !slices.Contains(query, key) || len(values) != 1 {
				failure(w, http.StatusBadRequest, key+" is not a parameter of this call, or is there twice")
				return
			}
		}
		h(w, r, by)
	})
}

// authenticate plays GitLab's guard: the header, the state of the token, its
// reuse, the state of its user, and its scopes.
func (d *Double) authenticate(w http.ResponseWriter, r *http.Request) (caller, bool) {
	value := r.Header.Get("PRIVATE-TOKEN")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && value == "" {
		value = bearer
	}
	d.used[value]++
	t := d.byValue[value]
	switch {
	case t == nil:
		message(w, http.StatusUnauthorized, "401 Unauthorized")
	case t.revoked:
		if t.replaced {
			d.killFamily(t)
		}
		invalidToken(w, "Token was revoked. You have to re-authorize from the user.")
	case d.expired(t):
		invalidToken(w, "Token is expired. You can either do re-authorization or token refresh.")
	case d.users[t.user].State != "active":
		message(w, http.StatusForbidden, "403 Forbidden - Your account has been blocked.")
	case !allowed(r, t.home.Scopes):
		reply(w, http.StatusForbidden, map[string]string{
			"error": "insufficient_scope", "scope": "api read_api",
			"error_description": "The request requires higher privileges than provided by the access token.",
		})
	default:
		t.used = d.now()
		u := d.users[t.user]
		admin := d.cfg.SelfManaged && u.Admin && (!d.cfg.AdminMode || slices.Contains(t.home.Scopes, "admin_mode"))
		return caller{token: t, user: u, admin: admin, owner: u.Owner || admin}, true
	}
	return caller{}, false
}

func allowed(r *http.Request, scopes []string) bool {
	read := r.Method == http.MethodGet
	return slices.Contains(scopes, "api") || read && slices.Contains(scopes, "read_api") ||
		read && r.URL.Path == "/api/v4/personal_access_tokens/self"
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// message and failure are GitLab's two shapes of an error.
func message(w http.ResponseWriter, status int, text string) {
	reply(w, status, map[string]string{"message": text})
}

func failure(w http.ResponseWriter, status int, text string) {
	reply(w, status, map[string]string{"error": text})
}

func invalidToken(w http.ResponseWriter, why string) {
	reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token", "error_description": why})
}

func unauthorized(w http.ResponseWriter) { message(w, http.StatusUnauthorized, "401 Unauthorized") }
func forbidden(w http.ResponseWriter)    { message(w, http.StatusForbidden, "403 Forbidden") }
func notFound(w http.ResponseWriter, what string) {
	message(w, http.StatusNotFound, strings.Join(strings.Fields("404 "+what+" Not Found"), " "))
}
func badRequest(w http.ResponseWriter, why string) {
	message(w, http.StatusBadRequest, "400 Bad request - "+why)
}

// read decodes a JSON body that may hold nothing unknown.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		failure(w, http.StatusUnsupportedMediaType, "The provided content-type '"+kind+"' is not supported.")
		return false
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInput))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		failure(w, http.StatusBadRequest, "the body is not what this call takes: "+err.Error())
		return false
	}
	return true
}

// pathID reads a numeric path element.
func pathID(w http.ResponseWriter, r *http.Request, name string) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		failure(w, http.StatusBadRequest, name+" is invalid")
	}
	return id, err == nil
}

// paging are the query keys of every listing.
func paging(more ...string) []string { return append([]string{"page", "per_page"}, more...) }

// page answers the rows a page has, with GitLab's headers of offset paging.
func page[T, U any](d *Double, w http.ResponseWriter, r *http.Request, rows []T, show func(T) U) {
	if d.empty {
		rows = nil
	}
	number, okNumber := count(r, "page", 1)
	size, okSize := count(r, "per_page", 20)
	if !okNumber || !okSize || size > mostPerPage {
		failure(w, http.StatusBadRequest, "page or per_page does not have a valid value")
		return
	}
	size = min(size, d.cfg.PerPage)
	last := max((len(rows)+size-1)/size, 1)
	start := min((number-1)*size, len(rows))
	out := make([]U, 0, size)
	for _, row := range rows[start:min(start+size, len(rows))] {
		out = append(out, show(row))
	}
	h := w.Header()
	h.Set("X-Page", strconv.Itoa(number))
	h.Set("X-Per-Page", strconv.Itoa(size))
	h.Set("X-Total", strconv.Itoa(len(rows)))
	h.Set("X-Total-Pages", strconv.Itoa(last))
	h.Set("X-Next-Page", "")
	h.Set("X-Prev-Page", "")
	links := []string{link(r, 1, "first"), link(r, last, "last")}
	if number < last {
		h.Set("X-Next-Page", strconv.Itoa(number+1))
		links = append(links, link(r, number+1, "next"))
	}
	if number > 1 {
		h.Set("X-Prev-Page", strconv.Itoa(number-1))
		links = append(links, link(r, number-1, "prev"))
	}
	h.Set("Link", strings.Join(links, ", "))
	reply(w, http.StatusOK, out)
}

func link(r *http.Request, page int, rel string) string {
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(page))
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
	return fmt.Sprintf(`<%s>; rel="%s"`, u.String(), rel)
}

func count(r *http.Request, name string, absent int) (int, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(apiTime)
	return &text
}
