package workflow

import (
	"context"
	"strings"

	"latchkey/storage"
)

// How many resources are looked at for one filter that the database can't
// answer alone, and how many at once.
const (
	maxSCIMWalk  = 10_000
	scimWalkStep = 500
)

// SCIMUsers lists users.
func (s *Service) SCIMUsers(ctx context.Context, q SCIMQuery) (SCIMPage, error) {
	return listSCIM(ctx, scimUserType, q, scimLister[storage.SCIMUser]{
		count: s.DB.CountSCIMUsers,
		list:  s.DB.SCIMUsers,
		key:   func(u storage.SCIMUser) int64 { return u.ID },
		show: func(_ context.Context, users []storage.SCIMUser, _ bool) ([]map[string]any, error) {
			out := make([]map[string]any, len(users))
			for i, u := range users {
				r, err := s.scimUserOf(u)
				if err != nil {
					return nil, err
				}
				out[i] = r.Body
			}
			return out, nil
		},
	})
}

// SCIMGroups lists groups.
func (s *Service) SCIMGroups(ctx context.Context, q SCIMQuery) (SCIMPage, error) {
	return listSCIM(ctx, scimGroupType, q, scimLister[storage.SCIMGroup]{
		count: s.DB.CountSCIMGroups,
		list:  s.DB.SCIMGroups,
		key:   func(g storage.SCIMGroup) int64 { return g.ID },
		show:  s.showSCIMGroups,
	})
}

// scimLister reads one sort of resource.
type scimLister[R any] struct {
	count func(context.Context, storage.SCIMMatch) (int, error)
	list  func(ctx context.Context, m storage.SCIMMatch, after int64, offset, limit int) ([]R, error)
	key   func(R) int64
	show  func(ctx context.Context, rows []R, members bool) ([]map[string]any, error)
}

func listSCIM[R any](ctx context.Context, t scimType, q SCIMQuery, l scimLister[R]) (SCIMPage, error) {
	f, err := parseSCIMFilter(q.Filter)
	if err != nil {
		return SCIMPage{}, err
	}
	if f != nil {
		if err := f.check(t.viewOf(nil)); err != nil {
			return SCIMPage{}, err
		}
	}
	offset, count := q.page()
	out := SCIMPage{Start: offset + 1, Resources: []map[string]any{}}
	m, exact := t.narrow(f)
	if !exact {
		return walkSCIM(ctx, t, q, f, m, l)
	}
	if out.Total, err = l.count(ctx, m); err != nil || count == 0 || offset >= out.Total {
		return out, err
	}
	rows, err := l.list(ctx, m, 0, offset, count)
	if err != nil {
		return out, err
	}
	out.Resources, err = l.show(ctx, rows, !q.LeaveMembers)
	return out, err
}

// walkSCIM looks at each resource that may match.
func walkSCIM[R any](ctx context.Context, t scimType, q SCIMQuery, f scimFilter, m storage.SCIMMatch, l scimLister[R]) (SCIMPage, error) {
	offset, count := q.page()
	out := SCIMPage{Start: offset + 1, Resources: []map[string]any{}}
	members := t.name == scimGroupType.name && (!q.LeaveMembers || strings.Contains(strings.ToLower(f.String()), "members"))
	after := int64(0)
	for seen := 0; ; {
		rows, err := l.list(ctx, m, after, 0, scimWalkStep)
		if err != nil {
			return out, err
		}
		if seen += len(rows); seen > maxSCIMWalk {
			return out, scimRefuse(SCIMTooMany, "Too many resources have to be looked at for this filter; ask for userName, externalId, id, displayName or emails with eq.")
		}
		bodies, err := l.show(ctx, rows, members)
		if err != nil {
			return out, err
		}
		for _, body := range bodies {
			if !f.match(t.viewOf(body)) {
				continue
			}
			if out.Total++; out.Total > offset && len(out.Resources) < count {
				out.Resources = append(out.Resources, body)
			}
		}
		if len(rows) < scimWalkStep {
			return out, nil
		}
		after = l.key(rows[len(rows)-1])
	}
}
