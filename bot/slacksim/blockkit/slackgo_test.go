package blockkit_test

import (
	"testing"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim/blockkit"
)

// What the Slack client library encodes must be good as it stands: a property
// that the library adds by itself would otherwise fail every message of the bot.
func TestSlackGoEncodesGoodDocuments(t *testing.T) {
	t.Parallel()
	text := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	markup := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.MarkdownType, s, false, false)
	}
	choice := slack.NewOptionBlockObject("a", text("A"), text("first"))
	approve := slack.NewButtonBlockElement("approve", "1", text("Approve")).WithStyle(slack.StylePrimary).
		WithConfirm(slack.NewConfirmationBlockObject(text("Sure?"), markup("*Really*"), text("Yes"), text("No")))
	pick := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, text("Pick"), "pick", choice)
	pick.InitialOption = choice
	shown := []slack.Block{
		slack.NewHeaderBlock(text("Key request")),
		slack.NewSectionBlock(nil, []*slack.TextBlockObject{markup("*Who*"), text("Alice")}, slack.NewAccessory(approve)),
		slack.NewSectionBlock(markup("Text"), nil, slack.NewAccessory(slack.NewOverflowBlockElement("more", choice))),
		slack.NewDividerBlock(),
		slack.NewContextBlock("", markup("1042"), slack.NewImageBlockElement("https://x.example/i.png", "key")),
		slack.NewImageBlock("https://x.example/i.png", "chart", "image", text("Use")),
		slack.NewRichTextBlock("why",
			slack.NewRichTextSection(slack.NewRichTextSectionTextElement("Because", &slack.RichTextSectionTextStyle{Bold: true}), slack.NewRichTextSectionUserElement("U1", nil)),
			slack.NewRichTextList(slack.RTEListBullet, 0, slack.NewRichTextSection(slack.NewRichTextSectionTextElement("one", nil)))),
		slack.NewActionBlock("decide", slack.NewButtonBlockElement("deny", "1", text("Deny")).WithStyle(slack.StyleDanger), pick, slack.NewDatePickerBlockElement("until")),
	}
	external := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeExternal, text("Sites"), "sites")
	least := 0
	external.MinQueryLength = &least
	asked := []slack.Block{
		slack.NewInputBlock("name", text("Name"), text("Hint"), slack.NewPlainTextInputBlockElement(text("ci"), "name").WithMaxLength(60)),
		slack.NewInputBlock("sites", text("Sites"), nil, external),
		slack.NewInputBlock("scopes", text("Scopes"), nil, slack.NewCheckboxGroupsBlockElement("scopes", choice)).WithOptional(true),
		slack.NewInputBlock("kind", text("Kind"), nil, slack.NewRadioButtonsBlockElement("kind", choice)),
		slack.NewInputBlock("until", text("Until"), nil, slack.NewDatePickerBlockElement("until")),
		slack.NewInputBlock("one", text("One"), nil, slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, text("One"), "one")),
	}

	for name, problems := range map[string][]blockkit.Problem{
		"message": blockkit.ValidateMessage(marshal(t, obj{"channel": "C1", "text": "Alice asks.", "blocks": shown})),
		"modal": blockkit.ValidateModal(marshal(t, slack.ModalViewRequest{
			Type: slack.VTModal, Title: text("Request"), Submit: text("Send"), Close: text("Cancel"), NotifyOnClose: true,
			CallbackID: "request.new", PrivateMetadata: "{}", Blocks: slack.Blocks{BlockSet: append(asked, shown...)},
		})),
		"home":       blockkit.ValidateHome(marshal(t, slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: shown}})),
		"suggestion": blockkit.ValidateSuggestion(marshal(t, slack.OptionsResponse{Options: []*slack.OptionBlockObject{choice}})),
		"ack errors": blockkit.ValidateAck(marshal(t, slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Taken."}))),
		"ack clear":  blockkit.ValidateAck(marshal(t, slack.NewClearViewSubmissionResponse())),
		"response":   blockkit.ValidateMessage(marshal(t, slack.WebhookMessage{Text: "Done.", ReplaceOriginal: true, ResponseType: slack.ResponseTypeEphemeral})),
	} {
		for _, problem := range problems {
			t.Errorf("%s: %s: %s", name, problem.Pointer, problem.Message)
		}
	}
}
