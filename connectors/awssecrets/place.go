package awssecrets

import (
	"errors"
	"strings"
)

const (
	maxName = 512
	suffix  = 7 // of an ARN after the name: a hyphen and six characters
)

// CheckPlace says whether a place is a name that AWS takes for a secret and
// advises to use.
func (c *Connector) CheckPlace(place string) error {
	if place == "" || len(place) > maxName || strings.ContainsFunc(place, odd) {
		return errors.New("a place in AWS Secrets Manager is a secret's name such as payroll/tempo: " +
			"letters, digits and the characters /_+=.@- and no more than 512 of them")
	}
	if at := len(place) - suffix; at >= 0 && place[at] == '-' {
		return errors.New("the name ends with a hyphen and six characters, as the ARNs of AWS Secrets Manager do: choose another ending")
	}
	return nil
}

func odd(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("/_+=.@-", r):
		return false
	}
	return true
}
