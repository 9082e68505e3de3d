package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// socket is one Socket Mode connection, opened again whenever it ends. Slack
// refreshes connections every few hours and slack-go opens the next only
// after the old one is gone, so a bot has two.
type socket struct {
	number int
	bot    *Bot

	mu   sync.Mutex
	open bool
	why  error
}

func (s *socket) status() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.why
}

func (s *socket) set(open bool, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.why = open, why
}

// run keeps the socket until the context ends.
func (s *socket) run(ctx context.Context) {
	wait := time.Second
	for ctx.Err() == nil {
		client := socketmode.New(s.bot.Client.api)
		began := time.Now()
		ended := make(chan struct{})
		go s.read(ctx, client, ended)
		err := client.RunContext(ctx)
		close(ended)
		s.set(false, describe(err))
		if ctx.Err() != nil {
			return
		}
		s.bot.Logger.Warn().Err(err).Int("socket", s.number).Msg("socket ended, will open another")
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Minute)
	}
}

// read takes events off one client until the context ends.
func (s *socket) read(ctx context.Context, client *socketmode.Client, ended <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case ev, ok := <-client.Events:
			if !ok {
				return
			}
			s.take(ctx, client, ev)
		}
	}
}

func (s *socket) take(ctx context.Context, client *socketmode.Client, ev socketmode.Event) {
	env := envelope{request: ev.Request}
	switch ev.Type {
	case socketmode.EventTypeHello:
		s.set(true, nil)
		return
	case socketmode.EventTypeConnecting:
		s.set(false, nil)
		return
	case socketmode.EventTypeConnectionError, socketmode.EventTypeInvalidAuth, socketmode.EventTypeIncomingError, socketmode.EventTypeDisconnect:
		s.set(false, eventError(ev))
		return
	case socketmode.EventTypeSlashCommand:
		c, ok := ev.Data.(slack.SlashCommand)
		if !ok {
			return
		}
		env.command = &c
	case socketmode.EventTypeInteractive:
		c, ok := ev.Data.(slack.InteractionCallback)
		if !ok {
			return
		}
		env.action = &c
	case socketmode.EventTypeEventsAPI:
		e, ok := ev.Data.(slackevents.EventsAPIEvent)
		if !ok {
			return
		}
		env.event = &e
	case socketmode.EventTypeErrorBadMessage, socketmode.EventTypeErrorWriteFailed:
		s.bot.Logger.Warn().Str("event", string(ev.Type)).Msg("unreadable message from Slack")
		return
	default:
		return
	}
	if !s.bot.begin() {
		return // draining: another replica, or we after the restart, will get it again
	}
	go s.bot.receive(ctx, client, env)
}

func eventError(ev socketmode.Event) error {
	switch data := ev.Data.(type) {
	case *slack.ConnectionErrorEvent:
		return describe(data.ErrorObj)
	case error:
		return describe(data)
	}
	if ev.Type == socketmode.EventTypeInvalidAuth {
		return errors.New("Slack refuses the app token") //nolint:staticcheck // Slack is a name
	}
	return nil
}

// describe says in a sentence why Slack can't be reached.
func describe(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	if se, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return fmt.Errorf("Slack refuses the connection (%s)", se.Err) //nolint:staticcheck // Slack is a name
	}
	return errors.New("Slack can't be reached") //nolint:staticcheck // Slack is a name
}
