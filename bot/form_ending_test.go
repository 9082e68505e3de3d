package bot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// answeredBy is what Slack sends of inputs: texts, choices and days by block.
func answeredBy(texts, options, dates map[string]string) *slack.ViewState {
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
	for block, v := range texts {
		state.Values[block] = map[string]slack.BlockAction{block: {Value: v}}
	}
	for block, v := range options {
		state.Values[block] = map[string]slack.BlockAction{block: {SelectedOption: slack.OptionBlockObject{Value: v}}}
	}
	for block, v := range dates {
		state.Values[block] = map[string]slack.BlockAction{block: {SelectedDate: v}}
	}
	return state
}

// A form that nobody touched changes nothing, whatever became of the key since
// it was opened; another day keeps the hour.
func TestEditChangesOnlyWhatWasTouched(t *testing.T) {
	t.Parallel()
	c := named().Credential
	c.ExpiresAt = c.ExpiresAt.Add(40*day24 + 90*time.Minute) // extended meanwhile
	untouched := map[string]string{blockLabel: "Payroll <import>", blockNote: c.Note}
	for name, want := range map[string]struct {
		day  string
		ends time.Time
	}{
		"untouched": {"2026-11-24", time.Time{}},
		"cleared":   {"", time.Time{}},
		"another":   {"2026-12-01", time.Date(2026, time.December, 1, 13, 30, 0, 0, time.UTC)},
		"no day":    {"2026-13-45", time.Time{}},
	} {
		got := readEdit(answeredBy(untouched, nil, map[string]string{blockEnds: want.day}), c, "2026-11-24")
		ends := time.Time{}
		if got.ExpiresAt != nil {
			ends = *got.ExpiresAt
		}
		if !ends.Equal(want.ends) || got.Label != nil || got.Note != nil {
			t.Errorf("%s: %v, label %v, note %v", name, ends, got.Label, got.Note)
		}
	}
	got := readEdit(answeredBy(map[string]string{blockLabel: " New\nname ", blockNote: ""}, nil, nil), c, "")
	if got.Label == nil || *got.Label != "New name" || got.Note == nil || *got.Note != "" {
		t.Errorf("a new name and no note read %+v", got)
	}
	found := foundFor().Credential
	if got := readEdit(answeredBy(nil, nil, nil), found, ""); got.Label != nil || got.ExpiresAt != nil {
		t.Errorf("a found key's form reads %+v", got)
	}
}

func TestRotateFormIsRead(t *testing.T) {
	t.Parallel()
	got := readRotateForm(answeredBy(map[string]string{blockContacts: " a@example.com,b@example.com;\nc@example.com\u200b ", blockReason: "Lost."},
		map[string]string{blockLifetime: "30d"}, nil))
	want := rotateForm{Lifetime: days(30), Reason: "Lost.", Contacts: []string{"a@example.com", "b@example.com", "c@example.com"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	if got := readRotateForm(answeredBy(nil, map[string]string{blockLifetime: asTheOld}, nil)); got.Lifetime != 0 || len(got.Contacts) != 0 {
		t.Errorf("as the old one: %+v", got)
	}
}

// Longer lives begin behind the present end and stop at the rule's ceiling, in
// hours that are still left when the form is sent.
func TestLongerLives(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left    time.Duration
		longest workflow.Duration
		want    []workflow.Duration
	}{
		{3 * day24, days(30), []workflow.Duration{days(7), days(14), days(30)}},
		{3 * day24, workflow.Duration(5*day24 + 90*time.Minute), []workflow.Duration{workflow.Duration(5*day24 + time.Hour)}},
		{3 * day24, days(3), nil},
		{30 * time.Minute, workflow.Duration(time.Hour), []workflow.Duration{workflow.Duration(time.Hour)}},
		{0, 0, nil},
	} {
		got := longerLives(noon().Add(c.left), c.longest, noon())
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s left of at most %s (-want +got):\n%s", c.left, c.longest, diff)
		}
	}
}

// What was chosen of a sink is read back, filled in again and asked for; it
// goes with no OAuth app.
func TestSinkSurvivesTheFormsUpdate(t *testing.T) {
	t.Parallel()
	f := sinkForm()
	f.Sink = "vault"
	state := filled(t, requestModal(f, 3), map[string]string{"place/tempo": "payroll/tempo"})
	got := readRequestForm(state, "")
	if got.Sink != "vault" || got.Place != "payroll/tempo" {
		t.Fatalf("read %q at %q", got.Sink, got.Place)
	}
	got.Offer = f.Offer
	if again := readRequestForm(filled(t, requestModal(got, 3), nil), ""); again.Sink != "vault" || again.Place != "payroll/tempo" {
		t.Errorf("read again: %q at %q", again.Sink, again.Place)
	}
	if ask := got.ask(); ask.Sink != "vault" || ask.Place != "payroll/tempo" {
		t.Errorf("it asks for %q at %q", ask.Sink, ask.Place)
	}
	got.OAuth, got.Kind = true, workflow.OAuthGrant
	if ask := got.ask(); ask.Sink != "" || ask.Place != "" {
		t.Errorf("an OAuth app's key goes into %q", ask.Sink)
	}
	none := readRequestForm(filled(t, requestModal(sinkForm(), 3), nil), "")
	if none.Sink != "" || none.Place != "" {
		t.Errorf("untouched, it goes into %q", none.Sink)
	}
}

