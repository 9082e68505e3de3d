package rest

import (
	"errors"
	"fmt"
	"net/url"
)

// CheckBase reads a setting that says where a credential is sent: an absolute
// URL of scheme, host and optional path, https unless allowPrivate permits
// http. An error names the setting and never quotes its value, into which
// somebody may have put a password.
func CheckBase(setting, value string, allowPrivate bool) (*url.URL, error) {
	base, err := url.Parse(value)
	if err == nil {
		err = checkBase(base, allowPrivate)
	} else {
		err = errNoURL
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", setting, err)
	}
	return base, nil
}

var errNoURL = errors.New("is not a URL with a host")

func checkBase(base *url.URL, allowPrivate bool) error {
	switch {
	case base.Host == "":
		return errNoURL
	case base.Scheme != "https" && base.Scheme != "http":
		return errors.New("is neither https nor http")
	case base.Scheme == "http" && !allowPrivate:
		return errors.New("must be https: http would send the credential in clear (allow_private permits http)")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return errors.New("holds a user, a query or a fragment")
	}
	return nil
}
