package awssecrets

import (
	"errors"
	"fmt"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const maxRegion = 32

// checkSettings reports every problem at once.
func checkSettings(s connectors.Settings) (problems []error) {
	switch {
	case s.Region == "":
		problems = append(problems, fmt.Errorf("%w: region, such as eu-central-1", connectors.ErrMissing))
	case len(s.Region) > maxRegion || strings.ContainsFunc(s.Region, func(r rune) bool {
		return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}):
		problems = append(problems, errors.New("region is not one of AWS's, such as eu-central-1"))
	}
	switch {
	case s.AccessKeyID != "" && s.SecretAccessKey.Empty():
		problems = append(problems, fmt.Errorf("%w: secret_access_key, beside access_key_id", connectors.ErrMissing))
	case s.AccessKeyID == "" && !s.SecretAccessKey.Empty():
		problems = append(problems, fmt.Errorf("%w: access_key_id, beside secret_access_key", connectors.ErrMissing))
	}
	if s.BaseURL != "" {
		if _, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
