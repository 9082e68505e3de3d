package gitlab

import (
	"strconv"
	"strings"
)

// class is a sort of token, as the first word of a Ref's ID.
type class string

const (
	groupToken     class = "group"     // group/<group>/<token>
	projectToken   class = "project"   // project/<project>/<token>
	serviceToken   class = "service"   // service/<group>/<user>/<token>
	personalToken  class = "personal"  // personal/<token>: seen by an administrator
	inventoryToken class = "inventory" // inventory/<group>/<token>: seen in the credentials inventory
)

// title is what GitLab calls it.
func (c class) title() string {
	switch c {
	case groupToken:
		return "group access token"
	case projectToken:
		return "project access token"
	case serviceToken:
		return "service account personal access token"
	case inventoryToken:
		return "enterprise user personal access token"
	case personalToken:
	}
	return "personal access token"
}

// ref addresses a token. GitLab's IDs of tokens are unique in an instance, but
// each sort is reached by a path of its own.
type ref struct {
	class class
	home  int64 // group or project; zero for personal
	user  int64 // service account; zero for the others
	token int64
}

// String is the Ref.ID.
func (r ref) String() string {
	parts := []string{string(r.class)}
	for _, n := range []int64{r.home, r.user, r.token} {
		if n != 0 {
			parts = append(parts, strconv.FormatInt(n, 10))
		}
	}
	return strings.Join(parts, "/")
}

// parseRef reads what String wrote and nothing else; ok is false for an ID
// that none of our tokens can have.
func parseRef(id string) (r ref, ok bool) {
	word, rest, _ := strings.Cut(id, "/")
	r.class = class(word)
	var want []*int64
	switch r.class {
	case groupToken, projectToken, inventoryToken:
		want = []*int64{&r.home, &r.token}
	case serviceToken:
		want = []*int64{&r.home, &r.user, &r.token}
	case personalToken:
		want = []*int64{&r.token}
	default:
		return ref{}, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != len(want) {
		return ref{}, false
	}
	for i, part := range parts {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n <= 0 || strconv.FormatInt(n, 10) != part {
			return ref{}, false
		}
		*want[i] = n
	}
	return r, true
}
