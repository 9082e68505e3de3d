package ssf

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/connectors"
)

const maxIdentifier = 512 // characters

// subject is whom an event is about (RFC 9493, and the framework's complex
// subjects). Drafts called the format subject_type, and iss_sub iss-sub.
type subject struct {
	Format      string    `json:"format"`
	SubjectType string    `json:"subject_type"`
	Email       string    `json:"email"`
	URI         string    `json:"uri"`
	Issuer      string    `json:"iss"`
	Subject     string    `json:"sub"`
	ID          string    `json:"id"`
	Identifiers []subject `json:"identifiers"`
	User        *subject  `json:"user"`
}

func (s subject) format() string {
	if s.Format == "" && s.SubjectType == "" && s.User != nil {
		return "complex"
	}
	if s.Format == "" {
		return strings.ReplaceAll(s.SubjectType, "-", "_")
	}
	return s.Format
}

// parseSubject is the person. ok is false for a subject that is no person, such
// as a device.
func parseSubject(text json.RawMessage, issuer string) (account connectors.AccountRef, ok bool, err error) {
	var s subject
	if text == nil || json.Unmarshal(text, &s) != nil {
		return account, false, malformed("the token has no subject that can be read")
	}
	all := []subject{s}
	switch s.format() {
	case "complex":
		if s.User == nil {
			return account, false, nil
		}
		all = []subject{*s.User}
		if s.User.format() == "aliases" {
			all = s.User.Identifiers
		}
	case "aliases":
		all = s.Identifiers
	}
	for _, one := range all {
		id, email := one.simple(issuer)
		if account.ID == "" {
			account.ID = id
		}
		if account.Email == "" {
			account.Email = email
		}
	}
	if account.ID == "" && account.Email == "" {
		return connectors.AccountRef{}, false, malformed("the token's subject is of a format that names no person we could find")
	}
	return account, true, nil
}

// simple reads a subject that is one identifier. The ID of a subject of the
// transmitter's is its own; another issuer's stands before it.
func (s subject) simple(issuer string) (id, email string) {
	switch s.format() {
	case "email":
		email = s.Email
	case "account":
		address, ok := strings.CutPrefix(s.URI, "acct:")
		plain, err := url.PathUnescape(address)
		if ok && err == nil {
			email = plain
		}
	case "opaque":
		id = s.ID
	case "iss_sub":
		id = s.Subject
		if id != "" && strings.TrimSuffix(s.Issuer, "/") != strings.TrimSuffix(issuer, "/") {
			id = s.Issuer + "#" + id
		}
	}
	if !isIdentifier(id) {
		id = ""
	}
	if !isIdentifier(email) || strings.Count(email, "@") != 1 || strings.HasPrefix(email, "@") || strings.HasSuffix(email, "@") {
		email = ""
	}
	return id, email
}

func isIdentifier(s string) bool {
	if utf8.RuneCountInString(s) > maxIdentifier {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError || r == ' ' })
}
