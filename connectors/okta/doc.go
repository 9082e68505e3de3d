// Package okta connects an Okta organisation: the API tokens of its
// administrators, the client secrets of its OIDC apps, and the scopes people
// granted to apps.
//
// It does not own events (Okta's event hooks) nor issuing: Okta makes API
// tokens in its console only. Facts are from the vendor's own OpenAPI document
// of the Management API (2026.06.3) and support articles; what was not found
// there says "unverified".
package okta
