package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/bot/slacksim"
	"latchkey/storage"
	"latchkey/workflow"
)

// replica starts one more service in the same world.
func (w *world) replica(roles ...Role) *Main {
	w.t.Helper()
	m, err := w.service("127.0.0.1:0", "127.0.0.1:0", zerolog.New(w.log))
	w.must(err)
	m.Roles = roles
	m.LeaseFor = 5 * time.Second
	before := w.sim.Sockets()
	w.must(m.Start(w.ctx))
	w.t.Cleanup(func() { _ = m.Stop(w.ctx) })
	if m.has(RoleBot) {
		w.await("the replica to connect", func() bool { return w.sim.Sockets() >= before+2 })
	}
	return m
}

const (
	storm       = 50 // clicks at once
	stormRounds = 100
)

// stormWorld has fifty more people, five of whom may review; every one of
// them is also allowed to ask, so that no quota ends the test.
func stormWorld() slacksim.World {
	w := testWorld()
	for i := range storm {
		id := fmt.Sprintf("U0STORM%02d", i)
		w.Users = append(w.Users, slacksim.WorldUser{ID: id, Name: strings.ToLower(id), RealName: "Storm " + id[7:], Email: strings.ToLower(id) + "@example.com"})
		w.Groups[3].Users = append(w.Groups[3].Users, id) // payroll
		w.Channels[0].Members = append(w.Channels[0].Members, id)
		w.Channels[1].Members = append(w.Channels[1].Members, id)
		if i < 5 {
			w.Groups[1].Users = append(w.Groups[1].Users, id) // tempo-approvers
		}
	}
	return w
}

// Fifty people press Approve and Deny at once, and three replicas get the
// clicks: one decision, at most one key, and an answer for everybody.
func TestClickStorm(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, stormWorld())
	w.replica()
	w.replica()
	rounds := stormRounds
	if testing.Short() {
		rounds = 10
	}
	for i := range rounds {
		w.stormRound(i)
	}
	if n := w.count(`SELECT count(*) FROM request WHERE state NOT IN ('fulfilled', 'approved', 'denied')`); n != 0 {
		t.Errorf("%d requests are undecided", n)
	}
	if n := w.count(`SELECT count(*) FROM (SELECT request_id FROM credential WHERE managed GROUP BY 1 HAVING count(*) > 1) x`); n != 0 {
		t.Errorf("%d requests have more than one key", n)
	}
	if n := w.count(`SELECT count(*) FROM request r WHERE (r.state = 'denied') = EXISTS (SELECT FROM credential c WHERE c.request_id = r.id)`); n != 0 {
		t.Errorf("%d requests have a key and a denial, or neither", n)
	}
	if n := w.count(`SELECT count(*) FROM (SELECT subject_id FROM audit_event WHERE subject = 'request' AND action IN ('request.approved', 'request.denied') GROUP BY 1 HAVING count(*) <> 1) x`); n != 0 {
		t.Errorf("%d requests were decided more than once", n)
	}
}

func (w *world) stormRound(i int) {
	w.t.Helper()
	asker := fmt.Sprintf("U0STORM%02d", 5+i%(storm-5))
	r, err := w.main.workflow.Submit(w.ctx, w.actor(asker), workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"worklogs:manage"},
		Lifetime: workflow.Duration(24 * time.Hour), Reason: "round after round"}, fmt.Sprintf("storm %d", i))
	w.must(err)
	card := w.channelCard(r.ID.String())
	w.sim.Knobs().Hold()
	var clicks sync.WaitGroup
	answered := make(chan error, storm)
	for n := range storm {
		action := "approve/" + r.ID.String()
		if n%2 == 1 {
			action = "deny/" + r.ID.String()
		}
		clicks.Go(func() {
			_, err := w.user(fmt.Sprintf("U0STORM%02d", n)).Click(w.ctx, card.Place(), action)
			answered <- err
		})
	}
	w.await("all clicks to be held", func() bool { return len(w.sim.Knobs().Held()) >= storm })
	w.sim.Knobs().Release()
	clicks.Wait()
	close(answered)
	for err := range answered {
		w.must(err)
	}
	// Whoever may deny got the form; five of them send it, all at once.
	var denials sync.WaitGroup
	for n := range storm {
		u := w.user(fmt.Sprintf("U0STORM%02d", n))
		denials.Go(func() {
			if v, ok := u.Modal(); !ok || v.CallbackID != "deny" {
				return
			}
			_ = u.Fill(w.ctx, "reason", "", slacksim.Value{Text: "no, thank you"})
			_, _ = u.Submit(w.ctx)
			_ = u.CloseAll(w.ctx)
		})
	}
	denials.Wait()
	w.finish(r.ID)
}

// finish decides what the storm left open: if approvals were too few and no
// denial came through, one more person denies.
func (w *world) finish(id storage.RequestID) {
	w.t.Helper()
	r, _, _, err := w.main.db.Request(w.ctx, id)
	w.must(err)
	if r.State != storage.RequestPending {
		return
	}
	_, err = w.main.workflow.Review(w.ctx, w.actor("U0BOB"), id, workflow.Vote{Decision: storage.Deny, Reason: "tidy up", SourceKey: "finish " + id.String()})
	w.must(err)
}

func (w *world) actor(who string) workflow.Actor {
	w.t.Helper()
	a, err := w.main.bot.Directory.Account(w.ctx, "T0LATCH", who)
	w.must(err)
	return workflow.Actor{Account: a, Ref: "test"}
}
