package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// troubleConnecting is what Slack shows when a submission was not answered well.
const troubleConnecting = "We had some trouble connecting. Try again?"

// submit checks a modal like the client does and sends view_submission. The
// first result is what the checks found; then nothing was sent.
func (s *Sim) submit(p *person, v *view) (map[string]string, *envelope, error) {
	if v == nil || v != p.top() {
		return nil, nil, fmt.Errorf("submit: the modal is not on top of %s's screen: %w", p.Name, ErrRefused)
	}
	if v.body["submit"] == nil {
		return nil, nil, fmt.Errorf("submit: the modal has no submit button: %w", ErrRefused)
	}
	if v.pending {
		return nil, nil, fmt.Errorf("submit: the modal is being submitted: %w", ErrRefused)
	}
	if !s.manifest.interactive() {
		return nil, nil, fmt.Errorf("submit: the manifest switches interactivity off: %w", ErrRefused)
	}
	v.errors = mistakes(v.blocks(), v.values)
	if len(v.errors) > 0 {
		s.show()
		return v.errors, nil, nil
	}
	v.pending = true
	s.show()
	e := s.newEnvelope("interactive", s.interaction("view_submission", p, doc{
		"view": s.viewDoc(v), "trigger_id": s.mintTrigger(p, true), "response_urls": s.replyURLs(p, v),
	}), true)
	e.apply = func(payload json.RawMessage) error {
		v.pending = false
		if err := s.applySubmission(p, v, payload); err != nil {
			s.tell(p, troubleConnecting)
			return err
		}
		return nil
	}
	e.failed = func(error) {
		v.pending = false
		s.tell(p, troubleConnecting)
	}
	s.deliver(e)
	return nil, e, nil
}

// replyURLs are the response URLs of conversation selects that ask for one.
func (s *Sim) replyURLs(p *person, v *view) []any {
	out := []any{}
	for _, e := range elements(v.blocks()) {
		chosen, _ := v.values.get(e)[stateField[e.kind]].(string)
		if flag(e.el, "response_url_enabled") && s.channels[chosen] != nil {
			out = append(out, doc{
				"block_id": e.blockID, "action_id": e.actionID, "channel_id": chosen, "response_url": s.mintReply(p, chosen, ""),
			})
		}
	}
	return out
}

// applySubmission does what the app's answer to view_submission says.
func (s *Sim) applySubmission(p *person, v *view, payload json.RawMessage) error {
	var r struct {
		Action string            `json:"response_action"`
		View   json.RawMessage   `json:"view"`
		Errors map[string]string `json:"errors"`
	}
	if payload != nil {
		if err := json.Unmarshal(payload, &r); err != nil {
			s.problem("view_submission response: %v", err)
			return fmt.Errorf("read submission response: %w", err)
		}
	}
	switch r.Action {
	case "":
		s.shut(p, v)
		return nil
	case "clear":
		s.shutAll(p)
		return nil
	case "errors":
		return s.applyErrors(v, r.Errors)
	case "update", "push":
		return s.applyView(p, v, r.Action, r.View)
	}
	s.problem("view_submission response: response_action %q does not exist", r.Action)
	return fmt.Errorf("read submission response: unknown response_action %q", r.Action)
}

// applyErrors shows errors under inputs. One wrong key spoils the answer.
func (s *Sim) applyErrors(v *view, found map[string]string) error {
	inputs := map[string]bool{}
	for _, e := range elements(v.blocks()) {
		inputs[e.blockID] = e.inInput
	}
	if len(found) == 0 {
		s.problem("view_submission response: errors is empty")
		return errors.New("show errors: there are none")
	}
	for id := range found {
		if !inputs[id] {
			s.problem("view_submission response: errors names %q, which is no input block", id)
			return fmt.Errorf("show errors: %q is no input block", id)
		}
	}
	v.errors = maps.Clone(found)
	s.show()
	return nil
}

func (s *Sim) applyView(p *person, v *view, action string, raw json.RawMessage) error {
	body, err := s.ackedView(raw)
	if err != nil {
		return fmt.Errorf("show view: %w", err)
	}
	except := v
	if action == "push" {
		except = nil
	}
	if s.sameExternalID(body, except) {
		s.problem("view_submission response: external_id %q is taken", text(body, "external_id"))
		return fmt.Errorf("show view: %w", refuse("duplicate_external_id"))
	}
	if action == "update" {
		if s.views[v.id] == v {
			s.place(v, body)
		}
		return nil
	}
	if len(p.stack) >= stackLimit {
		s.problem("view_submission response: push onto a stack of %d", stackLimit)
		return fmt.Errorf("show view: %w", refuse("push_limit_reached"))
	}
	s.open(p, body)
	return nil
}

// cancel closes the top modal; everything closes where the view or the person
// says so. The app hears of it if it asked to.
func (s *Sim) cancel(p *person, v *view, everything bool) (*envelope, error) {
	if v == nil || v != p.top() {
		return nil, fmt.Errorf("close modal: it is not on top of %s's screen: %w", p.Name, ErrRefused)
	}
	told := v
	if everything {
		told = p.stack[0]
	}
	shown := s.viewDoc(told)
	if everything || flag(v.body, "clear_on_close") {
		s.shutAll(p)
	} else {
		s.shut(p, v)
	}
	if !flag(told.body, "notify_on_close") {
		return nil, nil
	}
	return s.interact(p, s.interaction("view_closed", p, doc{"view": shown, "is_cleared": everything}), false, nil)
}
