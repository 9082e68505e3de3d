package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/storage"
)

// A link can't make the console say what did not happen.
func TestDoneWordsAgree(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	id, _ := b.issue(t, "tempo", "worklogs:view")
	v := b.signedIn(t, erin)
	page := "/console/credentials/" + id.String()
	for address, words := range map[string]string{
		page + "?done=revoke":                    doneWords["revoke"],
		page + "?done=suspend":                   doneWords["suspend"],
		page + "?done=edit":                      doneWords["edit"],
		page + "?done=offboard":                  doneWords["offboard"],
		"/console?done=revoke":                   doneWords["revoke"],
		"/console/sessions?done=ended":           doneWords["ended"],
		"/console/sessions?done=ended&session=1": doneWords["ended"],
	} {
		if got := v.get(address); got.status != http.StatusOK || strings.Contains(got.body, words) {
			t.Errorf("%s = %d and says %q", address, got.status, words)
		}
	}
	mustContain(t, v.get(page+"?done=resume"), doneWords["resume"])
	mustContain(t, v.get("/console/sessions?done=ended&session=999"), doneWords["ended"])
}

// An address may hold what the cookie of a sign-in is divided by.
func TestSignInLeadsToAddressesWithTildes(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	const next = "/console/credentials?q=a~b~c"
	if got := b.desk(t).signIn(erin, next); got.status != http.StatusSeeOther || got.header.Get("Location") != next {
		t.Errorf("comes back to %d %q", got.status, got.header.Get("Location"))
	}
}

// That Slack does not answer is no wrong guess.
func TestSlackDownIsNoGuess(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	v := b.desk(t)
	answer := v.answerOfSlack(erin, "")
	if err := b.sim.Close(); err != nil {
		t.Fatal(err)
	}
	if got := v.get(answer); got.status != http.StatusBadGateway || v.session() != "" {
		t.Errorf("with Slack away: %d %s", got.status, got.title())
	}
}

// Who was locked out in Slack is locked out of the console with the next page,
// even if no event told us.
func TestConsoleAsksSlack(t *testing.T) {
	t.Parallel()
	b := setupConsole(t)
	var deleted atomic.Bool
	b.service.AccountNow = func(ctx context.Context, team, user string) (storage.Account, error) {
		a, _, err := b.db.AccountOf(ctx, storage.SystemSlack, team, user)
		a.IsDeleted = a.IsDeleted || deleted.Load()
		return a, err
	}
	v := b.signedIn(t, erin)
	if got := v.get("/console"); got.status != http.StatusOK {
		t.Fatalf("before: %d %s", got.status, got.title())
	}
	deleted.Store(true)
	if got := v.get("/console"); got.status == http.StatusOK {
		t.Errorf("after: %d %s", got.status, got.title())
	}
	if got := b.desk(t).signIn(erin, ""); got.status != http.StatusForbidden {
		t.Errorf("signing in again: %d %s", got.status, got.title())
	}
}
