package workflow

import (
	"context"

	"latchkey/storage"
)

// AuditLine is an event of the audit log as its reader sees it.
type AuditLine struct {
	storage.AuditRow

	About Person // whom it happened to; zero when it is about no person
}

// LookAtAudit is SearchAudit with the persons that events are about. It also
// says whether the reader sees everything: whoever does not sees what they did
// and what happened to what is theirs.
func (s *Service) LookAtAudit(ctx context.Context, a Actor, f storage.AuditFilter) (lines []AuditLine, all bool, err error) {
	rows, err := s.SearchAudit(ctx, a, f)
	if err != nil {
		return nil, false, err
	}
	if all, err = s.IsAdmin(ctx, a); err != nil {
		return nil, false, err
	}
	var ids []storage.PersonID
	for _, r := range rows {
		if r.Subject == storage.SubjectPerson {
			ids = append(ids, storage.PersonID(r.SubjectID))
		}
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		line := AuditLine{AuditRow: r}
		if r.Subject == storage.SubjectPerson {
			line.About = people[storage.PersonID(r.SubjectID)]
		}
		lines = append(lines, line)
	}
	return lines, all, nil
}
