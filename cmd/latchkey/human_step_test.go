package main

import (
	"strings"
	"time"

	"latchkey/bot/slacksim"
)

// askForJira files a person's request for Jira and has it approved: the owner
// then gets a task, whose label is returned.
func (w *world) askForJira(who string) (id, label string) {
	w.t.Helper()
	id = w.request(who, "jira", "read", "30d", "A dashboard of open work")
	w.click("U0ERIN", id, "approve")
	u := w.user(who)
	w.await("the task", func() bool {
		for _, m := range u.Messages(u.DM()) {
			if text := shown(m); strings.Contains(text, "only you can make it") && strings.Contains(text, "read:jira-work") {
				if _, rest, ok := strings.Cut(text, "by which it is found again: "); ok {
					label = strings.TrimSpace(strings.FieldsFunc(rest, func(r rune) bool { return r == '\n' || r == ' ' })[0])
				}
			}
		}
		return label != ""
	})
	return id, strings.TrimSuffix(label, ".")
}

// makeByHand makes a token as the task says: at the next sync it is active.
func (w *world) makeByHand() {
	w.t.Helper()
	_, label := w.askForJira("U0CAROL")
	made, err := w.jira.CreateTokenAsUser(w.jira.PersonByEmail("carol@example.com"), label, []string{"read:jira-user", "read:jira-work"}, w.pace.now().AddDate(0, 0, 29))
	w.must(err)
	w.sync("jira")
	token := w.keyOfLabel(label)
	if got := w.state(token); got != "active" {
		w.t.Fatalf("%s is %s", token, got)
	}
	if !w.jira.Works(made.Secret) {
		w.t.Fatal("what was made as approved does not work")
	}
	carol := w.user("U0CAROL")
	w.await("the task to be over", func() bool {
		dm := w.transcript("U0CAROL", carol.DM())
		return strings.Contains(dm, "There is nothing left to do") && !strings.Contains(dm, "only you can make it")
	})
	w.says(w.slash("U0CAROL", "/tokens show "+token), "Active until", "jira-work")
}

// makeTooMuchByHand makes a token that may do more than was approved: it is
// revoked at the vendor, and its owner is told why.
func (w *world) makeTooMuchByHand() {
	w.t.Helper()
	_, label := w.askForJira("U0DANA")
	made, err := w.jira.CreateTokenAsUser(w.jira.PersonByEmail("dana@example.com"), label, []string{"read:jira-user", "read:jira-work", "write:jira-work"}, w.pace.now().AddDate(0, 0, 29))
	w.must(err)
	w.sync("jira")
	token := w.keyOfLabel(label)
	w.eventually(token+" to be revoked", func() bool { return w.state(token) == "revoked" })
	if w.jira.Works(made.Secret) {
		w.t.Fatal("what exceeds the approval still works")
	}
	dana := w.user("U0DANA")
	w.await("Dana to be told why", func() bool {
		return strings.Contains(w.transcript("U0DANA", dana.DM()), "it may do more than was approved: write:jira-work")
	})
}

// keyOfLabel is the ID that ends a label of ours.
func (w *world) keyOfLabel(label string) string {
	w.t.Helper()
	id := keyIDs.FindString(label)
	if id == "" {
		w.t.Fatalf("%q names no key", label)
	}
	return id
}

