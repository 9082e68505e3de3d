package slacksim

import (
	"maps"
	"slices"
	"strings"
)

// channelArg finds the channel a call names. Private ones exist only for members.
func (s *Sim) channelArg(c *call) (*channel, error) {
	ch := s.channels[c.text("channel")]
	if ch == nil || ch.IsPrivate && !s.botIn(ch) {
		return nil, refuse("channel_not_found")
	}
	return ch, nil
}

// scopeFor is the one scope of a family that this kind of channel needs.
func (ch *channel) scopeFor(verb string) string {
	switch {
	case ch.isDM():
		return "im:" + verb
	case ch.IsPrivate:
		return "groups:" + verb
	default:
		return "channels:" + verb
	}
}

func (s *Sim) channelDoc(ch *channel) doc {
	out := doc{
		"id": ch.ID, "created": 0, "is_archived": false, "is_im": ch.isDM(), "is_mpim": false, "is_group": false,
		"is_channel": !ch.isDM(), "is_private": ch.IsPrivate, "is_org_shared": false,
		"is_shared": ch.IsExtShared, "is_ext_shared": ch.IsExtShared, "is_pending_ext_shared": false,
		"context_team_id": s.world.TeamID,
	}
	if ch.isDM() {
		maps.Copy(out, doc{"user": ch.with, "is_open": true, "is_user_deleted": s.people[ch.with].Deleted})
		return out
	}
	maps.Copy(out, doc{
		"name": ch.Name, "name_normalized": ch.Name, "is_general": ch.Name == "general", "is_member": s.botIn(ch),
		"topic": doc{"value": ch.Topic, "creator": "", "last_set": 0}, "purpose": doc{"value": "", "creator": "", "last_set": 0},
		"num_members": len(ch.Members), "shared_team_ids": s.teamsIn(ch),
	})
	return out
}

func (s *Sim) teamsIn(ch *channel) []string {
	teams := []string{}
	for _, id := range ch.Members {
		if team := s.people[id].TeamID; !slices.Contains(teams, team) {
			teams = append(teams, team)
		}
	}
	return teams
}

func (s *Sim) conversationsOpen(c *call) (doc, error) {
	users := c.list("users")
	if id := c.text("channel"); id != "" {
		ch := s.channels[id]
		if ch == nil || !ch.isDM() {
			return nil, refuse("channel_not_found")
		}
		users = []string{ch.with}
	}
	switch len(users) {
	case 0:
		return nil, refuse("users_list_not_supplied")
	case 1:
	default:
		return nil, refuse("method_not_supported_for_channel_type", "[ERROR] group direct messages are not part of this workspace")
	}
	if err := s.needScope("im:write"); err != nil {
		return nil, err
	}
	p, err := s.messageable(users[0])
	if err != nil {
		return nil, err
	}
	channel := doc{"id": p.dm}
	if c.flag("return_im") {
		channel = s.channelDoc(s.channels[p.dm])
	}
	return doc{"channel": channel, "no_op": true, "already_open": true}, nil
}

// messageable finds a person the app may write to directly.
func (s *Sim) messageable(id string) (*person, error) {
	p := s.people[id]
	switch {
	case p == nil, s.outsider(p) && !s.meets(p):
		return nil, refuse("user_not_found")
	case p.IsBot:
		return nil, refuse("cannot_dm_bot")
	case p.Deleted:
		return nil, refuse("user_disabled")
	}
	return p, nil
}

func (s *Sim) conversationsInfo(c *call) (doc, error) {
	ch, err := s.channelArg(c)
	if err != nil {
		return nil, err
	}
	if err := s.needScope(ch.scopeFor("read")); err != nil {
		return nil, err
	}
	return doc{"channel": s.channelDoc(ch)}, nil
}

