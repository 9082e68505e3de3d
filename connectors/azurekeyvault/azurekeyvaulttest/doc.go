// Package azurekeyvaulttest is a double of one vault of Azure Key Vault and of
// the place where tokens for it are had, for tests and the demo: challenges,
// versions, soft deletion and refusals as documented, and faults to inject.
//
// It does not own anything a client should copy. It is stricter than the
// vendor likely is in that unknown fields and query parameters are refused;
// such choices say "unverified".
package azurekeyvaulttest
