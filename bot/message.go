package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/slack-go/slack"
)

// message is what is posted or edited. Text is a full sentence that stands for
// the blocks in notifications and for screen readers; it is never empty.
type message struct {
	Text   string        `json:"text"`
	Blocks []slack.Block `json:"blocks"`
}

// say makes a message. The text is mrkdwn to Slack, so the words of others in
// it must be escaped already.
func say(text string, blocks ...slack.Block) message {
	return message{Text: orDash(cutMarkup(text, maxText)), Blocks: blocks}
}

// options posts or edits the message; links in it unfold nothing.
func (m message) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false),
		slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
	}
}

// digest tells whether an edit would change anything.
func (m message) digest() string {
	b, err := json.Marshal(m)
	if err != nil { // no block of ours fails to encode; an edit too many does no harm
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
