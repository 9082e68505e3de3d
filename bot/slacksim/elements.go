package slacksim

import (
	"encoding/json"
	"maps"
	"slices"
)

// element is one interactive element on a surface, with the block it sits in.
type element struct {
	block    doc
	blockID  string
	inInput  bool // sits in an input block
	el       doc
	actionID string
	kind     string
}

// stateField names where state.values keeps each kind of choice. Kinds that are
// missing here have no state: buttons and overflow menus.
var stateField = map[string]string{
	"plain_text_input": "value", "email_text_input": "value", "url_text_input": "value", "number_input": "value",
	"static_select": "selected_option", "external_select": "selected_option", "radio_buttons": "selected_option",
	"multi_static_select": "selected_options", "multi_external_select": "selected_options", "checkboxes": "selected_options",
	"users_select": "selected_user", "multi_users_select": "selected_users",
	"channels_select": "selected_channel", "multi_channels_select": "selected_channels",
	"conversations_select": "selected_conversation", "multi_conversations_select": "selected_conversations",
	"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time",
	"rich_text_input": "rich_text_value", "file_input": "files",
}

// initialField names where an element keeps what is chosen before anybody acts.
var initialField = map[string]string{
	"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options",
	"selected_user": "initial_user", "selected_users": "initial_users",
	"selected_channel": "initial_channel", "selected_channels": "initial_channels",
	"selected_conversation": "initial_conversation", "selected_conversations": "initial_conversations",
	"selected_date": "initial_date", "selected_time": "initial_time", "selected_date_time": "initial_date_time",
	"rich_text_value": "initial_value",
}

func isInteractive(kind string) bool {
	return kind == "button" || kind == "overflow" || kind == "icon_button" || kind == "feedback_buttons" || stateField[kind] != ""
}

// holdsElements are the blocks that may also sit inside another block.
var holdsElements = []string{"actions", "section", "input", "context_actions"}

// identify copies blocks and gives every block and interactive element the ID
// that Slack would make up for it.
func (s *Sim) identify(blocks []any) []any {
	out := make([]any, 0, len(blocks))
	for _, b := range blocks {
		block, ok := clone(b).(doc)
		if !ok {
			continue
		}
		if text(block, "block_id") == "" {
			block["block_id"] = s.nextID("b")
		}
		s.identifyInside(block)
		out = append(out, block)
	}
	return out
}

func (s *Sim) identifyInside(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			s.identifyInside(item)
		}
	case doc:
		kind := text(v, "type")
		if isInteractive(kind) && text(v, "action_id") == "" {
			v["action_id"] = s.nextID("a")
		}
		if slices.Contains(holdsElements, kind) && text(v, "block_id") == "" {
			v["block_id"] = s.nextID("b")
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			s.identifyInside(v[key])
		}
	}
}

// elements lists the interactive elements of a surface in reading order.
func elements(blocks []any) []element {
	var out []element
	var walk func(v any, block doc)
	walk = func(v any, block doc) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item, block)
			}
		case doc:
			kind := text(v, "type")
			if block == nil || slices.Contains(holdsElements, kind) {
				block = v
			} else if isInteractive(kind) {
				out = append(out, element{
					block: block, blockID: text(block, "block_id"), inInput: text(block, "type") == "input",
					el: v, actionID: text(v, "action_id"), kind: kind,
				})
				return
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key], block)
			}
		}
	}
	for _, b := range blocks {
		walk(b, nil)
	}
	return out
}

// dispatches tells whether using the element reaches the app at once.
func (e element) dispatches() bool {
	return !e.inInput || flag(e.block, "dispatch_action")
}

func (e element) required() bool { return e.inInput && !flag(e.block, "optional") }

// options of a select that knows its options, groups flattened.
func (e element) options() []any {
	out := list(e.el, "options")
	for _, g := range list(e.el, "option_groups") {
		if group, ok := g.(doc); ok {
			out = append(out, list(group, "options")...)
		}
	}
	return out
}

func text(d doc, key string) string {
	v, _ := d[key].(string)
	return v
}

func flag(d doc, key string) bool {
	v, _ := d[key].(bool)
	return v
}

func list(d doc, key string) []any {
	v, _ := d[key].([]any)
	return v
}

func number(d doc, key string) (int, bool) {
	v, ok := d[key].(float64)
	return int(v), ok
}

// words of a text object.
func words(d doc, key string) string {
	t, _ := d[key].(doc)
	return text(t, "text")
}

// clone copies a JSON value deeply.
func clone(v any) any {
	switch v := v.(type) {
	case doc:
		out := make(doc, len(v))
		for key, item := range v {
			out[key] = clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	}
	return v
}

// plain turns any value into the JSON value it encodes to.
func plain(raw json.RawMessage) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}
