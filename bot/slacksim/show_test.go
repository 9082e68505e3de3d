package slacksim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

func TestShowReadsLikeTheScreen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fields := []*slack.TextBlockObject{plainText("System\ntempo"), plainText("For\n30 days")}
	overflow := slack.NewOverflowBlockElement("more", option("copy"), option("open"))
	channel, _, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("fallback", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plainText("Token request")),
		slack.NewSectionBlock(plainText("Alice asks"), fields, slack.NewAccessory(overflow)),
		slack.NewContextBlock("c", plainText("one"), plainText("two")),
		slack.NewDividerBlock(),
		buttons("a", "yes", "no"),
	))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := b.sim.User("U0ALICE").Last(channel)
	const want = `# Token request
Alice asks
- System tempo
- For 30 days
[... COPY | OPEN]
(one · two)
---
[yes] [no]`
	if diff := cmp.Diff(want, m.Show()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	w := b.connect()
	system := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("Pick one"), "system", option("jira"))
	if _, err := b.api.OpenViewContext(b.ctx, b.trigger(w, "U0ALICE"), modal("request", nameInput(),
		slack.NewInputBlock("system", plainText("System"), nil, system))); err != nil {
		t.Fatal(err)
	}
	alice := b.sim.User("U0ALICE")
	if err := alice.Fill(b.ctx, "", "name", slacksim.Value{Text: "ci"}); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Submit(b.ctx); err != nil {
		t.Fatal(err)
	}
	v, _ := alice.Modal()
	const wantView = `== Request ==
Name: ci
System: <Pick one>
! name: Please use at least 3 characters.
! system: Please complete this required field.
(Cancel) (Send)`
	if diff := cmp.Diff(wantView, v.Show()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
