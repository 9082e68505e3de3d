// Package brokered connects any REST API whose vendor can't list, limit or
// revoke keys: we issue the keys, and the gateway enforces their scopes, which
// are method and path rules from the configuration. Where an OAuth app of ours
// is configured, it also says how people connect that.
//
// It does not own the keys (our rows are the list of them, so it is no
// Lister), the judging of a request (gateway) nor the OAuth flow.
package brokered
