package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// choosable checks that the people and channels somebody chose are on the list
// that their client offers: active accounts, and the channels they are in. What
// is chosen already may stay, even if it left meanwhile. Whether Slack's own list
// has more channels is unverified.
func (s *Sim) choosable(f *surface, e element, chosen doc) error {
	field := stateField[e.kind]
	held := idsIn(f.values().get(e), field)
	for _, id := range idsIn(chosen, field) {
		if slices.Contains(held, id) || s.offersID(f.p, field, id) {
			continue
		}
		return fmt.Errorf("choose %q from %s: no such option: %w", id, e.actionID, ErrRefused)
	}
	return nil
}

// idsIn are the user and channel IDs that an element's state holds.
func idsIn(state doc, field string) []string {
	switch strings.TrimSuffix(field, "s") {
	case "selected_user", "selected_channel", "selected_conversation":
	default:
		return nil
	}
	if id := text(state, field); id != "" {
		return []string{id}
	}
	return each(list(state, field), func(v any) string { return fmt.Sprint(v) })
}

func (s *Sim) offersID(p *person, field, id string) bool {
	if strings.HasPrefix(field, "selected_user") {
		other := s.people[id]
		return other != nil && !other.Deleted
	}
	ch := s.channels[id]
	return ch != nil && slices.Contains(ch.Members, p.ID) && (!ch.isDM() || strings.HasPrefix(field, "selected_conversation"))
}
