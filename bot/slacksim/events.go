package slacksim

import (
	"fmt"
	"maps"
	"slices"
)

// emit sends an Events API event if the app subscribed to it.
func (s *Sim) emit(kind string, fields doc) { s.emitAs(kind, kind, fields) }

// emitAs is emit for events whose subscription has another name than their type.
func (s *Sim) emitAs(subscription, kind string, fields doc) {
	if !s.manifest.subscribed(subscription) || s.faults.revoked {
		return
	}
	event := doc{"type": kind, "event_ts": s.nextTS()}
	maps.Copy(event, fields)
	s.deliver(s.newEnvelope("events_api", doc{
		"token": verificationToken, "team_id": s.world.TeamID, "context_team_id": s.world.TeamID, "context_enterprise_id": nil,
		"api_app_id": s.world.AppID, "type": "event_callback", "event": event,
		"event_id": s.nextID("Ev"), "event_time": s.now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{doc{
			"enterprise_id": nil, "team_id": s.world.TeamID, "user_id": s.world.BotUser, "is_bot": true, "is_enterprise_install": false,
		}},
	}, false))
}

// SetGroup replaces a user group's members, and tells the app. An unknown group
// is created.
func (s *Sim) SetGroup(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(id)
	if g == nil {
		g = &WorldGroup{ID: id, Handle: id, Name: id, Users: slices.Clone(users)}
		s.groups = append(s.groups, g)
		s.emit("subteam_created", doc{"subteam": s.groupDoc(g, true)})
		s.show()
		return
	}
	s.setMembers(g, users)
}

func (s *Sim) setMembers(g *WorldGroup, users []string) {
	added := without(users, g.Users)
	removed := without(g.Users, users)
	g.Users = slices.Clone(users)
	s.emit("subteam_members_changed", doc{
		"subteam_id": g.ID, "team_id": s.world.TeamID, "date_previous_update": 0, "date_update": s.now().Unix(),
		"added_users": added, "added_users_count": len(added), "removed_users": removed, "removed_users_count": len(removed),
	})
	s.emit("subteam_updated", doc{"subteam": s.groupDoc(g, true)})
	s.show()
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Concat([]string{}, all), func(id string) bool { return slices.Contains(some, id) })
}

// UpdateUser changes an account, and tells the app. Unknown ids are ignored.
func (s *Sim) UpdateUser(id string, fn func(*WorldUser)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[id]; p != nil {
		s.change(p, fn)
	}
}

func (s *Sim) change(p *person, fn func(*WorldUser)) {
	fn(&p.WorldUser)
	s.emit("user_change", doc{"user": s.userDoc(p), "cache_ts": s.now().Unix()})
	s.show()
}

// Deactivate switches an account off and takes it out of its groups, and tells
// the app. Unknown ids are ignored.
func (s *Sim) Deactivate(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[user]; p != nil {
		s.deactivate(p)
	}
}

func (s *Sim) deactivate(p *person) {
	s.change(p, func(u *WorldUser) { u.Deleted = true })
	for _, g := range s.groups {
		if slices.Contains(g.Users, p.ID) {
			s.setMembers(g, without(g.Users, []string{p.ID}))
		}
	}
}

// deactivateBy is Deactivate as an admin of the workspace does it.
func (s *Sim) deactivateBy(admin, user string) error {
	by, err := s.actor(admin)
	if err != nil {
		return err
	}
	p := s.people[user]
	switch {
	case !by.IsAdmin:
		return fmt.Errorf("deactivate %s: %s is no admin of the workspace: %w", user, by.Name, ErrRefused)
	case p == nil, p == by, p.IsBot, p.Deleted, s.outsider(p):
		return fmt.Errorf("deactivate %s: not an account that %s can deactivate: %w", user, by.Name, ErrRefused)
	}
	s.deactivate(p)
	return nil
}

// AddUser adds an account to the team, and tells the app.
func (s *Sim) AddUser(u WorldUser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.join(u)
	s.emit("team_join", doc{"user": s.userDoc(p)})
	s.show()
}
