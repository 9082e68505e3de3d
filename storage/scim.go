package storage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SubjectGroup is the subject of events about groups that a directory pushes.
const SubjectGroup = "group"

// SCIMMatch is what resources are looked up by; nil is anything.
type SCIMMatch struct {
	Resource    *string
	UserName    *string // in lower case
	ExternalID  *string
	DisplayName *string // in lower case
	Email       *string // in lower case
	Member      *string // the resource of a user
	Active      *bool
}

// Join adds what else has to match. False says that it could not take all.
func (m *SCIMMatch) Join(more SCIMMatch) bool {
	all := true
	join := func(have **string, v *string) {
		if v != nil && *have != nil && **have != *v {
			all = false
			return
		}
		if v != nil {
			*have = v
		}
	}
	join(&m.Resource, more.Resource)
	join(&m.UserName, more.UserName)
	join(&m.ExternalID, more.ExternalID)
	join(&m.DisplayName, more.DisplayName)
	join(&m.Email, more.Email)
	join(&m.Member, more.Member)
	if m.Active != nil && more.Active != nil && *m.Active != *more.Active {
		return false
	}
	if more.Active != nil {
		m.Active = more.Active
	}
	return all
}

// where writes the conditions, with their arguments after those given. None
// says that nothing can match.
func (m SCIMMatch) where(args []any) (where string, all []any, none bool) {
	conditions := []string{"true"}
	add := func(condition string, v any) {
		args = append(args, v)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	for _, id := range []struct {
		resource  *string
		condition string
	}{{m.Resource, "resource = $%d::uuid"},
		{m.Member, "id IN (SELECT m.group_id FROM scim_member m JOIN scim_user u ON u.id = m.user_id WHERE u.resource = $%d::uuid)"}} {
		if id.resource == nil {
			continue
		}
		if !isResource(*id.resource) {
			return "", nil, true
		}
		add(id.condition, *id.resource)
	}
	if m.UserName != nil {
		add("user_name = $%d", *m.UserName)
	}
	if m.ExternalID != nil {
		add("external_id = $%d", *m.ExternalID)
	}
	if m.DisplayName != nil {
		add("display_name = $%d", *m.DisplayName)
	}
	if m.Email != nil {
		add("emails @> ARRAY[$%d::text]", *m.Email)
	}
	if m.Active != nil {
		add("active = $%d", *m.Active)
	}
	return strings.Join(conditions, " AND "), args, false
}

// isResource tells whether an id is one that we give: a UUID in lower case.
func isResource(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
				return false
			}
		}
	}
	return true
}

// resources keeps the ids that can be ours, each once.
func resources(ids []string) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, id := range ids {
		if isResource(id) && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// TakenError says that another resource has a value that only one can have.
type TakenError struct{ Attribute string }

// Error implements error.
func (e *TakenError) Error() string { return e.Attribute + " is taken" }

// taken turns the violation of a unique index into a TakenError.
func taken(err error) error {
	switch {
	case isUnique(err, "scim_user_name"):
		return &TakenError{"userName"}
	case isUnique(err, "scim_user_external_id"), isUnique(err, "scim_group_external_id"):
		return &TakenError{"externalId"}
	case isUnique(err, "scim_group_display_name"):
		return &TakenError{"displayName"}
	}
	return err
}

// IsCollision tells whether a transaction failed only because of another one at
// the same moment, so that it may be done again.
func IsCollision(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch pg.Code {
	case "40P01", "40001", "23503": // deadlock, serialization, what was referred to has gone
		return true
	}
	return isUnique(err, "person_email") || isUnique(err, "person_external_id_key")
}
