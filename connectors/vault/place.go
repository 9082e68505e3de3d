package vault

import (
	"errors"
	"strings"
)

// CheckPlace says whether a place is a path below the mount that has only one
// way to be read. Vault itself takes more.
func (c *Connector) CheckPlace(place string) error {
	if !isPath(place) {
		return errors.New("a place in Vault is a path such as payroll/tempo: words of letters, digits, dots, dashes and " +
			"underscores with single slashes between them, no more than 512 characters")
	}
	return nil
}

func isPath(s string) bool {
	if len(s) > maxPath {
		return false
	}
	for word := range strings.SplitSeq(s, "/") {
		if word == "" || word == "." || word == ".." || strings.ContainsFunc(word, odd) {
			return false
		}
	}
	return true
}

func odd(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		return false
	}
	return true
}
