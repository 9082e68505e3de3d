// Package atlassiantest is a strict double of the admin APIs of Atlassian Cloud
// for one organisation: API access, user management, and what people do in the
// browser. Documented shapes, paging, statuses and limits, and knobs that break
// them; what nobody documents says "unverified" where it is played.
//
// It does not own anything a client should copy, and plays no query or endpoint
// that Latchkey has no use for: those are refused. It watches for the calls
// that revoke everybody's tokens at once.
package atlassiantest
