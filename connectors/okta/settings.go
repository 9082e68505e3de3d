package okta

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
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

func checkBase(s connectors.Settings) (*url.URL, error) {
	if s.BaseURL == "" {
		return nil, fmt.Errorf("%w: base_url, such as https://acme.okta.com", connectors.ErrMissing)
	}
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	switch {
	case err != nil:
		return nil, err
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
