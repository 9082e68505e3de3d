package google

import (
	"net/url"
	"strconv"
	"strings"
)

// The classes of what we address, first element of an ID.
const (
	classPassword = "asp"   // asp/<user>/<codeId>
	classToken    = "token" // token/<user>/<clientId, escaped>
)

// ref is an ID of ours taken apart. User is Google's immutable ID of a person:
// an e-mail address can come to belong to somebody else.
type ref struct {
	class, user string
	code        int64  // of a password
	client      string // of a token
}

func (r ref) String() string {
	if r.class == classPassword {
		return r.class + "/" + r.user + "/" + strconv.FormatInt(r.code, 10)
	}
	return r.class + "/" + r.user + "/" + url.PathEscape(r.client)
}

// parseRef takes only what String makes: anything else was never ours.
func parseRef(s string) (ref, bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || !validKey(parts[1]) {
		return ref{}, false
	}
	r := ref{class: parts[0], user: parts[1]}
	var err error
	switch r.class {
	case classPassword:
		r.code, err = strconv.ParseInt(parts[2], 10, 32)
	case classToken:
		r.client, err = url.PathUnescape(parts[2])
	default:
		return ref{}, false
	}
	if err != nil || r.code < 0 || r.class == classToken && !validClient(r.client) || r.String() != s {
		return ref{}, false
	}
	return r, true
}

// validKey keeps out what is no single segment of a path.
func validKey(s string) bool {
	if s == "" || s == "." || s == ".." {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '\\' })
}

// validClient is looser: client IDs are other people's, and escaped.
func validClient(s string) bool {
	if s == "" || s == "." || s == ".." {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
