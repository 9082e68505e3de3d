// Package oktatest is a strict double of the part of Okta's Management API
// that governs API tokens, client secrets and user grants, for tests and the
// demo: documented shapes, paging, states and errors, and faults to inject.
//
// It does not own anything a client should copy. Where the vendor's OpenAPI
// document (2026.06.3) is silent it is stricter than likely: query keys it does
// not name, bodies where it has none and limits over the maximum are refused.
package oktatest
