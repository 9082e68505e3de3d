package bot

import "github.com/slack-go/slack"

// noticeModal is one sentence over the page.
func noticeModal(title, sentence string) slack.ModalViewRequest {
	return modal("", title, "", "", section(escape(cut(sentence, maxSection/2))))
}
