package storage

import "latchkey/storage/auditlog"

// SignStatement signs what somebody has to say in the log's name, as a note
// that can't be taken for a checkpoint.
func (s AuditSigner) SignStatement(kind, text string) (string, error) {
	return auditlog.SignStatement(s.private.Expose(), kind, text)
}
