package slacksim_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

func buttons(blockID string, values ...string) slack.Block {
	elements := make([]slack.BlockElement, 0, len(values))
	for _, v := range values {
		elements = append(elements, slack.NewButtonBlockElement("press_"+v, v, plainText(v)))
	}
	return slack.NewActionBlock(blockID, elements...)
}

func TestPostedMessageHasIDsOnEveryBlock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL",
		slack.MsgOptionText("Alice asks", false), slack.MsgOptionBlocks(section("Alice asks"), buttons("", "yes")),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "token_request", EventPayload: map[string]any{"id": "R1"}}))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := b.sim.User("U0ALICE").Last(channel)
	if !ok || m.TS != ts || m.Text != "Alice asks" || !m.IsBot || m.User != "U0LATCHBOT" {
		t.Fatalf("got %+v", m)
	}
	var blocks []struct {
		BlockID string `json:"block_id"`
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	if len(blocks) != 2 || blocks[0].BlockID == "" || blocks[1].BlockID == "" || blocks[0].BlockID == blocks[1].BlockID {
		t.Errorf("got %s", m.Blocks)
	}
	if !strings.Contains(string(m.Metadata), "token_request") {
		t.Errorf("metadata is %s", m.Metadata)
	}
	b.noProblems()
}

func TestPostingToAPersonAnswersWithTheirDM(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.sim.User("U0ALICE")
	channel, ts, err := b.api.PostMessageContext(b.ctx, "U0ALICE", slack.MsgOptionText("hello", false))
	if err != nil || channel != alice.DM() {
		t.Fatalf("got %s, %v", channel, err)
	}
	_, _, _, err = b.api.UpdateMessageContext(b.ctx, "U0ALICE", ts, slack.MsgOptionText("changed", false))
	wantSlackError(t, err, "channel_not_found")
	if len(b.sim.Problems()) != 1 {
		t.Errorf("an update by user ID is a bug of the app; problems: %q", b.sim.Problems())
	}
	if _, _, _, err := b.api.UpdateMessageContext(b.ctx, channel, ts, slack.MsgOptionText("changed", false)); err != nil {
		t.Fatal(err)
	}
	if m, _ := alice.Last(channel); m.Text != "changed" || !m.Edited {
		t.Errorf("got %+v", m)
	}
	if got := b.sim.User("U0BOB").Messages(channel); got != nil {
		t.Errorf("Bob reads Alice's conversation: %v", got)
	}
}

func TestUpdateKeepsBlocksThatAreNotSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL",
		slack.MsgOptionText("old", false), slack.MsgOptionBlocks(section("the block")))
	if err != nil {
		t.Fatal(err)
	}
	update := func(options ...slack.MsgOption) {
		t.Helper()
		if _, _, _, err := b.api.UpdateMessageContext(b.ctx, channel, ts, options...); err != nil {
			t.Fatal(err)
		}
	}
	update(slack.MsgOptionText("new", false))
	if m, _ := b.sim.User("U0BOB").Last(channel); m.Text != "new" || !strings.Contains(string(m.Blocks), "the block") {
		t.Errorf("got %+v", m)
	}
	update(slack.MsgOptionText("newer", false), slack.MsgOptionBlocks([]slack.Block{}...))
	if m, _ := b.sim.User("U0BOB").Last(channel); string(m.Blocks) != "[]" {
		t.Errorf("got %+v", m)
	}
}

func TestChatErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.sim.User("U0ALICE").Say("C0GENERAL", "mine"); err != nil {
		t.Fatal(err)
	}
	hers, _ := b.sim.User("U0ALICE").Last("C0GENERAL")
	_, own, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("own", false))
	if err != nil {
		t.Fatal(err)
	}
	post := func(channel string, options ...slack.MsgOption) error {
		_, _, err := b.api.PostMessageContext(b.ctx, channel, options...)
		return err
	}
	update := func(ts string, options ...slack.MsgOption) error {
		_, _, _, err := b.api.UpdateMessageContext(b.ctx, "C0GENERAL", ts, options...)
		return err
	}
	hello := slack.MsgOptionText("hello", false)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"unknown channel", post("C0NONE", hello), "channel_not_found"},
		{"unknown person", post("U0NONE", hello), "channel_not_found"},
		{"deactivated person", post("U0DORA", hello), "channel_not_found"},
		{"nothing to say", post("C0GENERAL"), "no_text"},
		{"bad block", post("C0GENERAL", hello, slack.MsgOptionBlocks(
			slack.NewHeaderBlock(slack.NewTextBlockObject(slack.MarkdownType, "x", false, false)))), "invalid_blocks"},
		{"update of another's message", update(hers.TS, hello), "cant_update_message"},
		{"update of nothing", update("1.000000", hello), "message_not_found"},
		{"long update", update(own, slack.MsgOptionText(strings.Repeat("é", 4001), false)), "msg_too_long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantSlackError(t, tt.err, tt.want)
		})
	}
	_, _, err = b.api.DeleteMessageContext(b.ctx, "C0GENERAL", hers.TS)
	wantSlackError(t, err, "cant_delete_message")
}

func TestInvalidBlocksNameThePlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("x", false),
		slack.MsgOptionBlocks(section(strings.Repeat("x", 3001))))
	refused, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok || refused.Err != "invalid_blocks" || len(refused.ResponseMetadata.Messages) == 0 {
		t.Fatalf("got %+v", err)
	}
	if m := refused.ResponseMetadata.Messages[0]; !strings.Contains(m, "[json-pointer:/blocks/0/text") {
		t.Errorf("got %q", m)
	}
	if len(b.sim.Problems()) == 0 {
		t.Error("nothing was recorded")
	}
}

func TestPostingWhereTheBotIsNot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	b.sim.AddUser(worldUser("U0NEW", "new"))
	if f := w.next(); !strings.Contains(string(f.Payload), `"team_join"`) {
		t.Errorf("got %s", f.Payload)
	}
	_, err := b.api.PostEphemeralContext(b.ctx, "C0GENERAL", "U0NEW", slack.MsgOptionText("psst", false))
	wantSlackError(t, err, "user_not_in_channel")
	_, err = b.api.PostEphemeralContext(b.ctx, "C0NONE", "U0ALICE", slack.MsgOptionText("psst", false))
	wantSlackError(t, err, "channel_not_found")
}

func TestEphemeralIsSeenByOnePersonAndCannotBeEdited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts, err := b.api.PostEphemeralContext(b.ctx, "C0GENERAL", "U0ALICE", slack.MsgOptionText("psst", false))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := b.sim.User("U0ALICE").Last("C0GENERAL"); !ok || !m.Ephemeral || m.TS != ts {
		t.Errorf("got %+v", m)
	}
	if got := b.sim.User("U0BOB").Messages("C0GENERAL"); len(got) != 0 {
		t.Errorf("Bob sees %v", got)
	}
	_, _, _, err = b.api.UpdateMessageContext(b.ctx, "C0GENERAL", ts, slack.MsgOptionText("x", false))
	wantSlackError(t, err, "message_not_found")
	history, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: "C0GENERAL"})
	if err != nil || len(history.Messages) != 0 {
		t.Errorf("history is %v, %v", history, err)
	}
}

func TestThreadsHistoryAndTimestamps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var stamps []string
	post := func(text string, options ...slack.MsgOption) string {
		t.Helper()
		_, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", append(options, slack.MsgOptionText(text, false))...)
		if err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, ts)
		return ts
	}
	root := post("root")
	post("answer", slack.MsgOptionTS(root))
	last := post("last")
	for i := 1; i < len(stamps); i++ {
		if stamps[i] <= stamps[i-1] {
			t.Errorf("timestamps do not grow: %v", stamps)
		}
	}
	history, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: "C0GENERAL"})
	if err != nil {
		t.Fatal(err)
	}
	if len(history.Messages) != 2 || history.Messages[0].Timestamp != last || history.Messages[1].ReplyCount != 1 {
		t.Errorf("got %+v", history.Messages)
	}
	thread, _, _, err := b.api.GetConversationRepliesContext(b.ctx, &slack.GetConversationRepliesParameters{ChannelID: "C0GENERAL", Timestamp: root})
	if err != nil || len(thread) != 2 || thread[1].Text != "answer" {
		t.Errorf("got %+v, %v", thread, err)
	}
	link, err := b.api.GetPermalinkContext(b.ctx, &slack.PermalinkParameters{Channel: "C0GENERAL", Ts: root})
	if err != nil || !strings.HasPrefix(link, b.sim.URL()) {
		t.Errorf("got %q, %v", link, err)
	}
	if err := b.api.AddReactionContext(b.ctx, "eyes", slack.NewRefToMessage("C0GENERAL", root)); err != nil {
		t.Error(err)
	}
	wantSlackError(t, b.api.AddReactionContext(b.ctx, "eyes", slack.NewRefToMessage("C0GENERAL", root)), "already_reacted")
	if _, _, err := b.api.DeleteMessageContext(b.ctx, "C0GENERAL", last); err != nil {
		t.Error(err)
	}
	if m, _ := b.sim.User("U0BOB").Last("C0GENERAL"); m.TS == last {
		t.Error("the deleted message is still there")
	}
}
