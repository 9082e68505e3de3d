// Package timepiecetest is a strict double of Timepiece (Time in Status) for
// Jira Cloud: its REST API with a small world behind it, the tokens as the
// app's API Settings page keeps them, and knobs that break it.
//
// It does not own anything a client should copy. Where the vendor's pages are
// silent it is stricter than likely: unknown parameters are answered 400, and a
// token in the query, though it works, is kept as a fault of the caller.
package timepiecetest
