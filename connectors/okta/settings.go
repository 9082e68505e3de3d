package okta

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"latchkey/connectors"
)

const maxToken = 4 << 10

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	base, err := checkBase(s)
	if err != nil {
		problems = append(problems, err)
	}
	if err := checkToken(s.Token.Expose()); err != nil {
		problems = append(problems, err)
	}
	return base, problems
}

// checkBase never quotes the setting: somebody may have put a password in it.
func checkBase(s connectors.Settings) (*url.URL, error) {
	if s.BaseURL == "" {
		return nil, fmt.Errorf("%w: base_url, such as https://acme.okta.com", connectors.ErrMissing)
	}
	base, err := url.Parse(s.BaseURL)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("base_url is not a URL with a host")
	case base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("base_url is neither https nor http")
	case base.Scheme == "http" && !s.AllowPrivate:
		return nil, errors.New("base_url must be https: http would send the token in clear (allow_private permits http)")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("base_url holds a user, a query or a fragment")
	case strings.Trim(base.Path, "/") != "":
		return nil, errors.New("base_url has a path: it is the organisation's address alone, such as https://acme.okta.com")
	}
	base.Path = ""
	return base, nil
}

func checkToken(token string) error {
	switch {
	case token == "":
		return fmt.Errorf("%w: token", connectors.ErrMissing)
	case len(token) > maxToken:
		return fmt.Errorf("token is longer than %d characters", maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("token holds a space, a line break or a character no header can carry")
	}
	return nil
}
