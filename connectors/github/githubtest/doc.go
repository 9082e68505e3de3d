// Package githubtest is a double of the part of GitHub's REST API by which an
// organisation governs tokens, for tests and the demo: documented shapes,
// paging, limits and refusals, and knobs that break it.
//
// It does not own anything a client should copy. Where the vendor's OpenAPI
// document (npm @octokit/openapi 23.0.2, ghec.json) is silent, it is stricter
// than the vendor likely is: unknown query keys and fields, bodies where none
// belong and pages over 100 are refused. Such choices say "unverified".
package githubtest
