package slacksim

import (
	"maps"
	"slices"
	"strings"
)

// screen is everything one person can see, for the browser client.
func (s *Sim) screen(p *person) doc {
	channels, messages := []any{}, doc{}
	for _, id := range s.listed {
		ch := s.channels[id]
		if !slices.Contains(ch.Members, p.ID) || ch.isDM() && s.outsider(p) && len(ch.messages) == 0 {
			continue
		}
		channels = append(channels, s.channelOnScreen(p, ch))
		messages[id] = s.messagesOnScreen(p, ch)
	}
	var home any
	if p.home != nil {
		home = s.viewOnScreen(p.home)
	}
	return doc{
		"rev": s.rev, "now": s.now().Unix(), "team": doc{"id": s.world.TeamID, "name": s.world.TeamName},
		"me":       s.userOnScreen(p),
		"users":    each(s.order, func(id string) any { return s.userOnScreen(s.people[id]) }),
		"app":      doc{"id": s.world.AppID, "name": s.world.AppName, "bot_user": s.world.BotUser},
		"channels": channels, "messages": messages, "home": home,
		"views":     each(p.stack, func(v *view) any { return s.viewOnScreen(v) }),
		"groups":    each(s.groups, groupOnScreen),
		"commands":  each(s.manifest.Features.Commands, commandOnScreen),
		"shortcuts": s.shortcutsOnScreen(),
		"toasts":    slices.Concat([]toast{}, p.toasts),
		"personas":  s.personas(),
	}
}

func (s *Sim) userOnScreen(p *person) doc {
	return doc{
		"id": p.ID, "name": p.Name, "real_name": p.RealName, "title": p.Title, "email": p.Email,
		"color": color(p.ID), "initials": initials(p.RealName), "is_bot": p.IsBot, "is_admin": p.IsAdmin, "deleted": p.Deleted,
		"is_guest": p.IsRestricted || p.IsUltraRestricted, "is_stranger": s.outsider(p), "team_id": p.TeamID, "tz": p.TZ,
	}
}

func initials(name string) string {
	var out strings.Builder
	for _, word := range strings.Fields(name) {
		first := []rune(strings.Trim(word, "()"))
		if len(first) > 0 && out.Len() < 2 {
			out.WriteString(strings.ToUpper(string(first[:1])))
		}
	}
	return out.String()
}

func (s *Sim) channelOnScreen(p *person, ch *channel) doc {
	out := doc{
		"id": ch.ID, "name": ch.Name, "kind": "channel", "with": "", "is_ext_shared": ch.IsExtShared,
		"topic": ch.Topic, "members": ch.Members, "unread": unread(p, ch),
	}
	if ch.isDM() {
		out["kind"], out["with"], out["name"] = "app", s.world.BotUser, s.world.AppName
	}
	return out
}

// unread counts what others wrote since the person last looked.
func unread(p *person, ch *channel) int {
	n := 0
	for _, m := range ch.messages {
		if sees(p, m) && m.user != p.ID && m.ts > p.read[ch.ID] {
			n++
		}
	}
	return n
}

func (s *Sim) messagesOnScreen(p *person, ch *channel) []any {
	out := []any{}
	for _, m := range ch.messages {
		if !sees(p, m) {
			continue
		}
		out = append(out, doc{
			"ts": m.ts, "user": m.user, "is_bot": m.fromApp, "text": m.text, "blocks": slices.Concat([]any{}, m.blocks),
			"thread_ts": m.threadTS, "reply_count": ch.replies(m.ts), "edited": m.edited != "", "ephemeral": m.onlyFor != "",
			"values": m.values[p.ID], "reactions": m.react,
			"files": each(m.files, func(f File) any { return fileOnScreen(p, f) }),
		})
	}
	return out
}

func (s *Sim) viewOnScreen(v *view) doc {
	out := doc{"title": nil, "submit": nil, "close": nil}
	for _, key := range []string{"type", "title", "submit", "close", "blocks", "callback_id"} {
		if v.body[key] != nil {
			out[key] = v.body[key]
		}
	}
	maps.Copy(out, doc{
		"id": v.id, "root_id": v.root, "hash": v.hash, "values": v.values,
		"errors": v.errors, "pending": v.pending,
	})
	if v.errors == nil {
		out["errors"] = doc{}
	}
	return out
}

func groupOnScreen(g *WorldGroup) any {
	return doc{"id": g.ID, "handle": g.Handle, "name": g.Name, "users": slices.Concat([]string{}, g.Users)}
}

func commandOnScreen(c command) any {
	return doc{"command": c.Command, "description": c.Description, "usage_hint": c.UsageHint}
}

func (s *Sim) shortcutsOnScreen() []any {
	out := []any{}
	for _, c := range s.manifest.Features.Shortcuts {
		if c.Type == "global" {
			out = append(out, doc{"name": c.Name, "callback_id": c.CallbackID, "description": c.Description})
		}
	}
	return out
}

// personas are the people that the switcher offers, in the World's order.
func (s *Sim) personas() []string {
	out := []string{}
	for _, id := range s.order {
		if p := s.people[id]; !p.IsBot && !p.Deleted {
			out = append(out, id)
		}
	}
	return out
}
