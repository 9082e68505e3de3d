package slacksim

import (
	"cmp"
	"context"
	"fmt"
)

// User acts as one person.
type User struct {
	sim *Sim
	id  string
}

// ID of the person.
func (u *User) ID() string { return u.id }

// DM is the person's conversation with the app, "D…".
func (u *User) DM() string {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	if p := u.sim.people[u.id]; p != nil {
		return p.dm
	}
	return ""
}

// Messages in a channel as this person sees them, oldest first, ephemerals and
// thread replies included.
func (u *User) Messages(channel string) []Message {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	p := u.sim.people[u.id]
	if p == nil {
		return nil
	}
	ch, err := u.sim.visible(p, channel)
	if err != nil {
		return nil
	}
	var out []Message
	for _, m := range ch.messages {
		if sees(p, m) {
			out = append(out, u.sim.exportedMessage(m))
		}
	}
	return out
}

// Last is the newest message a person sees in a channel.
func (u *User) Last(channel string) (Message, bool) {
	all := u.Messages(channel)
	if len(all) == 0 {
		return Message{}, false
	}
	return all[len(all)-1], true
}

func (s *Sim) exportedMessage(m *message) Message {
	out := Message{
		Channel: m.channel, TS: m.ts, ThreadTS: m.threadTS, User: m.user, Text: m.text,
		IsBot: m.fromApp, Edited: m.edited != "", Ephemeral: m.onlyFor != "", Files: m.files,
	}
	if m.blocks != nil {
		out.Blocks = s.encode(m.blocks)
	}
	if v := m.extra["metadata"]; v != nil {
		out.Metadata = s.encode(v)
	}
	return out
}

// Modal is the view on top of the person's stack.
func (u *User) Modal() (View, bool) {
	return u.viewOf(func(p *person) *view { return p.top() })
}

// Home is what the app published for the person.
func (u *User) Home() (View, bool) {
	return u.viewOf(func(p *person) *view { return p.home })
}

func (u *User) viewOf(pick func(*person) *view) (View, bool) {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	p := u.sim.people[u.id]
	if p == nil {
		return View{}, false
	}
	v := pick(p)
	if v == nil {
		return View{}, false
	}
	return u.sim.exported(v), true
}

// Toasts are the notices Slack itself showed the person, oldest first.
func (u *User) Toasts() []string {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	if p := u.sim.people[u.id]; p != nil {
		return each(p.toasts, func(t toast) string { return t.Text })
	}
	return nil
}

// do runs act under the lock and waits for the ack of what it sent. act may send
// nothing.
func (u *User) do(ctx context.Context, act func() (*envelope, error)) (Ack, error) {
	u.sim.mu.Lock()
	e, err := act()
	u.sim.mu.Unlock()
	if err != nil || e == nil {
		return Ack{}, err
	}
	return u.sim.await(ctx, e)
}

// Slash runs a command, for example "/tokens help", and waits for the ack.
func (u *User) Slash(ctx context.Context, channel, text string) (Ack, error) {
	return u.do(ctx, func() (*envelope, error) { return u.sim.slash(u.id, channel, text) })
}

// Shortcut runs a global shortcut and waits for the ack.
func (u *User) Shortcut(ctx context.Context, callbackID string) (Ack, error) {
	return u.do(ctx, func() (*envelope, error) { return u.sim.launch(u.id, callbackID) })
}

// Say posts a message as the person.
func (u *User) Say(channel, text string) error {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	return u.sim.say(u.id, channel, text, "")
}

// Deactivate switches another person's account off, as an admin of the workspace
// may. Sim.Deactivate is the same without anybody who does it.
func (u *User) Deactivate(user string) error {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	return u.sim.deactivateBy(u.id, user)
}

// OpenHome opens the app's Home tab. It does not wait: the app answers with views.publish.
func (u *User) OpenHome(context.Context) error {
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	return u.sim.openHome(u.id, "home")
}

// Click presses a button by its action ID and waits for the ack. It fails when
// several elements match: use Act to tell them apart.
func (u *User) Click(ctx context.Context, on Place, actionID string) (Ack, error) {
	return u.Act(ctx, on, Action{ActionID: actionID})
}

