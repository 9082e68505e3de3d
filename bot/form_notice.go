package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
)

// loadingModal holds the place while something slow is read.
func loadingModal(title string) slack.ModalViewRequest {
	return modal("", title, "", "", section("Loading…"))
}

// noticeModal is one sentence over the page.
func noticeModal(title, sentence string) slack.ModalViewRequest {
	return modal("", title, "", "", section(escape(cut(sentence, maxSection/2))))
}

// sentModal says what became of a request that was just filed.
func sentModal(r storage.Request) slack.ModalViewRequest {
	id := code(r.ID.String())
	if r.State != storage.RequestPending {
		return modal("", "Request sent", "", "", section(fmt.Sprintf("Request %s is approved by the rule %s. The key is being made; you get a message when it is ready to collect.", id, bold(r.PolicyName))))
	}
	return modal("", "Request sent", "", "", section(fmt.Sprintf("Request %s is sent. Without a decision it lapses %s. A message from this app shows how it does.", id, moment(r.LapsesAt))))
}
