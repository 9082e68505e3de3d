// Package workflow owns every rule: the state machines, the policy, who may
// do what, and the background jobs that carry decisions out at vendors.
//
// It does not own how people are talked to (bot, server call in; Notifier
// calls out), what a vendor can do (connectors), or how rows are kept
// (storage).
package workflow
