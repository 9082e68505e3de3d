package gitlab

import (
	"context"
	"slices"

	"latchkey/connectors"
)

// accesses is what each of GitLab's scopes lets its holder do at most. A scope
// that is not here counts as admin. sudo, admin_mode, read_user and
// read_service_ping are on personal tokens only; those for observability are
// not documented with the others (unverified).
var accesses = map[string]connectors.Access{
	"read_api":               connectors.Read,
	"read_repository":        connectors.Read,
	"read_registry":          connectors.Read,
	"read_virtual_registry":  connectors.Read,
	"read_user":              connectors.Read,
	"read_service_ping":      connectors.Read,
	"read_observability":     connectors.Read,
	"write_repository":       connectors.Write,
	"write_registry":         connectors.Write,
	"write_virtual_registry": connectors.Write,
	"write_observability":    connectors.Write,
	"ai_features":            connectors.Write,
	"api":                    connectors.Admin,
	"create_runner":          connectors.Admin, // a runner sees the secrets of the jobs it runs
	"manage_runner":          connectors.Admin,
	"k8s_proxy":              connectors.Admin,
	"self_rotate":            connectors.Admin, // its holder decides how long the token lives
	"admin_mode":             connectors.Admin,
	"sudo":                   connectors.Admin,
}

// accessOf is the most that scopes allow, and empty for none.
func accessOf(scopes []string) connectors.Access {
	order := []connectors.Access{"", connectors.Read, connectors.Write, connectors.Admin}
	most := 0
	for _, s := range scopes {
		access, known := accesses[s]
		if !known {
			return connectors.Admin
		}
		most = max(most, slices.Index(order, access))
	}
	return order[most]
}

// Scopes are those a group access token, which is what Issue makes, can be
// given. self_rotate is not among them: a token that renews itself outlives
// its approval.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return catalogue(), nil
}

func catalogue() []connectors.Scope {
	return []connectors.Scope{
		scope("read_api", "API: read",
			"Read everything in the group, its subgroups and projects over the API, the package registry included."),
		scope("read_repository", "Repositories: pull",
			"Pull the group's repositories over HTTPS."),
		scope("write_repository", "Repositories: pull and push",
			"Pull and push the group's repositories over HTTPS."),
		scope("read_registry", "Container registry: pull",
			"Pull images from the group's container registries."),
		scope("write_registry", "Container registry: push",
			"Push images to the group's container registries; GitLab asks for read_registry beside it."),
		scope("read_virtual_registry", "Dependency proxy: pull",
			"Pull images through the group's dependency proxy."),
		scope("write_virtual_registry", "Dependency proxy: pull, push and delete",
			"Pull, push and delete images of the group's dependency proxy."),
		scope("ai_features", "GitLab Duo",
			"Use GitLab Duo, its code suggestions and its chat."),
		scope("k8s_proxy", "Kubernetes API",
			"Call the APIs of the group's Kubernetes clusters through GitLab's agent."),
		scope("create_runner", "Runners: create",
			"Create runners, which then see the code and the secrets of the jobs they run."),
		scope("manage_runner", "Runners: manage",
			"Change and delete runners."),
		scope("api", "API: everything",
			"Read and change everything in the group, its subgroups and projects over the API."),
	}
}

func scope(name, title, description string) connectors.Scope {
	return connectors.Scope{Name: name, Title: title, Access: accesses[name], Description: description}
}
