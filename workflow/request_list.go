package workflow

import (
	"context"

	"latchkey/storage"
)

// RequestRow is a request as lists show it.
type RequestRow struct {
	Request   storage.Request
	Requester Person
}

// Requests lists requests, newest first. For admins, and keys with
// requests:read.
func (s *Service) Requests(ctx context.Context, a Actor, f storage.RequestFilter) ([]RequestRow, error) {
	if err := s.mayAs(ctx, a, ScopeRequests, "see what others ask for"); err != nil {
		return nil, err
	}
	rows, err := s.DB.Requests(ctx, f)
	if err != nil {
		return nil, err
	}
	ids := make([]storage.PersonID, len(rows))
	for i, r := range rows {
		ids[i] = r.RequesterID
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]RequestRow, len(rows))
	for i, r := range rows {
		out[i] = RequestRow{Request: r, Requester: people[r.RequesterID]}
	}
	return out, nil
}
