// Package gitlab connects a top-level group of GitLab.com or of a self-managed
// instance: its group, project, service-account and personal access tokens are
// listed, issued, rotated and revoked through the vendor's official client.
//
// It does not own retries, rate limits or the choice of addresses (the
// RoundTripper it is given; the client's own are switched off), nor any rule
// about who may have a token (workflow). Facts are from client-go v1.46.0 and
// the vendor's API pages; what was not found there says "unverified".
package gitlab
