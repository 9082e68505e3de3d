// Package kubernetes keeps secrets in the Secrets of a cluster: one key of one
// Secret is one place. It speaks the API server's REST directly.
//
// It does not own retries, limits, addresses or the cluster's certificate (the
// RoundTripper handed in), nor who may put what where (workflow). Facts are
// from the documentation of the core/v1 and authorization.k8s.io/v1 APIs.
package kubernetes
