package slacksim

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// userDoc is the user object. The e-mail needs its own scope.
func (s *Sim) userDoc(p *person) doc {
	first, last, _ := strings.Cut(p.RealName, " ")
	profile := doc{
		"real_name": p.RealName, "real_name_normalized": p.RealName, "display_name": p.Name, "display_name_normalized": p.Name,
		"first_name": first, "last_name": last, "title": p.Title, "team": p.TeamID, "avatar_hash": "", "fields": doc{},
	}
	if p.Email != "" && s.manifest.allows("users:read.email") {
		profile["email"] = p.Email
	}
	out := doc{
		"id": p.ID, "team_id": p.TeamID, "name": p.Name, "real_name": p.RealName, "deleted": p.Deleted,
		"color": color(p.ID), "tz": cmp.Or(p.TZ, "Etc/UTC"), "tz_label": cmp.Or(p.TZ, "UTC"), "tz_offset": 0, "profile": profile,
		"is_admin": p.IsAdmin, "is_owner": false, "is_primary_owner": false, "is_bot": p.IsBot, "is_app_user": false,
		"is_restricted": p.IsRestricted || p.IsUltraRestricted, "is_ultra_restricted": p.IsUltraRestricted,
		"is_email_confirmed": p.Email != "", "updated": s.now().Unix(),
	}
	if s.outsider(p) {
		out["is_stranger"] = p.IsStranger
	}
	if p.ID == s.world.BotUser {
		profile["bot_id"], profile["api_app_id"] = s.world.BotID, s.world.AppID
	}
	return out
}

// color is a stable colour for an avatar, dark enough for white initials.
func color(id string) string {
	palette := []string{"2b6cb0", "9a3412", "6b21a8", "166534", "9d174d", "155e75", "854d0e", "3730a3", "7f1d1d", "0f766e"}
	sum := 0
	for _, b := range []byte(id) {
		sum += int(b)
	}
	return palette[sum%len(palette)]
}

func (s *Sim) usersList(c *call) (doc, error) {
	var members []any
	for _, id := range s.order {
		if p := s.people[id]; !s.outsider(p) {
			members = append(members, s.userDoc(p))
		}
	}
	page, next, err := c.page(members, len(members))
	if err != nil {
		return nil, err
	}
	return doc{"members": page, "cache_ts": s.now().Unix(), "response_metadata": doc{"next_cursor": next}}, nil
}

func (s *Sim) usersInfo(c *call) (doc, error) {
	p := s.people[c.text("user")]
	if p == nil {
		return nil, refuse("user_not_found")
	}
	if s.outsider(p) && !s.meets(p) {
		return nil, refuse("user_not_visible")
	}
	return doc{"user": s.userDoc(p)}, nil
}

func (s *Sim) usersLookupByEmail(c *call) (doc, error) {
	want := c.text("email")
	for _, id := range s.order {
		p := s.people[id]
		if p.Email != "" && strings.EqualFold(p.Email, want) && !p.Deleted && !s.outsider(p) {
			return doc{"user": s.userDoc(p)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

func (s *Sim) groupDoc(g *WorldGroup, withUsers bool) doc {
	out := doc{
		"id": g.ID, "team_id": s.world.TeamID, "is_usergroup": true, "is_subteam": true, "is_external": false,
		"name": g.Name, "handle": g.Handle, "description": "", "auto_type": nil,
		"date_create": 0, "date_update": s.now().Unix(), "date_delete": 0,
		"created_by": "", "updated_by": "", "deleted_by": nil,
		"prefs": doc{"channels": []any{}, "groups": []any{}}, "user_count": len(g.Users),
	}
	if withUsers {
		out["users"] = slices.Concat([]string{}, g.Users)
	}
	return out
}

func (s *Sim) groupsList(c *call) (doc, error) {
	return doc{"usergroups": each(s.groups, func(g *WorldGroup) any {
		return s.groupDoc(g, c.flag("include_users"))
	})}, nil
}

func (s *Sim) groupUsers(c *call) (doc, error) {
	g := s.group(c.text("usergroup"))
	if g == nil {
		return nil, refuse("no_such_subteam")
	}
	return doc{"users": slices.Concat([]string{}, g.Users)}, nil
}

// page cuts a list the way Slack's cursors do. Without a limit it has fallback items.
func (c *call) page(items []any, fallback int) (page []any, next string, err error) {
	limit := max(fallback, 1)
	if raw := c.text("limit"); raw != "" && raw != "0" {
		limit, err = strconv.Atoi(raw)
		if err != nil || limit < 1 || limit > 1000 {
			return nil, "", refuse("invalid_limit")
		}
	}
	from := 0
	if cursor := c.text("cursor"); cursor != "" {
		raw, err := base64.StdEncoding.DecodeString(cursor)
		if _, scanErr := fmt.Sscanf(string(raw), "from:%d", &from); err != nil || scanErr != nil || from < 0 || from > len(items) {
			return nil, "", refuse("invalid_cursor")
		}
	}
	to := min(from+limit, len(items))
	if to < len(items) {
		next = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "from:%d", to))
	}
	return slices.Concat([]any{}, items[from:to]), next, nil
}
