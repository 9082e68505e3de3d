package main

import (
	"strings"
	"testing"

	"latchkey/bot/slacksim"
)

// Whoever may not vote is told which rule stands in the way, in Slack, where
// they clicked.
func TestRefusedClicksNameTheRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The card is in a channel that an outsider and a guest can see too:
	// everybody finds the same buttons.
	w.sim.SetGroup("S0APPROVE", "U0BOB", "U0CAROL", "U0DANA", "U0ERIN")
	id := w.request("U0ERIN", "tempo", "write", "7d", "Check that nobody approves their own")
	channel := w.channelCard(id)
	for _, tt := range []struct{ who, want string }{
		{"U0ERIN", "own request"},
		{"U0ERINADM", "own request"},
		{"U0FRANK", "can't review"},
		{"U0OLGA", "belongs to another one"},
		{"U0GUS", "Guests can't"},
	} {
		if got := w.clickAs(tt.who, channel, "approve/"+id); !strings.Contains(got, tt.want) {
			t.Errorf("%s is told %q, want %q", tt.who, got, tt.want)
		}
	}
	w.says(w.click("U0BOB", id, "approve"), "counted")
	if got := w.clickAs("U0BOB", channel, "approve/"+id); !strings.Contains(got, "votes once") {
		t.Errorf("a second vote is told %q", got)
	}
	// Dana leaves the group after her card was sent.
	dana := w.card("U0DANA", id, "approve")
	w.sim.SetGroup("S0APPROVE", "U0BOB", "U0CAROL")
	w.await("the group change to arrive", func() bool {
		return w.count(`SELECT count(*) FROM group_member WHERE source = 'slack:S0APPROVE'`) == 2
	})
	if got := w.clickOn("U0DANA", dana, "approve/"+id); !strings.Contains(got, "can't review") {
		t.Errorf("who left the group is told %q", got)
	}
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	if got := w.clickAs("U0CAROL", channel, "approve/"+id); got != "" && !strings.Contains(got, "already") {
		t.Errorf("a vote after the end is told %q", got)
	}
	if n := w.count(`SELECT count(*) FROM review WHERE voided_at IS NULL`); n != 2 {
		t.Errorf("%d votes count, want 2", n)
	}
}

func TestOutsidersGuestsAndBots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.user("U0OLGA").Slash(w.ctx, "C0SHARED", "/tokens request tempo"); err == nil {
		t.Error("an outsider ran a command")
	}
	for who, want := range map[string]string{"U0GUS": "Guests can't"} {
		if got := w.slash(who, "/tokens mine"); !strings.Contains(got, want) {
			t.Errorf("%s is told %q, want %q", who, got, want)
		}
	}
}

