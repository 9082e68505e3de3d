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
		if diff := cmp.Diff(want, controls(cardMessage(v, ""))); diff != "" {
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
	if diff := cmp.Diff([][2]string{details, giveBack}, controls(keyMessage(activeKey(), noon()))); diff != "" {
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
	if strings.Contains(string(encode(t, listMessage(fullHome().Keys, ""))), "/reveal/") {
		t.Error("a listing of everybody's keys gives the link away")
	}
}
