package main

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/bot/slacksim"
)

// Every other way a request can go: denied, canceled, lapsed, approved by
// policy, approved with less.
func TestDeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	card := w.card("U0BOB", id, "deny")
	bob := w.user("U0BOB")
	_, err := bob.Click(w.ctx, card.Place(), "deny/"+id)
	w.must(err)
	w.await("the deny form", func() bool { v, ok := bob.Modal(); return ok && v.CallbackID == "deny" })
	w.must(bob.Fill(w.ctx, "reason", "", slacksim.Value{Text: "Use the nightly job instead"}))
	_, err = bob.Submit(w.ctx)
	w.must(err)
	w.await("Alice to read why", func() bool {
		return strings.Contains(w.transcript("U0ALICE", w.user("U0ALICE").DM()), "Use the nightly job instead")
	})
	w.await("Alice to be told by a message of its own", func() bool {
		for _, m := range w.user("U0ALICE").Messages(w.user("U0ALICE").DM()) {
			if strings.Contains(string(m.Blocks), `"outcome/`+id+`"`) {
				return true
			}
		}
		return false
	})
	w.await("the record in the channel's thread", func() bool {
		for _, m := range w.user("U0ERIN").Messages("C0APPROVALS") {
			if m.ThreadTS != "" && m.ThreadTS != m.TS && strings.Contains(shown(m), "nightly job") {
				return true
			}
		}
		return false
	})
	w.await("Carol's card to be closed", func() bool {
		return !strings.Contains(w.transcript("U0CAROL", w.user("U0CAROL").DM()), `"approve/`+id)
	})
	if n := w.count(`SELECT count(*) FROM credential WHERE managed`); n != 0 {
		t.Fatalf("a denied request made %d keys", n)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	card := w.card("U0BOB", id, "approve")
	w.says(w.slash("U0FRANK", "/tokens cancel "+id), "Only the requester or an admin")
	w.says(w.slash("U0ALICE", "/tokens cancel "+id), "canceled")
	// Bob's card may still show the button; the click is answered all the same.
	if _, err := w.user("U0BOB").Click(w.ctx, card.Place(), "approve/"+id); err == nil {
		w.await("an answer for Bob", func() bool {
			return strings.Contains(w.transcript("U0BOB", w.user("U0BOB").DM()), "already canceled")
		})
	}
	// Alice knows what she did; what an admin does she is told anew.
	other := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.says(w.slash("U0ERIN", "/tokens cancel "+other), "canceled")
	dm := func() string { return w.transcript("U0ALICE", w.user("U0ALICE").DM()) }
	w.await("Alice to be told", func() bool { return strings.Contains(dm(), `"outcome/`+other+`"`) })
	if strings.Contains(dm(), `"outcome/`+id+`"`) {
		t.Error("Alice is told anew of what she did herself")
	}
}

func TestLapse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.must(w.jumpClock(w.ctx, jumps["day"]+jumps["hour"]))
	w.await("Alice to be told", func() bool {
		return strings.Contains(strings.ToLower(w.transcript("U0ALICE", w.user("U0ALICE").DM())), "lapsed")
	})
	if n := w.count(`SELECT count(*) FROM request WHERE state = 'lapsed'`); n != 1 {
		t.Fatalf("%s did not lapse", id)
	}
}

func TestAutoApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, _ := w.reveal("U0ALICE")
	if got, body := w.use(key, "/4/accounts"); got != http.StatusOK {
		t.Fatalf("read: %d %s", got, body)
	}
	r, err := http.NewRequestWithContext(w.ctx, http.MethodDelete, w.main.GatewayURL()+"/tempo/4/worklogs/1", nil)
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Fatalf("a read key deletes: %d", answer.StatusCode)
	}
	if n := w.count(`SELECT count(*) FROM message WHERE purpose LIKE 'card%'`); n != 0 {
		t.Fatalf("%d people were asked about what the policy approves", n)
	}
	// An expired key is refused at the gateway and told to its owner.
	w.must(w.jumpClock(w.ctx, jumps["week"]+jumps["hour"]))
	w.until(key, "/4/accounts", http.StatusUnauthorized)
	w.await("Alice to be told", func() bool {
		return strings.Contains(w.transcript("U0ALICE", w.user("U0ALICE").DM()), "xpired")
	})
}

func TestApproveLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	card := w.card("U0BOB", id, "approve_less")
	bob := w.user("U0BOB")
	_, err := bob.Click(w.ctx, card.Place(), "approve_less/"+id)
	w.must(err)
	w.await("the form", func() bool { v, ok := bob.Modal(); return ok && v.CallbackID == "approve_less" })
	w.must(bob.Fill(w.ctx, "scopes", "", slacksim.Value{Options: []string{"worklogs:view"}}))
	w.must(bob.Fill(w.ctx, "lifetime", "", slacksim.Value{Option: "1d"}))
	res, err := bob.Submit(w.ctx)
	w.must(err)
	if len(res.Errors) > 0 {
		t.Fatal(res.Errors)
	}
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	key, token := w.reveal("U0ALICE")
	if got, body := w.use(key, "/4/worklogs"); got != http.StatusOK {
		t.Fatalf("what is left: %d %s", got, body)
	}
	if got, _ := w.use(key, "/4/plans"); got != http.StatusForbidden {
		t.Fatalf("what was struck: %d", got)
	}
	n := w.count(`SELECT count(*) FROM credential WHERE scopes = '{worklogs:view}' AND lifetime_s = 86400 AND expires_at - activated_at = interval '1 day'`)
	if n != 1 {
		t.Fatalf("%s is not what was approved", token)
	}
}

func TestUncollectedKeyDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	w.await("the reveal button", func() bool { return revealURLs.MatchString(w.transcript("U0ALICE", w.user("U0ALICE").DM())) })
	w.must(w.jumpClock(w.ctx, jumps["day"]+jumps["hour"]))
	w.await("Alice to be told", func() bool {
		return strings.Contains(w.transcript("U0ALICE", w.user("U0ALICE").DM()), "collected in time")
	})
	if n := w.count(`SELECT count(*) FROM ticket WHERE sealed IS NOT NULL`); n != 0 {
		t.Fatal("the sealed key of an uncollected ticket is still there")
	}
}

// Dana is in both steps of a long request and did not vote in the first: when
// the second begins she is asked by a new message, and the old one lets go.
func TestLaterStepsRingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "60d", "Fix last month's import of worklogs")
	first := w.card("U0DANA", id, "approve")
	w.says(w.click("U0BOB", id, "approve"), "counted")
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	w.await("a second message for Dana", func() bool {
		asking, past := 0, false
		for _, m := range w.user("U0DANA").Messages(w.user("U0DANA").DM()) {
			asks := strings.Contains(string(m.Blocks), `"approve/`+id+`"`)
			if asks && m.TS != first.TS {
				asking++
			}
			past = past || m.TS == first.TS && !asks && strings.Contains(shown(m), "in another message")
		}
		return asking == 1 && past
	})
	w.says(w.click("U0DANA", id, "approve"), "the last one needed")
	w.await("the reveal button", func() bool { return revealURLs.MatchString(w.transcript("U0ALICE", w.user("U0ALICE").DM())) })
}
