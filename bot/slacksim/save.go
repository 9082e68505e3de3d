package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// savedFormat and savedVersion head every saved workspace, so that a file of
// something else, or of another version's shape, is recognised.
const (
	savedFormat  = "slacksim-workspace"
	savedVersion = 1
)

// saved is a workspace at rest. It holds the app's tokens and everything people
// wrote: whoever keeps it keeps it like a password.
type saved struct {
	Format  string `json:"format"`
	Version int    `json:"version"`

	World    World  `json:"world"` // the identity only; who and what is below
	BotToken string `json:"bot_token"`
	AppToken string `json:"app_token"`

	Rev    int   `json:"rev"`
	LastTS int64 `json:"last_ts"`
	LastID int   `json:"last_id"`

	People   []savedPerson  `json:"people"`
	Channels []savedChannel `json:"channels"`
	Groups   []WorldGroup   `json:"groups"`
	Files    []File         `json:"files"` // the completed ones, by ID
}

type savedPerson struct {
	User WorldUser         `json:"user"`
	DM   string            `json:"dm,omitempty"`
	Read map[string]string `json:"read,omitempty"`
	Home *savedView        `json:"home,omitempty"`
}

type savedView struct {
	ID      string           `json:"id"`
	Hash    string           `json:"hash"`
	Body    doc              `json:"body"`
	Values  values           `json:"values"`
	Offered map[string][]any `json:"offered,omitempty"`
}

type savedChannel struct {
	Channel  WorldChannel   `json:"channel"`
	With     string         `json:"with,omitempty"`
	Messages []savedMessage `json:"messages"`
}

// savedMessage has no field for the one person who sees an ephemeral message:
// as at Slack, those do not outlive the session.
type savedMessage struct {
	TS       string              `json:"ts"`
	User     string              `json:"user"`
	FromApp  bool                `json:"from_app,omitempty"`
	Text     string              `json:"text"`
	ThreadTS string              `json:"thread_ts,omitempty"`
	Edited   string              `json:"edited,omitempty"`
	Blocks   []any               `json:"blocks"`
	Extra    doc                 `json:"extra,omitempty"`
	Files    []string            `json:"files,omitempty"` // IDs
	React    map[string][]string `json:"reactions,omitempty"`
	Values   map[string]values   `json:"values,omitempty"`
	Offered  map[string][]any    `json:"offered,omitempty"`
}

// Save is the workspace as JSON, for Config.Saved: the tokens, people, groups,
// channels, messages, Homes, files, what is read, and the counters, so that no
// ID or timestamp comes twice. It may be called at any time, after Close too.
//
// What lives only as long as the connection is left out: sockets, envelopes that
// were not acked, triggers, response URLs, open modals, ephemeral messages,
// unfinished uploads, toasts, faults, traffic and problems.
func (s *Sim) Save() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := s.world
	identity.Users, identity.Channels, identity.Groups = nil, nil, nil
	raw, err := json.Marshal(saved{
		Format: savedFormat, Version: savedVersion,
		World: identity, BotToken: s.botToken, AppToken: s.appToken,
		Rev: s.rev, LastTS: s.lastTS, LastID: s.lastID,
		People:   each(s.order, func(id string) savedPerson { return s.people[id].saved() }),
		Channels: each(s.listed, func(id string) savedChannel { return s.channels[id].saved() }),
		Groups:   each(s.groups, func(g *WorldGroup) WorldGroup { return *g }),
		Files:    each(slices.Sorted(maps.Keys(s.files)), func(id string) File { return s.files[id] }),
	})
	if err != nil {
		return nil, fmt.Errorf("encode workspace: %w", err)
	}
	return raw, nil
}

func (p *person) saved() savedPerson {
	out := savedPerson{User: p.WorldUser, DM: p.dm, Read: p.read}
	if v := p.home; v != nil {
		out.Home = &savedView{ID: v.id, Hash: v.hash, Body: v.body, Values: v.values, Offered: v.offered.byElement}
	}
	return out
}

func (ch *channel) saved() savedChannel {
	out := savedChannel{Channel: ch.WorldChannel, With: ch.with, Messages: []savedMessage{}}
	for _, m := range ch.messages {
		if m.onlyFor == "" {
			out.Messages = append(out.Messages, m.saved())
		}
	}
	return out
}

func (m *message) saved() savedMessage {
	return savedMessage{
		TS: m.ts, User: m.user, FromApp: m.fromApp, Text: m.text, ThreadTS: m.threadTS, Edited: m.edited,
		Blocks: m.blocks, Extra: m.extra, Files: each(m.files, func(f File) string { return f.ID }),
		React: m.react, Values: m.values, Offered: m.offered.byElement,
	}
}
