// Package migrations owns the schema: plain SQL files, embedded, applied in
// the order of their numbers, never edited after a release.
//
// It does not own how they are applied (storage.Migrate).
package migrations

import "embed"

// Files holds every migration as NNNN_name.sql.
//
//go:embed *.sql
var Files embed.FS
