package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"latchkey/bot/slacksim"
	"latchkey/storage"
)

// livedIn is every key that the demo's vendors have when it starts: system,
// name, owner, account where nobody is linked to it, the most it can do, flags.
const livedIn = `
github | ci before actions | Bob Baker | admin | over_scope unmanaged over_age stale
github | code search | Dana Diaz | read | unmanaged never_used
github | desk | Dana Diaz | write | over_scope unmanaged
github | editor | Alice Archer | admin | over_scope unmanaged
github | invite people | Frank Fisher | write | over_scope unmanaged over_age stale
github | laptop | Alice Archer | write | over_scope unmanaged
github | latchkey | (service) | write | owner_unknown over_scope unmanaged
github | member list | Erin Evans | read | unmanaged
github | mirror | (nightly-42) | read | owner_unknown unmanaged
github | release notes | Bob Baker | read | unmanaged expiring
github | renovate | (service) | write | owner_unknown over_scope unmanaged
gitlab | deploy preview | (service) | read | owner_unknown unmanaged never_used
gitlab | handover | Dora Doe | read | owner_left unmanaged stale
gitlab | ide | Bob Baker | admin | over_scope unmanaged expiring
gitlab | laptop | Alice Archer | read | unmanaged
gitlab | metrics | Carol Chen | read | unmanaged stale
gitlab | old script | Alice Archer | admin | over_scope unmanaged over_age stale never_used
gitlab | payroll export | Frank Fisher | admin | over_scope unmanaged
gitlab | production | (service) | admin | owner_unknown over_scope unmanaged
gitlab | push | Frank Fisher | write | over_scope unmanaged never_used
gitlab | registry mirror | (service) | read | owner_unknown unmanaged
gitlab | renovate | (service) | admin | owner_unknown over_scope unmanaged
jira | Latchkey | (service) | admin | owner_unknown over_scope unmanaged
jira | audit export | (service) | read | owner_unknown unmanaged expiring
jira | board on the wall | Alice Archer | read | unmanaged
jira | command line | Bob Baker | write | over_scope unmanaged
jira | dashboard | (ines@contractor.example) | read | owner_unknown unmanaged
jira | old sync script | Alice Archer | admin | over_scope unmanaged over_age stale
jira | payroll export | Frank Fisher | write | over_scope unmanaged
jira | release notes | Bob Baker | write | over_scope unmanaged
jira | spreadsheet | Carol Chen | read | unmanaged expiring
jira | trial | Frank Fisher | read | unmanaged stale
timepiece |  | (service) | admin | owner_unknown over_scope unmanaged
timepiece |  | Alice Archer | admin | over_scope unmanaged
timepiece |  | Bob Baker | admin | over_scope unmanaged over_age
timepiece |  | Frank Fisher | admin | over_scope unmanaged expiring
`

// Admins see every key of every system, made here or not, and end any of them
// from Slack.
func TestInventory(t *testing.T) {
	t.Parallel()
	w := newLivedInWorld(t)
	w.sync("jira", "github", "gitlab", "timepiece", "acme")
	t.Run("every key is listed with its flags", func(t *testing.T) { w.in(t).listEverything() })
	t.Run("any key is revoked", func(t *testing.T) { w.in(t).revokeOneOfEachSort() })
	t.Run("what only people can end is asked of people", func(t *testing.T) { w.in(t).revokeByHand() })
	t.Run("a key is made by hand", func(t *testing.T) { w.in(t).makeByHand() })
	t.Run("a key made by hand does too much", func(t *testing.T) { w.in(t).makeTooMuchByHand() })
	t.Run("a request at the vendor is decided here", func(t *testing.T) { w.in(t).decideVendorRequests() })
	t.Run("a whole system is revoked", func(t *testing.T) { w.in(t).revokeSystem() })
}

// in is the same world as a subtest speaks to it.
func (w *world) in(t *testing.T) *world {
	same := *w
	same.t = t
	return &same
}

// sync has systems listed now, and waits until a listing that began after that
// is whole. One that was under way puts the next one off as it ends, so it is
// asked for again then.
func (w *world) sync(systems ...string) {
	w.t.Helper()
	for _, name := range systems {
		idle := func(after int) bool {
			return w.count(`SELECT count(*) FROM connection WHERE name = $1 AND sync_attempts > $2 AND sync_lease_until IS NULL AND sync_problem = ''`, name, after) == 1
		}
		w.eventually(name+" to be listed once", func() bool { return idle(0) })
		before := w.count(`SELECT sync_attempts FROM connection WHERE name = $1`, name)
		w.says(w.slash("U0ERIN", "/tokens sync "+name), name, "listed anew")
		w.eventually(name+" to be listed", func() bool {
			if w.count(`SELECT count(*) FROM connection WHERE name = $1 AND sync_attempts = $2 AND sync_lease_until IS NULL AND sync_due_at > latchkey_now()`, name, before) == 1 {
				w.slash("U0ERIN", "/tokens sync "+name)
			}
			return idle(before)
		})
	}
}

// found is the ID of a key that was found at a system, by its name there.
func (w *world) found(system, label string) string {
	w.t.Helper()
	id := w.count(`SELECT id FROM credential WHERE connection = $1 AND label = $2 AND NOT managed`, system, label)
	return storage.CredentialID(id).String()
}

// holding is what a vendor has under a name, by the vendor's own books.
func (w *world) holding(system, label string) (holding, bool) {
	w.t.Helper()
	for _, s := range w.systems() {
		if s.Name != system {
			continue
		}
		for _, h := range s.holdings() {
			if h.Label == label {
				return h, true
			}
		}
	}
	return holding{}, false
}

