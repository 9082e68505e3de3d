package slacksim_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// replyTo runs a command or a click and returns its response URL.
func (b *testBundle) replyTo(act func() error) string {
	b.t.Helper()
	done := async(act)
	url := <-b.replies
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
	return url
}

// collectReplies runs an app that passes its response URLs on.
func (b *testBundle) collectReplies() {
	b.replies = make(chan string, 8)
	b.app(func(evt socketmode.Event) (any, bool) {
		switch data := evt.Data.(type) {
		case slack.SlashCommand:
			b.replies <- data.ResponseURL
		case slack.InteractionCallback:
			b.replies <- data.ResponseURL
		}
		return nil, true
	})
}

func TestResponseURLWorksFiveTimesInThirtyMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.collectReplies()
	alice := b.sim.User("U0ALICE")
	slash := func() error { _, err := alice.Slash(b.ctx, "C0GENERAL", "/tokens"); return err }
	url := b.replyTo(slash)
	post := func(url string, m slack.WebhookMessage) error { return slack.PostWebhookContext(b.ctx, url, &m) }
	for i := range 5 {
		if err := post(url, slack.WebhookMessage{Text: "answer"}); err != nil {
			t.Fatalf("use %d: %v", i+1, err)
		}
	}
	if err := post(url, slack.WebhookMessage{Text: "answer"}); err == nil {
		t.Error("the sixth use worked")
	}
	if got := alice.Messages("C0GENERAL"); len(got) != 5 || !got[0].Ephemeral {
		t.Errorf("got %+v", got)
	}
	url = b.replyTo(slash)
	b.clock.advance(31 * time.Minute)
	if err := post(url, slack.WebhookMessage{Text: "late"}); err == nil {
		t.Error("an answer after 31 minutes worked")
	}
	if err := post(b.sim.URL()+"/response/made-up", slack.WebhookMessage{Text: "x"}); err == nil {
		t.Error("a made up URL worked")
	}
}

func TestResponseURLReachesTheChannelWhenAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.collectReplies()
	url := b.replyTo(func() error { _, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens"); return err })
	if err := slack.PostWebhookContext(b.ctx, url, &slack.WebhookMessage{Text: "all of you", ResponseType: slack.ResponseTypeInChannel}); err != nil {
		t.Fatal(err)
	}
	if m, ok := b.sim.User("U0BOB").Last("C0GENERAL"); !ok || m.Text != "all of you" || m.Ephemeral {
		t.Errorf("got %+v", m)
	}
}

func TestResponseURLReplacesAndDeletesTheOriginal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.collectReplies()
	alice := b.sim.User("U0ALICE")
	ts, err := b.api.PostEphemeralContext(b.ctx, "C0GENERAL", "U0ALICE", slack.MsgOptionText("asks", false), slack.MsgOptionBlocks(buttons("a", "yes")))
	if err != nil {
		t.Fatal(err)
	}
	url := b.replyTo(func() error {
		_, err := alice.Click(b.ctx, slacksim.Place{Channel: "C0GENERAL", TS: ts}, "press_yes")
		return err
	})
	if err := slack.PostWebhookContext(b.ctx, url, &slack.WebhookMessage{Text: "done", ReplaceOriginal: true}); err != nil {
		t.Fatal(err)
	}
	if got := alice.Messages("C0GENERAL"); len(got) != 1 || got[0].Text != "done" || got[0].TS != ts || !got[0].Ephemeral || len(got[0].Blocks) != 0 {
		t.Errorf("got %+v", got)
	}
	if err := slack.PostWebhookContext(b.ctx, url, &slack.WebhookMessage{DeleteOriginal: true}); err != nil {
		t.Fatal(err)
	}
	if got := alice.Messages("C0GENERAL"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	_, _, _, err = b.api.SendMessageContext(b.ctx, "", slack.MsgOptionResponseURL(url, slack.ResponseTypeEphemeral), slack.MsgOptionText("more", false))
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := alice.Last("C0GENERAL"); m.Text != "more" || !m.Ephemeral {
		t.Errorf("got %+v", m)
	}
	b.noProblems()
}

func TestResponseURLIsValidated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.collectReplies()
	url := b.replyTo(func() error { _, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens"); return err })
	bad := &slack.Blocks{BlockSet: []slack.Block{slack.NewHeaderBlock(slack.NewTextBlockObject(slack.MarkdownType, "x", false, false))}}
	err := slack.PostWebhookContext(b.ctx, url, &slack.WebhookMessage{Text: "x", Blocks: bad})
	var status slack.StatusCodeError
	if !errors.As(err, &status) || status.Code != http.StatusBadRequest {
		t.Errorf("got %v", err)
	}
	if len(b.sim.Problems()) == 0 {
		t.Error("nothing was recorded")
	}
}
