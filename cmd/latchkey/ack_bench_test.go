package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
	"latchkey/storage"
	"latchkey/workflow"
)

// inFlight is how many interactions Slack sends at the same moment.
const inFlight = 200

// BenchmarkSlackAck measures how long Slack waits for an ack when 200
// interactions arrive at once: half of them votes, each a transaction that is
// acked after its commit, half of them commands. It is a bot's process, with
// the background work elsewhere; simulator and Postgres share the machine.
func BenchmarkSlackAck(b *testing.B) {
	w := newWorldWith(b, stormWorld())
	alone := w.replica(RoleBot)
	w.must(w.main.Stop(w.ctx))
	w.main = alone
	var acks []time.Duration
	for i := range b.N {
		b.StopTimer()
		ids := w.fileMany(i)
		board := w.board(ids)
		w.sim.Knobs().Hold()
		took := make(chan time.Duration, inFlight)
		var release time.Time
		var clicks sync.WaitGroup
		released := make(chan struct{})
		for n := range inFlight {
			clicks.Go(func() {
				var err error
				if n%2 == 0 {
					_, err = w.user("U0BOB").Click(w.ctx, board, "approve/"+ids[n/2].String())
				} else {
					_, err = w.user(fmt.Sprintf("U0STORM%02d", n%storm)).Slash(w.ctx, "C0GENERAL", "/tokens mine")
				}
				at := time.Now()
				<-released
				if err != nil {
					b.Error(err)
				}
				took <- at.Sub(release)
			})
		}
		w.await("all interactions to be held", func() bool { return len(w.sim.Knobs().Held()) >= inFlight })
		b.StartTimer()
		release = time.Now()
		close(released)
		w.sim.Knobs().Release()
		clicks.Wait()
		b.StopTimer()
		close(took)
		for d := range took {
			acks = append(acks, d)
		}
		w.clear(ids)
		b.StartTimer()
	}
	slices.Sort(acks)
	b.ReportMetric(float64(acks[len(acks)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(acks[len(acks)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(acks[len(acks)-1].Microseconds())/1000, "max-ms")
}

// fileMany files a hundred requests.
func (w *world) fileMany(round int) []storage.RequestID {
	w.t.Helper()
	var ids []storage.RequestID
	for i := range inFlight / 2 {
		asker := fmt.Sprintf("U0STORM%02d", 5+i%(storm-5))
		r, err := w.main.workflow.Submit(w.ctx, w.actor(asker), workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"worklogs:manage"},
			Lifetime: workflow.Duration(24 * time.Hour), Reason: "round after round"}, fmt.Sprintf("ack %d %d", round, i))
		w.must(err)
		ids = append(ids, r.ID)
	}
	return ids
}

// board is one message with a button for each request, in place of the
// hundred cards that the background work would send.
func (w *world) board(ids []storage.RequestID) slacksim.Place {
	w.t.Helper()
	var blocks []slack.Block
	for row := range slices.Chunk(ids, 25) {
		var buttons []slack.BlockElement
		for _, id := range row {
			buttons = append(buttons, slack.NewButtonBlockElement("approve/"+id.String(), id.String(), slack.NewTextBlockObject(slack.PlainTextType, id.String(), false, false)))
		}
		blocks = append(blocks, slack.NewActionBlock("", buttons...))
	}
	api := slack.New(w.sim.BotToken(), slack.OptionAPIURL(w.sim.APIURL()))
	channel, ts, err := api.PostMessageContext(w.ctx, "C0APPROVALS", slack.MsgOptionText("A hundred requests", false), slack.MsgOptionBlocks(blocks...))
	w.must(err)
	return slacksim.Place{Channel: channel, TS: ts}
}

// clear makes room in everybody's quota.
func (w *world) clear(ids []storage.RequestID) {
	w.t.Helper()
	for _, id := range ids {
		_, err := w.main.workflow.Cancel(w.ctx, w.actor("U0ERIN"), id)
		w.must(err)
	}
}
