package slacksim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// doc is a JSON object whose shape Slack or the app decides.
type doc = map[string]any

// person is a WorldUser with what is on their screen.
type person struct {
	WorldUser
	dm     string            // their conversation with the app
	home   *view             // published App Home
	stack  []*view           // open modals, bottom first
	read   map[string]string // last read timestamp by channel
	toasts []toast
}

// toast is a short notice from Slack itself.
type toast struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

type channel struct {
	WorldChannel
	with     string // set for the app's direct messages: the person
	messages []*message
}

func (ch *channel) isDM() bool { return ch.with != "" }

type message struct {
	channel  string
	ts       string
	user     string
	fromApp  bool
	text     string
	threadTS string
	edited   string // timestamp of the last edit
	onlyFor  string // the one person who sees an ephemeral message
	blocks   []any
	extra    doc // attachments and metadata, as the app sent them
	files    []File
	react    map[string][]string // users by emoji name

	values  map[string]values // what each person chose in it
	offered offers
}

func (s *Sim) populate(w World) {
	for _, c := range w.Channels {
		c.Members = slices.Clone(c.Members)
		s.channels[c.ID] = &channel{WorldChannel: c}
		s.listed = append(s.listed, c.ID)
	}
	for _, u := range w.Users {
		s.join(u)
	}
	for _, g := range w.Groups {
		g.Users = slices.Clone(g.Users)
		s.groups = append(s.groups, &g)
	}
}

// join adds an account and its conversation with the app.
func (s *Sim) join(u WorldUser) *person {
	u.TeamID = cmp.Or(u.TeamID, s.world.TeamID)
	p := &person{WorldUser: u, read: map[string]string{}}
	s.people[u.ID] = p
	s.order = append(s.order, u.ID)
	if u.IsBot {
		return p
	}
	p.dm = "D" + strings.TrimPrefix(u.ID, "U")
	s.channels[p.dm] = &channel{
		WorldChannel: WorldChannel{ID: p.dm, Name: "directmessage", IsPrivate: true, Members: []string{u.ID, s.world.BotUser}},
		with:         u.ID,
	}
	s.listed = append(s.listed, p.dm)
	return p
}

// outsider tells whether a person belongs to another team.
func (s *Sim) outsider(p *person) bool { return p.TeamID != s.world.TeamID }

// meets tells whether a person shares a channel with the app.
func (s *Sim) meets(p *person) bool {
	return slices.ContainsFunc(s.listed, func(id string) bool {
		ch := s.channels[id]
		return !ch.isDM() && slices.Contains(ch.Members, p.ID) && s.botIn(ch)
	})
}

func (s *Sim) botIn(ch *channel) bool { return slices.Contains(ch.Members, s.world.BotUser) }

// sees tells whether a message is on a person's screen when they open its channel.
func sees(p *person, m *message) bool { return m.onlyFor == "" || m.onlyFor == p.ID }

func (ch *channel) find(ts string) *message {
	i := slices.IndexFunc(ch.messages, func(m *message) bool { return m.ts == ts })
	if i < 0 {
		return nil
	}
	return ch.messages[i]
}

func (ch *channel) remove(ts string) {
	ch.messages = slices.DeleteFunc(ch.messages, func(m *message) bool { return m.ts == ts })
}

// replies counts a thread's answers.
func (ch *channel) replies(ts string) int {
	n := 0
	for _, m := range ch.messages {
		if m.threadTS == ts && m.ts != ts && m.onlyFor == "" {
			n++
		}
	}
	return n
}

func (s *Sim) group(id string) *WorldGroup {
	i := slices.IndexFunc(s.groups, func(g *WorldGroup) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return s.groups[i]
}

// nextTS makes a message timestamp: seconds, six decimals, always growing.
func (s *Sim) nextTS() string {
	s.lastTS = max(s.now().UnixMicro(), s.lastTS+100)
	return fmt.Sprintf("%d.%06d", s.lastTS/1_000_000, s.lastTS%1_000_000)
}

// nextID makes an ID that looks like Slack's: a letter, a zero, base 36.
func (s *Sim) nextID(kind string) string {
	s.lastID++
	return kind + "0" + strings.ToUpper(fmt.Sprintf("%09s", strconv.FormatInt(int64(s.lastID), 36)))
}

// post puts a message at the end of its channel.
func (s *Sim) post(m *message) *message {
	m.ts = s.nextTS()
	s.channels[m.channel].messages = append(s.channels[m.channel].messages, m)
	s.show()
	return m
}

// tell shows a person a short notice from Slack itself.
func (s *Sim) tell(p *person, text string) {
	s.lastID++
	p.toasts = append(p.toasts, toast{ID: strconv.Itoa(s.lastID), Text: text})
	s.show()
}

func (s *Sim) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.problems = append(s.problems, text)
	s.log.Warn().Str("problem", text).Msg("the app broke a slack rule")
}
