// Package githubsecretstest is a double of the part of GitHub's REST API by
// which Actions secrets and variables of repositories and their environments
// are kept, for tests and the demo: sealed values, documented shapes and
// statuses, and faults to inject.
//
// It does not own anything a client should copy. Where the vendor's OpenAPI
// document (npm @octokit/openapi 23.0.2, ghec.json) is silent, it is stricter
// than the vendor likely is; such choices say "unverified".
package githubsecretstest
