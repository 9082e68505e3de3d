package okta

import (
	"slices"
	"strings"
)

// The classes of what we address, first element of an ID.
const (
	classToken  = "api-token"     // api-token/<tokenId>
	classSecret = "client-secret" // client-secret/<appId>/<secretId>
	classGrant  = "grant"         // grant/<userId>/<grantId>
)

// ref is an ID of ours taken apart. Parent is empty for API tokens.
type ref struct{ class, parent, id string }

func (r ref) String() string {
	if r.class == classToken {
		return r.class + "/" + r.id
	}
	return r.class + "/" + r.parent + "/" + r.id
}

// parseRef takes only what String makes: anything else was never ours.
func parseRef(s string) (ref, bool) {
	parts := strings.Split(s, "/")
	if !slices.ContainsFunc(parts, func(p string) bool { return !validID(p) }) {
		switch {
		case len(parts) == 2 && parts[0] == classToken:
			return ref{class: classToken, id: parts[1]}, true
		case len(parts) == 3 && (parts[0] == classSecret || parts[0] == classGrant):
			return ref{class: parts[0], parent: parts[1], id: parts[2]}, true
		}
	}
	return ref{}, false
}

// validID keeps out what would address something else than one row: a path, a
// folder, or one of the vendor's words for "mine". DELETE on
// /api/v1/api-tokens/current ends our own token.
func validID(s string) bool {
	switch s {
	case "", ".", "..", "me", "current":
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '\\' })
}
