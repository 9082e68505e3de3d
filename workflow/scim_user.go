package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/storage"
)

// maxSCIMAddress is how long an e-mail address is at most, in bytes.
const maxSCIMAddress = 320

// SCIMUser reads a user.
func (s *Service) SCIMUser(ctx context.Context, id string) (SCIMResource, error) {
	u, err := s.DB.SCIMUser(ctx, id)
	if err != nil {
		return SCIMResource{}, scimOutcome(err)
	}
	return s.scimUserOf(u)
}

// CreateSCIMUser stores a new user and finds or makes the person. One who is
// there already under that name is a SCIMUniqueness.
func (s *Service) CreateSCIMUser(ctx context.Context, a Actor, sent map[string]any) (SCIMResource, error) {
	if err := checkSchemas(sent, SCIMUserSchema); err != nil {
		return SCIMResource{}, err
	}
	body, err := scimUserType.clean(sent)
	if err != nil {
		return SCIMResource{}, err
	}
	if body["active"] == nil {
		body["active"] = true
	}
	var u storage.SCIMUser
	facts, err := readSCIMUser(&u, body)
	if err != nil {
		return SCIMResource{}, err
	}
	err = s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		made := u
		if err := s.linkSCIMUser(ctx, tx, a.by(), &made, facts); err != nil {
			return err
		}
		u = made
		return nil
	})
	if err != nil {
		return SCIMResource{}, err
	}
	return s.scimUserOf(u)
}

// ReplaceSCIMUser stores a user anew, whole. What is not sent is gone, but for
// active: nobody comes or goes by being left out.
func (s *Service) ReplaceSCIMUser(ctx context.Context, a Actor, id string, known SCIMVersions, sent map[string]any) (SCIMResource, error) {
	if err := checkSchemas(sent, SCIMUserSchema); err != nil {
		return SCIMResource{}, err
	}
	body, err := scimUserType.clean(sent)
	if err != nil {
		return SCIMResource{}, err
	}
	return s.changeSCIMUser(ctx, a, id, known, func(was map[string]any) (map[string]any, error) {
		out := maps.Clone(body)
		if out["active"] == nil {
			out["active"] = was["active"]
		}
		return out, nil
	})
}

// PatchSCIMUser changes a user by a PATCH's message. All of it counts, or
// nothing.
func (s *Service) PatchSCIMUser(ctx context.Context, a Actor, id string, known SCIMVersions, message map[string]any) (SCIMResource, error) {
	ops, err := parseSCIMPatch(message)
	if err != nil {
		return SCIMResource{}, err
	}
	return s.changeSCIMUser(ctx, a, id, known, func(was map[string]any) (map[string]any, error) {
		return scimUserType.patch(id, was, ops)
	})
}

func (s *Service) changeSCIMUser(ctx context.Context, a Actor, id string, known SCIMVersions,
	change func(map[string]any) (map[string]any, error)) (SCIMResource, error) {
	var out storage.SCIMUser
	err := s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		u, err := tx.LockSCIMUser(ctx, id, false)
		if err != nil {
			return err
		}
		if err := known.check(u.Version); err != nil {
			return err
		}
		was, err := decodeSCIM(u.Body)
		if err != nil {
			return err
		}
		now, err := change(was)
		if err != nil {
			return err
		}
		out = u
		if reflect.DeepEqual(was, now) {
			return nil
		}
		before, err := readSCIMUser(&out, was)
		if err != nil {
			return err
		}
		facts, err := readSCIMUser(&out, now)
		if err != nil {
			return err
		}
		return s.settleSCIMUser(ctx, tx, a.by(), u, &out, before, facts, changedNames(was, now))
	})
	if err != nil {
		return SCIMResource{}, err
	}
	return s.scimUserOf(out)
}

// DeleteSCIMUser forgets a user. The person has left; they and their case stay.
func (s *Service) DeleteSCIMUser(ctx context.Context, a Actor, id string, known SCIMVersions) error {
	return s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		u, err := tx.LockSCIMUser(ctx, id, true)
		if err != nil {
			return err
		}
		if err := known.check(u.Version); err != nil {
			return err
		}
		lost, err := tx.DeleteSCIMUser(ctx, u, a.by())
		if err != nil {
			return err
		}
		err = tx.Record(ctx, a.by(), storage.Event{Action: "person.unprovisioned", Subject: storage.SubjectPerson, SubjectID: int64(u.PersonID),
			Before: u.UserName, Reason: "the directory deleted the user"})
		if err != nil {
			return err
		}
		if lost {
			if err := s.lostGroup(ctx, tx, []storage.PersonID{u.PersonID}); err != nil {
				return err
			}
		}
		if !u.Active {
			return nil // they left when that was said
		}
		u.Version++
		return s.leaveBySCIM(ctx, tx, a.by(), u, "deleted in the directory")
	})
}

