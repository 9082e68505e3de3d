package github

import (
	"time"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
)

// used tells null (never) from a missing field (the vendor does not say).
type used connectors.LastUsed

// UnmarshalJSON implements json.Unmarshaler; it is called for null too.
func (u *used) UnmarshalJSON(text []byte) error {
	var at *github.Timestamp
	if err := decodeTime(text, &at); err != nil {
		return err
	}
	*u = used{At: timeOf(at), Known: true}
	return nil
}

func decodeTime(text []byte, at **github.Timestamp) error {
	if string(text) == "null" {
		return nil
	}
	*at = new(github.Timestamp)
	return (*at).UnmarshalJSON(text)
}

// timeOf is zero for null and for a missing field.
func timeOf(t *github.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// account is a person by the login, which is what every listing and every call
// of the vendor's has. A login can be changed by its owner.
func account(login string) connectors.AccountRef {
	return connectors.AccountRef{ID: login, Name: login}
}
