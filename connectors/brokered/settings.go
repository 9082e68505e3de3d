package brokered

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
)

const (
	modeBrokered = "brokered"
	schemeNone   = "none"
	maxToken     = 16 << 10
)

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	report := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if s.Name == "" {
		report(fmt.Errorf("%w: name", connectors.ErrMissing))
	}
	if s.Mode != "" && s.Mode != modeBrokered {
		report(fmt.Errorf("mode %q is not %q", s.Mode, modeBrokered))
	}
	base, err := checkBase(s)
	report(err)
	report(checkToken(s))
	report(checkHeader(s.Header))
	if s.Scheme != "" && !isToken(s.Scheme) {
		report(fmt.Errorf("scheme %q is not one word", s.Scheme))
	}
	if s.CheckPath != "" {
		report(checkCheckPath(s.CheckPath))
	}
	report(CheckScopes(s.Scopes))
	return base, append(problems, checkOAuth(s)...)
}

func checkBase(s connectors.Settings) (*url.URL, error) {
	if s.BaseURL == "" {
		return nil, fmt.Errorf("%w: base_url", connectors.ErrMissing)
	}
	base, err := parseBase(s.BaseURL)
	if err != nil {
		return nil, err
	}
	switch {
	case base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("base_url is neither https nor http")
	case base.Scheme == "http" && !s.AllowPrivate:
		return nil, errors.New("base_url must be https: http would send the token in clear (allow_private permits http)")
	case base.User != nil:
		return nil, errors.New("base_url holds a user or password: use token and scheme")
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("base_url holds a query or fragment")
	}
	if base.Path = strings.TrimSuffix(base.Path, "/"); base.Path == "" {
		return base, nil
	}
	if base.RawPath != "" || checkLiteralPath(base.Path) != nil {
		return nil, errors.New("base_url has a path with encoded, odd, empty or dot segments")
	}
	return base, nil
}

func checkToken(s connectors.Settings) error {
	token := s.Token.Expose()
	switch {
	case s.Token.Empty():
		return fmt.Errorf("%w: token", connectors.ErrMissing)
	case len(token) > maxToken:
		return fmt.Errorf("token is longer than %d characters", maxToken)
	case !isPrintable(token):
		return errors.New("token holds a space, a line break or a character no header can carry")
	}
	return nil
}

// checkHeader refuses headers that steer the connection itself.
func checkHeader(name string) error {
	if name == "" {
		return nil
	}
	if !isToken(name) {
		return fmt.Errorf("header %q is not a header name", name)
	}
	steering := []string{
		"host", "connection", "content-length", "content-type", "transfer-encoding", "te", "trailer", "upgrade", "expect",
		"keep-alive", "accept-encoding",
	}
	if slices.Contains(steering, strings.ToLower(name)) {
		return fmt.Errorf("header %q can't carry a token", name)
	}
	return nil
}

// isToken is RFC 9110's token without its odder half.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isWordChar(r) })
}

func isWordChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func checkCheckPath(path string) error {
	if err := checkLiteralPath(strings.TrimSuffix(path, "/")); err != nil && path != "/" {
		return fmt.Errorf("check_path %q: %w", path, err)
	}
	return nil
}
