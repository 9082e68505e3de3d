// Package githubsecrets keeps secrets where GitHub Actions reads them: as the
// secrets of a repository, or of an environment of one.
//
// It does not own retries, limits or addresses (the RoundTripper handed in),
// nor who may put what where (workflow). Facts are from the vendor's OpenAPI
// document (npm @octokit/openapi 23.0.2, ghec.json); what is not in there says
// "unverified".
package githubsecrets
