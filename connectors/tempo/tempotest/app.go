package tempotest

import (
	"crypto/subtle"
	"slices"
	"strings"

	"latchkey/secret"
)

// defaultJiraURL is the site of a double whose Config names none.
const defaultJiraURL = "https://example.atlassian.net"

// App is one OAuth 2.0 application of the instance, as an administrator
// registers it under "OAuth 2.0 Applications".
type App struct {
	Name         string // for people
	ClientID     string
	ClientSecret secret.Value
	RedirectURLs []string // compared byte by byte
	Scopes       []string // nil for every scope there is
}

// scopeNames is what a token response of the vendor was seen with; the example
// in its documentation says "read write" instead.
func scopeNames() []string {
	return []string{
		"accounts:manage", "accounts:view", "activities:produce", "activities:view", "approvals:manage", "approvals:view",
		"audit:view", "periods:view", "plans:manage", "plans:view", "projects:manage", "projects:view", "schemes:manage",
		"schemes:view", "teams:manage", "teams:view", "worklogs:manage", "worklogs:view",
	}
}

// RegisterApp adds an application, or replaces the one with its client id.
func (d *Double) RegisterApp(a App) {
	if a.Scopes == nil {
		a.Scopes = scopeNames()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apps[a.ClientID] = a
}

// app is the application with these credentials. The caller holds the lock.
func (d *Double) app(clientID, clientSecret string) (App, bool) {
	a, ok := d.apps[clientID]
	same := subtle.ConstantTimeCompare([]byte(a.ClientSecret.Expose()), []byte(clientSecret)) == 1
	return a, ok && clientSecret != "" && same
}

// granted is the scopes a consent may give: those asked for, all of the app's
// when none are. ok is false for one the app does not have.
func (a App) granted(asked string) (scopes []string, ok bool) {
	if asked == "" {
		return a.Scopes, true
	}
	for name := range strings.FieldsSeq(asked) {
		if !slices.Contains(a.Scopes, name) {
			return nil, false
		}
		if !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	return scopes, len(scopes) > 0
}
