package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// verificationToken is Slack's retired way to prove where a payload came from.
const verificationToken = "retired-verification-token"

// actor finds a person who is able to do something.
func (s *Sim) actor(id string) (*person, error) {
	p := s.people[id]
	switch {
	case p == nil:
		return nil, fmt.Errorf("act as %s: no such user: %w", id, ErrRefused)
	case p.Deleted:
		return nil, fmt.Errorf("act as %s: the account is deactivated: %w", id, ErrRefused)
	case p.IsBot:
		return nil, fmt.Errorf("act as %s: a bot has no client: %w", id, ErrRefused)
	}
	return p, nil
}

// visible finds a channel that a person is in.
func (s *Sim) visible(p *person, id string) (*channel, error) {
	ch := s.channels[id]
	if ch == nil || !slices.Contains(ch.Members, p.ID) {
		return nil, fmt.Errorf("open channel %s: %s is not in it: %w", id, p.Name, ErrRefused)
	}
	return ch, nil
}

// interaction is what every interactive payload carries.
func (s *Sim) interaction(kind string, p *person, fields doc) doc {
	out := doc{
		"type": kind, "token": verificationToken, "api_app_id": s.world.AppID,
		"team":       doc{"id": s.world.TeamID, "domain": s.world.TeamDomain},
		"user":       doc{"id": p.ID, "username": p.Name, "name": p.Name, "team_id": p.TeamID},
		"enterprise": nil, "is_enterprise_install": false,
	}
	maps.Copy(out, fields)
	return out
}

// interact sends an interactive envelope. What goes wrong becomes a toast.
func (s *Sim) interact(p *person, payload doc, accepts bool, apply func(json.RawMessage) error) (*envelope, error) {
	if !s.manifest.interactive() {
		return nil, fmt.Errorf("interact: the manifest switches interactivity off: %w", ErrRefused)
	}
	e := s.newEnvelope("interactive", payload, accepts)
	e.apply = apply
	e.failed = func(error) { s.tell(p, s.world.AppName+" didn't respond in time.") }
	s.deliver(e)
	return e, nil
}

// slash runs a command for a person. Text is what they typed.
func (s *Sim) slash(user, channelID, typed string) (*envelope, error) {
	p, err := s.actor(user)
	if err != nil {
		return nil, err
	}
	ch, err := s.visible(p, channelID)
	if err != nil {
		return nil, err
	}
	name, text, _ := strings.Cut(strings.TrimSpace(typed), " ")
	cmd, ok := s.manifest.command(name)
	if !ok || s.outsider(p) || !s.manifest.allows("commands") {
		return nil, fmt.Errorf("%s is not a valid command: %w", name, ErrRefused)
	}
	text = strings.TrimSpace(text)
	if cmd.ShouldEscape {
		text = s.escape(text)
	}
	e := s.newEnvelope("slash_commands", doc{
		"token": verificationToken, "team_id": s.world.TeamID, "team_domain": s.world.TeamDomain,
		"channel_id": ch.ID, "channel_name": ch.Name, "user_id": p.ID, "user_name": p.Name,
		"command": name, "text": text, "api_app_id": s.world.AppID, "is_enterprise_install": false,
		"response_url": s.mintReply(p, ch.ID, ""), "trigger_id": s.mintTrigger(p, false),
	}, true)
	e.apply = func(payload json.RawMessage) error { return s.applyCommandAck(p, ch, payload) }
	e.failed = func(error) { s.tell(p, s.world.AppName+" didn't respond in time.") }
	s.deliver(e)
	return e, nil
}

// applyCommandAck shows the message that came with the ack.
func (s *Sim) applyCommandAck(p *person, ch *channel, payload json.RawMessage) error {
	body, _ := plain(payload).(doc)
	if len(body) == 0 {
		return nil
	}
	c := &call{name: "slash command response", args: body}
	m, err := s.compose(c)
	if err == nil {
		err = s.accept(c.name, m)
	}
	if err != nil {
		s.refusal(c.name, err)
		s.tell(p, s.world.AppName+" sent something that cannot be shown.")
		return fmt.Errorf("show response: %w", err)
	}
	s.answerCommand(ch.ID, p.ID, c.text("response_type"), m)
	return nil
}

