package slacksim

import (
	"crypto/rand"
	"net/http"
	"time"
)

// A response URL works five times within thirty minutes.
const (
	replyUses = 5
	replyTTL  = 30 * time.Minute
)

// replyURL lets the app answer one interaction, whatever it may post elsewhere.
type replyURL struct {
	channel string
	user    string // who acted, and who sees ephemeral answers
	ts      string // the message acted on; empty for commands
	uses    int
	until   time.Time
}

func (s *Sim) mintReply(p *person, channel, ts string) string {
	id := rand.Text()
	s.replies[id] = &replyURL{channel: channel, user: p.ID, ts: ts, until: s.now().Add(replyTTL)}
	return s.base + "/response/" + id
}

func (s *Sim) serveReply(w http.ResponseWriter, r *http.Request) {
	c, err := readCall(r)
	s.mu.Lock()
	status, body := s.reply(r.PathValue("id"), c, err)
	answer := s.encode(body)
	s.record(Entry{Kind: "response_url", Name: "response_url", Status: status, Request: s.encode(c.redacted()), Response: answer})
	s.mu.Unlock()
	s.respond(w, status, answer)
}

func (s *Sim) reply(id string, c *call, readErr error) (int, doc) {
	u := s.replies[id]
	switch {
	case s.faults.down:
		return http.StatusServiceUnavailable, doc{"ok": false, "error": "service_unavailable"}
	case u == nil, s.now().After(u.until):
		return http.StatusNotFound, doc{"ok": false, "error": "expired_url"}
	case u.uses >= replyUses:
		return http.StatusNotFound, doc{"ok": false, "error": "used_url"}
	}
	if code, ok := s.faults.failing("response_url"); ok {
		return http.StatusBadRequest, doc{"ok": false, "error": code}
	}
	if readErr != nil {
		return http.StatusBadRequest, s.refusal("response_url", readErr)
	}
	c.name = "response_url"
	if err := s.answerReply(u, c); err != nil {
		return http.StatusBadRequest, s.refusal("response_url", err)
	}
	u.uses++
	return http.StatusOK, doc{"ok": true}
}

func (s *Sim) answerReply(u *replyURL, c *call) error {
	ch := s.channels[u.channel]
	if c.flag("delete_original") {
		if u.ts != "" {
			ch.remove(u.ts)
			s.show()
		}
		return nil
	}
	m, err := s.compose(c)
	if err != nil {
		return err
	}
	if err := s.accept(c.name, m); err != nil {
		return err
	}
	if original := ch.find(u.ts); c.flag("replace_original") && original != nil {
		original.text, original.blocks, original.extra = m.text, m.blocks, m.extra
		if original.onlyFor == "" {
			original.edited = s.nextTS()
		}
		s.show()
		return nil
	}
	s.answerCommand(u.channel, u.user, c.text("response_type"), m)
	return nil
}

// answerCommand shows a message to the one person who asked, or to everybody in
// the channel when the app says in_channel.
func (s *Sim) answerCommand(channel, user, responseType string, m *message) {
	m.channel = channel
	if responseType != "in_channel" {
		m.onlyFor = user
	}
	s.post(m)
}
