package bot

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/storage"
)

// controls are a message's buttons: label and action ID.
func controls(m message) [][2]string {
	out := [][2]string{}
	for _, b := range m.Blocks {
		row, ok := b.(*slack.ActionBlock)
		if !ok {
			continue
		}
		for _, e := range row.Elements.ElementSet {
			if b, ok := e.(*slack.ButtonBlockElement); ok {
				out = append(out, [2]string{b.Text.Text, b.ActionID})
			}
		}
	}
	return out
}

func TestControlsStayUntilTheDecision(t *testing.T) {
	t.Parallel()
	id := pendingRequest().Request.ID.String()
	asked := [][2]string{{"Approve", "approve/" + id}, {"Approve less", "approve_less/" + id}, {"Deny", "deny/" + id}, {"Details", "details/" + id}}
	for name, v := range endings() {
		want, own := [][2]string{}, [][2]string{}
		if v.Request.State == storage.RequestPending {
			want, own = asked, [][2]string{{"Cancel request", "cancel/" + id}}
		}
		if diff := cmp.Diff(want, controls(cardMessage(v, "", 0))); diff != "" {
			t.Errorf("card, %s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(own, controls(statusMessage(v))); diff != "" {
			t.Errorf("status, %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRevealIsOfferedOnlyWhileThereIsSomethingToCollect(t *testing.T) {
	t.Parallel()
	id := activeKey().Credential.ID.String()
	reveal := [2]string{"Reveal", "reveal/" + id}
	details, giveBack := [2]string{"Show details", "show/" + id}, [2]string{"Give back", "give_back/" + id}
	if diff := cmp.Diff([][2]string{reveal, details, giveBack}, controls(keyMessage(uncollected(), noon()))); diff != "" {
		t.Errorf("uncollected (-want +got):\n%s", diff)
	}
	howTo := [2]string{"How to use it", "clients/" + id}
	if diff := cmp.Diff([][2]string{details, howTo, giveBack}, controls(keyMessage(activeKey(), noon()))); diff != "" {
		t.Errorf("collected (-want +got):\n%s", diff)
	}
	for _, state := range keyStates() {
		v := uncollected()
		v.Credential.State = state
		offered := slices.Contains(controls(keyMessage(v, noon())), reveal)
		if want := state == storage.CredentialActive; offered != want {
			t.Errorf("%s: offered %t, want %t", state, offered, want)
		}
	}
	if strings.Contains(string(encode(t, listMessage(listing{Keys: fullHome().Keys, Reader: erinReads()}))), "/reveal/") {
		t.Error("a listing of everybody's keys gives the link away")
	}
}

// TestCardsOfferWhatTheirReaderMayDo: a card is one person's, so it has no
// button that workflow would refuse them.
func TestCardsOfferWhatTheirReaderMayDo(t *testing.T) {
	t.Parallel()
	id := pendingRequest().Request.ID.String()
	details, deny := [2]string{"Details", "details/" + id}, [2]string{"Deny", "deny/" + id}
	all := [][2]string{{"Approve", "approve/" + id}, {"Approve less", "approve_less/" + id}, deny, details}
	for name, c := range map[string]struct {
		card message
		want [][2]string
		says string
	}{
		"the channel":          {cardMessage(once(), "", 0), all, ""},
		"has not voted":        {cardMessage(once(), "", carol().ID), all, ""},
		"has voted":            {cardMessage(once(), "", bob().ID), [][2]string{details}, "*You approved.* 1 more approval is needed."},
		"voted a step ago":     {cardMessage(halfway(), "", bob().ID), [][2]string{details}, "*You approved.* 1 more approval is needed."},
		"did not, a step ago":  {cardMessage(stepOver(), "", 6), [][2]string{deny, details}, "*it-admins* has approved; now *security* is asked."},
		"is asked later":       {cardMessage(pendingRequest(), "", dana().ID), [][2]string{deny, details}, "It is not your turn yet: *it-admins* is asked first."},
		"was asked anew":       {pastCard(halfway()), [][2]string{details}, "in another message"},
		"was asked anew, over": {pastCard(endings()["denied"]), [][2]string{}, "Denied by Carol Clark"},
	} {
		if diff := cmp.Diff(c.want, controls(c.card)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !strings.Contains(string(encode(t, c.card)), c.says) {
			t.Errorf("%s: %q is missing", name, c.says)
		}
	}
}

// TestKeysAreEndedByWhoMay: an owner gives a key back, an admin revokes it.
// Only the owner can ask for another one in its place.
func TestKeysAreEndedByWhoMay(t *testing.T) {
	t.Parallel()
	id := activeKey().Credential.ID.String()
	giveBack, revoke := [2]string{"Give back", "give_back/" + id}, [2]string{"Revoke", "revoke/" + id}
	howTo, log := [2]string{"How to use it", "clients/" + id}, [2]string{"Audit log", "audit/" + ofKey(activeKey().Credential.ID).String()}
	less := [2]string{"Ask for fewer scopes", "less/" + id}
	for looks, want := range map[reader][][2]string{{ID: alice().ID}: {giveBack, howTo, less, log}, erinReads(): {revoke, howTo, log}} {
		f := fileOf(activeKey(), looks)
		if diff := cmp.Diff(want, controls(showMessage(f))); diff != "" {
			t.Errorf("shown to %d (-want +got):\n%s", looks.ID, diff)
		}
		over := message{Blocks: keyModal(f).Blocks.BlockSet}
		if diff := cmp.Diff(want, controls(over)); diff != "" {
			t.Errorf("over the page, for %d (-want +got):\n%s", looks.ID, diff)
		}
	}
	if diff := cmp.Diff([][2]string{log}, controls(showMessage(fileOf(keyIn(storage.CredentialRevoked), erinReads())))); diff != "" {
		t.Errorf("a revoked key (-want +got):\n%s", diff)
	}
}
