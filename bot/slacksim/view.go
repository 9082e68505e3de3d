package slacksim

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// stackLimit is how many modals one person can have on top of each other.
const stackLimit = 3

// viewLimit is the size above which Slack refuses a view.
const viewLimit = 250_000

// view is an open modal or a published App Home.
type view struct {
	id       string
	owner    string // user ID
	root     string
	previous string
	hash     string
	body     doc // as the app sent it, with every ID filled in
	values   values
	offered  offers
	errors   map[string]string // shown under inputs, by block ID
	pending  bool              // submitted, the app has not answered yet
}

func (v *view) kind() string  { return text(v.body, "type") }
func (v *view) blocks() []any { return list(v.body, "blocks") }

// place writes what the app sent into the view. The choices people made survive
// where block ID and action ID stay the same.
func (s *Sim) place(v *view, body doc) {
	body, _ = clone(body).(doc)
	body["blocks"] = s.identify(list(body, "blocks"))
	v.body = body
	v.values = valuesFor(v.blocks(), v.values)
	v.errors = nil
	v.hash = fmt.Sprintf("%d.%s", s.now().Unix(), rand.Text()[:8])
	s.show()
}

// open puts a new modal on top of a person's stack.
func (s *Sim) open(p *person, body doc) *view {
	v := &view{id: s.nextID("V"), owner: p.ID}
	v.root = v.id
	if n := len(p.stack); n > 0 {
		v.root, v.previous = p.stack[0].id, p.stack[n-1].id
	}
	s.views[v.id] = v
	p.stack = append(p.stack, v)
	s.place(v, body)
	return v
}

// shut closes one modal, wherever it is in the stack.
func (s *Sim) shut(p *person, v *view) {
	p.stack = slices.DeleteFunc(p.stack, func(o *view) bool { return o == v })
	delete(s.views, v.id)
	s.show()
}

func (s *Sim) shutAll(p *person) {
	for _, v := range p.stack {
		delete(s.views, v.id)
	}
	p.stack = nil
	s.show()
}

func (p *person) top() *view {
	if len(p.stack) == 0 {
		return nil
	}
	return p.stack[len(p.stack)-1]
}

// sameExternalID finds another view that already uses the external ID of body.
func (s *Sim) sameExternalID(body doc, except *view) bool {
	id := text(body, "external_id")
	if id == "" {
		return false
	}
	for _, v := range s.views {
		if v != except && text(v.body, "external_id") == id {
			return true
		}
	}
	return false
}

// viewDoc is the view object of API answers and payloads.
func (s *Sim) viewDoc(v *view) doc {
	out := doc{
		"private_metadata": "", "callback_id": "", "external_id": "",
		"title": nil, "submit": nil, "close": nil,
		"clear_on_close": false, "notify_on_close": false,
	}
	maps.Copy(out, v.body)
	maps.Copy(out, doc{
		"id": v.id, "team_id": s.world.TeamID, "hash": v.hash, "state": doc{"values": v.values},
		"root_view_id": v.root, "previous_view_id": orNil(v.previous),
		"app_id": s.world.AppID, "bot_id": s.world.BotID, "app_installed_team_id": s.world.TeamID,
	})
	if v.kind() == "home" {
		delete(out, "submit")
	}
	return out
}

// exported is the view as tests see it.
func (s *Sim) exported(v *view) View {
	return View{
		ID: v.id, RootID: v.root, Hash: v.hash, Type: v.kind(),
		CallbackID: text(v.body, "callback_id"), ExternalID: text(v.body, "external_id"),
		PrivateMetadata: text(v.body, "private_metadata"),
		Title:           words(v.body, "title"), Submit: words(v.body, "submit"), Close: words(v.body, "close"),
		Blocks: s.encode(v.blocks()), Values: s.encode(v.values), Errors: maps.Clone(v.errors),
	}
}

// readView judges a view the app sent. where names the call in problems.
func (s *Sim) readView(where string, raw any, kind string) (doc, error) {
	body, ok := raw.(doc)
	if !ok {
		return nil, refuse("invalid_arguments", "[ERROR] missing required field: view")
	}
	encoded := s.encode(body)
	if len(encoded) > viewLimit {
		s.problem("%s: the view has %d bytes, Slack takes %d", where, len(encoded), viewLimit)
		return nil, refuse("view_too_large")
	}
	if got := text(body, "type"); got != kind {
		return nil, refuse("invalid_arguments", fmt.Sprintf("[ERROR] must be of type %s, not %q [json-pointer:/view/type]", kind, got))
	}
	if found := judgeView(kind, encoded); len(found) > 0 {
		s.blame(where, found)
		return nil, refuse("invalid_arguments", pointers("/view", found)...)
	}
	return body, nil
}

// ackedView reads the view inside a view_submission response.
func (s *Sim) ackedView(raw json.RawMessage) (doc, error) {
	return s.readView("view_submission response", plain(raw), "modal")
}
