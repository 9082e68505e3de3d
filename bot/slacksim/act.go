package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"latchkey/bot/slacksim/blockkit"
)

// surface is a message or a view with interactive elements on it, as one person
// has it on their screen.
type surface struct {
	p       *person
	view    *view // one of these two
	message *message
}

// surface finds what a person points at.
func (s *Sim) surface(user string, on Place) (*surface, error) {
	p, err := s.actor(user)
	if err != nil {
		return nil, err
	}
	if on.ViewID != "" {
		v := s.views[on.ViewID]
		if v == nil || v.owner != p.ID {
			return nil, fmt.Errorf("find view %s: not on %s's screen: %w", on.ViewID, p.Name, ErrRefused)
		}
		if v != p.home && v != p.top() {
			return nil, fmt.Errorf("use view %s: another view lies on top: %w", on.ViewID, ErrRefused)
		}
		return &surface{p: p, view: v}, nil
	}
	ch, err := s.visible(p, on.Channel)
	if err != nil {
		return nil, err
	}
	m := ch.find(on.TS)
	if m == nil || !sees(p, m) {
		return nil, fmt.Errorf("find message %s in %s: not on %s's screen: %w", on.TS, ch.ID, p.Name, ErrRefused)
	}
	return &surface{p: p, message: m}, nil
}

func (f *surface) blocks() []any {
	if f.view != nil {
		return f.view.blocks()
	}
	return f.message.blocks
}

// values of the surface; messages keep one set per person.
func (f *surface) values() values {
	if f.view != nil {
		return f.view.values
	}
	if f.message.values == nil {
		f.message.values = map[string]values{}
	}
	f.message.values[f.p.ID] = valuesFor(f.message.blocks, f.message.values[f.p.ID])
	return f.message.values[f.p.ID]
}

// offers are the options an app suggested for the external selects of a surface.
type offers struct{ byElement map[string][]any }

func offerKey(e element) string { return e.blockID + "\x00" + e.actionID }

func (f *surface) offers() *offers {
	if f.view != nil {
		return &f.view.offered
	}
	return &f.message.offered
}

// offered are the options that may be chosen besides the element's own: those
// the app suggested, and those that are chosen now, as an initial option is.
func (f *surface) offered(e element) []any {
	out := slices.Clone(f.offers().byElement[offerKey(e)])
	switch held := f.values().get(e)[stateField[e.kind]].(type) {
	case doc:
		return append(out, held)
	case []any:
		return append(out, held...)
	}
	return out
}

// offer remembers what the app suggested, so that it can be chosen.
func (f *surface) offer(e element, options []any) {
	held := &f.offers().byElement
	if *held == nil {
		*held = map[string][]any{}
	}
	(*held)[offerKey(e)] = append((*held)[offerKey(e)], options...)
}

// element finds the one element an Action means.
func (f *surface) element(a Action) (element, error) {
	var found []element
	var all []string
	for _, e := range elements(f.blocks()) {
		all = append(all, e.blockID+"/"+e.actionID)
		if a.ActionID != "" && e.actionID != a.ActionID || a.BlockID != "" && e.blockID != a.BlockID {
			continue
		}
		if a.Button != "" && text(e.el, "value") != a.Button && words(e.el, "text") != a.Button {
			continue
		}
		found = append(found, e)
	}
	switch len(found) {
	case 0:
		return element{}, fmt.Errorf("find %s: there is only %s: %w", a, strings.Join(all, ", "), ErrRefused)
	case 1:
		return found[0], nil
	}
	return element{}, fmt.Errorf("find %s: %d elements match, name a block or a button: %w", a, len(found), ErrRefused)
}

// String names the element in errors.
func (a Action) String() string {
	return strings.Trim(a.BlockID+"/"+a.ActionID+" "+a.Button, "/ ")
}

// enter stores a choice where the element keeps one.
func (s *Sim) enter(f *surface, e element, in doc) (doc, error) {
	chosen, err := choose(e, in, f.offered(e))
	if err != nil {
		return nil, err
	}
	if err := s.choosable(f, e, chosen); err != nil {
		return nil, err
	}
	if stateField[e.kind] != "" {
		f.values().set(e, chosen)
	}
	return chosen, nil
}

// use enters a choice and sends block_actions.
func (s *Sim) use(f *surface, e element, in doc) (*envelope, error) {
	chosen, err := s.enter(f, e, in)
	if err != nil {
		return nil, err
	}
	action := doc{"action_id": e.actionID, "block_id": e.blockID, "type": e.kind, "action_ts": s.nextTS()}
	for _, key := range []string{"text", "value", "style", "confirm", "placeholder", "url", "initial_option", "initial_user", "initial_channel",
		"initial_conversation", "initial_date", "initial_time"} {
		if v := e.el[key]; v != nil {
			action[key] = v
		}
	}
	maps.Copy(action, chosen)
	fields := s.whereabouts(f)
	fields["actions"] = []any{action}
	fields["trigger_id"] = s.mintTrigger(f.p, f.view != nil && f.view.kind() == "modal")
	if f.message != nil {
		fields["response_url"] = s.mintReply(f.p, f.message.channel, f.message.ts)
		fields["state"] = doc{"values": f.values()}
	}
	s.show()
	return s.interact(f.p, s.interaction("block_actions", f.p, fields), false, nil)
}

// whereabouts describes the surface in a payload. An ephemeral message is named
// by its container only.
func (s *Sim) whereabouts(f *surface) doc {
	if f.view != nil {
		return doc{"container": doc{"type": "view", "view_id": f.view.id}, "view": s.viewDoc(f.view)}
	}
	m, ch := f.message, s.channels[f.message.channel]
	container := doc{"type": "message", "message_ts": m.ts, "channel_id": ch.ID, "is_ephemeral": m.onlyFor != ""}
	if m.threadTS != "" {
		container["thread_ts"] = m.threadTS
	}
	out := doc{"container": container, "channel": doc{"id": ch.ID, "name": ch.Name}}
	if m.onlyFor == "" {
		out["message"] = s.messageDoc(m, true)
	}
	return out
}

// suggestion is what an app offered for an external select.
type suggestion struct {
	options []any
	groups  []any
}

// suggest asks the app for options. Too short a query does not reach it.
func (s *Sim) suggest(f *surface, e element, query string, out *suggestion) (*envelope, error) {
	if e.kind != "external_select" && e.kind != "multi_external_select" {
		return nil, fmt.Errorf("type into %s: it is a %s: %w", e.actionID, e.kind, ErrRefused)
	}
	least, ok := number(e.el, "min_query_length")
	if !ok {
		least = 3
	}
	if len([]rune(query)) < least {
		return nil, fmt.Errorf("type into %s: it asks the app from %d characters on: %w", e.actionID, least, ErrRefused)
	}
	fields := s.whereabouts(f)
	maps.Copy(fields, doc{"action_id": e.actionID, "block_id": e.blockID, "value": query})
	return s.interact(f.p, s.interaction("block_suggestion", f.p, fields), true, func(payload json.RawMessage) error {
		if found := blockkit.ValidateSuggestion(payload); len(found) > 0 {
			s.blame("block_suggestion response", found)
			return fmt.Errorf("read suggestions for %s: %s", e.actionID, found[0].Message)
		}
		body, _ := plain(payload).(doc)
		out.options, out.groups = list(body, "options"), list(body, "option_groups")
		f.offer(e, element{el: body}.options())
		s.touch()
		return nil
	})
}
