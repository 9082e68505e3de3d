// Package awssecretstest is a strict double of the part of AWS Secrets Manager
// that a writer of secrets meets: making, describing and tagging a secret, its
// versions and their staging labels, deletion with a window, and signed
// requests, for tests and the demo.
//
// It does not own anything a client should copy. Where AWS's documentation is
// silent it is stricter than likely; messages and some statuses are
// unverified.
package awssecretstest
