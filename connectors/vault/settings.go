package vault

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	defaultMount = "secret"
	maxPath      = 512 // bytes of a mount, a namespace or a place
)

// checkSettings reports every problem at once.
func checkSettings(s connectors.Settings) (mount, namespace string, problems []error) {
	mount = cmp.Or(s.Mount, defaultMount)
	namespace = strings.Trim(s.Namespace, "/")
	if s.BaseURL == "" {
		problems = append(problems, fmt.Errorf("%w: base_url, where Vault answers", connectors.ErrMissing))
	} else if _, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate); err != nil {
		problems = append(problems, err)
	}
	token := s.Token.Expose()
	switch {
	case token == "":
		problems = append(problems, fmt.Errorf("%w: token", connectors.ErrMissing))
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		problems = append(problems, errors.New("token holds a character that no token of Vault has"))
	}
	if !isPath(mount) {
		problems = append(problems, errors.New("mount is not a path such as secret or teams/kv"))
	}
	if namespace != "" && !isPath(namespace) {
		problems = append(problems, errors.New("namespace is not a path such as admin or admin/payroll"))
	}
	return mount, namespace, problems
}