var (
	// mention is what a person types for another person, a group or a channel.
	mention = regexp.MustCompile(`(^|[\s(])([@#])([A-Za-z0-9._-]*[A-Za-z0-9])|<@(U[A-Z0-9]+)>`)
	// picked is a mention that a client completed, after escaping.
	picked = regexp.MustCompile(`&lt;@(U[A-Z0-9]+)(\|[^&]*)?&gt;`)
)

// escape writes mentions the way Slack does for a command with should_escape.
func (s *Sim) escape(typed string) string {
	typed = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(typed)
	typed = picked.ReplaceAllString(typed, "<@$1>")
	return mention.ReplaceAllStringFunc(typed, func(found string) string {
		parts := mention.FindStringSubmatch(found)
		if id := parts[4]; id != "" {
			if p := s.people[id]; p != nil {
				return "<@" + id + "|" + p.Name + ">"
			}
			return found
		}
		if resolved := s.resolve(parts[2], parts[3]); resolved != "" {
			return parts[1] + resolved
		}
		return found
	})
}

func (s *Sim) resolve(sign, name string) string {
	if sign == "#" {
		for _, id := range s.listed {
			if ch := s.channels[id]; !ch.isDM() && ch.Name == name {
				return "<#" + id + "|" + name + ">"
			}
		}
		return ""
	}
	for _, id := range s.order {
		if p := s.people[id]; strings.EqualFold(p.Name, name) {
			return "<@" + id + "|" + p.Name + ">"
		}
	}
	for _, g := range s.groups {
		if g.Handle == name {
			return "<!subteam^" + g.ID + "|@" + g.Handle + ">"
		}
	}
	return ""
}

// launch runs a global shortcut.
func (s *Sim) launch(user, callbackID string) (*envelope, error) {
	p, err := s.actor(user)
	if err != nil {
		return nil, err
	}
	if _, ok := s.manifest.globalShortcut(callbackID); !ok || s.outsider(p) {
		return nil, fmt.Errorf("run shortcut %s: the app offers no such shortcut: %w", callbackID, ErrRefused)
	}
	return s.interact(p, s.interaction("shortcut", p, doc{
		"callback_id": callbackID, "action_ts": s.nextTS(), "trigger_id": s.mintTrigger(p, false),
	}), false, nil)
}

// say posts a message as a person, and tells the app if it listens.
func (s *Sim) say(user, channelID, text, threadTS string) error {
	p, err := s.actor(user)
	if err != nil {
		return err
	}
	ch, err := s.visible(p, channelID)
	if err != nil {
		return err
	}
	if ch.isDM() && s.manifest.Features.AppHome.MessagesTabRead {
		return fmt.Errorf("post in %s: the app takes no messages: %w", channelID, ErrRefused)
	}
	m := s.post(&message{channel: ch.ID, user: p.ID, text: text, threadTS: threadTS})
	p.read[ch.ID] = m.ts
	kind, subscription := "channel", "message.channels"
	if ch.isDM() {
		kind, subscription = "im", "message.im"
	}
	if s.botIn(ch) {
		fields := s.messageDoc(m, true)
		maps.Copy(fields, doc{"channel": ch.ID, "channel_type": kind})
		s.emitAs(subscription, "message", fields)
	}
	return nil
}

// openHome tells the app that a person looks at its Home or Messages tab.
func (s *Sim) openHome(user, tab string) error {
	p, err := s.actor(user)
	if err != nil {
		return err
	}
	if s.outsider(p) {
		return fmt.Errorf("open home: the app is not installed in %s's team: %w", p.Name, ErrRefused)
	}
	if tab == "home" && !s.manifest.Features.AppHome.HomeTab {
		return fmt.Errorf("open home: the manifest switches the Home tab off: %w", ErrRefused)
	}
	fields := doc{"user": p.ID, "channel": p.dm, "tab": tab}
	if p.home != nil && tab == "home" {
		fields["view"] = s.viewDoc(p.home)
	}
	s.emit("app_home_opened", fields)
	return nil
}