// decideVendorRequests decides on what Alice asked for at GitHub itself, then
// on what she asks for next. A stranger's request stays where it is.
func (w *world) decideVendorRequests() {
	w.t.Helper()
	waiting := func(label string) bool { h, ok := w.holding("github", label); return ok && !h.Works }
	if !waiting("changelog") || !waiting("more mirrors") {
		w.t.Fatal("the requests at GitHub are not there")
	}
	id := w.vendorRequest("Collect merged pull requests")
	w.click("U0DANA", id, "approve")
	w.eventually("GitHub to be told", func() bool { h, ok := w.holding("github", "changelog"); return ok && h.Works })
	w.sync("github")
	w.eventually("the token to be active here", func() bool {
		return w.count(`SELECT count(*) FROM credential c JOIN request r ON r.id = c.request_id
			WHERE r.vendor_request <> '' AND c.managed AND c.state = 'active' AND c.vendor_ref LIKE 'pat/%'`) == 1
	})
	if !waiting("more mirrors") {
		w.t.Error("a stranger's request was decided")
	}

	w.must(w.makeAtGitHub(wish{Person: aliceAtGitHub, Label: "everything", Scopes: []string{"contents:write"}, Ends: w.pace.now().Add(60 * 24 * time.Hour), Ask: true}))
	w.sync("github")
	id = w.vendorRequest("Asked for on the control panel")
	card := w.card("U0DANA", id, "deny")
	dana := w.user("U0DANA")
	_, err := dana.Click(w.ctx, card.Place(), "deny/"+id)
	w.must(err)
	w.await("the deny form", func() bool { v, ok := dana.Modal(); return ok && v.CallbackID == "deny" })
	w.must(dana.Fill(w.ctx, "reason", "", slacksim.Value{Text: "Ask for less"}))
	_, err = dana.Submit(w.ctx)
	w.must(err)
	w.eventually("GitHub to be told", func() bool { _, there := w.holding("github", "everything"); return !there })
	w.await("Alice to read why", func() bool { return strings.Contains(w.transcript("U0ALICE", w.user("U0ALICE").DM()), "Ask for less") })
}

// vendorRequest is the request that stands for one at GitHub, by its reason,
// once Dana is asked.
func (w *world) vendorRequest(reason string) (id string) {
	w.t.Helper()
	dana := w.user("U0DANA")
	w.await("Dana's card", func() bool {
		for _, m := range dana.Messages(dana.DM()) {
			if text := shown(m); strings.Contains(text, reason) && strings.Contains(string(m.Blocks), `"approve/RQ-`) {
				id = requestIDs.FindString(text)
			}
		}
		return id != ""
	})
	return id
}

// revokeSystem ends all that people have left at GitLab, after its name was
// typed. What belongs to groups and projects stays: other systems run on it.
func (w *world) revokeSystem() {
	w.t.Helper()
	erin := w.user("U0ERIN")
	_, err := erin.Slash(w.ctx, "C0GENERAL", "/tokens revoke gitlab the vendor was breached")
	w.must(err)
	w.await("the form", func() bool { v, ok := erin.Modal(); return ok && v.CallbackID == "revoke_many" })
	form, _ := erin.Modal()
	live := w.count(`SELECT count(*) FROM credential WHERE connection = 'gitlab' AND state IN ('active', 'suspended')`)
	w.says(form.Show(), "every key of people on gitlab", "6 keys", "Type gitlab to confirm")
	w.must(erin.Fill(w.ctx, "confirm", "", slacksim.Value{Text: "github"}))
	res, err := erin.Submit(w.ctx)
	w.must(err)
	if res.Errors["confirm"] == "" || w.count(`SELECT count(*) FROM credential WHERE connection = 'gitlab' AND state IN ('active', 'suspended')`) != live {
		w.t.Fatalf("another name was taken: %v", res.Errors)
	}
	w.must(erin.Fill(w.ctx, "confirm", "", slacksim.Value{Text: "gitlab"}))
	res, err = erin.Submit(w.ctx)
	w.must(err)
	if len(res.Errors) > 0 {
		w.t.Fatal(res.Errors)
	}
	w.must(erin.CloseAll(w.ctx))
	w.await("the last answer", func() bool {
		for _, m := range erin.Messages(erin.DM()) {
			if text := shown(m); strings.Contains(text, "Done") && strings.Contains(text, "every key of people on gitlab") && strings.Contains(text, "6 revoked") {
				return true
			}
		}
		return false
	})
	for _, h := range w.gitlab.Holdings() {
		if people := h.Sort == "Personal access token" && !strings.HasPrefix(h.Label, "latchkey "); h.Works == people {
			w.t.Errorf("%q of %s works: %v", h.Label, h.Owner, h.Works)
		}
	}
}
