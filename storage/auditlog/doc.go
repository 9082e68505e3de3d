// Package auditlog owns the form of the audit log outside the database: what
// of an event the tree holds, the commitments that stand for its texts, and
// how a stretch of events is proven to lie in a tree that was published.
//
// It does not own rows, or who may read them (storage, workflow). It dials
// nothing and reads no clock, so whoever checks a file needs only the file.
package auditlog