// readSCIMUser fills in what a user is found by, and reads what the body says
// of the person.
func readSCIMUser(u *storage.SCIMUser, body map[string]any) (storage.SCIMFacts, error) {
	var f storage.SCIMFacts
	name, err := scimKey(body, "userName", true)
	if err != nil {
		return f, err
	}
	if u.ExternalID, err = scimKey(body, "externalId", false); err != nil {
		return f, err
	}
	u.UserName, u.Emails = strings.ToLower(name), []string{}
	for _, v := range scimList(body["emails"]) {
		address := partOf(v, "value")
		if len(address) > maxSCIMAddress {
			return f, scimRefuse(SCIMInvalidValue, "An e-mail address is longer than %d characters.", maxSCIMAddress)
		}
		if address != "" {
			u.Emails = append(u.Emails, strings.ToLower(address))
		}
	}
	display, _ := body["displayName"].(string)
	u.DisplayName = displayKey(display)
	u.Active = body["active"] == true
	if u.Body, err = json.Marshal(body); err != nil {
		return f, fmt.Errorf("encode scim user: %w", err)
	}
	enterprise, _ := body[SCIMEnterpriseSchema].(map[string]any)
	f = storage.SCIMFacts{Name: personName(body, name), Email: workAddress(body, name), ExternalID: u.ExternalID,
		Manager: partOf(enterprise["manager"], "value")}
	return f, nil
}

func partOf(v any, name string) string {
	object, _ := v.(map[string]any)
	s, _ := object[name].(string)
	return s
}

// personName is what people will read.
func personName(body map[string]any, userName string) string {
	display, _ := body["displayName"].(string)
	parts := strings.TrimSpace(partOf(body["name"], "givenName") + " " + partOf(body["name"], "familyName"))
	for _, name := range []string{display, partOf(body["name"], "formatted"), parts} {
		if name = strings.TrimSpace(name); name != "" {
			return cutName(name)
		}
	}
	return userName
}

// cutName keeps a name to what people can read.
func cutName(s string) string {
	if utf8.RuneCountInString(s) <= maxSCIMKey {
		return s
	}
	return string([]rune(s)[:maxSCIMKey])
}

// workAddress is the address that tells who a person is: the primary one, else
// the one for work, else the userName if it is one.
func workAddress(body map[string]any, userName string) string {
	var work string
	for _, v := range scimList(body["emails"]) {
		address := partOf(v, "value")
		if !isAddress(address) {
			continue
		}
		if isPrimary(v) {
			return strings.ToLower(address)
		}
		if work == "" && strings.EqualFold(partOf(v, "type"), "work") {
			work = address
		}
	}
	if work == "" && isAddress(userName) {
		work = userName
	}
	return strings.ToLower(work)
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// scimUserOf is a stored user as directories see it.
func (s *Service) scimUserOf(u storage.SCIMUser) (SCIMResource, error) {
	body, err := decodeSCIM(u.Body)
	if err != nil {
		return SCIMResource{}, err
	}
	var groups []any
	if len(u.Groups) > 0 {
		if err := json.Unmarshal(u.Groups, &groups); err != nil {
			return SCIMResource{}, fmt.Errorf("decode groups of scim user: %w", err)
		}
	}
	for _, v := range groups {
		if g, ok := v.(map[string]any); ok {
			g["type"], g["$ref"] = "direct", s.PublicURL+"/scim/v2/Groups/"+partOf(v, "value")
		}
	}
	if len(groups) > 0 {
		body["groups"] = groups
	}
	return s.scimMeta(body, scimUserType, u.Resource, u.Version, u.CreatedAt, u.ChangedAt), nil
}

// decodeSCIM reads a stored body. Numbers stay as they were written.
func decodeSCIM(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("decode scim resource: %w", err)
	}
	return out, nil
}

// changedNames lists the attributes that differ, those of extensions by their
// own names.
func changedNames(was, now map[string]any) string {
	return cutSCIM(strings.Join(differing(was, now), ", "))
}

func differing(was, now map[string]any) []string {
	names := map[string]bool{}
	for _, holder := range []map[string]any{was, now} {
		for name := range holder {
			if reflect.DeepEqual(was[name], now[name]) {
				continue
			}
			before, _ := was[name].(map[string]any)
			after, _ := now[name].(map[string]any)
			if !strings.HasPrefix(name, "urn:") || before == nil && after == nil {
				names[name] = true
				continue
			}
			for _, inner := range differing(before, after) {
				names[inner] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
