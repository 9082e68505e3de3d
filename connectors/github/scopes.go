package github

import (
	"context"
	"maps"
	"slices"
	"strings"

	"latchkey/connectors"
)

// Scopes is the catalogue of fine-grained permissions.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return Catalogue(), nil
}

// permissions is what a fine-grained token may do, by category.
type permissions struct {
	Organization map[string]string `json:"organization"`
	Repository   map[string]string `json:"repository"`
	Other        map[string]string `json:"other"`
}

// scopes names them as the catalogue does: "org-members:read". A token without
// permissions reads what is public.
func (p permissions) scopes() ([]string, connectors.Access) {
	all := map[string]string{}
	for name, level := range p.Organization {
		all[organization+strings.TrimPrefix(name, "organization_")] = level
	}
	for name, level := range p.Repository {
		all[repository+strings.TrimPrefix(name, "repository_")] = level
	}
	for name, level := range p.Other {
		all["other-"+name] = level
	}
	return named(all)
}

// appScopes are the permissions of an installed app, which the vendor does not
// divide into categories. The names it has for the organisation alone are the
// ones below and those that begin with "organization_".
func appScopes(flat map[string]string) ([]string, connectors.Access) {
	all := map[string]string{}
	for name, level := range flat {
		own, ofOrganization := strings.CutPrefix(name, "organization_")
		switch {
		case ofOrganization, name == "members", name == "custom_properties_for_organizations":
			all[organization+own] = level
		case strings.HasPrefix(name, "enterprise_"):
			all["enterprise-"+strings.TrimPrefix(name, "enterprise_")] = level
		case slices.Contains(ofUsers, name):
			all["user-"+name] = level
		default:
			all[repository+strings.TrimPrefix(name, "repository_")] = level
		}
	}
	return named(all)
}

// The first part of a scope's name.
const (
	organization = "org-"
	repository   = "repo-"
)

// ofUsers are the permissions over a user's own account.
var ofUsers = []string{"email_addresses", "followers", "git_ssh_keys", "gpg_keys", "interaction_limits", "profile", "starring"}

func named(levels map[string]string) ([]string, connectors.Access) {
	scopes := make([]string, 0, len(levels))
	most := connectors.Read
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		scopes = append(scopes, name+":"+levels[name])
		most = larger(most, levelAccess(levels[name]))
	}
	return scopes, most
}

// levelAccess takes a level we do not know for the most there is.
func levelAccess(level string) connectors.Access {
	switch level {
	case "read":
		return connectors.Read
	case "write":
		return connectors.Write
	}
	return connectors.Admin
}

// oauthScopes are the scopes of a classic token or an OAuth app, in the
// vendor's own words. Nil means that it does not say; none at all reads what
// is public. What each scope allows is unverified.
func oauthScopes(scopes []string) ([]string, connectors.Access) {
	if scopes == nil {
		return nil, ""
	}
	most := connectors.Read
	for _, s := range scopes {
		most = larger(most, oauthAccess(s))
	}
	return slices.Clone(scopes), most
}

func oauthAccess(scope string) connectors.Access {
	switch {
	case scope == "user:email", strings.HasPrefix(scope, "read:"):
		return connectors.Read
	case scope == "repo", scope == "delete_repo", scope == "site_admin", strings.HasPrefix(scope, "admin:"), strings.HasPrefix(scope, "manage_"):
		return connectors.Admin
	}
	return connectors.Write
}

func larger(a, b connectors.Access) connectors.Access {
	order := []connectors.Access{connectors.Read, connectors.Write, connectors.Admin}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
