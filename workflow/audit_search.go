package workflow

import (
	"context"

	"latchkey/storage"
)

// SearchAudit lists events, newest first: all of them to admins and to keys
// with audit:read, and to everybody what they did themselves and what happened
// to what is theirs.
func (s *Service) SearchAudit(ctx context.Context, a Actor, f storage.AuditFilter) ([]storage.AuditRow, error) {
	err := s.mayAs(ctx, a, ScopeAudit, "see what others did")
	if refusal, ok := AsRefusal(err); ok && refusal.Rule == RuleAdminOnly && (f.Person == 0 || f.Person == a.Account.PersonID) {
		f.Person, err = a.Account.PersonID, nil
	}
	if err != nil {
		return nil, err
	}
	return s.DB.SearchAudit(ctx, f)
}
