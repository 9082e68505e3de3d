// Package timepiece connects OBSS "Timepiece - Time in Status" for Jira Cloud.
// Its tokens can be made, limited and ended in the app's own pages only, so it
// is a brokered system with a scope catalogue, and a reader and watcher of the
// tokens that exist: owner and expiry are in a token itself.
//
// It does not own brokering (connectors/brokered) nor judging requests
// (gateway). Facts about the vendor are from its documentation pages; what was
// not found there says "unverified".
package timepiece
