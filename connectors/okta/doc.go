// Package okta connects an Okta organisation: the API tokens of its
// administrators, the client secrets of its OIDC apps, the scopes people
// granted to apps, and its event hooks about people.
//
// It does not own issuing: Okta makes API tokens in its console only. Facts are
// from the vendor's own OpenAPI document of the Management API (2026.06.3) and
// support articles; what was not found there says "unverified".
package okta
