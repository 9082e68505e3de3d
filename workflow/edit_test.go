package workflow

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

var errUndo = errors.New("undo")

func (h *house) rename(t *testing.T, who string, id storage.CredentialID, label, note string) error {
	t.Helper()
	_, err := h.Edit(t.Context(), h.people[who], id, Edit{Label: &label, Note: &note})
	return err
}

// Who may change what people call a key and note about it, with one audit row
// for each change.
func TestEditWords(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	for who, rule := range map[string]string{"frank": RuleAdminOnly, "dana": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest, "stranger": RuleUnlinked} {
		refused(t, who, h.rename(t, who, c.ID, "mine", "mine"), rule)
	}
	refused(t, "what is not there", h.rename(t, "erin", 999, "a", "b"), RuleUnknown)
	for what, words := range map[string][2]string{
		"a long name": {strings.Repeat("é", maxLabel+1), ""}, "two lines": {"a\nb", ""}, "no text": {"a\xff", ""}, "a zero byte": {"a\x00", ""},
		"a long note": {"a", strings.Repeat("é", maxNote+1)}, "a note that is no text": {"a", "\xff"}, "a note with a zero byte": {"a", "b\x00"},
	} {
		refused(t, what, h.rename(t, "alice", c.ID, words[0], words[1]), RuleReason)
	}
	if got := h.credential(t, c.ID); got.Label != c.Label || got.Note != "" {
		t.Fatalf("after refusals: %q, %q", got.Label, got.Note)
	}
	for _, e := range []struct{ who, label, note string }{
		{"alice2", " Dashboards ", ""}, {"alice", "Dashboards", ""}, {"alice", "Dashboards", "ask Carol\nfirst"}, {"erin", "Boards", "ask Dana"}, {"alice", "Boards", ""},
		{"alice", strings.Repeat("é", maxLabel), strings.Repeat("é", maxNote)},
	} {
		if err := h.rename(t, e.who, c.ID, e.label, e.note); err != nil {
			t.Fatal(err)
		}
		if got := h.credential(t, c.ID); got.Label != strings.TrimSpace(e.label) || got.Note != e.note {
			t.Errorf("%+v: %q, %q", e, got.Label, got.Note)
		}
	}
	var story []string
	for _, e := range h.events(t, c.ID) {
		if e.Action == "credential.labelled" || e.Action == "credential.noted" {
			story = append(story, e.Action[len("credential."):]+" by "+e.Actor+": "+cut(e.Before)[:min(len(e.Before), 10)]+">"+cut(e.After)[:min(len(e.After), 10)])
		}
	}
	want := []string{"labelled by alice2: " + c.Label[:min(len(c.Label), 10)] + ">Dashboards", "noted by alice: >ask Carol\n", "labelled by erin: Dashboards>Boards",
		"noted by erin: ask Carol\n>ask Dana", "noted by alice: ask Dana>", "labelled by alice: Boards>ééééé", "noted by alice: >ééééé"}
	if diff := cmp.Diff(want, story); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := h.Revoke(t.Context(), h.people["alice"], c.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	refused(t, "what is over", h.rename(t, "alice", c.ID, "late", ""), RuleDecided)
}

// A key that was found at its system has the name it has there, and can have a
// note.
func TestEditWhatWasFound(t *testing.T) {
	t.Parallel()
	h := open(t)
	k := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	h.sync(t)
	c := h.found(t, k.ID)
	refused(t, "another name", h.rename(t, "alice", c.ID, "mine", ""), RuleNotPossible)
	if err := h.rename(t, "alice", c.ID, c.Label, "for the old script"); err != nil {
		t.Error(err)
	}
	soon := time.Now().Add(time.Hour)
	_, err := h.Edit(t.Context(), h.people["erin"], c.ID, Edit{ExpiresAt: &soon})
	refused(t, "its end", err, RuleNotPossible)
	h.sync(t)
	if got := h.credential(t, c.ID); got.Note != "for the old script" || got.Label != c.Label {
		t.Errorf("%q, %q", got.Label, got.Note)
	}
}

// Who may move an end and how far: its owner forward only, an admin either way
// for others, nobody beyond the ceiling, and all or nothing is changed.
func TestEditEnds(t *testing.T) {
	t.Parallel()
	h := open(t)
	of := map[string]storage.Credential{"alice": h.held(t, "alice", ofTempo("files:read", 10*day)), "erin": h.held(t, "erin", ofTempo("files:read", 10*day))}
	now := time.Now()
	in := now.Add
	for _, tt := range []struct {
		what, who, whose string
		ends             time.Time
		rule             string // empty: it is done
	}{
		{"her own, later", "alice", "alice", in(11 * 24 * time.Hour), RuleAdminOnly},
		{"an admin's own, later", "erin", "erin", in(11 * 24 * time.Hour), RuleAdminOnly},
		{"somebody else", "frank", "alice", in(9 * 24 * time.Hour), RuleAdminOnly},
		{"past", "alice", "alice", in(-time.Hour), RuleCeiling},
		{"the zero time", "erin", "alice", time.Time{}, RuleCeiling},
		{"beyond the ceiling", "erin", "alice", in(90*24*time.Hour + time.Hour), RuleCeiling},
		{"2099", "erin", "alice", time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC), RuleCeiling},
		{"9999", "erin", "alice", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), RuleCeiling},
		{"beyond what a database counts", "erin", "alice", time.Unix(1<<60, 0), RuleCeiling},
		{"her own, sooner", "alice", "alice", in(9 * 24 * time.Hour), ""},
		{"an admin's own, sooner", "erin", "erin", in(8 * 24 * time.Hour), ""},
		{"an admin, later", "bob", "alice", in(89 * 24 * time.Hour), ""},
		{"an admin, sooner", "bob2", "erin", in(time.Hour), ""},
	} {
		was := h.credential(t, of[tt.whose].ID)
		before := count(h.events(t, was.ID), "credential.end_changed")
		label := "renamed"
		_, err := h.Edit(t.Context(), h.people[tt.who], was.ID, Edit{ExpiresAt: &tt.ends, Label: &label, Reason: "the project ends"})
		got, rows := h.credential(t, was.ID), count(h.events(t, was.ID), "credential.end_changed")-before
		if tt.rule == "" {
			if err != nil || !got.ExpiresAt.Equal(tt.ends.Truncate(time.Second)) || rows != 1 || got.Label != label {
				t.Errorf("%s: it ends at %s, %d audit rows, %v", tt.what, got.ExpiresAt, rows, err)
			}
			continue
		}
		refused(t, tt.what, err, tt.rule)
		if !got.ExpiresAt.Equal(was.ExpiresAt) || rows != 0 || got.Label != was.Label {
			t.Errorf("%s: something changed: %+v", tt.what, got)
		}
	}
	c, long := of["alice"], strings.Repeat("x", maxLabel+1)
	ends := in(5 * 24 * time.Hour)
	_, err := h.Edit(t.Context(), h.people["alice"], c.ID, Edit{ExpiresAt: &ends, Label: &long})
	refused(t, "a good end and a bad name", err, RuleReason)
	if got := h.credential(t, c.ID); !about(got.ExpiresAt, in(89*24*time.Hour)) {
		t.Errorf("half of it was done: %s", got.ExpiresAt)
	}
	h.sweepAt(t, 90*24*time.Hour)
	if got := h.credential(t, c.ID); got.State != storage.CredentialExpired {
		t.Errorf("at its new end it is %s", got.State)
	}
	_, err = h.Edit(t.Context(), h.people["erin"], c.ID, Edit{ExpiresAt: &ends})
	refused(t, "what is over", err, RuleDecided)
}

