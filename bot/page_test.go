package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
	"latchkey/workflow"
)

func TestPagesSurviveTheirButtons(t *testing.T) {
	t.Parallel()
	whole := page{Listing: workflow.Listing{Owner: 7, Connection: "a.b", Kind: workflow.OAuthGrant, Flag: storage.FlagStale, All: true}}
	for _, p := range []page{{}, whole, whole.older(900), whole.older(900).older(12), {Listing: workflow.Listing{All: true}}} {
		got, err := readPage(p.String())
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
	}
	for _, broken := range []string{"1", "1.2.tempo", "x....", "0...?.", "0.stale..9z9z9z9z9z9z9z9z9z9z.tempo"} {
		if _, err := readPage(broken); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}

func TestTurningPages(t *testing.T) {
	t.Parallel()
	p := page{Listing: workflow.Listing{Connection: "tempo"}}
	second := p.older(90)
	third := second.older(80)
	if got := third.listing(); got.Before != 80 || got.Limit != listPage+1 {
		t.Errorf("the third page asks for %+v", got)
	}
	if got := third.newer().listing().Before; got != 90 {
		t.Errorf("before it comes the page from %d", got)
	}
	if got := second.newer().newer().listing().Before; got != 0 {
		t.Errorf("the first page begins at %d", got)
	}
	deep := p
	for i := range 100 {
		deep = deep.older(storage.CredentialID(1<<40 - i))
	}
	if got := deep.listing().Before; got != 1<<40-99 {
		t.Errorf("far down it asks for what is before %d", got)
	}
	if n := len(actionID(verbMore, deep.String())); n > 255-40 {
		t.Errorf("far down a button's ID has %d characters", n)
	}
}

func TestOptionsAreReadAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"--stale": "stale", "—Stale": "stale", "–stale": "stale"} {
		if got, is := optionTyped(typed); !is || got != want {
			t.Errorf("%q is read as %q, %t", typed, got, is)
		}
	}
	for _, word := range []string{"stale", "-stale", "<@U0ALICE>"} {
		if _, is := optionTyped(word); is {
			t.Errorf("%q is taken for an option", word)
		}
	}
	if got := unknownOption("--unmanagd", "unmanagd"); !strings.Contains(got, "Did you mean `--unmanaged`?") {
		t.Error(got)
	}
	for _, f := range storage.Flags {
		if optionOf(f) == "" || flagLabel(f) == "flagged" || flagWords(f, storage.Credential{}) == string(f) {
			t.Errorf("%s has no words", f)
		}
	}
}

// TestRowsOfferWhatTheirReaderMayDo: a menu has nothing that workflow would
// refuse its reader.
func TestRowsOfferWhatTheirReaderMayDo(t *testing.T) {
	t.Parallel()
	owner, admin, both := reader{ID: 1}, erinReads(), reader{ID: 1, Admin: true}
	suspended, own := suspendedBy(byErin(), "Odd calls."), suspendedBy(storage.Actor{PersonID: 1}, byOwner)
	for _, c := range []struct {
		name string
		got  []verb
		want []verb
	}{
		{"found, its owner", owner.offers(foundFor()), []verb{verbKeep, verbSuspend, verbGiveBack}},
		{"found, an admin", admin.offers(foundFor()), []verb{verbSuspend, verbRevoke}},
		{"found, an admin's own", both.offers(foundFor()), []verb{verbKeep, verbSuspend, verbGiveBack}},
		{"managed, an admin", admin.offers(managedKey()), []verb{verbSuspend, verbHandOver, verbRevoke}},
		{"managed, its owner", owner.offers(managedKey()), []verb{verbSuspend, verbGiveBack}},
		{"managed, somebody else", reader{ID: 9}.offers(managedKey()), nil},
		{"suspended by another, its owner", owner.offers(suspended), []verb{verbGiveBack}},
		{"suspended by its owner", owner.offers(own), []verb{verbResume, verbGiveBack}},
		{"suspended, an admin", admin.offers(suspended), []verb{verbResume, verbRevoke}},
		{"unlinked, an admin", admin.offers(unlinked()), []verb{verbRevoke}},
		{"ended", admin.offers(keyIn(storage.CredentialRevoked)), nil},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestOAuthIsOfferedWhereThereIsAnApp: elsewhere it can't even be chosen.
func TestOAuthIsOfferedWhereThereIsAnApp(t *testing.T) {
	t.Parallel()
	f := chosenForm()
	f.OAuth = true
	got := readRequestForm(filled(t, requestModal(f, 3), map[string]string{"kind/tempo": workflow.OAuthGrant}), "")
	got.Offer, got.OAuth = f.Offer, true
	if kind := got.ask().Kind; kind != workflow.OAuthGrant {
		t.Errorf("it asks for %s", kind)
	}
	got.OAuth = false
	if kind := got.ask().Kind; kind != workflow.APIKey {
		t.Errorf("without an app it asks for %s", kind)
	}
	if strings.Contains(string(encode(t, requestModal(got, 3))), "OAuth app") {
		t.Error("without an app it is offered")
	}
}
