package atlassian

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"latchkey/connectors"
)

// Catalogue is the scopes people can ask for: Jira's classic ones, which the
// vendor advises to prefer, and the token without scopes. The granular ones
// (read:issue:jira and some 170 more) can be written in policies by name.
func Catalogue() []connectors.Scope {
	return []connectors.Scope{
		{
			Name: "read:jira-user", Access: connectors.Read, Title: "Jira users: read",
			Description: "Read who the users of Jira are, as far as the owner may see them.",
		},
		{
			Name: "read:jira-work", Access: connectors.Read, Title: "Jira work: read",
			Description: "Read and search projects and issues, with their comments, attachments and worklogs.",
		},
		{
			Name: "write:jira-work", Access: connectors.Write, Title: "Jira work: create, change and delete",
			Description: "Create and change issues, comments and worklogs as the owner; this includes deleting issues.",
		},
		{
			Name: "manage:jira-configuration", Access: connectors.Admin, Title: "Jira: global configuration",
			Description: "Change settings of the whole of Jira, as far as the owner is its admin.",
		},
		{
			Name: "manage:jira-project", Access: connectors.Admin, Title: "Jira projects: settings",
			Description: "Create and change projects and their settings, such as components and versions.",
		},
		{
			Name: "manage:jira-webhook", Access: connectors.Admin, Title: "Jira webhooks",
			Description: "Set up and remove webhooks, which send what happens in Jira to another system.",
		},
		{
			Name: connectors.FullAccess, Access: connectors.Admin, Title: "Everything its owner may do",
			Description: "A token without scopes: it may do all that its owner may, in every Atlassian app.",
		},
	}
}

// Scopes returns the catalogue; it calls nobody.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return Catalogue(), nil
}

// scopeName is a verb and what it is done to: read:jira-work,
// write:issue:jira, delete:tokens:admin.
var scopeName = regexp.MustCompile(`^([a-z]+)(:[a-z0-9._-]+){1,3}$`)

// accessOf is the harm a scope can do, by the catalogue or else by its verb.
// Changing anything of the organisation (a name ending in :admin) is admin, and
// so is every name we can't read: an unknown scope is never called harmless.
func accessOf(scope string) connectors.Access {
	for _, s := range Catalogue() {
		if s.Name == scope {
			return s.Access
		}
	}
	parts := scopeName.FindStringSubmatch(scope)
	if parts == nil {
		return connectors.Admin
	}
	switch verb := parts[1]; {
	case verb == "read":
		return connectors.Read
	case strings.HasSuffix(scope, ":admin"):
		return connectors.Admin
	case slices.Contains([]string{"write", "delete", "send", "validate"}, verb):
		return connectors.Write
	}
	return connectors.Admin
}

// most is the most that the scopes of a token allow together.
func most(scopes []string) connectors.Access {
	rank := []connectors.Access{connectors.Read, connectors.Write, connectors.Admin}
	access := connectors.Access("")
	for _, s := range scopes {
		access = slices.MaxFunc([]connectors.Access{access, accessOf(s)}, func(a, b connectors.Access) int {
			return cmp.Compare(slices.Index(rank, a), slices.Index(rank, b))
		})
	}
	return access
}
