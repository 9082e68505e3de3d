package workflow

import (
	"context"

	"latchkey/storage"
)

// whoHears says for each key whom to tell of it: its owner; where that person
// left, can't be reached or is not known, the manager; else whoever answers
// for the system, and the admins at last.
func (s *Service) whoHears(ctx context.Context, tx storage.Tx, keys []storage.Credential) (map[storage.CredentialID][]storage.PersonID, error) {
	var owners []storage.PersonID
	for _, c := range keys {
		if c.OwnerID != 0 {
			owners = append(owners, c.OwnerID)
		}
	}
	reach, err := tx.Reaches(ctx, owners)
	if err != nil {
		return nil, err
	}
	out := make(map[storage.CredentialID][]storage.PersonID, len(keys))
	answerable := map[string][]storage.PersonID{} // by system
	for _, c := range keys {
		switch r := reach[c.OwnerID]; {
		case r.Reachable:
			out[c.ID] = []storage.PersonID{c.OwnerID}
			continue
		case r.Manager != 0:
			out[c.ID] = []storage.PersonID{r.Manager}
			continue
		}
		people, known := answerable[c.Connection]
		if !known {
			if people, err = s.answerFor(ctx, tx, c.Connection); err != nil {
				return nil, err
			}
			answerable[c.Connection] = people
		}
		out[c.ID] = people
	}
	return out, nil
}

// answerFor lists the members of the group that owns a system, or the admins
// where it has none.
func (s *Service) answerFor(ctx context.Context, tx storage.Tx, connection string) ([]storage.PersonID, error) {
	groups := s.today.Admins
	if g := s.today.Connections[connection].Owners; g != "" {
		groups = append([]string{g}, groups...)
	}
	m, err := readMembership(ctx, tx, s.today, groups)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		var ids []storage.PersonID
		reach, err := tx.Reaches(ctx, m.members[g])
		if err != nil {
			return nil, err
		}
		for _, id := range m.members[g] {
			if reach[id].Reachable {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			return ids, nil
		}
	}
	return nil, nil
}
