package bot

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/connectors"
	"latchkey/workflow"
)

// filled is what Slack sends of a view's inputs when nobody changes what was
// filled in for them, with some answers on top.
func filled(t *testing.T, view slack.ModalViewRequest, answers map[string]string) *slack.ViewState {
	t.Helper()
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
	for _, b := range view.Blocks.BlockSet {
		in, ok := b.(*slack.InputBlock)
		if !ok {
			continue
		}
		var id string
		var a slack.BlockAction
		switch e := in.Element.(type) {
		case *slack.SelectBlockElement:
			id, a.SelectedOption = e.ActionID, chosen(e.InitialOption)
			if v, ok := answers[in.BlockID]; ok {
				a.SelectedOption.Value, a.SelectedUser = v, v
			}
		case *slack.RadioButtonsBlockElement:
			id, a.SelectedOption = e.ActionID, chosen(e.InitialOption)
			if v, ok := answers[in.BlockID]; ok {
				a.SelectedOption.Value = v
			}
		case *slack.MultiSelectBlockElement:
			id, a.SelectedOptions = e.ActionID, chosenAll(e.InitialOptions)
			if v, ok := answers[in.BlockID]; ok {
				a.SelectedOptions = append(a.SelectedOptions, slack.OptionBlockObject{Value: v})
			}
		case *slack.CheckboxGroupsBlockElement:
			id, a.SelectedOptions = e.ActionID, chosenAll(e.InitialOptions)
		case *slack.PlainTextInputBlockElement:
			id, a.Value = e.ActionID, e.InitialValue
			if v, ok := answers[in.BlockID]; ok {
				a.Value = v
			}
		default:
			t.Fatalf("input %s holds a %T", in.BlockID, in.Element)
		}
		state.Values[in.BlockID] = map[string]slack.BlockAction{id: a}
	}
	return state
}

func chosen(o *slack.OptionBlockObject) slack.OptionBlockObject {
	if o == nil {
		return slack.OptionBlockObject{}
	}
	return *o
}

func chosenAll(in []*slack.OptionBlockObject) []slack.OptionBlockObject {
	var out []slack.OptionBlockObject
	for _, o := range in {
		out = append(out, *o)
	}
	return out
}

func TestReadOnlyIsTheDefault(t *testing.T) {
	t.Parallel()
	state := filled(t, requestModal(chosenForm(), 3), map[string]string{"reason": " Nightly\u200b import. "})
	f := readRequestForm(state, "")
	f.Offer = offerOf(tempoScopes(), f.Offer.Ceiling)
	want := workflow.Ask{Connection: "tempo", Kind: "api_key", Scopes: []string{"worklogs:view", "plans:view", "raw"}, Lifetime: days(7), Reason: "Nightly import."}
	if diff := cmp.Diff(want, f.ask()); diff != "" {
		t.Errorf("untouched form asks (-want +got):\n%s", diff)
	}
}

func TestPresetsNeverBringAdminAccess(t *testing.T) {
	t.Parallel()
	f := chosenForm()
	for preset, want := range map[string][]string{
		presetRead:   {"worklogs:view", "plans:view", "raw"},
		presetWrite:  {"worklogs:view", "worklogs:manage", "plans:view", "raw"},
		presetChoose: nil,
		"":           nil,
	} {
		f.Preset = preset
		if diff := cmp.Diff(want, f.ask().Scopes); diff != "" {
			t.Errorf("preset %q (-want +got):\n%s", preset, diff)
		}
	}
}

// TestFormSurvivesItsUpdate: what was answered is read back, filled in again
// and read back the same.
func TestFormSurvivesItsUpdate(t *testing.T) {
	t.Parallel()
	f := chosenForm()
	f.Preset = presetChoose
	answers := map[string]string{"scopes/tempo": "permissions:manage", "lifetime/tempo": "90d", "reason": "Import."}
	first := readRequestForm(filled(t, requestModal(f, 3), answers), "")
	want := requestForm{System: "tempo", Preset: presetChoose, Scopes: []string{"permissions:manage"}, Lifetime: days(90), Reason: "Import."}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatalf("first reading (-want +got):\n%s", diff)
	}
	again := first
	again.Offer = offerOf(tempoScopes(), days(90))
	if diff := cmp.Diff(want, readRequestForm(filled(t, requestModal(again, 3), nil), "")); diff != "" {
		t.Errorf("second reading (-want +got):\n%s", diff)
	}
}

