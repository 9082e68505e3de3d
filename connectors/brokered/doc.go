// Package brokered connects any REST API whose vendor can't list, limit or
// revoke keys: we issue the keys, and the gateway enforces their scopes, which
// are method and path rules from the configuration.
//
// It does not own the keys (our rows are the list of them, so it is no
// Lister) nor the judging of a request (gateway).
package brokered
