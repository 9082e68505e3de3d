package google

import (
	"strings"

	"latchkey/connectors"
)

// access is the most that scopes allow; empty when there are none.
func access(scopes []string) connectors.Access {
	most := connectors.Access("")
	for _, s := range scopes {
		switch a := scopeAccess(s); {
		case a == connectors.Admin:
			return a
		case most != connectors.Write:
			most = a
		}
	}
	return most
}

// scopeAccess goes by Google's way of naming scopes. One that is not known to
// only read counts as writing, and the one for everything in Google Cloud as
// running the organisation.
func scopeAccess(scope string) connectors.Access {
	name := strings.TrimPrefix(scope, "https://www.googleapis.com/auth/")
	for _, suffix := range []string{".readonly", ".read-only", ".read", ".freebusy"} {
		if strings.HasSuffix(name, suffix) {
			return connectors.Read
		}
	}
	switch name {
	case "openid", "email", "profile", "userinfo.email", "userinfo.profile", "plus.me", "gmail.metadata":
		return connectors.Read
	}
	if strings.HasPrefix(name, "admin.") || name == "cloud-platform" {
		return connectors.Admin
	}
	return connectors.Write
}
