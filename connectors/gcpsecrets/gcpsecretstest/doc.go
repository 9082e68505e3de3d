// Package gcpsecretstest is a strict double of the part of Google Cloud Secret
// Manager that a writer of secrets meets: secrets with annotations and etags,
// their versions and states, permissions, and the token endpoint a service
// account signs in at, for tests and the demo.
//
// It does not own anything a client should copy. Where the discovery document
// (secretmanager_v1) is silent it is stricter than likely; which code an old
// etag is answered with is unverified.
package gcpsecretstest
