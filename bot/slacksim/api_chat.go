package slacksim

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	postLimit   = 40_000 // characters; Slack cuts what is longer
	updateLimit = 4_000  // characters; Slack refuses what is longer
)

// messageDoc is the message object of API answers and payloads.
func (s *Sim) messageDoc(m *message, withMetadata bool) doc {
	out := doc{"type": "message", "ts": m.ts, "user": m.user, "text": m.text, "team": s.people[m.user].TeamID}
	if m.fromApp {
		out["bot_id"], out["app_id"] = s.world.BotID, s.world.AppID
	}
	if m.blocks != nil {
		out["blocks"] = m.blocks
	}
	if m.threadTS != "" {
		out["thread_ts"] = m.threadTS
	}
	if m.edited != "" {
		out["edited"] = doc{"user": m.user, "ts": m.edited}
	}
	if n := s.channels[m.channel].replies(m.ts); n > 0 {
		out["thread_ts"], out["reply_count"] = m.ts, n
	}
	if len(m.files) > 0 {
		out["files"] = each(m.files, func(f File) any { return s.fileDoc(f) })
	}
	maps.Copy(out, m.extra)
	if !withMetadata {
		delete(out, "metadata")
	}
	return out
}

// compose reads what a call wants to say, without judging it.
func (s *Sim) compose(c *call) (*message, error) {
	m := &message{user: s.world.BotUser, fromApp: true, text: c.text("text"), threadTS: c.text("thread_ts"), extra: doc{}}
	blocks, err := c.object("blocks")
	if err != nil {
		return nil, err
	}
	if blocks != nil {
		array, ok := blocks.([]any)
		if !ok {
			return nil, refuse("invalid_blocks_format")
		}
		m.blocks = array
	}
	for _, key := range []string{"attachments", "metadata"} {
		v, err := c.object(key)
		if err != nil {
			return nil, err
		}
		if v != nil {
			m.extra[key] = v
		}
	}
	// slack-go sends empty metadata to response URLs; Slack takes it for none.
	if metadata, _ := m.extra["metadata"].(doc); metadata["event_type"] == "" {
		delete(m.extra, "metadata")
	}
	return m, nil
}

// accept judges a message and gives its blocks their IDs.
func (s *Sim) accept(where string, m *message) error {
	if m.text == "" && len(m.blocks) == 0 && m.extra["attachments"] == nil {
		return refuse("no_text")
	}
	if found := s.judgeMessage(m); len(found) > 0 {
		s.blame(where, found)
		return refuse("invalid_blocks", pointers("", found)...)
	}
	if m.blocks != nil {
		m.blocks = s.identify(m.blocks)
	}
	return nil
}

func (s *Sim) postMessage(c *call) (doc, error) {
	ch, err := s.target(c)
	if err != nil {
		return nil, err
	}
	m, err := s.compose(c)
	if err != nil {
		return nil, err
	}
	if err := s.accept(c.name, m); err != nil {
		return nil, err
	}
	if cut := []rune(m.text); len(cut) > postLimit {
		m.text = string(cut[:postLimit])
	}
	if m.threadTS != "" && ch.find(m.threadTS) == nil {
		m.threadTS = ""
	}
	m.channel = ch.ID
	s.post(m)
	return doc{"channel": ch.ID, "ts": m.ts, "message": s.messageDoc(m, true)}, nil
}

// target finds where chat.postMessage goes: a channel, a direct message, or the
// direct message of a person who is named instead.
func (s *Sim) target(c *call) (*channel, error) {
	id := c.text("channel")
	if strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") {
		p, err := s.messageable(id)
		if err != nil {
			return nil, refuse("channel_not_found")
		}
		id = p.dm
	}
	ch := s.channels[id]
	switch {
	case ch == nil, ch.IsPrivate && !s.botIn(ch):
		return nil, refuse("channel_not_found")
	case ch.isDM() && !s.manifest.Features.AppHome.MessagesTab:
		return nil, refuse("messages_tab_disabled")
	case !s.botIn(ch) && !(s.manifest.allows("chat:write.public") && !s.manifest.open):
		return nil, refuse("not_in_channel")
	}
	return ch, nil
}

