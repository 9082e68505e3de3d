// Package tempo connects Tempo for Jira Cloud. Tempo has no admin API for
// keys, so it is a brokered system with a scope catalogue of its own: the
// vendor's two-level scopes, and finer ones that only the gateway can enforce.
//
// It does not own brokering (connectors/brokered) nor judging requests
// (gateway). Facts about the vendor are from its OpenAPI file (version 4.0, as
// of 2026-04-23) and help pages; what was not found there says "unverified".
package tempo
