// Package atlassian connects an Atlassian Cloud organisation: the API tokens
// its people and service accounts hold, and its own admin API keys. The vendor
// lets nobody make one over its API, so issuing is a task for a person.
//
// It does not own approving or matching those tasks (workflow), nor the OAuth
// clients of service accounts, whose shape the vendor documents nowhere we
// looked. It can't revoke all tokens at once: the one function that deletes
// takes a path of one person and one token (delete.go).
package atlassian
