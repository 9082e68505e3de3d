package rest

import (
	"errors"
	"net/url"
	"strings"
)

// Path escapes segments, a vendor's ids among them, into one path.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// checkPath refuses what a server might clean into another path: empty and dot
// segments and encoded slashes. One trailing slash is allowed.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("path does not begin with a slash")
	}
	if strings.ContainsAny(path, "?#") {
		return errors.New("path holds a query or fragment")
	}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return errors.New("path is not escaped well")
		}
		if plain == "" && i < len(segments)-1 {
			return errors.New("path has an empty segment")
		}
		if plain == "." || plain == ".." || strings.ContainsAny(plain, "/\\") {
			return errors.New("path has a segment that a server could read as another path")
		}
		if strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New("path has a control character")
		}
	}
	return nil
}
