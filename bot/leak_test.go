package bot

import (
	"testing"

	"latchkey/storage"
	"latchkey/workflow"
)

// leakOf is a key whose secret was found, in the words of a finder who means
// no good.
func leakOf(v workflow.CredentialView) workflow.LeakView {
	return workflow.LeakView{Key: v, Leak: storage.Leak{Source: "pull_request_title", URL: "https://git.example/a/<b>|evil#L3"}}
}

// Its owner, whoever approved it and the approvals channel hear that a key
// leaked, each once, however often it is reported.
func TestLeaksAreTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	key, leaked := h.grantedSecret(write())
	report := []workflow.LeakReport{{Token: leaked, Source: "commit", URL: "https://git.example/shop/main.go#L3"}}
	for range 2 {
		if _, err := h.rules.ReportLeak(h.ctx, h.actor("U0ERIN"), report); err != nil {
			t.Fatal(err)
		}
	}
	const found = "was found where others can read it"
	h.told("U0ALICE", "", "Your key "+key.String(), found, "Take it out of there", "https://git.example/shop/main.go#L3")
	h.told("U0BOB", "", "The key "+key.String()+" of Alice", found, "lately")
	h.told("U0ERIN", "C0APPROVALS", "The key "+key.String(), found)
	h.told("U0ALICE", "", key.String(), "revoked by Erin", "its secret was found")
	if n := h.countMessages("U0BOB", found); n != 1 {
		t.Errorf("Bob was told %d times", n)
	}
}