// An exemption is an admin's, for others' keys, with a reason, and ends.
func TestExempt(t *testing.T) {
	t.Parallel()
	h := open(t)
	of := map[string]storage.CredentialID{"alice": h.held(t, "alice", ofTempo("files:read", 10*day)).ID, "erin": h.held(t, "erin", ofTempo("files:read", 10*day)).ID}
	k := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	h.sync(t)
	found := h.found(t, k.ID).ID
	month := time.Now().Add(30 * 24 * time.Hour)
	for what, tt := range map[string]struct {
		who    string
		id     storage.CredentialID
		until  time.Time
		reason string
		rule   string
	}{
		"its owner":         {"alice", of["alice"], month, "needed", RuleAdminOnly},
		"somebody else":     {"frank", of["alice"], month, "needed", RuleAdminOnly},
		"an admin's own":    {"erin", of["erin"], month, "needed", RuleSelfReview},
		"without a reason":  {"bob", of["alice"], month, " ", RuleReason},
		"with a novel":      {"bob", of["alice"], month, strings.Repeat("x", maxReason+1), RuleReason},
		"past":              {"bob", of["alice"], time.Now().Add(-time.Second), "needed", RuleCeiling},
		"more than a year":  {"bob", of["alice"], time.Now().Add(time.Duration(maxExemption) + time.Hour), "needed", RuleCeiling},
		"2099":              {"bob", of["alice"], time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), "needed", RuleCeiling},
		"9999":              {"bob", of["alice"], time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), "needed", RuleCeiling},
		"what was found":    {"bob", found, month, "needed", RuleNotPossible},
		"what is not there": {"bob", 999, month, "needed", RuleUnknown},
	} {
		_, err := h.Exempt(t.Context(), h.people[tt.who], tt.id, tt.until, tt.reason)
		refused(t, what, err, tt.rule)
	}
	for _, until := range []time.Time{month, {}} {
		if _, err := h.Exempt(t.Context(), h.people["bob"], of["erin"], until, "needed once a quarter"); err != nil {
			t.Fatal(err)
		}
		if got := h.credential(t, of["erin"]); !about(got.ExemptUntil, until) {
			t.Errorf("exempt until %s, want %s", got.ExemptUntil, until)
		}
	}
	if n := count(h.events(t, of["erin"]), "credential.exempted"); n != 2 {
		t.Errorf("%d audit rows", n)
	}
}

// Ending somebody's key within a day is as good as revoking it, so a key needs
// the scope for that too.
func TestAKeyThatEditsDoesNotEnd(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	edits, both := h.keyed(t, "erin", ScopeEdit), h.keyed(t, "erin", ScopeEdit, ScopeRevoke)
	end := func(a Actor, in time.Duration) error {
		ends := time.Now().Add(in)
		_, err := h.Edit(t.Context(), a, c.ID, Edit{ExpiresAt: &ends, Reason: "the job is done"})
		return err
	}
	for _, in := range []time.Duration{2 * time.Second, 23 * time.Hour} {
		refused(t, "an end in "+in.String(), end(edits, in), RuleScope)
	}
	if err := end(edits, 25*time.Hour); err != nil {
		t.Errorf("an end in more than a day: %v", err)
	}
	if err := end(both, 2*time.Hour); err != nil {
		t.Errorf("with both scopes: %v", err)
	}
	if err := end(edits, 3*time.Hour); err != nil {
		t.Errorf("a later end: %v", err)
	}
}