// TestAnotherSystemStartsAnew: what was chosen for one system says nothing
// about another, but the reason stays.
func TestAnotherSystemStartsAnew(t *testing.T) {
	t.Parallel()
	f := chosenForm()
	f.Preset = presetChoose
	state := filled(t, requestModal(f, 3), map[string]string{"system": "jira", "scopes/tempo": "permissions:manage", "lifetime/tempo": "90d", "reason": "Import."})
	if diff := cmp.Diff(requestForm{System: "jira", Reason: "Import."}, readRequestForm(state, "")); diff != "" {
		t.Errorf("after changing the system (-want +got):\n%s", diff)
	}
}

func TestLongScopeNamesComeBackWhole(t *testing.T) {
	t.Parallel()
	rules := nastyScopes(3)
	f := requestForm{System: "x", Preset: presetChoose, Scopes: []string{optionValue(rules[1].Name), "unheard of"}, Offer: offerOf(rules, 0)}
	if diff := cmp.Diff([]string{rules[1].Name, "unheard of"}, f.ask().Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

func TestReadNothing(t *testing.T) {
	t.Parallel()
	for _, state := range []*slack.ViewState{nil, {}} {
		if diff := cmp.Diff(requestForm{}, readRequestForm(state, "")); diff != "" {
			t.Errorf("form (-want +got):\n%s", diff)
		}
		if scopes, lifetime := readApproveLess(state); scopes != nil || lifetime != 0 {
			t.Errorf("approve less: %v, %v", scopes, lifetime)
		}
		if got := readReason(state); got != "" {
			t.Errorf("reason: %q", got)
		}
	}
}

func TestApproveLessStartsWithEverything(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]workflow.RequestView{"boxes": pendingRequest(), "menu": manyScopes(30)} {
		scopes, lifetime := readApproveLess(filled(t, approveLessModal(v, ""), nil))
		if diff := cmp.Diff(v.Request.Scopes, scopes); diff != "" {
			t.Errorf("%s: scopes (-want +got):\n%s", name, diff)
		}
		if lifetime != days(30) {
			t.Errorf("%s: lifetime %s, want 30 days", name, lifetime.Words())
		}
	}
	_, lifetime := readApproveLess(filled(t, approveLessModal(pendingRequest(), ""), map[string]string{"lifetime": "8h"}))
	if got := lifetime.Words(); got != "8 hours" {
		t.Errorf("shortened to %s", got)
	}
}

func manyScopes(n int) workflow.RequestView {
	v := pendingRequest()
	var rules []workflow.ScopeRule
	for i := range n {
		rules = append(rules, workflow.ScopeRule{Name: "scope:" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Access: connectors.Read})
	}
	v.Request.Scopes = ruleNames(rules)
	v.Scopes = ruleViews(rules, v.Request.Scopes)
	return v
}

func TestErrorsStandUnderInputs(t *testing.T) {
	t.Parallel()
	read, choose := chosenForm(), chosenForm()
	choose.Preset = presetChoose
	for _, c := range []struct {
		name  string
		view  slack.ModalViewRequest
		field string
		want  string
	}{
		{"system", requestModal(read, 3), "connection", "system"},
		{"scopes of a preset", requestModal(read, 3), "scopes", "preset/tempo"},
		{"chosen scopes", requestModal(choose, 3), "scopes", "scopes/tempo"},
		{"lifetime", requestModal(read, 3), "lifetime", "lifetime/tempo"},
		{"reason", requestModal(read, 3), "reason", "reason"},
		{"no field", requestModal(read, 3), "", "reason"},
		{"a field that has no input", requestModal(read, 3), "kind", "reason"},
		{"approve less: scopes", approveLessModal(pendingRequest(), ""), "scopes", "scopes"},
		{"approve less: lifetime", approveLessModal(pendingRequest(), ""), "lifetime", "lifetime"},
		{"approve less: no field", approveLessModal(pendingRequest(), ""), "", "lifetime"},
		{"deny", denyModal(pendingRequest(), ""), "reason", "reason"},
		{"revoke", revokeModal(activeKey(), erinReads(), ""), "", "reason"},
		{"revoke many: the words", revokeManyModal(massRevoke(), "", ""), "confirm", "confirm"},
		{"revoke many", revokeManyModal(massRevoke(), "", ""), "", "reason"},
		{"hand over: to whom", handOverModal(foundFor()), "owner", "owner"},
		{"keep: lifetime", keepModal(foundFor(), 0), "lifetime", "lifetime"},
	} {
		errs := errorsFor(filled(t, c.view, nil), workflow.Refusal{Reason: "See `/tokens help`.", Field: c.field})
		if diff := cmp.Diff(map[string]string{c.want: "See /tokens help."}, errs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		ack, err := json.Marshal(slack.NewErrorsViewSubmissionResponse(errs))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range blockkit.ValidateAckFor(encode(t, c.view), ack) {
			t.Errorf("%s: %s: %s", c.name, p.Pointer, p.Message)
		}
	}
}

func TestErrorsWithoutAnInputToStandUnder(t *testing.T) {
	t.Parallel()
	r := workflow.Refusal{Reason: "No.", Field: "scopes"}
	for name, state := range map[string]*slack.ViewState{
		"nil": nil, "preview": filled(t, previewModal(chosenAsk(), previewOf(), nil, ""), nil), "give back": filled(t, giveBackModal(activeKey(), ""), nil),
	} {
		if errs := errorsFor(state, r); errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
	early := filled(t, requestModal(requestForm{}, 3), map[string]string{"system": "tempo"})
	if diff := cmp.Diff(map[string]string{"system": stillLoading}, errorsFor(early, r)); diff != "" {
		t.Errorf("too early (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"system": "No."}, errorsFor(early, workflow.Refusal{Reason: "No."})); diff != "" {
		t.Errorf("too early, and about no field (-want +got):\n%s", diff)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	texts := func(options []*slack.OptionBlockObject) []string {
		out := []string{}
		for _, o := range options {
			text := o.Text.Text
			if o.Description != nil {
				text += " | " + o.Description.Text
			}
			out = append(out, text)
		}
		return out
	}
	all := []string{
		"worklogs:view | Read only. Worklogs: read", "plans:view | Read only. Plans: read", "raw | Read only.",
		"worklogs:manage | Write access. Worklogs: create, change and delete", "permissions:manage | Admin access. Permission roles: manage",
	}
	for query, want := range map[string][]string{"": all, " PLANS": {all[1]}, "write": {all[3]}, "admin": {all[4]}, "nothing": {}} {
		got := scopeOptions(tempoScopes(), query)
		if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Errorf("scopes for %q (-want +got):\n%s", query, diff)
		}
		suggest(t, got)
	}
	systems := []workflow.System{{Name: "jira", Kind: "atlassian"}, {Name: "tempo", Kind: "tempo", Scopes: tempoScopes()}}
	for query, want := range map[string][]string{"": {"jira", "tempo"}, "atlas": {"jira"}} {
		if diff := cmp.Diff(want, texts(systemOptions(systems, query))); diff != "" {
			t.Errorf("systems for %q (-want +got):\n%s", query, diff)
		}
	}
	var many []workflow.System
	for i := range 150 {
		many = append(many, workflow.System{Name: longNasty(300), Kind: longNasty(300), Scopes: nastyScopes(i % 3)})
	}
	if got := systemOptions(many, ""); len(got) != 100 {
		t.Errorf("%d systems are offered, want 100", len(got))
	}
	if got := scopeOptions(nastyScopes(150), ""); len(got) != 100 {
		t.Errorf("%d scopes are offered, want 100", len(got))
	}
	suggest(t, scopeOptions(nastyScopes(20), ""))
}

func suggest(t *testing.T, options []*slack.OptionBlockObject) {
	t.Helper()
	if len(options) > 0 {
		judge(t, blockkit.ValidateSuggestion, slack.OptionsResponse{Options: options})
	}
}

func TestLifetimesEndAtTheCeiling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ceiling       workflow.Duration
		last, initial string
	}{
		{days(90), "90d", "7d"}, {days(45), "45d", "7d"}, {days(7), "7d", "7d"}, {days(2), "2d", "2d"},
		{workflow.Duration(1800e9), "30m", "30m"}, {0, "30d", "7d"}, {workflow.MaxDuration, "3653d", "7d"},
	} {
		options := lifetimes(c.ceiling)
		if got := options[len(options)-1].Value; got != c.last {
			t.Errorf("up to %s: the last choice is %s, want %s", c.ceiling, got, c.last)
		}
		if got := options[defaultLifetime(c.ceiling)].Value; got != c.initial {
			t.Errorf("up to %s: the default is %s, want %s", c.ceiling, got, c.initial)
		}
	}
}

func TestEarlierScopesAreFilledInAgain(t *testing.T) {
	t.Parallel()
	f := chosenForm()
	f.Preset, f.Scopes = presetChoose, []string{"raw", "gone"}
	got := readRequestForm(filled(t, requestModal(f, 3), nil), "").Scopes
	if diff := cmp.Diff([]string{"raw"}, got); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}