// listEverything reads the CSV of all keys and compares what else lists them.
func (w *world) listEverything() {
	w.t.Helper()
	w.says(w.slash("U0ERIN", "/tokens list --csv"), "comes as a CSV file")
	erin := w.user("U0ERIN")
	w.await("the file", func() bool { return len(erin.Files(erin.DM())) == 1 })
	rows, err := csv.NewReader(strings.NewReader(string(erin.Files(erin.DM())[0].Content))).ReadAll()
	w.must(err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var got []string
	per := map[string]int{}
	for _, r := range rows[1:] {
		at := func(name string) string { return r[column[name]] }
		who := at("owner")
		switch {
		case who != "":
		case strings.HasPrefix(at("account"), "service:"):
			who = "(service)"
		default:
			who = "(" + cmp.Or(at("account_email"), at("account")) + ")"
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s | %s | %s | %s | %s", at("system"), at("label"), who, at("access"), at("flags"))))
		per[at("system")]++
		if at("managed") != "no" || at("request") != "" {
			w.t.Errorf("%s is said to be managed", at("id"))
		}
	}
	slices.Sort(got)
	want := strings.Split(strings.TrimSpace(livedIn), "\n")
	if d := diff.Diff(want, got); d != "" {
		w.t.Errorf("(-want +got)\n%s", d)
	}
	systems := w.slash("U0ERIN", "/tokens systems")
	for name, n := range per {
		w.says(systems, fmt.Sprintf("%s has %d live keys", name, n))
	}
	w.says(w.slash("U0ERIN", "/tokens list jira"), w.found("jira", "command line"), "U0BOB", "payroll export")
	w.says(w.slash("U0ERIN", "/tokens list --stale"), w.found("jira", "old sync script"))
	w.says(w.slash("U0FRANK", "/tokens list jira"), "Only admins")
}

// revokeOneOfEachSort ends a key of every sort that its vendor lets us end.
func (w *world) revokeOneOfEachSort() {
	w.t.Helper()
	for _, tt := range []struct{ system, label, answer string }{
		{"jira", "command line", "DELETE"},                  // a person's token
		{"jira", "audit export", "/api-keys/"},              // the organisation's key
		{"github", "laptop", "/personal-access-tokens/"},    // a fine-grained token
		{"github", "ci before actions", "/credential-auth"}, // a classic token
		{"github", "editor", "/credential-auth"},            // an OAuth grant
		{"gitlab", "ide", "DELETE"},                         // a person's token
		{"gitlab", "registry mirror", "DELETE"},             // a group's token
		{"gitlab", "production", "DELETE"},                  // a service account's token
	} {
		before, ok := w.holding(tt.system, tt.label)
		if !ok || !before.Works {
			w.t.Fatalf("%s of %s does not work to begin with", tt.label, tt.system)
		}
		id := w.found(tt.system, tt.label)
		w.says(w.slash("U0ERIN", "/tokens revoke "+id+" it leaked"), id)
		w.eventually(id+" to be revoked", func() bool { return w.state(id) == "revoked" })
		if after, still := w.holding(tt.system, tt.label); still && after.Works {
			w.t.Errorf("%s still lets %s in", tt.system, tt.label)
		}
		w.says(w.slash("U0ERIN", "/tokens show "+id), "What the system answered", tt.answer, "the key is dead", "it leaked")
	}
	bob := func() string { return w.transcript("U0BOB", w.user("U0BOB").DM()) }
	w.await("Bob to be told", func() bool { return strings.Contains(bob(), "it leaked") && strings.Contains(bob(), "Erin Evans") })
}

// state is a key's state.
func (w *world) state(id string) string {
	w.t.Helper()
	_, key, err := storage.ParseID(id)
	w.must(err)
	c, err := w.main.db.Credential(w.ctx, key)
	w.must(err)
	return string(c.State)
}

// revokeByHand ends what vendors let only people end: the case stays open
// until the vendor shows that it was done.
func (w *world) revokeByHand() {
	w.t.Helper()
	app := w.found("github", "renovate")
	jwt := storage.CredentialID(w.count(`SELECT c.id FROM credential c JOIN person p ON p.id = c.owner_id WHERE c.connection = 'timepiece' AND p.email = 'bob@example.com'`)).String()
	for id, step := range map[string]string{app: "Uninstall", jwt: "Switch Active off"} {
		w.slash("U0ERIN", "/tokens revoke "+id+" nobody needs it")
		w.await("the task for "+id, func() bool {
			return slices.ContainsFunc(w.user("U0ERIN").Messages("C0APPROVALS"), func(m slacksim.Message) bool {
				return strings.Contains(shown(m), id) && strings.Contains(shown(m), step)
			})
		})
		if got := w.state(id); got != "revoke_failed" {
			w.t.Errorf("%s is %s before anybody ended it", id, got)
		}
	}
	renovate, _ := w.holding("github", "renovate")
	forgotten, _ := w.holding("timepiece", "set up and forgotten")
	if !forgotten.Works || !w.github.Remove(renovate.ID) || !w.timepiece.Remove(forgotten.ID) {
		w.t.Fatal("what was to be ended by hand is not there")
	}
	w.must(w.jumpClock(w.ctx, jumps["hour"]+jumps["hour"])) // the next look
	w.sync("github", "timepiece")
	for _, id := range []string{app, jwt} {
		w.eventually(id+" to be proven dead", func() bool { return w.state(id) == "revoked" })
		w.says(w.slash("U0ERIN", "/tokens show "+id), "What the system answered", "the key is dead")
	}
}
