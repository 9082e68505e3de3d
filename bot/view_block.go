package bot

import (
	"time"

	"github.com/slack-go/slack"
)

// header is a headline.
func header(s string) slack.Block { return slack.NewHeaderBlock(plain(s, maxHeader)) }

// section is a paragraph of mrkdwn.
func section(s string) slack.Block {
	return slack.NewSectionBlock(markup(s, maxSection), nil, nil)
}

// sectionUpTo is a paragraph where much else has to fit.
func sectionUpTo(limit int, s string) slack.Block { return section(cutMarkup(s, limit)) }

// sectionWith is a paragraph with a button beside it.
func sectionWith(id, s string, b *slack.ButtonBlockElement) slack.Block {
	return slack.NewSectionBlock(markup(s, maxSection), nil, slack.NewAccessory(b), slack.SectionBlockOptionBlockID(id))
}

// facts shows label and value side by side. A value is mrkdwn of ours.
func facts(pairs ...[2]string) slack.Block {
	fields := make([]*slack.TextBlockObject, len(pairs))
	for i, p := range pairs {
		fields[i] = markup("*"+p[0]+"*\n"+p[1], maxField)
	}
	return slack.NewSectionBlock(nil, fields, nil)
}

// small is a line of lesser weight.
func small(s string) slack.Block { return slack.NewContextBlock("", markup(s, maxField)) }

// divider is a line across.
func divider() slack.Block { return slack.NewDividerBlock() }

// quote shows somebody's own words under a label, letter by letter: no markup
// of theirs can reach anybody.
func quote(label, said string) slack.Block {
	bold := &slack.RichTextSectionTextStyle{Bold: true}
	return slack.NewRichTextBlock("",
		slack.NewRichTextSection(slack.NewRichTextSectionTextElement(label, bold)),
		quoted(said, maxQuote))
}

// saying is quote without a label, where the line before it names the speaker.
func saying(said string, limit int) slack.Block {
	return slack.NewRichTextBlock("", quoted(said, limit))
}

func quoted(said string, limit int) slack.RichTextElement {
	return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: []slack.RichTextSectionElement{
		slack.NewRichTextSectionTextElement(orDash(cut(clean(said), limit)), nil)}}
}

// maxQuote is longer than any reason may be.
const maxQuote = 1100

// letters is text in a rich text line, letter by letter.
func letters(s string) slack.RichTextSectionElement {
	return slack.NewRichTextSectionTextElement(s, nil)
}

// clock is a moment in a rich text line, in each reader's own zone.
func clock(t time.Time) slack.RichTextSectionElement {
	fallback := utc(t)
	return slack.NewRichTextSectionDateElement(t.Unix(), "{date_short_pretty} at {time}", nil, &fallback)
}

// button is a control. Spoken is what a screen reader says instead of the
// label, so that the same label twice can be told apart; it may be empty.
func button(v verb, id, label, spoken string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(actionID(v, id), "", plain(label, maxButton))
	b.AccessibilityLabel = cut(line(spoken), maxButton)
	return b
}

// primary marks the one thing most people want to do.
func primary(b *slack.ButtonBlockElement) *slack.ButtonBlockElement {
	return b.WithStyle(slack.StylePrimary)
}

// danger marks what is not easily undone.
func danger(b *slack.ButtonBlockElement) *slack.ButtonBlockElement {
	return b.WithStyle(slack.StyleDanger)
}

// confirm puts a question before a button does anything.
func confirm(title, text, yes string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain(title, 100), plain(text, maxConfirm), plain(yes, 30), plain("Back", 30))
}

// actions is a row of controls.
func actions(id string, elements ...slack.BlockElement) slack.Block {
	return slack.NewActionBlock(id, elements...)
}

// modal makes a modal view. A modal without inputs and without something to
// confirm has no submit.
func modal(callback, title, submit, metadata string, blocks ...slack.Block) slack.ModalViewRequest {
	view := slack.ModalViewRequest{Type: slack.VTModal, CallbackID: callback, PrivateMetadata: metadata,
		Title: plain(title, maxTitle), Close: plain("Close", maxTitle), Blocks: slack.Blocks{BlockSet: blocks}}
	if submit != "" {
		view.Submit = plain(submit, maxTitle)
		view.Close = plain("Cancel", maxTitle)
	}
	return view
}
