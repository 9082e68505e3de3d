package slacksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readSaved decodes what Save made and checks everything that the rest of the
// package takes for granted, so that a damaged file is refused at start instead
// of breaking a call later.
func readSaved(raw []byte) (*saved, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if head.Format != savedFormat {
		return nil, fmt.Errorf("this is %q, not a %s", head.Format, savedFormat)
	}
	if head.Version != savedVersion {
		return nil, fmt.Errorf("it has version %d of the format, this program reads version %d", head.Version, savedVersion)
	}
	var w saved
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode JSON: something follows the workspace")
	}
	return &w, w.check()
}

// check reports every problem at once.
func (w *saved) check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if w.World.TeamID == "" || w.BotToken == "" || w.AppToken == "" {
		bad("the team ID, the bot token and the app token are required")
	}
	users, channels, files := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range w.People {
		if p.User.ID == "" || users[p.User.ID] {
			bad("user %q is there twice or has no ID", p.User.ID)
		}
		users[p.User.ID] = true
	}
	if !users[w.World.BotUser] {
		bad("the app's bot user %q is missing", w.World.BotUser)
	}
	for _, f := range w.Files {
		if f.ID == "" || files[f.ID] {
			bad("file %q is there twice or has no ID", f.ID)
		}
		files[f.ID] = true
	}
	for _, ch := range w.Channels {
		if ch.Channel.ID == "" || channels[ch.Channel.ID] {
			bad("channel %q is there twice or has no ID", ch.Channel.ID)
		}
		channels[ch.Channel.ID] = true
		problems = append(problems, ch.check(users, files)...)
	}
	for _, p := range w.People {
		if !p.User.IsBot && !channels[p.DM] {
			bad("user %s has no conversation with the app", p.User.ID)
		}
		if p.Home != nil && (p.Home.ID == "" || p.Home.Body == nil) {
			bad("the Home of user %s has no ID or no body", p.User.ID)
		}
	}
	return errors.Join(problems...)
}

func (ch savedChannel) check(users, files map[string]bool) (problems []error) {
	known := func(id, as string) {
		if !users[id] {
			problems = append(problems, fmt.Errorf("channel %s: %s %q is no user", ch.Channel.ID, as, id))
		}
	}
	for _, id := range ch.Channel.Members {
		known(id, "member")
	}
	if ch.With != "" {
		known(ch.With, "person")
	}
	for _, m := range ch.Messages {
		known(m.User, "author")
		for _, id := range m.Files {
			if !files[id] {
				problems = append(problems, fmt.Errorf("channel %s: message %s has file %q, which is missing", ch.Channel.ID, m.TS, id))
			}
		}
	}
	return problems
}

// restore fills an empty workspace.
func (s *Sim) restore(w *saved) {
	s.botToken, s.appToken = w.BotToken, w.AppToken
	s.rev, s.lastTS, s.lastID = w.Rev+1, w.LastTS, w.LastID
	for _, f := range w.Files {
		s.files[f.ID] = f
	}
	for _, c := range w.Channels {
		ch := &channel{WorldChannel: c.Channel, with: c.With}
		for _, m := range c.Messages {
			ch.messages = append(ch.messages, s.restoredMessage(ch.ID, m))
		}
		s.channels[ch.ID] = ch
		s.listed = append(s.listed, ch.ID)
	}
	for _, p := range w.People {
		s.restorePerson(p)
	}
	for _, g := range w.Groups {
		s.groups = append(s.groups, &g)
	}
}

func (s *Sim) restoredMessage(channel string, m savedMessage) *message {
	out := &message{
		channel: channel, ts: m.TS, user: m.User, fromApp: m.FromApp, text: m.Text, threadTS: m.ThreadTS, edited: m.Edited,
		blocks: m.Blocks, extra: m.Extra, react: m.React, values: m.Values, offered: offers{byElement: m.Offered},
	}
	for _, id := range m.Files {
		out.files = append(out.files, s.files[id])
	}
	return out
}

func (s *Sim) restorePerson(in savedPerson) {
	p := &person{WorldUser: in.User, dm: in.DM, read: in.Read}
	if p.read == nil {
		p.read = map[string]string{}
	}
	if v := in.Home; v != nil {
		p.home = &view{
			id: v.ID, owner: p.ID, root: v.ID, hash: v.Hash, body: v.Body,
			values: valuesFor(list(v.Body, "blocks"), v.Values), offered: offers{byElement: v.Offered},
		}
		s.views[v.ID] = p.home
	}
	s.people[p.ID] = p
	s.order = append(s.order, p.ID)
}

// begin is the world a workspace starts with, and what was saved, if anything.
func (c *Config) begin() (World, *saved, error) {
	if c.Saved == nil {
		if c.World.TeamID == "" {
			return DefaultWorld(), nil, nil
		}
		return c.World, nil, nil
	}
	w, err := readSaved(c.Saved)
	if err != nil {
		return World{}, nil, err
	}
	if c.World.TeamID != "" && c.World.TeamID != w.World.TeamID {
		return World{}, nil, fmt.Errorf("it is of team %s, not %s", w.World.TeamID, c.World.TeamID)
	}
	return w.World, w, nil
}
