package atlassian

import (
	"strings"

	"latchkey/connectors"
)

// class is which of the vendor's lists a credential is on; it begins the ID.
type class string

const (
	classUser    class = "user-token"
	classOrg     class = "org-key"
	classService class = "service-account-token"
)

// address is a Ref.ID taken apart: user-token/<account>/<token>,
// org-key/<key> or service-account-token/<token>.
type address struct {
	class   class
	account string // user tokens only
	id      string
}

func (a address) String() string {
	if a.class == classUser {
		return string(a.class) + "/" + a.account + "/" + a.id
	}
	return string(a.class) + "/" + a.id
}

// valid is false for an address that could name anything but one credential.
func (a address) valid() bool {
	switch a.class {
	case classUser:
		return isID(a.account) && isID(a.id)
	case classOrg, classService:
		return a.account == "" && isID(a.id)
	}
	return false
}

// parse reads a Ref. ok is false for an ID that this connector never made.
func parse(r connectors.Ref) (a address, ok bool) {
	part := strings.Split(r.ID, "/")
	switch len(part) {
	case 2:
		a = address{class: class(part[0]), id: part[1]}
	case 3:
		a = address{class: class(part[0]), account: part[1], id: part[2]}
	}
	return a, a.valid()
}

const maxID = 256

// isID says whether an id of the vendor's can be put into a path as it is, and
// read as nothing else by any server on the way: no slash, no percent sign, no
// dots alone, nothing that needs escaping. Account IDs look like
// 712020:ffff0000-…, the others like UUIDs.
func isID(s string) bool {
	if s == "" || len(s) > maxID || strings.Trim(s, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:~@+=", r)
	})
}
