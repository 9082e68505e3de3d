package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// TestVotesCountUpToThemselves: a record says what was so when it was given,
// even if it is written after the next vote.
func TestVotesCountUpToThemselves(t *testing.T) {
	t.Parallel()
	v := decided(storage.RequestFulfilled, "", storage.CredentialActive)
	for i, want := range []string{"<@U0BOB> approved: 1 of 2 by it-admins.", "<@U0CAROL> approved: 2 of 2 by it-admins."} {
		if got := voteMessage(v, v.Steps[0].Votes[i]).Text; got != want {
			t.Errorf("vote %d reads %q, want %q", i+1, got, want)
		}
	}
}

// TestThreadsRepeatNothing: whether a thread is written step by step or at
// once at the end, it has the same records, each once.
func TestThreadsRepeatNothing(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"waiting":   nil,
		"approved":  {"decision:approved"},
		"fulfilled": {"decision:approved", "decision:fulfilled"},
		"failed":    {"decision:approved", "decision:failed"},
		"denied":    {"decision:denied"}, "lapsed": {"decision:lapsed"}, "canceled": {"decision:canceled"},
	} {
		var got []string
		said := 0
		for _, e := range decisions(endings()[name]) {
			got = append(got, e.purpose)
			said += strings.Count(e.message.Text, "Approved by")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if said > 1 {
			t.Errorf("%s: who approved is said %d times", name, said)
		}
	}
	early, late := decisions(endings()["approved"])[0], decisions(endings()["fulfilled"])[0]
	if early.message.digest() != late.message.digest() {
		t.Error("the approval reads differently once the key is made")
	}
}
