package bot

import (
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
	"latchkey/workflow"
)

// Where only a person can make a key, its owner is told how, and told again
// when the key was found.
func TestOwnersAreGuidedToMakeTheirKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	account, err := h.directory.Account(h.ctx, "T0LATCH", "U0ALICE")
	h.must(err)
	alice := workflow.Actor{Account: account, Ref: "test"}
	r, err := h.rules.Submit(h.ctx, alice, workflow.Ask{Connection: "guide", Kind: workflow.APIKey, Scopes: []string{"files:read"}, Lifetime: days(7), Reason: "A report."}, "once")
	h.must(err)
	card := h.told("U0BOB", "", "Request for an API key", r.ID.String())
	h.click("U0BOB", card.Place(), verbApprove, r.ID.String())

	task := h.told("U0ALICE", "", "only you can make it", "Name the key", "Give it [files:read] and nothing else.")
	c, err := h.db.CredentialOf(h.ctx, r.ID)
	h.must(err)
	if !offers(task, verbOpen, c.ID.String()) {
		t.Errorf("the task has no link:\n%s", task.Show())
	}
	h.guide.Seed(fake.Key{Label: h.labelOf(c), Owner: connectors.AccountRef{ID: "id-alice", Email: "alice@example.com"}, Scopes: []string{"files:read"}, ExpiresAt: c.CreatedAt.Add(6 * day24)})
	h.sync()
	h.told("U0ALICE", "", "There is nothing left to do.")
	h.told("U0ALICE", "", "Your key", c.ID.String(), "Use it the way that system asks for.")
}

// labelOf is what the guide tells people to call a key.
func (h *house) labelOf(c storage.Credential) string {
	h.t.Helper()
	v, err := h.rules.LookAtCredential(h.ctx, c.ID)
	h.must(err)
	const before, after = "Name the key ", "."
	step := v.Task.Steps[0]
	return step[len(before) : len(step)-len(after)]
}