// channelCard waits for the card in the approvals channel.
func (w *world) channelCard(id string) slacksim.Message {
	w.t.Helper()
	var found slacksim.Message
	w.await("the channel's card", func() bool {
		for _, m := range w.user("U0BOB").Messages("C0APPROVALS") {
			if strings.Contains(string(m.Blocks), `"approve/`+id+`"`) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// clickAs presses a button on the channel's card and returns what its presser
// alone is told; nothing if the button is gone.
func (w *world) clickAs(who string, m slacksim.Message, action string) string {
	w.t.Helper()
	u := w.user(who)
	before := len(u.Messages(m.Channel))
	if _, err := u.Click(w.ctx, m.Place(), action); err != nil {
		return ""
	}
	var told string
	w.await("an answer for "+who, func() bool {
		all := u.Messages(m.Channel)
		for _, now := range all[min(before, len(all)):] {
			if now.Ephemeral {
				told = shown(now)
				return true
			}
		}
		return false
	})
	return told
}

// A word or an ID that does not exist is answered with help and the nearest
// one that does.
func TestUnknownWordsAndIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says(w.slash("U0ALICE", "/tokens reqest tempo"), "request")
	w.says(w.slash("U0ALICE", "/tokens request temp"), "Did you mean tempo?")
	w.says(w.slash("U0ALICE", "/tokens show nonsense"), "is not an ID", "TK-7F3K")
	w.says(w.slash("U0ALICE", "/tokens help"), "request", "mine", "pending", "list", "show", "done", "revoke", "why")

	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	_, token := w.reveal("U0ALICE")
	wrong := token[:len(token)-1] + "0"
	if wrong == token {
		wrong = token[:len(token)-1] + "1"
	}
	for _, command := range []string{"show ", "why ", "done ", "revoke "} {
		w.says(w.slash("U0ALICE", "/tokens "+command+wrong), "There is no key "+wrong, "Did you mean "+token+"?", "/tokens mine")
	}
}

// What the owner does with the key's ID alone: look at it, and give it back.
func TestOwnersCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says(w.slash("U0ALICE", "/tokens"), "request")
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	w.says(w.slash("U0ALICE", "/tokens mine"), token, "tempo")
	w.says(w.slash("U0ALICE", "/tokens list"), "Only admins")
	w.says(w.slash("U0ERIN", "/tokens list <@U0ALICE|alice>"), token)
	w.says(w.slash("U0ERIN", "/tokens list tempo"), token)
	w.says(w.slash("U0ERIN", "/tokens done "+token), "not yours")
	w.says(w.slash("U0ALICE", "/tokens why "+token), "tempo-read", "nobody is asked")
	w.says(w.slash("U0ALICE", "/tokens done "+token), "Thank you")
	w.until(key, "/4/worklogs", 401)
}

// App Home, the shortcut, and its buttons.
func TestHomeAndShortcut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob, alice := w.user("U0BOB"), w.user("U0ALICE")
	w.must(bob.OpenHome(w.ctx))
	w.await("Bob's home", func() bool { v, ok := bob.Home(); return ok && strings.Contains(v.Show(), "Waiting") })
	_, err := alice.Shortcut(w.ctx, "request_key")
	w.must(err)
	w.await("the form", func() bool { v, ok := alice.Modal(); return ok && v.CallbackID == "request" })
	v, _ := alice.Modal()
	options, err := alice.Suggest(w.ctx, v.ID, "system/", "tem")
	w.must(err)
	if len(options) != 1 || options[0].Value != "tempo" {
		t.Fatalf("suggested %v", options)
	}
	w.must(alice.CloseAll(w.ctx))

	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.await("the request in Bob's home", func() bool { v, _ := bob.Home(); return strings.Contains(string(v.Blocks), `"approve/`+id+`"`) })
	home, _ := bob.Home()
	_, err = bob.Click(w.ctx, home.Place(), "approve/"+id)
	w.must(err)
	w.await("the vote to be counted", func() bool { return w.count(`SELECT count(*) FROM review`) == 1 })
	w.await("Bob's home to let go of it", func() bool { v, _ := bob.Home(); return !strings.Contains(string(v.Blocks), `"approve/`+id+`"`) })
}

// An admin finds everybody's keys in App Home, and ends one from there.
func TestAdminsHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	erin := w.user("U0ERIN")
	w.must(erin.OpenHome(w.ctx))
	w.await("Erin's home", func() bool { v, ok := erin.Home(); return ok && strings.Contains(v.Show(), "All keys") })
	home, _ := erin.Home()
	_, err := erin.Click(w.ctx, home.Place(), "list/")
	w.must(err)
	for _, step := range []struct {
		title string
		next  slacksim.Action
	}{
		{"All keys", slacksim.Action{ActionID: "row/" + token, Value: slacksim.Value{Option: "show"}}},
		{"Key " + token, slacksim.Action{ActionID: "revoke/" + token}},
	} {
		w.await(step.title, func() bool { v, ok := erin.Modal(); return ok && v.Title == step.title })
		v, _ := erin.Modal()
		_, err := erin.Act(w.ctx, v.Place(), step.next)
		w.must(err)
	}
	w.await("the revoke form", func() bool { v, ok := erin.Modal(); return ok && v.CallbackID == "revoke" })
	w.must(erin.Fill(w.ctx, "reason", "", slacksim.Value{Text: "it leaked"}))
	_, err = erin.Submit(w.ctx)
	w.must(err)
	w.until(key, "/4/worklogs", 401)
}
