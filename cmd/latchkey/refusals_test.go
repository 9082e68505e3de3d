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
