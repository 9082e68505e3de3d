// Package github connects an organisation at GitHub: fine-grained personal
// access tokens and the requests for them, credentials that SAML single
// sign-on authorised, installed apps, leaked tokens and membership.
//
// It does not own retries, limits or addresses (the RoundTripper handed in)
// nor any rule on who may hold what (workflow). The vendor lets nobody issue a
// token for another person, so there is nothing to issue or rotate. Facts are
// from its OpenAPI document (npm @octokit/openapi 23.0.2, ghec.json); what is
// not in there says "unverified".
package github
