package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"latchkey/storage"
)

// SCIMGroup reads a group, with its members unless they are left out.
func (s *Service) SCIMGroup(ctx context.Context, id string, members bool) (SCIMResource, error) {
	g, err := s.DB.SCIMGroup(ctx, id)
	if err != nil {
		return SCIMResource{}, scimOutcome(err)
	}
	bodies, err := s.showSCIMGroups(ctx, []storage.SCIMGroup{g}, members)
	if err != nil {
		return SCIMResource{}, err
	}
	return SCIMResource{Location: partOf(bodies[0]["meta"], "location"), Version: g.Version, Body: bodies[0]}, nil
}

// CreateSCIMGroup stores a new group. Rules know it as scim:<displayName>.
func (s *Service) CreateSCIMGroup(ctx context.Context, a Actor, sent map[string]any) (string, error) {
	body, members, err := readSCIMGroup(sent)
	if err != nil {
		return "", err
	}
	var g storage.SCIMGroup
	if err := scimGroupRow(&g, body); err != nil {
		return "", err
	}
	var id string
	err = s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		made := g
		if err := tx.InsertSCIMGroup(ctx, &made); err != nil {
			return err
		}
		id = made.Resource
		err := tx.Record(ctx, a.by(), storage.Event{Action: "group.created", Subject: storage.SubjectGroup, SubjectID: made.ID, After: groupName(made)})
		if err != nil {
			return err
		}
		_, err = s.changeMembers(ctx, tx, a.by(), made, memberChange{add: members})
		return err
	})
	return id, err
}

// ReplaceSCIMGroup stores a group anew, whole: who is not sent is no member.
func (s *Service) ReplaceSCIMGroup(ctx context.Context, a Actor, id string, known SCIMVersions, sent map[string]any) (int64, error) {
	body, members, err := readSCIMGroup(sent)
	if err != nil {
		return 0, err
	}
	return s.changeSCIMGroup(ctx, a, id, known, func(map[string]any) (map[string]any, error) { return body, nil },
		[]memberStep{{change: memberChange{replace: true, add: members}}})
}

// PatchSCIMGroup changes a group by a PATCH's message. All of it counts, or
// nothing.
func (s *Service) PatchSCIMGroup(ctx context.Context, a Actor, id string, known SCIMVersions, message map[string]any) (int64, error) {
	ops, err := parseSCIMPatch(message)
	if err != nil {
		return 0, err
	}
	var own []scimOperation
	var steps []memberStep
	for _, o := range ops {
		if !strings.EqualFold(o.path.attr, "members") || !scimGroupType.isCore(o.path.urn) {
			own = append(own, o)
			continue
		}
		step, err := readMemberStep(o)
		if err != nil {
			return 0, err
		}
		steps = joinSteps(steps, step)
	}
	return s.changeSCIMGroup(ctx, a, id, known, func(was map[string]any) (map[string]any, error) {
		return scimGroupType.patch(id, was, own)
	}, steps)
}

func (s *Service) changeSCIMGroup(ctx context.Context, a Actor, id string, known SCIMVersions,
	change func(map[string]any) (map[string]any, error), steps []memberStep) (version int64, err error) {
	err = s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		g, err := tx.LockSCIMGroup(ctx, id)
		if err != nil {
			return err
		}
		if err := known.check(g.Version); err != nil {
			return err
		}
		was, err := decodeSCIM(g.Body)
		if err != nil {
			return err
		}
		now, err := change(was)
		if err != nil {
			return err
		}
		moved := false
		for _, step := range steps {
			changed, err := s.doMemberStep(ctx, tx, a.by(), g, step)
			if err != nil {
				return err
			}
			moved = moved || changed
		}
		version = g.Version
		if !moved && reflect.DeepEqual(was, now) {
			return nil
		}
		before, same := g, reflect.DeepEqual(was, now)
		if err := scimGroupRow(&g, now); err != nil {
			return err
		}
		lost, err := tx.UpdateSCIMGroup(ctx, &g, before.Source)
		if err != nil {
			return err
		}
		version = g.Version
		if err := s.lostGroup(ctx, tx, lost); err != nil || same {
			return err
		}
		e := storage.Event{Action: "group.updated", Subject: storage.SubjectGroup, SubjectID: g.ID, Reason: "the directory changed " + changedNames(was, now)}
		if g.Source != before.Source {
			e.Action, e.Before, e.After = "group.renamed", groupName(before), groupName(g)
		}
		return tx.Record(ctx, a.by(), e)
	})
	return version, err
}

// DeleteSCIMGroup forgets a group. Nobody is in it any more.
func (s *Service) DeleteSCIMGroup(ctx context.Context, a Actor, id string, known SCIMVersions) error {
	return s.scimChange(ctx, func(ctx context.Context, tx storage.Tx) error {
		g, err := tx.LockSCIMGroup(ctx, id)
		if err != nil {
			return err
		}
		if err := known.check(g.Version); err != nil {
			return err
		}
		lost, err := tx.DeleteSCIMGroup(ctx, g)
		if err != nil {
			return err
		}
		err = tx.Record(ctx, a.by(), storage.Event{Action: "group.deleted", Subject: storage.SubjectGroup, SubjectID: g.ID, Before: groupName(g),
			Reason: fmt.Sprintf("the directory deleted the group; members: %d", len(lost))})
		if err != nil {
			return err
		}
		return s.lostGroup(ctx, tx, lost)
	})
}

// readSCIMGroup reads a group that is sent whole.
func readSCIMGroup(sent map[string]any) (body map[string]any, members []string, err error) {
	if err := checkSchemas(sent, SCIMGroupSchema); err != nil {
		return nil, nil, err
	}
	rest := map[string]any{}
	for name, v := range sent {
		if !strings.EqualFold(name, "members") {
			rest[name] = v
			continue
		}
		if members, err = memberIDs(v); err != nil {
			return nil, nil, err
		}
	}
	body, err = scimGroupType.clean(rest)
	return body, members, err
}

// scimGroupRow fills in what a group is found by.
func scimGroupRow(g *storage.SCIMGroup, body map[string]any) error {
	name, err := scimKey(body, "displayName", true)
	if err != nil {
		return err
	}
	if g.ExternalID, err = scimKey(body, "externalId", false); err != nil {
		return err
	}
	g.DisplayName, g.Source = strings.ToLower(name), Group{SCIM: name}.source()
	if g.Body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("encode scim group: %w", err)
	}
	return nil
}

func groupName(g storage.SCIMGroup) string { return strings.TrimPrefix(g.Source, "scim:") }

// showSCIMGroups are stored groups as directories see them.
func (s *Service) showSCIMGroups(ctx context.Context, groups []storage.SCIMGroup, members bool) ([]map[string]any, error) {
	var of map[int64][]storage.SCIMMember
	if members {
		ids := make([]int64, len(groups))
		for i, g := range groups {
			ids[i] = g.ID
		}
		var err error
		if of, err = s.DB.SCIMMembers(ctx, ids...); err != nil {
			return nil, err
		}
	}
	out := make([]map[string]any, len(groups))
	for i, g := range groups {
		body, err := decodeSCIM(g.Body)
		if err != nil {
			return nil, err
		}
		if len(of[g.ID]) > 0 {
			body["members"] = s.showMembers(of[g.ID])
		}
		out[i] = s.scimMeta(body, scimGroupType, g.Resource, g.Version, g.CreatedAt, g.ChangedAt).Body
	}
	return out, nil
}
