package slacksim

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// trigger is the right to open one view for the person who just did something.
type trigger struct {
	user   string
	inView bool // came from inside a modal, so it may push
	until  time.Time
	used   bool
}

func (s *Sim) mintTrigger(p *person, inView bool) string {
	s.lastID++
	id := fmt.Sprintf("%d.%d.%s", s.lastID, s.now().Unix(), strings.ToLower(rand.Text()))
	s.triggers[id] = &trigger{user: p.ID, inView: inView, until: s.now().Add(s.timing.TriggerTTL)}
	return id
}

// checkTrigger answers with Slack's errors; it does not use the trigger up.
func (s *Sim) checkTrigger(id string) (*trigger, error) {
	t := s.triggers[id]
	if t == nil {
		return nil, refuse("invalid_trigger_id")
	}
	if t.used {
		return nil, refuse("exchanged_trigger_id")
	}
	if s.now().After(t.until) {
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}
