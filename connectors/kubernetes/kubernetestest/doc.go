// Package kubernetestest is a double of the part of a Kubernetes API server by
// which one service account keeps Secrets: authorisation, optimistic
// concurrency, merge patches and validation as documented, and faults to
// inject, for tests and the demo.
//
// It does not own anything a client should copy. It is stricter than a real
// server in that unknown fields and query parameters are always refused, and
// it keeps no managed fields.
package kubernetestest
