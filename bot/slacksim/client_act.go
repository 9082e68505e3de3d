package slacksim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// clientAct is one thing that a person does in the browser.
type clientAct struct {
	Type       string `json:"type"`
	Channel    string `json:"channel"`
	Text       string `json:"text"`
	ThreadTS   string `json:"thread_ts"`
	CallbackID string `json:"callback_id"`
	ID         string `json:"id"`

	Container struct {
		Channel string `json:"channel"`
		TS      string `json:"ts"`
		ViewID  string `json:"view_id"`
	} `json:"container"`
	BlockID  string                    `json:"block_id"`
	ActionID string                    `json:"action_id"`
	Action   doc                       `json:"action"`
	Values   map[string]map[string]doc `json:"values"`
	Value    string                    `json:"value"`
	ViewID   string                    `json:"view_id"`
	Clear    bool                      `json:"clear"`
}

func (a clientAct) place() Place {
	return Place{Channel: a.Container.Channel, TS: a.Container.TS, ViewID: a.Container.ViewID}
}

func (s *Sim) serveAct(w http.ResponseWriter, r *http.Request, user string) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
		return
	}
	var act clientAct
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit)).Decode(&act); err != nil {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return
	}
	answer, err := s.perform(r.Context(), user, act)
	if err != nil {
		answer = doc{"ok": false, "error": sentence(err)}
	}
	s.respond(w, http.StatusOK, s.encode(answer))
}

// sentence words an error for the person who caused it.
func sentence(err error) string {
	if errors.Is(err, ErrDidNotRespond) {
		return "The app didn't respond in time."
	}
	text := strings.TrimSuffix(err.Error(), ": "+ErrRefused.Error())
	if text == "" {
		return "That did not work."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// perform does what the browser asks and words the answer after the app's ack.
func (s *Sim) perform(ctx context.Context, user string, a clientAct) (doc, error) {
	var finish func() doc
	_, err := s.User(user).do(ctx, func() (*envelope, error) {
		var e *envelope
		var err error
		e, finish, err = s.start(user, a)
		return e, err
	})
	if err != nil {
		return nil, err
	}
	if finish == nil {
		return doc{"ok": true}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return finish(), nil
}

// start does what the browser asks, under the lock. finish, if any, makes the
// answer once the app has acked.
func (s *Sim) start(user string, a clientAct) (sent *envelope, finish func() doc, err error) {
	switch a.Type {
	case "command":
		sent, err = s.slash(user, a.Channel, a.Text)
	case "shortcut":
		sent, err = s.launch(user, a.CallbackID)
	case "message":
		err = s.say(user, a.Channel, a.Text, a.ThreadTS)
	case "open_home":
		err = s.openHome(user, "home")
	case "open_messages_tab":
		err = s.openHome(user, "messages")
	case "read":
		err = s.markRead(user, a.Channel)
	case "deactivate":
		err = s.deactivateBy(user, a.ID)
	case "dismiss_toast":
		s.dismiss(user, a.ID)
	case "block_action":
		sent, err = s.clientUse(user, a)
	case "view_submit":
		return s.clientSubmit(user, a)
	case "view_close":
		sent, err = s.clientClose(user, a)
	case "suggest":
		return s.clientSuggest(user, a)
	default:
		err = fmt.Errorf("do %q: the client cannot do that", a.Type)
	}
	return sent, nil, err
}

func (s *Sim) clientClose(user string, a clientAct) (*envelope, error) {
	p, err := s.actor(user)
	if err != nil {
		return nil, err
	}
	return s.cancel(p, s.views[a.ViewID], a.Clear)
}

func (s *Sim) clientUse(user string, a clientAct) (*envelope, error) {
	f, err := s.surface(user, a.place())
	if err != nil {
		return nil, err
	}
	if err := s.enterAll(f, a.Values); err != nil {
		return nil, err
	}
	e, err := f.element(Action{BlockID: a.BlockID, ActionID: a.ActionID})
	if err != nil {
		return nil, err
	}
	return s.use(f, e, a.Action)
}

// enterAll stores what the browser says is entered. Elements that are gone are
// passed over: the app may have changed the view meanwhile.
func (s *Sim) enterAll(f *surface, entered map[string]map[string]doc) error {
	for _, e := range elements(f.blocks()) {
		in := entered[e.blockID][e.actionID]
		if in == nil {
			continue
		}
		if _, err := s.enter(f, e, in); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sim) clientSubmit(user string, a clientAct) (*envelope, func() doc, error) {
	f, err := s.surface(user, Place{ViewID: a.ViewID})
	if err != nil {
		return nil, nil, err
	}
	if err := s.enterAll(f, a.Values); err != nil {
		return nil, nil, err
	}
	_, e, err := s.submit(f.p, f.view)
	if err != nil {
		return nil, nil, err
	}
	return e, func() doc {
		if len(f.view.errors) > 0 {
			return doc{"ok": false, "errors": f.view.errors}
		}
		return doc{"ok": true}
	}, nil
}

func (s *Sim) clientSuggest(user string, a clientAct) (*envelope, func() doc, error) {
	f, err := s.surface(user, a.place())
	if err != nil {
		return nil, nil, err
	}
	e, err := f.element(Action{BlockID: a.BlockID, ActionID: a.ActionID})
	if err != nil {
		return nil, nil, err
	}
	got := &suggestion{}
	sent, err := s.suggest(f, e, a.Value, got)
	return sent, func() doc {
		if got.groups != nil {
			return doc{"ok": true, "option_groups": got.groups}
		}
		return doc{"ok": true, "options": slices.Concat([]any{}, got.options)}
	}, err
}

func (s *Sim) markRead(user, channelID string) error {
	p := s.people[user]
	ch, err := s.visible(p, channelID)
	if err != nil {
		return err
	}
	if n := len(ch.messages); n > 0 && p.read[channelID] != ch.messages[n-1].ts {
		p.read[channelID] = ch.messages[n-1].ts
		s.show()
	}
	return nil
}

func (s *Sim) dismiss(user, id string) {
	p := s.people[user]
	p.toasts = slices.DeleteFunc(p.toasts, func(t toast) bool { return t.ID == id })
	s.show()
}
