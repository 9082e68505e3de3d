package workflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/storage"
)

// ScopeProvision lets a key of Latchkey's own bring people and groups, as a
// directory does over SCIM.
const ScopeProvision = "people:provision"

// SourceSCIM is the source of what a directory tells over SCIM.
const SourceSCIM = "scim"

// The schemas of RFC 7643, by their names.
const (
	SCIMUserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	SCIMGroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	SCIMEnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	SCIMPatchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// The sorts of error that RFC 7644 names in section 3.12, and two that it has a
// status for only.
const (
	SCIMInvalidFilter = "invalidFilter"
	SCIMInvalidPath   = "invalidPath"
	SCIMInvalidSyntax = "invalidSyntax"
	SCIMInvalidValue  = "invalidValue"
	SCIMMutability    = "mutability"
	SCIMNoTarget      = "noTarget"
	SCIMTooMany       = "tooMany"
	SCIMUniqueness    = "uniqueness"
	SCIMNotFound      = "notFound"
	SCIMChanged       = "changed" // by somebody else, since the version that the client knows
)

// SCIMError is a "no" for a directory. Nothing was changed.
type SCIMError struct {
	Type   string
	Detail string // a sentence
}

// Error implements error.
func (e SCIMError) Error() string { return e.Detail }

func scimRefuse(sort, format string, args ...any) SCIMError {
	return SCIMError{sort, fmt.Sprintf(format, args...)}
}

// SCIMResource is a user or a group as a directory sees it.
type SCIMResource struct {
	Location string
	Version  int64
	Body     map[string]any // whole: with id, schemas and meta
}

// SCIMPage is a part of a listing.
type SCIMPage struct {
	Total     int
	Start     int // counts from 1
	Resources []map[string]any
}

// The longest listing that one answer holds, and the usual one.
const (
	SCIMMaxPage     = 200
	SCIMDefaultPage = 100
)

// SCIMQuery asks for a listing.
type SCIMQuery struct {
	Filter       string
	Start        int // counts from 1; less is 1
	Count        int // less than none is none; more than SCIMMaxPage is that
	LeaveMembers bool
}

// page bounds what is asked for.
func (q SCIMQuery) page() (offset, count int) {
	return max(q.Start, 1) - 1, min(max(q.Count, 0), SCIMMaxPage)
}

// SCIMVersions are the versions of a resource that a change may be made to; nil
// is any.
type SCIMVersions []int64

func (v SCIMVersions) check(now int64) error {
	if v == nil || slices.Contains(v, now) {
		return nil
	}
	return scimRefuse(SCIMChanged, "The resource is another version than the request is about; read it again.")
}

// scimChange runs a change in its turn.
func (s *Service) scimChange(ctx context.Context, fn func(context.Context, storage.Tx) error) error {
	return scimOutcome(s.inTurn(ctx, fn))
}

// scimOutcome puts what storage says into a directory's words.
func scimOutcome(err error) error {
	var taken *storage.TakenError
	switch {
	case errors.As(err, &taken):
		return scimRefuse(SCIMUniqueness, "Another resource has this %s.", taken.Attribute)
	case errors.Is(err, storage.ErrNotFound):
		return scimRefuse(SCIMNotFound, "There is no resource with this id.")
	}
	return err
}

// scimMeta adds what the service itself says of a resource to its body.
func (s *Service) scimMeta(body map[string]any, t scimType, id string, version int64, created, changed time.Time) SCIMResource {
	location := s.PublicURL + "/scim/v2/" + t.name + "s/" + id
	schemas := []any{t.core.URN}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if strings.HasPrefix(strings.ToLower(name), "urn:") {
			schemas = append(schemas, name)
		}
	}
	body["schemas"] = schemas
	body["id"] = id
	body["meta"] = map[string]any{
		"resourceType": t.name,
		"created":      scimTime(created),
		"lastModified": scimTime(changed),
		"location":     location,
		"version":      SCIMTag(version),
	}
	return SCIMResource{Location: location, Version: version, Body: body}
}

// SCIMTag is a version as an entity tag. It is weak: the same version may be
// written in other bytes.
func SCIMTag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

func scimTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
