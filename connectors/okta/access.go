package okta

import (
	"strings"

	"latchkey/connectors"
)

// scopeAccess is the most a scope allows. Scopes of the Management API other
// than reads run the organisation; those on one's own account do not. Of a
// scope that an organisation made up itself only its holder knows, so it
// counts as writing.
func scopeAccess(scope string) connectors.Access {
	switch scope {
	case "openid", "profile", "email", "address", "phone", "groups", "offline_access", "device_sso":
		return connectors.Read
	}
	managed := strings.HasPrefix(scope, "okta.") || strings.HasPrefix(scope, "ssf.")
	switch {
	case managed && (strings.HasSuffix(scope, ".read") || strings.HasSuffix(scope, ".read.self")):
		return connectors.Read
	case managed && !strings.HasPrefix(scope, "okta.myAccount.") && !strings.HasSuffix(scope, ".self"):
		return connectors.Admin
	}
	return connectors.Write
}
