// Package gitlabtest is a strict double of the parts of GitLab's REST API v4
// that govern access tokens, for tests and the demo: documented shapes, paging,
// errors, limits and the reuse detection of token families, and hooks that
// break it.
//
// It does not own anything a client should copy. It is stricter than the
// vendor: unknown query keys and body fields, and wrong page sizes, are refused
// with 400. What its sources do not say is marked "unverified".
package gitlabtest
