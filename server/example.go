package server

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/storage"
)

// shellSafe is text that means only itself to a shell.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9/:._~@+=,-]+$`)

// example is an address at the gateway on which a brokered key can be tried,
// or "" when there is none to give: the first path that a granted scope lets
// somebody read.
func (s *Server) example(c storage.Credential) string {
	broker, ok := connectors.As[connectors.Broker](s.workflow.Connectors[c.Connection])
	if !ok || !c.Brokered || s.gateway == "" {
		return ""
	}
	up := broker.Upstream()
	if up.BaseURL == nil {
		return "" // the gateway does not honour it
	}
	address := s.gateway + "/" + c.Connection + readablePath(up.Scopes, c.Scopes)
	if !shellSafe.MatchString(address) {
		return ""
	}
	return address
}

// readablePath prefers a path that stands in a rule as it is over the root of
// a whole tree.
func readablePath(scopes []connectors.Scope, granted []string) string {
	tree := "/"
	for _, scope := range scopes {
		if !slices.Contains(granted, scope.Name) {
			continue
		}
		for _, rule := range scope.Rules {
			if rule.Deny || strings.Contains(rule.Path, "{") || len(rule.Methods) > 0 && !slices.Contains(rule.Methods, http.MethodGet) {
				continue
			}
			path, whole := strings.CutSuffix(rule.Path, "/**")
			if !whole {
				return path
			}
			if tree == "/" && path != "" {
				tree = path
			}
		}
	}
	return tree
}
