package slacksim_test

import (
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// permitApp is a small app with one of everything that a person meets: a
// command and a Home that open a form, a card with a decision, a form behind a
// button, private answers, and messages that change.
type permitApp struct {
	b *testBundle
	t *testing.T
}

func (a permitApp) handle(evt socketmode.Event) (any, bool) {
	var payload any
	var err error
	switch data := evt.Data.(type) {
	case slack.SlashCommand:
		_, err = a.b.api.OpenViewContext(a.b.ctx, data.TriggerID, a.form())
	case slack.InteractionCallback:
		payload, err = a.interact(data)
	case slackevents.EventsAPIEvent:
		if opened, ok := data.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok && opened.Tab == "home" {
			err = a.publish(opened.User)
		}
	}
	if err != nil && a.b.ctx.Err() == nil {
		a.t.Errorf("the app failed: %v", err)
	}
	return payload, true
}

func (a permitApp) interact(c slack.InteractionCallback) (any, error) {
	switch c.Type {
	case slack.InteractionTypeBlockSuggestion:
		north, south := option("north lot"), option("south lot")
		north.Description = plainText("Next to the gate")
		return slack.OptionsResponse{Options: []*slack.OptionBlockObject{north, south}}, nil
	case slack.InteractionTypeViewSubmission:
		if c.View.CallbackID == "deny" {
			return nil, a.decide(c.View.PrivateMetadata, "Denied by <@"+c.User.ID+">: "+c.View.State.Values["reason"]["reason"].Value)
		}
		return a.submitted(c)
	case slack.InteractionTypeBlockActions:
		return nil, a.acted(c, c.ActionCallback.BlockActions[0])
	}
	return nil, nil
}

func (a permitApp) submitted(c slack.InteractionCallback) (any, error) {
	values := c.View.State.Values
	why := values["why"]["why"].Value
	if why == "because" {
		return slack.NewErrorsViewSubmissionResponse(map[string]string{"why": "Say what you park <there>."}), nil
	}
	deny := slack.NewButtonBlockElement("deny", c.User.ID, plainText("Deny")).WithStyle(slack.StyleDanger)
	approve := slack.NewButtonBlockElement("approve", c.User.ID, plainText("Approve")).WithStyle(slack.StylePrimary).
		WithConfirm(slack.NewConfirmationBlockObject(plainText("Approve the permit?"), plainText("It is valid at once."), plainText("Yes, approve"), plainText("Not yet")))
	text := slack.NewTextBlockObject(slack.MarkdownType, "*<@"+c.User.ID+">* asks for the *"+values["lot"]["lot"].SelectedOption.Text.Text+"*", false, false)
	_, _, err := a.b.api.PostMessageContext(a.b.ctx, "C0APPROVALS", slack.MsgOptionText("A permit", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plainText("Parking permit")), slack.NewSectionBlock(text, nil, nil),
		slack.NewSectionBlock(nil, []*slack.TextBlockObject{plainText("Why\n" + why), plainText("With\n" + values["with"]["with"].SelectedUser)}, nil),
		slack.NewActionBlock("decide", approve, deny, slack.NewOverflowBlockElement("more", option("history"), option("details"))),
		slack.NewContextBlock("", plainText("Step 1 of 1")),
	))
	if err == nil {
		_, err = a.b.api.PostEphemeralContext(a.b.ctx, "C0GENERAL", c.User.ID, slack.MsgOptionText("Sent to #access-approvals. You will hear from me.", false))
	}
	return nil, err
}

func (a permitApp) acted(c slack.InteractionCallback, action *slack.BlockAction) error {
	switch action.ActionID {
	case "ask":
		_, err := a.b.api.OpenViewContext(a.b.ctx, c.TriggerID, a.form())
		return err
	case "more":
		_, _, err := a.b.api.PostMessageContext(a.b.ctx, "", slack.MsgOptionResponseURL(c.ResponseURL, slack.ResponseTypeEphemeral),
			slack.MsgOptionText("Nothing else is known about it.", false))
		return err
	case "deny":
		view := modal("deny", slack.NewInputBlock("reason", plainText("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "reason")))
		view.PrivateMetadata = c.Message.Timestamp
		_, err := a.b.api.OpenViewContext(a.b.ctx, c.TriggerID, view)
		return err
	case "approve":
		if err := a.decide(c.Message.Timestamp, "Approved by <@"+c.User.ID+">"); err != nil {
			return err
		}
		_, _, err := a.b.api.PostMessageContext(a.b.ctx, action.Value, slack.MsgOptionText("Your permit is approved :tada:", false))
		return err
	}
	return nil
}

// decide takes the buttons off the card and says in its thread who decided.
func (a permitApp) decide(ts, outcome string) error {
	text := slack.NewTextBlockObject(slack.MarkdownType, outcome, false, false)
	_, _, _, err := a.b.api.UpdateMessageContext(a.b.ctx, "C0APPROVALS", ts, slack.MsgOptionText(outcome, false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plainText("Parking permit")), slack.NewSectionBlock(text, nil, nil)))
	if err != nil {
		return err
	}
	_, _, err = a.b.api.PostMessageContext(a.b.ctx, "C0APPROVALS", slack.MsgOptionText("Decided.", false), slack.MsgOptionTS(ts))
	return err
}

func (a permitApp) publish(user string) error {
	_, err := a.b.api.PublishViewContext(a.b.ctx, slack.PublishViewContextRequest{UserID: user, View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewHeaderBlock(plainText("Your parking permits")),
			slack.NewActionBlock("start", slack.NewButtonBlockElement("ask", "ask", plainText("Ask for a permit"))),
		}},
	}})
	return err
}

func (a permitApp) form() slack.ModalViewRequest {
	one := 1
	lot := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Type to search"), "lot")
	lot.MinQueryLength = &one
	why := slack.NewPlainTextInputBlockElement(plainText("For example: a van"), "why").WithMultiline(true)
	return modal("permit",
		slack.NewInputBlock("lot", plainText("Which lot"), plainText("Ask at the gate if unsure."), lot),
		slack.NewInputBlock("with", plainText("With whom"), nil, slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("Choose a person"), "with")),
		slack.NewInputBlock("until", plainText("Until"), nil, slack.NewDatePickerBlockElement("until")).WithOptional(true),
		slack.NewInputBlock("why", plainText("Why"), nil, why),
	)
}