func TestErrorsOfEndingForms(t *testing.T) {
	t.Parallel()
	place := sinkForm()
	place.Sink = "vault"
	for _, c := range []struct {
		name  string
		view  slack.ModalViewRequest
		field string
		want  string
	}{
		{"rotate: who", rotateModal(planOfRotation(storage.RotateOverlap), noon(), reader{ID: 1}), "contacts", "contacts"},
		{"rotate: end", rotateModal(planOfRotation(storage.RotateOverlap), noon(), reader{ID: 1}), "ends", "lifetime"},
		{"extend: end", extendModal(workflow.ExtendPlan{Key: owned(), Longest: days(30)}, noon()), "ends", "lifetime"},
		{"edit: end", editModal(owned(), reader{ID: 1}, ""), "ends", "ends"},
		{"edit: name", editModal(owned(), reader{ID: 1}, ""), "label", "label"},
		{"edit: a found key", editModal(foundFor(), reader{ID: 1}, ""), "", "note"},
		{"exempt: until", exemptModal(unused()), "until", "until"},
		{"request: place", requestModal(place, 3), "place", "place/tempo"},
		{"request: sink", requestModal(place, 3), "sink", "sink/tempo"},
		{"request: place without one", requestModal(sinkForm(), 3), "place", "sink/tempo"},
	} {
		state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
		for _, b := range c.view.Blocks.BlockSet {
			if in, ok := b.(*slack.InputBlock); ok {
				state.Values[in.BlockID] = nil
			}
		}
		got := errorsFor(state, workflow.Refusal{Reason: "No.", Field: c.field})
		if diff := cmp.Diff(map[string]string{c.want: "No."}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// The same trouble again is not told again, unless somebody began anew.
func TestFailuresAreToldOncePerCause(t *testing.T) {
	t.Parallel()
	by, rule := storage.Actor{PersonID: 1, Name: "Alice"}, storage.System("rotation")
	failure := func(id int64, why string) storage.Event { return eventAt(id, actionNotReplaced, "", "", rule, why) }
	begun := func(who storage.Actor) storage.Event { return eventAt(1, actionRotationBegun, "", "", who, "") }
	for name, c := range map[string]struct {
		events []storage.Event
		want   int64
	}{
		"nothing":            {nil, 0},
		"once":               {[]storage.Event{failure(5, "a")}, 5},
		"again by the rule":  {[]storage.Event{failure(5, "a"), begun(rule), failure(6, "a")}, 5},
		"another cause":      {[]storage.Event{failure(5, "a"), begun(rule), failure(6, "b")}, 6},
		"again by somebody":  {[]storage.Event{failure(5, "a"), begun(by), failure(6, "a")}, 6},
		"under way":          {[]storage.Event{failure(5, "a"), begun(by)}, 0},
		"replaced meanwhile": {[]storage.Event{failure(5, "a"), eventAt(6, actionReplaced, "", "", rule, "")}, 0},
	} {
		got, ok := lastFailure(c.events)
		if got.ID != c.want || ok != (c.want != 0) {
			t.Errorf("%s: event %d, %t, want %d", name, got.ID, ok, c.want)
		}
	}
}

// Home lists what ends first first, and leaves what is dealt with among the
// other keys.
func TestHomeSortsWhatEndsSoon(t *testing.T) {
	t.Parallel()
	late, let, collect := withID(owned(), 20), withID(named(), 21), uncollected()
	late.Credential.ExpiresAt = noon().Add(9 * day24)
	collect.Flags = []storage.Flag{storage.FlagExpiring}
	ids := func(views []workflow.CredentialView) []storage.CredentialID {
		var out []storage.CredentialID
		for _, v := range views {
			out = append(out, v.Credential.ID)
		}
		return out
	}
	ending, others := endingSoon([]workflow.CredentialView{activeKey(), late, let, unused(), owned(), collect, replaced(rotationOf(storage.RotateOverlap, storage.CredentialActive, true), 0)})
	if diff := cmp.Diff([]storage.CredentialID{3, 4, 20}, ids(ending)); diff != "" {
		t.Errorf("ending (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]storage.CredentialID{1, 21, 1, 3}, ids(others)); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
}

func TestMenusHaveRoom(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]reader{"owner": {ID: 1}, "admin": erinReads(), "both": {ID: 1, Admin: true}} {
		menu := rowMenu(owned(), r)
		if n := len(menu.Options); n > 5 {
			t.Errorf("%s: the menu has %d choices", name, n)
		}
		if last := menu.Options[len(menu.Options)-1].Value; last != string(verbGiveBack) && last != string(verbRevoke) {
			t.Errorf("%s: the menu ends with %s", name, last)
		}
	}
}
