package github

import (
	"encoding/json"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/secret"
)

const (
	headerKeyID     = "Github-Public-Key-Identifier"
	headerSignature = "Github-Public-Key-Signature"
)

// Leaks implements connectors.LeakSource for both ways in which GitHub tells
// of secrets it found. As a partner of its secret scanning a service is sent
// the secrets of its form, signed with GitHub's own key. An organisation is
// sent webhooks about the alerts of its repositories, signed with the secret
// of the webhook; the secret that was found is then to be read from the alert
// (FetchLeak), for which the App needs the permission secret scanning alerts
// (read).
func (c *Connector) Leaks(r *http.Request, body []byte) ([]connectors.Leak, error) {
	read := c.alert
	if r.Header.Get(headerKeyID) != "" {
		read = c.partnerReport
	}
	leaks, err := read(r, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return leaks, nil
}

// partnerReport reads a message of the partner program. Its fields, and that
// their values differ in case between its pages, are from
// https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program
func (c *Connector) partnerReport(r *http.Request, body []byte) ([]connectors.Leak, error) {
	if err := c.partner.verify(r.Context(), r.Header, body); err != nil {
		return nil, err
	}
	var found []struct {
		Token  string `json:"token"`
		Type   string `json:"type"`
		URL    string `json:"url"`
		Source string `json:"source"`
	}
	if json.Unmarshal(body, &found) != nil || found == nil {
		return nil, malformed("the body is not a list of found secrets")
	}
	out := make([]connectors.Leak, 0, len(found))
	for _, f := range found {
		out = append(out, connectors.Leak{Secret: secret.New(f.Token), Type: f.Type, Source: f.Source, URL: f.URL})
	}
	return out, nil
}

func unverified(why string) error { return fmt.Errorf("%w: %s", connectors.ErrUnverified, why) }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", connectors.ErrMalformed, fmt.Sprintf(format, args...))
}
