package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/bot/slacksim"
)

// A key that nobody asked for and that can write: the dry run shows it, its
// owner is warned, and a week later it is revoked. One that can only read
// stays, and so does what belongs to a service.
func TestEnforcement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync("jira")
	w.atVendor("jira", url.Values{"person": {"bob@example.com"}, "label": {"a quick script"}, "scope": {"write:jira-work"}})
	w.atVendor("jira", url.Values{"person": {"bob@example.com"}, "label": {"a quick look"}, "scope": {"read:jira-work"}})
	script, _ := w.holding("jira", "a quick script")
	look, _ := w.holding("jira", "a quick look")
	if !script.Works || !look.Works {
		t.Fatal("the panel made no keys")
	}
	w.sync("jira")
	id := w.found("jira", "a quick script")

	w.says(w.dryRun("jira"), "1 waiting for the deadline", id, "it can change things", "nothing was done", "Report only", w.found("jira", "a quick look"))
	bob := w.user("U0BOB")
	w.await("the warning", func() bool {
		dm := w.transcript("U0BOB", bob.DM())
		return strings.Contains(dm, id) && strings.Contains(dm, "has to go") && strings.Contains(dm, `"keep/`+id)
	})
	w.must(w.jumpClock(w.ctx, jumps["day"]))
	w.sync("jira")
	if got := w.state(id); got != "active" {
		t.Fatalf("before the deadline it is %s", got)
	}

	w.must(w.jumpClock(w.ctx, jumps["week"]))
	w.eventually(id+" to be revoked", func() bool { return w.state(id) == "revoked" })
	if w.jira.Works(script.Secret) {
		t.Error("the vendor still lets it in")
	}
	if !w.jira.Works(look.Secret) {
		t.Error("what was to be reported only was ended")
	}
	w.says(w.slash("U0ERIN", "/tokens show "+id), "What the system answered", "the key is dead")
	w.await("Bob to be told of the end", func() bool { return strings.Contains(w.transcript("U0BOB", bob.DM()), "was revoked") })
}

// dryRun is what enforcement would do with a system, as Erin is shown it. It
// comes behind the ack.
func (w *world) dryRun(system string) string {
	w.t.Helper()
	erin := w.user("U0ERIN")
	before := len(erin.Messages("C0GENERAL"))
	_, err := erin.Slash(w.ctx, "C0GENERAL", "/tokens enforce "+system)
	w.must(err)
	var last slacksim.Message
	w.await("the dry run", func() bool {
		all := erin.Messages("C0GENERAL")
		if len(all) > before {
			last = all[len(all)-1]
		}
		return len(all) > before
	})
	return shown(last)
}

// atVendor fills in a vendor's form on the control panel, for a key that lives
// a month.
func (w *world) atVendor(system string, form url.Values) {
	w.t.Helper()
	form.Set("ends", w.pace.now().AddDate(0, 0, 30).Format(time.DateOnly))
	w.panel(http.MethodPost, "/at/"+system+"/make", form, http.StatusOK)
}
