// Package tempotest is a strict double of Tempo's REST API v4 and OAuth 2.0
// with a small world of its own, for tests and the demo: documented shapes,
// paging, errors and limits, a consent page, and knobs that break it.
//
// It does not own anything a client should copy. Where the vendor's OpenAPI
// file and help pages are silent it is stricter than likely: unknown fields,
// wrong content types and limits over the maximum are answered 400.
package tempotest
