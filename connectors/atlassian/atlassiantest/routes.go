package atlassiantest

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// unscoped marks calls for which a key must have no scopes at all: those of
// user management are on no list of scopes (unverified).
const unscoped = "unscoped"

// route is one operation. {} in its pattern is one segment of the path.
type route struct {
	method, pattern string
	scope           string
	query           []string
	handle          func(call)
}

const accessBase = "admin/api-access/v1/orgs/{}/"

func (d *Double) table() []route {
	const (
		tokens  = accessBase + "api-tokens"
		keys    = accessBase + "api-keys"
		service = accessBase + "service-accounts"
		user    = "users/{}/manage/"
	)
	paging := []string{"pageSize", "cursor"}
	return []route{
		{http.MethodGet, tokens, "read:tokens:admin", append([]string{"q", "status"}, paging...), call.listUserTokens},
		{http.MethodGet, tokens + "/count", "read:tokens:admin", nil, call.countUserTokens},
		{http.MethodDelete, tokens, "delete:tokens:admin", nil, call.revokeAll},
		{http.MethodGet, keys, "read:keys:admin", paging, call.listKeys},
		{http.MethodGet, keys + "/count", "read:keys:admin", nil, call.countKeys},
		{http.MethodPatch, keys + "/revoke/{}", "delete:keys:admin", nil, call.revokeKey},
		// That this list takes a cursor is assumed; its documented query is the label alone.
		{http.MethodGet, service + "/api-tokens", "read:service-accounts-tokens:admin", []string{"tokenLabel", "cursor"}, call.listServiceTokens},
		{http.MethodDelete, service + "/{}/api-tokens", "delete:service-accounts-tokens:admin", nil, call.revokeAll},
		{http.MethodGet, user + "api-tokens", unscoped, nil, call.listOwnTokens},
		{http.MethodDelete, user + "api-tokens/{}", unscoped, nil, call.deleteToken},
		{http.MethodGet, user + "profile", unscoped, nil, call.profile},
		{http.MethodPost, user + "lifecycle/disable", unscoped, nil, call.disable},
	}
}

// call is one request on its way through a route, with the lock held.
type call struct {
	d     *Double
	w     http.ResponseWriter
	r     *http.Request
	args  []string
	knobs Knobs
}

func (c call) arg(i int) string { return c.args[i] }

func (d *Double) route(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := call{d: d, w: w, r: r, knobs: d.knobs}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	key := d.bearer(token)
	if !ok || key == nil || key.sort != orgKey {
		c.fail(http.StatusUnauthorized, "unauthorized")
		return
	}
	known := false
	for _, route := range d.routes {
		args, matches := match(route.pattern, r.URL.EscapedPath())
		known = known || matches
		if !matches || route.method != r.Method {
			continue
		}
		c.args = args
		c.run(route, key)
		return
	}
	if known {
		c.fail(http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	c.fail(http.StatusNotFound, "no such path")
}

// run makes the checks that are the same everywhere. An organisation that is
// not the key's is answered 404 (unverified; it might be 403).
func (c call) run(route route, key *credential) {
	switch {
	case strings.HasPrefix(route.pattern, accessBase) && c.arg(0) != c.d.cfg.OrgID:
		c.fail(http.StatusNotFound, "no such organisation")
	case len(key.Scopes) > 0 && !slices.Contains(key.Scopes, route.scope):
		c.fail(http.StatusForbidden, "the key lacks "+route.scope)
	case c.unknownQuery(route.query):
		c.fail(http.StatusBadRequest, "unknown query parameter")
	case c.r.Method != http.MethodPost && c.r.ContentLength != 0:
		c.fail(http.StatusBadRequest, "no body is expected")
	default:
		route.handle(c)
	}
}

func (c call) unknownQuery(known []string) bool {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return true
	}
	for name, values := range query {
		if !slices.Contains(known, name) || len(values) != 1 {
			return true
		}
	}
	return false
}

func (c call) query(name string) string { return c.r.URL.Query().Get(name) }

// match takes a path by its segments as they were sent.
func match(pattern, escaped string) (args []string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if len(want) != len(got) {
		return nil, false
	}
	for i, w := range want {
		text, err := url.PathUnescape(got[i])
		if err != nil || w != "{}" && w != text || text == "" {
			return nil, false
		}
		if w == "{}" {
			args = append(args, text)
		}
	}
	return args, true
}

var bulkPath = regexp.MustCompile(`^/admin/api-access/v1/orgs/[^/]+/(api-tokens|service-accounts/[^/]+/api-tokens)$`)

// isBulkRevoke is deliberately suspicious: it decodes the path twice and cleans
// it, as a careless server on the way might.
func isBulkRevoke(r Request) bool {
	if !strings.EqualFold(r.Method, http.MethodDelete) {
		return false
	}
	text := r.Path
	for range 3 {
		if bulkPath.MatchString(path.Clean("/" + strings.ReplaceAll(text, `\`, "/"))) {
			return true
		}
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return false
		}
		text = decoded
	}
	return false
}
