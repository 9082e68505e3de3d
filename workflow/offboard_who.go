package workflow

import (
	"context"
	"slices"

	"latchkey/storage"
)

// OwnersOf names the groups that answer for a system: the one that owns it, or
// the admins.
func (r *Rules) OwnersOf(connection string) []string {
	if g := r.Connections[connection].Owners; g != "" {
		return []string{g}
	}
	return r.Admins
}

// AnswersFor lists the people who answer for a system and can be told of it,
// as far as they are known.
func (s *Service) AnswersFor(ctx context.Context, connection string) ([]Person, error) {
	s.Refresh(ctx, s.today.Sources(s.today.OwnersOf(connection)...))
	var ids []storage.PersonID
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		ids, err = s.answerFor(ctx, tx, connection)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.people(ctx, ids)
}

// people are persons in the order of ids.
func (s *Service) people(ctx context.Context, ids []storage.PersonID) ([]Person, error) {
	known, err := s.persons(ctx, slices.Clone(ids)...)
	if err != nil {
		return nil, err
	}
	out := make([]Person, 0, len(ids))
	for _, id := range ids {
		out = append(out, known[id])
	}
	return out, nil
}

// maxHeldNamed bounds the people of a mass leave that are named.
const maxHeldNamed = 15

// HeldView is a mass leave that waits for an admin, as its message shows it.
type HeldView struct {
	Count int
	First []Person              // the first of them
	Cases []storage.Offboarding // likewise
}

// LookAtHeld gathers what is to be shown of the cases that the breaker holds.
// It checks no authority.
func (s *Service) LookAtHeld(ctx context.Context) (HeldView, error) {
	cases, n, err := s.DB.HeldSample(ctx, maxHeldNamed)
	if err != nil || n == 0 {
		return HeldView{}, err
	}
	known := make([]storage.PersonID, len(cases))
	for i, o := range cases {
		known[i] = o.PersonID
	}
	names, err := s.persons(ctx, known...)
	out := HeldView{Count: n, Cases: cases}
	for _, o := range cases {
		out.First = append(out.First, names[o.PersonID])
	}
	return out, err
}
