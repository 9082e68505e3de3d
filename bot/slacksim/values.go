package slacksim

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// values is what people chose on a surface: by block ID, then action ID, in the
// shape of Slack's state.values.
type values map[string]map[string]doc

func (v values) get(e element) doc { return v[e.blockID][e.actionID] }

func (v values) set(e element, chosen doc) {
	if v[e.blockID] == nil {
		v[e.blockID] = map[string]doc{}
	}
	v[e.blockID][e.actionID] = chosen
}

// valuesFor is the state of fresh blocks. What was chosen before survives where
// block ID, action ID and kind are the same, as at Slack.
func valuesFor(blocks []any, before values) values {
	out := values{}
	for _, e := range elements(blocks) {
		field := stateField[e.kind]
		if field == "" {
			continue
		}
		if kept := before.get(e); kept != nil && text(kept, "type") == e.kind {
			out.set(e, kept)
			continue
		}
		initial := e.el[initialField[field]]
		if initial == nil && isMany(field) {
			initial = []any{}
		}
		out.set(e, doc{"type": e.kind, field: initial})
	}
	return out
}

func isMany(field string) bool {
	return strings.HasPrefix(field, "selected_") && strings.HasSuffix(field, "s") || field == "files"
}

// choose checks what somebody entered against the element, and returns it in the
// shape of state.values. offered are the options the app suggested for it.
func choose(e element, in doc, offered []any) (doc, error) {
	field := stateField[e.kind]
	if e.kind == "overflow" {
		field = "selected_option"
	}
	if field == "" {
		return doc{"type": e.kind}, nil
	}
	out := doc{"type": e.kind, field: in[field]}
	known := append(e.options(), offered...)
	switch field {
	case "value":
		if v := text(in, field); v == "" {
			out[field] = nil
		}
	case "selected_option":
		if in[field] == nil {
			return out, nil
		}
		option, err := pick(e, known, in[field])
		if err != nil {
			return nil, err
		}
		out[field] = option
	case "selected_options":
		picked := []any{}
		for _, o := range list(in, field) {
			option, err := pick(e, known, o)
			if err != nil {
				return nil, err
			}
			picked = append(picked, option)
		}
		if most, ok := number(e.el, "max_selected_items"); ok && len(picked) > most {
			return nil, fmt.Errorf("choose from %s: at most %d: %w", e.actionID, most, ErrRefused)
		}
		out[field] = picked
	default:
		if in[field] == nil && isMany(field) {
			out[field] = []any{}
		}
	}
	return out, nil
}

// pick finds the element's own copy of a chosen option.
func pick(e element, known []any, chosen any) (any, error) {
	want, _ := chosen.(doc)
	i := slices.IndexFunc(known, func(o any) bool {
		option, _ := o.(doc)
		return option != nil && text(option, "value") == text(want, "value")
	})
	if i < 0 {
		return nil, fmt.Errorf("choose %q from %s: no such option: %w", text(want, "value"), e.actionID, ErrRefused)
	}
	return known[i], nil
}

// mistakes are the messages Slack shows under inputs before it asks the app.
func mistakes(blocks []any, chosen values) map[string]string {
	out := map[string]string{}
	for _, e := range elements(blocks) {
		if !e.inInput {
			continue
		}
		if m := mistake(e, chosen.get(e)); m != "" {
			out[e.blockID] = m
		}
	}
	return out
}

func mistake(e element, chosen doc) string {
	value := chosen[stateField[e.kind]]
	many, isList := value.([]any)
	if value == nil || isList && len(many) == 0 {
		if e.required() {
			return "Please complete this required field."
		}
		return ""
	}
	entered, isText := value.(string)
	if !isText || stateField[e.kind] != "value" {
		return ""
	}
	if strings.TrimSpace(entered) == "" && e.required() {
		return "Please complete this required field."
	}
	if least, ok := number(e.el, "min_length"); ok && utf8.RuneCountInString(entered) < least {
		return fmt.Sprintf("Please use at least %d characters.", least)
	}
	if most, ok := number(e.el, "max_length"); ok && utf8.RuneCountInString(entered) > most {
		return fmt.Sprintf("Please use at most %d characters.", most)
	}
	return mistakeInFormat(e, entered)
}

func mistakeInFormat(e element, entered string) string {
	switch e.kind {
	case "email_text_input":
		if _, err := mail.ParseAddress(entered); err != nil {
			return "Please enter a valid email address."
		}
	case "url_text_input":
		if u, err := url.Parse(entered); err != nil || u.Host == "" {
			return "Please enter a valid URL."
		}
	case "number_input":
		return mistakeInNumber(e, entered)
	}
	return ""
}

func mistakeInNumber(e element, entered string) string {
	n, err := strconv.ParseFloat(entered, 64)
	if err != nil || !flag(e.el, "is_decimal_allowed") && strings.Contains(entered, ".") {
		return "Please enter a valid number."
	}
	if least, err := strconv.ParseFloat(text(e.el, "min_value"), 64); err == nil && n < least {
		return fmt.Sprintf("Please enter a number of at least %s.", text(e.el, "min_value"))
	}
	if most, err := strconv.ParseFloat(text(e.el, "max_value"), 64); err == nil && n > most {
		return fmt.Sprintf("Please enter a number of at most %s.", text(e.el, "max_value"))
	}
	return ""
}

// doc puts a Go Value into the shape a client would send for the element.
func (v Value) doc(e element) doc {
	field := stateField[e.kind]
	if e.kind == "overflow" {
		field = "selected_option"
	}
	out := doc{"type": e.kind}
	switch field {
	case "value":
		out[field] = v.Text
	case "selected_option":
		if v.Option != "" {
			out[field] = doc{"value": v.Option}
		}
	case "selected_options":
		out[field] = each(v.Options, func(o string) any { return doc{"value": o} })
	case "selected_date":
		out[field] = orNil(v.Date)
	case "selected_time":
		out[field] = orNil(v.Time)
	case "selected_date_time":
		if v.Unix != 0 {
			out[field] = float64(v.Unix)
		}
	case "selected_user", "selected_channel", "selected_conversation":
		out[field] = orNil(v.ID)
	case "selected_users", "selected_channels", "selected_conversations":
		out[field] = each(v.IDs, func(id string) any { return id })
	}
	return out
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}
