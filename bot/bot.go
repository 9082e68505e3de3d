package bot

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"latchkey/storage"
	"latchkey/workflow"
)

// Deps is what a Bot needs.
type Deps struct {
	Client    *Client
	Directory *Directory
	Notifier  *Notifier
	Workflow  *workflow.Service
	DB        *storage.DB
	Logger    zerolog.Logger
}

// Bot listens to Slack. Run it once.
type Bot struct {
	Deps
	slots   chan struct{} // bounds what is handled at once
	recent  recent
	sockets []*socket

	ackWithin time.Duration

	mu       sync.Mutex
	draining bool
	inFlight sync.WaitGroup
}

// How much is handled at once, and how long one thing may take before the ack
// is due.
const (
	maxHandled  = 256
	ackDefault  = 2500 * time.Millisecond
	afterWithin = 20 * time.Second
	drainWithin = 8 * time.Second
)

// New prepares a bot; it does not dial.
func New(d Deps) *Bot {
	b := &Bot{Deps: d, slots: make(chan struct{}, maxHandled), recent: newRecent()}
	b.ackWithin = cmp.Or(d.Client.config.AckWithin, ackDefault)
	n := d.Client.config.Sockets
	if n == 0 {
		n = 2
	}
	for i := range n {
		b.sockets = append(b.sockets, &socket{number: i, bot: b})
	}
	return b
}

// Run serves until the context ends, then finishes what is under way: no new
// envelopes are taken, handlers end and ack, and only then the sockets close.
func (b *Bot) Run(ctx context.Context) error {
	sockets, closeSockets := context.WithCancel(context.WithoutCancel(ctx))
	defer closeSockets()
	var open sync.WaitGroup
	for _, s := range b.sockets {
		open.Go(func() { s.run(sockets) })
	}
	open.Go(func() {
		b.load(ctx)
		b.keepGroups(ctx)
	})
	<-ctx.Done()
	b.mu.Lock()
	b.draining = true
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.inFlight.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(drainWithin):
		b.Logger.Warn().Msg("some interactions did not finish in time")
	}
	closeSockets()
	open.Wait()
	return nil
}

// load reads the directory, and keeps trying while Slack is away.
func (b *Bot) load(ctx context.Context) {
	wait := time.Second
	for {
		err := b.Directory.Load(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		b.Logger.Warn().Err(err).Msg("directory not loaded, will retry")
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Minute)
	}
}

// keepGroups reads the groups before what is known of them gets too old, so
// that people who click rarely wait for it.
func (b *Bot) keepGroups(ctx context.Context) {
	tick := time.NewTicker(freshFor / 2)
	defer tick.Stop()
	for {
		b.Directory.Refresh(ctx, b.Workflow.Rules().AllSources())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// errNotConnected is what readiness says while no socket is open.
var errNotConnected = errors.New("no connection to Slack is open")

// Ready reports whether at least one socket is open, and if not, why.
func (b *Bot) Ready() error {
	var why error
	for _, s := range b.sockets {
		open, err := s.status()
		if open {
			return nil
		}
		if err != nil {
			why = err
		}
	}
	if why != nil {
		return why
	}
	return errNotConnected
}

// begin counts an envelope in, unless we are draining.
func (b *Bot) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return false
	}
	b.inFlight.Add(1)
	return true
}

// envelope is one thing Slack sent, parsed.
type envelope struct {
	request *socketmode.Request
	command *slack.SlashCommand
	action  *slack.InteractionCallback
	event   *slackevents.EventsAPIEvent
}

// receive handles one envelope. It is the one place that acks: after the
// handler, and so after its commit. What a handler leaves for later (opening
// a modal, answering in a channel) runs behind the ack.
func (b *Bot) receive(ctx context.Context, s *socketmode.Client, env envelope) {
	defer b.inFlight.Done()
	log := b.Logger.With().Str("envelope", env.request.EnvelopeID).Str("type", env.request.Type).Logger()
	defer func() {
		if p := recover(); p != nil {
			log.Error().Interface("panic", p).Msg("handler panicked; Slack will send it again")
		}
	}()
	b.slots <- struct{}{}
	defer func() { <-b.slots }()

	out := b.recent.do(env.key(), func() answer {
		ctx, cancel := context.WithTimeout(ctx, b.ackWithin)
		defer cancel()
		return b.dispatch(ctx, env)
	})
	if out.again {
		log.Warn().Msg("not acked, Slack will send it again")
		return
	}
	ackCtx, cancel := context.WithTimeout(ctx, callTimeout)
	err := s.AckCtx(ackCtx, env.request.EnvelopeID, out.ack)
	cancel()
	if err != nil {
		log.Warn().Err(err).Msg("ack not sent")
	}
	if out.after == nil || out.repeated {
		return
	}
	afterCtx, cancel := context.WithTimeout(ctx, afterWithin)
	defer cancel()
	if err := out.after(afterCtx); err != nil {
		log.Warn().Err(err).Msg("answer not delivered")
	}
}

// key tells repeats of one interaction; empty when repeats do no harm.
func (e envelope) key() string {
	switch {
	case e.command != nil:
		return "command:" + e.command.TriggerID
	case e.event != nil:
		if cb, ok := e.event.Data.(*slackevents.EventsAPICallbackEvent); ok {
			return "event:" + cb.EventID
		}
		return ""
	case e.action == nil, e.action.Type == slack.InteractionTypeBlockSuggestion:
		return ""
	case e.action.Type == slack.InteractionTypeViewSubmission:
		// Not by the view: a form that was corrected after an error is the same
		// view with the same hash, and must be judged anew.
		return "submit:" + e.request.EnvelopeID
	}
	return "action:" + e.sourceKey()
}

// sourceKey is the interaction's own unique key, stored with what it caused.
func (e envelope) sourceKey() string {
	cb := e.action
	if len(cb.ActionCallback.BlockActions) > 0 {
		a := cb.ActionCallback.BlockActions[0]
		return cb.User.ID + ":" + a.ActionID + ":" + a.ActionTs
	}
	return cb.User.ID + ":" + cb.TriggerID
}
