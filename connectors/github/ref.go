package github

import (
	"strconv"
	"strings"
)

// The first part of our IDs.
const (
	classPAT          = "pat"          // pat/<grant>/<token>
	classSAML         = "saml"         // saml/<authorisation>
	classInstallation = "installation" // installation/<installation>
	classRequest      = "pat-request"  // pat-request/<request>/<token>/<asked>
)

// name is one of our IDs taken apart. The grant of a token to the organisation
// and the token itself have numbers of their own: calls name the grant, and
// listings can be narrowed to the token, which is why both are in the ID. That
// of a request says when it was made, too: once it no longer waits, nothing but
// that tells an access that it led to from one the token had before.
type name struct {
	class string
	id    int64
	token int64 // zero where the class has none
	asked int64 // seconds since 1970; zero where the class has none
}

// String is the ID.
func (n name) String() string {
	s := n.class
	for _, v := range []int64{n.id, n.token, n.asked} {
		if v != 0 {
			s += "/" + strconv.FormatInt(v, 10)
		}
	}
	return s
}

// number is the vendor's own id, as paths write it.
func (n name) number() string { return strconv.FormatInt(n.id, 10) }

// parse takes back what String made, and nothing else.
func parse(id string) (name, bool) {
	parts := strings.Split(id, "/")
	want := map[string]int{classPAT: 3, classSAML: 2, classInstallation: 2, classRequest: 4}[parts[0]]
	if len(parts) != want {
		return name{}, false
	}
	n := name{class: parts[0]}
	for i, into := range []*int64{&n.id, &n.token, &n.asked}[:want-1] {
		v, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil || v <= 0 {
			return name{}, false
		}
		*into = v
	}
	return n, n.String() == id
}
