package main

import (
	"net/http"
	"strings"
	"testing"
)

// The main job, from the first command to the end of the key.
func TestMainJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	preview := w.fillRequest("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.says(preview.Show(), "tempo-approvers", "Bob", "Carol", "Dana")
	w.must(w.user("U0ALICE").CloseAll(w.ctx))

	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.says(w.click("U0BOB", id, "approve"), "counted")
	w.await("Bob's card to let go of its buttons", func() bool {
		dm := w.transcript("U0BOB", w.user("U0BOB").DM())
		return strings.Contains(dm, "1 more approval is needed") && !strings.Contains(dm, `"approve/`+id)
	})
	if n := w.count(`SELECT count(*) FROM credential WHERE managed`); n != 0 {
		t.Fatalf("one approval of two made %d keys", n)
	}
	w.says(w.click("U0CAROL", id, "approve"), "counted")

	key, token := w.reveal("U0ALICE")
	w.says(w.slash("U0ALICE", "/tokens show "+token), "last used: never")
	if got, body := w.use(key, "/4/worklogs"); got != http.StatusOK {
		t.Fatalf("inside the scopes: %d %s", got, body)
	}
	got, body := w.use(key, "/4/accounts")
	if got != http.StatusForbidden {
		t.Fatalf("outside the scopes: %d %s", got, body)
	}
	w.says(body, "accounts:view")
	w.await("the last use", func() bool { return !strings.Contains(w.slash("U0ALICE", "/tokens show "+token), "last used: never") })

	w.says(w.slash("U0BOB", "/tokens revoke "+token+" because"), "Only its owner or an admin")
	w.says(w.slash("U0ERIN", "/tokens list"), token, "U0ALICE")
	w.says(w.slash("U0ERIN", "/tokens revoke "+token+" it leaked"), "revoked")
	t.Logf("the gateway refused the key %s after the revoke was answered", w.until(key, "/4/worklogs", http.StatusUnauthorized))
	w.await("Alice to be told", func() bool {
		dm := w.transcript("U0ALICE", w.user("U0ALICE").DM())
		return strings.Contains(dm, "Erin") && strings.Contains(dm, "it leaked")
	})
	w.await("every card to be closed", func() bool {
		return !strings.Contains(w.transcript("U0DANA", w.user("U0DANA").DM()), `"approve/`+id)
	})
	w.says(w.slash("U0ALICE", "/tokens why "+token), "tempo-write", "approve")
}
