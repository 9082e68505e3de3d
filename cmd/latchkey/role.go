package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is a part of the service that can run in a process of its own.
type Role string

// The roles: Slack's sockets, background jobs, pages and API, data plane.
const (
	RoleBot     Role = "bot"
	RoleWorker  Role = "worker"
	RoleServer  Role = "server"
	RoleGateway Role = "gateway"
)

var allRoles = []Role{RoleBot, RoleWorker, RoleServer, RoleGateway}

func (m *Main) has(r Role) bool { return slices.Contains(m.Roles, r) }

// parseRoles reads the --roles flag.
func parseRoles(words []string) ([]Role, error) {
	if len(words) == 0 {
		return nil, errors.New("--roles is empty; the roles are bot, worker, server and gateway")
	}
	var out []Role
	for _, w := range words {
		r := Role(strings.TrimSpace(w))
		if !slices.Contains(allRoles, r) {
			return nil, fmt.Errorf("there is no role %q; the roles are bot, worker, server and gateway", w)
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out, nil
}
