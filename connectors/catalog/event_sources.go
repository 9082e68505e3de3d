package catalog

import (
	"latchkey/connectors/bamboohr"
	"latchkey/connectors/hibob"
	"latchkey/connectors/personio"
	"latchkey/connectors/ssf"
	"latchkey/connectors/webhook"
)

// eventSources are the kinds that only tell who comes and who leaves.
func eventSources() []Kind {
	return []Kind{
		{
			Name:   "bamboohr",
			Title:  "BambooHR",
			Fields: []string{"owners", "base_url", "allow_private", "company", "api_key", "signing_secret"},
			Open:   opener(bamboohr.Open),
			Notes:  "people who leave, also later, and come back; have the webhook watch status, employment status and termination date",
			shape:  (*bamboohr.Connector)(nil),
		},
		{
			Name:   "hibob",
			Title:  "HiBob",
			Fields: []string{"owners", "base_url", "allow_private", "client_id", "token", "signing_secret"},
			Open:   opener(hibob.Open),
			Notes:  "people who leave and come back; webhooks of version 2, employee.access.revoked.immediately among them",
			shape:  (*hibob.Connector)(nil),
		},
		{
			Name:   "personio",
			Title:  "Personio",
			Fields: []string{"owners", "base_url", "allow_private", "client_id", "client_secret", "signing_secret"},
			Open:   opener(personio.Open),
			Notes:  "people who leave, also later, and come back; the vendor's own signing is unverified, so the webhook's address ends with ?token=<signing_secret> and the API is asked what is true",
			shape:  (*personio.Connector)(nil),
		},
		{
			Name:   "ssf",
			Title:  "Shared Signals (RISC)",
			Fields: []string{"owners", "allow_private", "issuer", "audience", "signing_secret"},
			Open:   opener(ssf.Open),
			Notes:  "accounts disabled, purged and enabled at an identity provider; pushed, signed tokens",
			shape:  (*ssf.Connector)(nil),
		},
		{
			Name:   "webhook",
			Title:  "Signed webhook",
			Fields: []string{"owners", "signing_secret"},
			Open:   opener(webhook.Open),
			Notes:  "events about people from any sender with a shared secret",
			shape:  (*webhook.Connector)(nil),
		},
	}
}
