package catalog

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/connectors/brokered"
	"latchkey/connectors/fake"
	"latchkey/connectors/github"
	"latchkey/connectors/gitlab"
	"latchkey/connectors/google"
	"latchkey/connectors/latchkey"
	"latchkey/connectors/okta"
	"latchkey/connectors/tempo"
	"latchkey/connectors/timepiece"
)

// Kind is one sort of system.
type Kind struct {
	Name   string   // as the configuration writes it: "tempo"
	Title  string   // for people
	Fields []string // keys a connection of this kind takes beside kind; any other is a configuration error
	Open   func(connectors.Settings, http.RoundTripper) (connectors.Connector, error)
	Notes  string // one line of the capability table

	// shape is a nil of the connector's type: what it can do shows without
	// opening one.
	shape connectors.Connector
}

// Kinds is every kind by its name.
func Kinds() map[string]Kind {
	kinds := map[string]Kind{}
	for _, k := range []Kind{
		{
			Name:   "brokered",
			Title:  "Any REST API",
			Fields: brokeredFields("header", "scheme", "oauth"),
			Open:   opener(brokered.Open),
			Notes:  "scopes are method and path rules in the configuration; the gateway enforces them",
			shape:  (*brokered.Connector)(nil),
		},
		{
			Name:   "tempo",
			Title:  "Tempo",
			Fields: brokeredFields("oauth"),
			Open:   opener(tempo.Open),
			Notes:  "brokered with a shipped scope catalogue; the vendor has no admin API for keys",
			shape:  (*tempo.Connector)(nil),
		},
		{
			Name:   "timepiece",
			Title:  "Timepiece (Time in Status)",
			Fields: brokeredFields("import", "sync_every"),
			Open:   opener(timepiece.Open),
			Notes:  "brokered over a TISJWT; imported tokens are read for owner and expiry and asked whether they work; ending one is a guided human step",
			shape:  (*timepiece.Connector)(nil),
		},
		{
			Name:   "atlassian",
			Title:  "Atlassian Cloud",
			Fields: []string{"owners", "base_url", "allow_private", "org_id", "api_key", "sync_every"},
			Open:   opener(atlassian.Open),
			Notes:  "user tokens, organisation keys, service account tokens; people make tokens by a guided task; never able to send the organisation-wide DELETE",
			shape:  (*atlassian.Connector)(nil),
		},
		{
			Name:   "github",
			Title:  "GitHub",
			Fields: []string{"owners", "base_url", "allow_private", "token", "sync_every", "org_id", "app_id", "installation_id", "private_key", "signing_secret"},
			Open:   opener(github.Open),
			Notes:  "fine-grained tokens and the requests for them, SAML credentials (with an owner's token), apps (removed by people), leaked tokens; tells of leaks it found",
			shape:  (*github.Connector)(nil),
		},
		{
			Name:   "gitlab",
			Title:  "GitLab",
			Fields: []string{"owners", "base_url", "allow_private", "token", "group", "sync_every"},
			Open:   opener(gitlab.Open),
			Notes:  "group, project, service-account and personal access tokens by API; issues group access tokens; blocking people needs a self-managed administrator",
			shape:  (*gitlab.Connector)(nil),
		},
		{
			Name:   "google",
			Title:  "Google Workspace",
			Fields: []string{"owners", "base_url", "allow_private", "credentials", "subject", "sync_every"},
			Open:   opener(google.Open),
			Notes:  "application-specific passwords, and the apps people gave access to; suspends people",
			shape:  (*google.Connector)(nil),
		},
		{
			Name:   "okta",
			Title:  "Okta",
			Fields: []string{"owners", "base_url", "allow_private", "token", "sync_every", "signing_secret"},
			Open:   opener(okta.Open),
			Notes:  "API tokens, client secrets of OIDC apps, and user grants; suspends people; event hooks about people",
			shape:  (*okta.Connector)(nil),
		},
		{
			Name:   "latchkey",
			Title:  "Latchkey's own API",
			Fields: []string{"owners"},
			Open:   opener(latchkey.Open),
			Notes:  "keys of the API and of SCIM, asked for like any other; the connection latchkey is there by itself when a policy names it",
			shape:  (*latchkey.Connector)(nil),
		},
		{
			Name:   "fake",
			Title:  "Fake vendor",
			Fields: []string{"mode", "owners", "base_url", "allow_private", "token", "sync_every"},
			Open:   opener(fake.Open),
			Notes:  "for the demo and the tests: every verb, over HTTP, with faults to inject",
			shape:  (*fake.Connector)(nil),
		},
	} {
		kinds[k.Name] = k
	}
	for _, k := range append(sinks(), eventSources()...) {
		kinds[k.Name] = k
	}
	return kinds
}

func brokeredFields(more ...string) []string {
	common := []string{"mode", "owners", "base_url", "allow_private", "token", "check_path", "scopes", "limits"}
	return append(common, more...)
}

// opener drops the concrete type, and with it the nil pointer of a failure.
func opener[C connectors.Connector](open func(connectors.Settings, http.RoundTripper) (C, error)) func(connectors.Settings, http.RoundTripper) (connectors.Connector, error) {
	return func(s connectors.Settings, rt http.RoundTripper) (connectors.Connector, error) {
		c, err := open(s, rt)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// Open opens a connection of whatever kind its settings name. It does not
// dial.
func Open(s connectors.Settings, transport connectors.Transport) (connectors.Connector, error) {
	kinds := Kinds()
	k, ok := kinds[s.Kind]
	if !ok {
		known := slices.Sorted(maps.Keys(kinds))
		return nil, fmt.Errorf("open connection %s: unknown kind %q, want one of %s", s.Name, s.Kind, strings.Join(known, ", "))
	}
	return k.Open(s, transport(s))
}
