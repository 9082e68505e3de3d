package gcpsecrets

import (
	"errors"
	"strings"
)

const maxID = 255

// CheckPlace says whether a place is a secret's ID as Google takes it.
func (c *Connector) CheckPlace(place string) error {
	if place == "" || len(place) > maxID || strings.ContainsFunc(place, odd) {
		return errors.New("a place in Google Secret Manager is a secret's ID such as payroll-tempo: " +
			"letters, digits, dashes and underscores, no more than 255 of them")
	}
	return nil
}

func odd(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return false
	}
	return true
}