func (s *Sim) conversationsMembers(c *call) (doc, error) {
	ch, err := s.channelArg(c)
	if err != nil {
		return nil, err
	}
	if err := s.needScope(ch.scopeFor("read")); err != nil {
		return nil, err
	}
	page, next, err := c.page(each(ch.Members, func(id string) any { return id }), 100)
	if err != nil {
		return nil, err
	}
	return doc{"members": page, "response_metadata": doc{"next_cursor": next}}, nil
}

func (s *Sim) conversationsList(c *call) (doc, error) {
	return s.listChannels(c, func(ch *channel) bool { return !ch.IsPrivate || s.botIn(ch) })
}

func (s *Sim) usersConversations(c *call) (doc, error) {
	user := c.text("user")
	if user == "" {
		user = s.world.BotUser
	}
	if s.people[user] == nil {
		return nil, refuse("user_not_found")
	}
	return s.listChannels(c, func(ch *channel) bool {
		return slices.Contains(ch.Members, user) && (!ch.IsPrivate || s.botIn(ch))
	})
}

func (s *Sim) listChannels(c *call, keep func(*channel) bool) (doc, error) {
	types := c.list("types")
	if len(types) == 0 {
		types = []string{"public_channel"}
	}
	var found []any
	for _, id := range s.listed {
		ch := s.channels[id]
		if slices.Contains(types, ch.listType()) && keep(ch) {
			if err := s.needScope(ch.scopeFor("read")); err != nil {
				return nil, err
			}
			found = append(found, s.channelDoc(ch))
		}
	}
	page, next, err := c.page(found, 100)
	if err != nil {
		return nil, err
	}
	return doc{"channels": page, "response_metadata": doc{"next_cursor": next}}, nil
}

func (ch *channel) listType() string {
	switch {
	case ch.isDM():
		return "im"
	case ch.IsPrivate:
		return "private_channel"
	default:
		return "public_channel"
	}
}

// readable finds a channel whose messages the app may read.
func (s *Sim) readable(c *call) (*channel, error) {
	ch, err := s.channelArg(c)
	if err != nil {
		return nil, err
	}
	if err := s.needScope(ch.scopeFor("history")); err != nil {
		return nil, err
	}
	if !s.botIn(ch) {
		return nil, refuse("not_in_channel")
	}
	return ch, nil
}

func (s *Sim) conversationsHistory(c *call) (doc, error) {
	ch, err := s.readable(c)
	if err != nil {
		return nil, err
	}
	var found []any
	for _, m := range slices.Backward(ch.messages) {
		if m.onlyFor == "" && (m.threadTS == "" || m.threadTS == m.ts) && c.within(m.ts) {
			found = append(found, s.messageDoc(m, c.flag("include_all_metadata")))
		}
	}
	return c.messages(found)
}

func (s *Sim) conversationsReplies(c *call) (doc, error) {
	ch, err := s.readable(c)
	if err != nil {
		return nil, err
	}
	root := ch.find(c.text("ts"))
	if root == nil || root.onlyFor != "" {
		return nil, refuse("thread_not_found")
	}
	found := []any{s.messageDoc(root, c.flag("include_all_metadata"))}
	for _, m := range ch.messages {
		if m != root && m.onlyFor == "" && m.threadTS == root.ts && c.within(m.ts) {
			found = append(found, s.messageDoc(m, c.flag("include_all_metadata")))
		}
	}
	return c.messages(found)
}

// within applies oldest, latest and inclusive. Timestamps compare as text
// because all have ten digits before the dot.
func (c *call) within(ts string) bool {
	oldest, latest := c.text("oldest"), c.text("latest")
	if c.flag("inclusive") && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || strings.Compare(ts, oldest) > 0) && (latest == "" || strings.Compare(ts, latest) < 0)
}

func (c *call) messages(found []any) (doc, error) {
	page, next, err := c.page(found, 100)
	if err != nil {
		return nil, err
	}
	return doc{"messages": page, "has_more": next != "", "response_metadata": doc{"next_cursor": next}}, nil
}
