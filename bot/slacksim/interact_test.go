package slacksim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// recorder keeps the interactions an app gets.
type recorder struct {
	callbacks chan slack.InteractionCallback
}

// record runs an app that answers every interaction with what reply says.
func (b *testBundle) record(reply func(slack.InteractionCallback) any) *recorder {
	r := &recorder{callbacks: make(chan slack.InteractionCallback, 16)}
	b.app(func(evt socketmode.Event) (any, bool) {
		callback, ok := evt.Data.(slack.InteractionCallback)
		if !ok {
			return nil, true
		}
		r.callbacks <- callback
		if reply == nil {
			return nil, true
		}
		return reply(callback), true
	})
	return r
}

func TestSlashCommandAsSlackGoReadsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := make(chan slack.SlashCommand, 1)
	b.app(func(evt socketmode.Event) (any, bool) {
		got <- evt.Data.(slack.SlashCommand)
		return map[string]any{"text": "only you"}, true
	})
	alice := b.sim.User("U0ALICE")
	if _, err := alice.Slash(b.ctx, "C0GENERAL", "/tokens list @bob & @it-admins <@U0CAROL> #general a@b"); err != nil {
		t.Fatal(err)
	}
	cmd := <-got
	const text = "list <@U0BOB|bob> &amp; <!subteam^S0ITADMIN|@it-admins> <@U0CAROL|carol> <#C0GENERAL|general> a@b"
	if cmd.Command != "/tokens" || cmd.Text != text || cmd.UserID != "U0ALICE" || cmd.TeamID != "T0LATCH" || cmd.ChannelName != "general" {
		t.Errorf("got %+v", cmd)
	}
	if cmd.TriggerID == "" || !strings.HasPrefix(cmd.ResponseURL, b.sim.URL()) || cmd.APIAppID != "A0LATCH" {
		t.Errorf("got %+v", cmd)
	}
	if m, ok := alice.Last("C0GENERAL"); !ok || m.Text != "only you" || !m.Ephemeral {
		t.Errorf("got %+v", m)
	}
	if got := b.sim.User("U0BOB").Messages("C0GENERAL"); len(got) != 0 {
		t.Errorf("Bob sees %v", got)
	}
	b.noProblems()
}

func TestWhoMayNotRunWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(ackAll)
	slash := func(user, channel, text string) error {
		_, err := b.sim.User(user).Slash(b.ctx, channel, text)
		return err
	}
	for name, err := range map[string]error{
		"unknown command":  slash("U0ALICE", "C0GENERAL", "/other"),
		"outsider":         slash("U0OLGA", "C0SHARED", "/tokens"),
		"deactivated":      slash("U0DORA", "C0GENERAL", "/tokens"),
		"bot":              slash("U0ROBOT", "C0GENERAL", "/tokens"),
		"nobody":           slash("U0NOBODY", "C0GENERAL", "/tokens"),
		"not in channel":   slash("U0ALICE", "C0APPROVALS", "/tokens"),
		"outsider's home":  b.sim.User("U0OLGA").OpenHome(b.ctx),
		"message to inner": b.sim.User("U0OLGA").Say("C0GENERAL", "hello"),
	} {
		if !errors.Is(err, slacksim.ErrRefused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := slash("U0GUS", "C0GENERAL", "/tokens"); err != nil {
		t.Errorf("a guest may run commands: %v", err)
	}
}

func TestManifestNamesCommandsAndShortcuts(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	seen := make(chan socketmode.Event, 4)
	b.app(func(evt socketmode.Event) (any, bool) {
		seen <- evt
		return nil, true
	})
	alice := b.sim.User("U0ALICE")
	if _, err := alice.Slash(b.ctx, "C0GENERAL", "/keys for @bob"); err != nil {
		t.Error(err)
	}
	if cmd := (<-seen).Data.(slack.SlashCommand); cmd.Text != "for @bob" {
		t.Errorf("without should_escape the text is sent as typed, got %q", cmd.Text)
	}
	if _, err := alice.Slash(b.ctx, "C0GENERAL", "/tokens"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := alice.Shortcut(b.ctx, "request"); err != nil {
		t.Error(err)
	}
	if s := (<-seen).Data.(slack.InteractionCallback); s.CallbackID != "request" || s.User.ID != "U0ALICE" || s.Team.ID != "T0LATCH" {
		t.Errorf("got %+v", s)
	}
	if _, err := alice.Shortcut(b.ctx, "other"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestClickCarriesWhereAndWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	pick := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("Pick"), "pick", option("jira"), option("tempo"))
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0SHARED", slack.MsgOptionText("asks", false),
		slack.MsgOptionBlocks(section("asks"), slack.NewActionBlock("one", pick), buttons("two", "yes", "no"), buttons("three", "yes")))
	if err != nil {
		t.Fatal(err)
	}
	place := slacksim.Place{Channel: channel, TS: ts}
	bob := b.sim.User("U0BOB")
	if _, err := bob.Act(b.ctx, place, slacksim.Action{ActionID: "pick", Value: slacksim.Value{Option: "tempo"}}); err != nil {
		t.Fatal(err)
	}
	<-r.callbacks
	if _, err := bob.Click(b.ctx, place, "press_yes"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("an ambiguous click: %v", err)
	}
	if _, err := bob.Act(b.ctx, place, slacksim.Action{ActionID: "press_yes", BlockID: "three"}); err != nil {
		t.Fatal(err)
	}
	got := <-r.callbacks
	if got.Type != slack.InteractionTypeBlockActions || got.User.ID != "U0BOB" || got.User.TeamID != "T0LATCH" || got.Team.ID != "T0LATCH" {
		t.Errorf("got %+v", got.User)
	}
	if got.Container.Type != "message" || got.Container.MessageTs != ts || got.Channel.ID != channel || got.Message.Timestamp != ts {
		t.Errorf("got %+v", got.Container)
	}
	action := got.ActionCallback.BlockActions[0]
	if action.BlockID != "three" || action.Value != "yes" || action.ActionTs == "" || action.Text.Text != "yes" {
		t.Errorf("got %+v", action)
	}
	if chosen := got.BlockActionState.Values["one"]["pick"].SelectedOption.Value; chosen != "tempo" {
		t.Errorf("the earlier choice is %q", chosen)
	}
	if got.TriggerID == "" || got.ResponseURL == "" || got.APIAppID != "A0LATCH" {
		t.Errorf("got %+v", got)
	}
	if _, err := bob.Click(b.ctx, place, "missing"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("got %v", err)
	}
	_, err = bob.Act(b.ctx, place, slacksim.Action{ActionID: "pick", Value: slacksim.Value{Option: "none"}})
	if !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("an option that is not there: %v", err)
	}
	b.noProblems()
}

func TestOutsiderPressesButtonsAsWhoTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0SHARED", slack.MsgOptionText("asks", false), slack.MsgOptionBlocks(buttons("a", "yes")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.sim.User("U0OLGA").Click(b.ctx, slacksim.Place{Channel: channel, TS: ts}, "press_yes"); err != nil {
		t.Fatal(err)
	}
	if got := <-r.callbacks; got.User.ID != "U0OLGA" || got.User.TeamID != "T0OTHER" || got.Team.ID != "T0LATCH" {
		t.Errorf("got user %+v of team %s", got.User, got.Team.ID)
	}
	if _, err := b.sim.User("U0CAROL").Click(b.ctx, slacksim.Place{Channel: channel, TS: ts}, "press_yes"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("Carol is not in the channel: %v", err)
	}
}

func TestEphemeralClickNamesItsContainerOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	ts, err := b.api.PostEphemeralContext(b.ctx, "C0GENERAL", "U0ALICE", slack.MsgOptionText("asks", false), slack.MsgOptionBlocks(buttons("a", "yes")))
	if err != nil {
		t.Fatal(err)
	}
	place := slacksim.Place{Channel: "C0GENERAL", TS: ts}
	if _, err := b.sim.User("U0ALICE").Click(b.ctx, place, "press_yes"); err != nil {
		t.Fatal(err)
	}
	if got := <-r.callbacks; !got.Container.IsEphemeral || got.Message.Timestamp != "" {
		t.Errorf("got %+v with message %+v", got.Container, got.Message)
	}
	if _, err := b.sim.User("U0BOB").Click(b.ctx, place, "press_yes"); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("Bob does not see it: %v", err)
	}
}

func TestPayloadInAButtonsAckIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(func(slack.InteractionCallback) any { return map[string]any{"text": "x"} })
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("asks", false), slack.MsgOptionBlocks(buttons("a", "yes")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.sim.User("U0ALICE").Click(b.ctx, slacksim.Place{Channel: channel, TS: ts}, "press_yes"); err != nil {
		t.Fatal(err)
	}
	if got := b.sim.Problems(); len(got) != 1 || !strings.Contains(got[0], "takes no response payload") {
		t.Errorf("got %q", got)
	}
}