// Act uses any interactive element and waits for the ack. Confirm dialogs are
// answered with yes.
func (u *User) Act(ctx context.Context, on Place, a Action) (Ack, error) {
	return u.do(ctx, func() (*envelope, error) {
		f, err := u.sim.surface(u.id, on)
		if err != nil {
			return nil, err
		}
		e, err := f.element(a)
		if err != nil {
			return nil, err
		}
		return u.sim.use(f, e, a.Value.doc(e))
	})
}

// Fill enters a value into an element of the top modal; blockID may be empty
// where the action ID is unique. Where the element dispatches actions, Fill
// waits for the app's ack.
func (u *User) Fill(ctx context.Context, blockID, actionID string, value Value) error {
	_, err := u.do(ctx, func() (*envelope, error) {
		f, err := u.topModal()
		if err != nil {
			return nil, err
		}
		e, err := f.element(Action{BlockID: blockID, ActionID: actionID})
		if err != nil {
			return nil, err
		}
		if e.dispatches() {
			return u.sim.use(f, e, value.doc(e))
		}
		if _, err := u.sim.enter(f, e, value.doc(e)); err != nil {
			return nil, err
		}
		u.sim.show()
		return nil, nil
	})
	return err
}

func (u *User) topModal() (*surface, error) {
	p, err := u.sim.actor(u.id)
	if err != nil {
		return nil, err
	}
	v := p.top()
	if v == nil {
		return nil, fmt.Errorf("find modal: none is open for %s: %w", p.Name, ErrRefused)
	}
	return &surface{p: p, view: v}, nil
}

// Submit presses the top modal's submit button. The checks Slack makes in the
// client come first and answer in the same shape as the app's errors.
func (u *User) Submit(ctx context.Context) (SubmitResult, error) {
	var found map[string]string
	var v *view
	_, err := u.do(ctx, func() (*envelope, error) {
		f, err := u.topModal()
		if err != nil {
			return nil, err
		}
		v = f.view
		var e *envelope
		found, e, err = u.sim.submit(f.p, f.view)
		return e, err
	})
	if err != nil || found != nil {
		return SubmitResult{Errors: found}, err
	}
	u.sim.mu.Lock()
	defer u.sim.mu.Unlock()
	return SubmitResult{Errors: v.errors}, nil
}

// CloseModal cancels the top modal and, if the app asked to hear of it, waits for the ack.
func (u *User) CloseModal(ctx context.Context) error { return u.close(ctx, false) }

// CloseAll closes the whole stack, as the ✕ does.
func (u *User) CloseAll(ctx context.Context) error { return u.close(ctx, true) }

func (u *User) close(ctx context.Context, everything bool) error {
	_, err := u.do(ctx, func() (*envelope, error) {
		f, err := u.topModal()
		if err != nil {
			return nil, err
		}
		return u.sim.cancel(f.p, f.view, everything)
	})
	return err
}

// Suggest types into an external select of a view and returns the app's options.
func (u *User) Suggest(ctx context.Context, viewID, actionID, query string) ([]Option, error) {
	var got suggestion
	_, err := u.do(ctx, func() (*envelope, error) {
		f, err := u.sim.surface(u.id, Place{ViewID: viewID})
		if err != nil {
			return nil, err
		}
		e, err := f.element(Action{ActionID: actionID})
		if err != nil {
			return nil, err
		}
		return u.sim.suggest(f, e, query, &got)
	})
	if err != nil {
		return nil, err
	}
	return got.exported(), nil
}

func (g suggestion) exported() []Option {
	var out []Option
	add := func(group string, options []any) {
		for _, o := range options {
			d, _ := o.(doc)
			out = append(out, Option{
				Text: words(d, "text"), Value: text(d, "value"),
				Description: words(d, "description"), Group: group,
			})
		}
	}
	add("", g.options)
	for _, raw := range g.groups {
		group, _ := raw.(doc)
		add(cmp.Or(words(group, "label"), "group"), list(group, "options"))
	}
	return out
}
