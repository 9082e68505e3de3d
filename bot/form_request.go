package bot

import (
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// requestForm is what the request form holds. What people chose comes from
// Slack; Offer is what the policy lets this person ask for on the system they
// chose.
type requestForm struct {
	System   string
	Kind     string // what is asked for; "" is an API key
	OAuth    bool   // the system has an OAuth app of ours too
	Preset   string
	Scopes   []string // option values, when the preset is to choose
	Lifetime workflow.Duration
	Reason   string
	Sink     string // where the key goes; "" is to its owner
	Place    string // where in the sink
	Offer    workflow.Offer
	Channel  string // where a command opened the form; a hint where to answer, or ""
}

// The presets of the form.
const (
	presetRead   = "read"
	presetWrite  = "write"
	presetChoose = "choose"
)

// Limits of what may be typed and chosen; workflow has the last word.
const (
	maxReasonTyped  = 1000
	maxScopesChosen = 50
)

// ask is what the form asks for. Presets never bring admin access with them.
func (f requestForm) ask() workflow.Ask {
	out := workflow.Ask{Connection: f.System, Kind: f.kind(), Scopes: f.scopes(f.Preset), Lifetime: f.Lifetime, Reason: f.Reason}
	if f.Sink != "" && f.kind() == workflow.APIKey {
		out.Sink, out.Place = f.Sink, f.Place
	}
	return out
}

// sinks are those that what is chosen may go into.
func (f requestForm) sinks() []workflow.SinkChoice {
	switch f.Preset {
	case presetRead:
		return f.Offer.Read.Sinks
	case presetWrite:
		return f.Offer.Write.Sinks
	}
	return f.Offer.Sinks
}

// kind is what is asked for. Where there is no OAuth app it is a key, whatever
// was chosen elsewhere.
func (f requestForm) kind() string {
	if f.OAuth && f.Kind == workflow.OAuthGrant {
		return workflow.OAuthGrant
	}
	return workflow.APIKey
}

// scopes are the scopes a preset stands for.
func (f requestForm) scopes(preset string) []string {
	switch preset {
	case presetRead:
		return f.Offer.Read.Scopes
	case presetWrite:
		return f.Offer.Write.Scopes
	case presetChoose:
		var out []string
		for _, chosen := range f.Scopes {
			out = append(out, f.scopeOf(chosen))
		}
		return out
	}
	return nil
}

// ceiling is the longest life that what is chosen may have; zero when none is
// known.
func (f requestForm) ceiling() workflow.Duration {
	switch f.Preset {
	case presetRead:
		return f.Offer.Read.Ceiling
	case presetWrite:
		return f.Offer.Write.Ceiling
	}
	return f.Offer.Ceiling
}

// scopeOf finds the scope of an option's value, which may be cut; what is not
// on offer stays as it is, for workflow to refuse.
func (f requestForm) scopeOf(value string) string {
	i := slices.IndexFunc(f.Offer.Scopes, func(s workflow.ScopeRule) bool { return optionValue(s.Name) == value })
	if i < 0 {
		return value
	}
	return f.Offer.Scopes[i].Name
}

// presets are those that stand for something on this system; reading comes
// first.
func (f requestForm) presets() []*slack.OptionBlockObject {
	var out []*slack.OptionBlockObject
	for _, p := range [][2]string{{presetRead, "Read only"}, {presetWrite, "Read and write"}} {
		scopes := ruleViews(f.Offer.Scopes, f.scopes(p[0]))
		if len(scopes) > 0 {
			out = append(out, option(p[0], p[1], scopesInShort(scopes)))
		}
	}
	return append(out, option(presetChoose, "Choose scopes", "Take exactly what you need"))
}

// requestModal asks for a system first, and for the rest once a system is
// chosen. Systems is how many there are to choose from.
func requestModal(f requestForm, systems int) slack.ModalViewRequest {
	if systems == 0 {
		return noticeModal(requestTitle, "There is nothing to ask for yet, because no system is connected. Ask an admin to connect one.")
	}
	blocks := []slack.Block{systemInput(f, systems)}
	if f.System == "" {
		blocks = append(blocks, small("The other questions follow once you have chosen a system."))
		return modal(callbackRequest, requestTitle, "Preview", f.Channel, blocks...)
	}
	if f.OAuth {
		blocks = append(blocks, kindInput(f))
	}
	chosen := selected(f.presets(), f.Preset, 0)
	f.Preset = chosen.Value
	preset := &slack.RadioButtonsBlockElement{Type: slack.METRadioButtons, ActionID: actionID(verbPreset, f.System), Options: f.presets(), InitialOption: chosen}
	blocks = append(blocks, slack.NewInputBlock(blockOf(blockPreset, f.System), plain("Access", maxHint), nil, preset).WithDispatchAction(true))
	if f.Preset == presetChoose {
		blocks = append(blocks, scopesInput(f))
	} else {
		blocks = append(blocks, section("This asks for:\n"+scopeLines(ruleViews(f.Offer.Scopes, f.scopes(f.Preset)), maxScopesShown)))
	}
	blocks = append(append(blocks, lifetimeInput(f)), sinkInput(f)...)
	blocks = append(blocks, reasonInput("Why", f.Reason,
		"What will use the key, and what for?", "Whoever approves reads this. Put no keys, passwords or other secrets in it."))
	return modal(callbackRequest, requestTitle, "Preview", f.Channel, blocks...)
}

const requestTitle = "Request an API key"

func systemInput(f requestForm, systems int) slack.Block {
	none := 0
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain(fmt.Sprintf("Choose one of %s", plural(systems, "system")), maxPlaceholder), actionID(verbSystem, ""))
	sel.MinQueryLength = &none
	if f.System != "" {
		sel.InitialOption = option(f.System, f.System, "")
	}
	return slack.NewInputBlock(blockSystem, plain("System", maxHint), nil, sel).WithDispatchAction(true)
}