func (s *Sim) postEphemeral(c *call) (doc, error) {
	ch := s.channels[c.text("channel")]
	if ch == nil || ch.IsPrivate && !s.botIn(ch) {
		return nil, refuse("channel_not_found")
	}
	if !s.botIn(ch) {
		return nil, refuse("not_in_channel")
	}
	user := c.text("user")
	if p := s.people[user]; p == nil || p.Deleted || !slices.Contains(ch.Members, user) {
		return nil, refuse("user_not_in_channel")
	}
	m, err := s.compose(c)
	if err != nil {
		return nil, err
	}
	if err := s.accept(c.name, m); err != nil {
		return nil, err
	}
	m.channel, m.onlyFor = ch.ID, user
	s.post(m)
	return doc{"message_ts": m.ts}, nil
}

// own finds a message the app wrote, by channel and ts.
func (s *Sim) own(c *call, denied string) (*channel, *message, error) {
	id := c.text("channel")
	if strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") {
		s.problem("%s: channel is the user %s; it takes the D… ID that chat.postMessage answered", c.name, id)
	}
	ch := s.channels[id]
	if ch == nil || ch.IsPrivate && !s.botIn(ch) {
		return nil, nil, refuse("channel_not_found")
	}
	m := ch.find(c.text("ts"))
	if m == nil || m.onlyFor != "" {
		return nil, nil, refuse("message_not_found")
	}
	if !m.fromApp {
		return nil, nil, refuse(denied)
	}
	return ch, m, nil
}

// updateMessage keeps what the call leaves out, blocks and metadata included.
func (s *Sim) updateMessage(c *call) (doc, error) {
	ch, m, err := s.own(c, "cant_update_message")
	if err != nil {
		return nil, err
	}
	next, err := s.compose(c)
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(next.text) > updateLimit {
		return nil, refuse("msg_too_long")
	}
	if next.text == "" && next.blocks == nil && next.extra["attachments"] == nil {
		return nil, refuse("no_text")
	}
	if next.blocks == nil {
		next.blocks = m.blocks
	}
	if kept := m.extra["metadata"]; kept != nil && next.extra["metadata"] == nil {
		next.extra["metadata"] = kept
	}
	if err := s.accept(c.name, next); err != nil {
		return nil, err
	}
	m.text, m.blocks, m.extra, m.edited = next.text, next.blocks, next.extra, s.nextTS()
	s.show()
	return doc{"channel": ch.ID, "ts": m.ts, "text": m.text, "message": s.messageDoc(m, true)}, nil
}

func (s *Sim) deleteMessage(c *call) (doc, error) {
	ch, m, err := s.own(c, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	ch.remove(m.ts)
	s.show()
	return doc{"channel": ch.ID, "ts": m.ts}, nil
}

func (s *Sim) permalink(c *call) (doc, error) {
	ch, err := s.channelArg(c)
	if err != nil {
		return nil, err
	}
	m := ch.find(c.text("message_ts"))
	if m == nil || m.onlyFor != "" {
		return nil, refuse("message_not_found")
	}
	link := s.base + "/archives/" + ch.ID + "/p" + strings.ReplaceAll(m.ts, ".", "")
	return doc{"channel": ch.ID, "permalink": link}, nil
}

func (s *Sim) addReaction(c *call) (doc, error) {
	ch, err := s.channelArg(c)
	if err != nil {
		return nil, err
	}
	m := ch.find(c.text("timestamp"))
	if m == nil || m.onlyFor != "" {
		return nil, refuse("message_not_found")
	}
	name := strings.Trim(c.text("name"), ":")
	if name == "" {
		return nil, refuse("invalid_name")
	}
	if slices.Contains(m.react[name], s.world.BotUser) {
		return nil, refuse("already_reacted")
	}
	if m.react == nil {
		m.react = map[string][]string{}
	}
	m.react[name] = append(m.react[name], s.world.BotUser)
	s.show()
	return doc{}, nil
}
