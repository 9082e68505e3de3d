// Package googletest is a strict double of the part of Google's Directory API
// that governs application-specific passwords, app tokens and suspension, with
// the token endpoint a service account signs in at, for tests and the demo.
//
// It does not own anything a client should copy. Where the discovery document
// (directory_v1) is silent it is stricter than likely: parameters it does not
// name, unknown fields and scopes not delegated are refused.
package googletest