// kindInput asks for a key or the use of our OAuth app, where there is one.
func kindInput(f requestForm) slack.Block {
	options := []*slack.OptionBlockObject{
		option(workflow.APIKey, "API key", "Calls go out under the company's own access"),
		option(workflow.OAuthGrant, "OAuth app", "Calls go out under your own account, which you connect"),
	}
	radio := &slack.RadioButtonsBlockElement{Type: slack.METRadioButtons, ActionID: blockKind, Options: options, InitialOption: selected(options, f.Kind, 0)}
	return slack.NewInputBlock(blockOf(blockKind, f.System), plain("What", maxHint), nil, radio)
}

// scopesInput keeps what was chosen as long as the system stays the same.
func scopesInput(f requestForm) slack.Block {
	sel := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeExternal, plain("Choose scopes", maxPlaceholder), actionID(verbScopes, f.System)).
		WithMinQueryLength(0).WithMaxSelectedItems(maxScopesChosen)
	for _, s := range f.Offer.Scopes {
		if slices.Contains(f.Scopes, optionValue(s.Name)) && len(sel.InitialOptions) < maxScopesChosen {
			sel.InitialOptions = append(sel.InitialOptions, scopeOption(s))
		}
	}
	return slack.NewInputBlock(blockOf(blockScopes, f.System), plain("Scopes", maxHint),
		plain("Each says whether it can only read or also write.", maxHint), sel)
}

func lifetimeInput(f requestForm) slack.Block {
	ceiling := f.ceiling()
	hint := "The time starts when the key is made."
	if ceiling > 0 {
		hint = fmt.Sprintf("At most %s. %s", ceiling.Words(), hint)
	}
	choices := lifetimes(ceiling)
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, choices...)
	sel.InitialOption = selected(choices, f.Lifetime.String(), defaultLifetime(ceiling))
	return slack.NewInputBlock(blockOf(blockLifetime, f.System), plain("How long", maxHint), plain(hint, maxHint), sel)
}

// reasonInput asks for a sentence. What people type is never shown as markup.
func reasonInput(label, typed, placeholder, hint string) *slack.InputBlock {
	in := slack.NewPlainTextInputBlockElement(plain(placeholder, maxPlaceholder), blockReason)
	in.Multiline = true
	in.MaxLength = maxReasonTyped
	in.InitialValue = cut(typed, maxReasonTyped)
	return slack.NewInputBlock(blockReason, plain(label, maxHint), plain(hint, maxHint), in)
}

// ruleViews are scopes by name as lists show them.
func ruleViews(rules []workflow.ScopeRule, named []string) []workflow.ScopeView {
	out := make([]workflow.ScopeView, 0, len(named))
	for _, n := range named {
		v := workflow.ScopeView{Name: n, Title: n, Granted: true}
		if i := slices.IndexFunc(rules, func(s workflow.ScopeRule) bool { return s.Name == n }); i >= 0 {
			v.Title, v.Access = rules[i].Title, rules[i].Access
		}
		out = append(out, v)
	}
	return out
}
