package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// listing is one page of keys as its reader sees it.
type listing struct {
	Keys   []workflow.CredentialView
	Page   page
	Older  bool // there is another page behind this one
	Reader reader
	Late   []lateSystem
}

// lateSystem is a system of which what is known is older than it should be.
type lateSystem struct {
	Name     string
	SyncedAt time.Time // of the last whole listing; zero: there was none
	Problem  string    // of the last try; empty for readers it is not meant for
}

// listMessage shows a page of a listing.
func listMessage(l listing) message {
	if len(l.Keys) == 0 {
		text := "No keys match."
		if l.Page.narrowed() {
			text += " Leave out the person, the system or the filter to see more."
		}
		return say(text, append([]slack.Block{section(text)}, lateLines(l)...)...)
	}
	count := plural(len(l.Keys), "key")
	head := "*" + count + "*" + listingWords(l)
	switch {
	case l.Older:
		head = fmt.Sprintf("*%d keys, and there are more*", len(l.Keys)) + listingWords(l) + ", the newest first"
	case len(l.Keys) > 1:
		head += ", the newest first"
	}
	blocks := append([]slack.Block{section(head + ".")}, lateLines(l)...)
	for _, v := range l.Keys[:min(listPage, len(l.Keys))] {
		blocks = append(blocks, listRow(v, l.Reader))
	}
	blocks = append(blocks, actions("pages", pageButtons(l)...))
	return say(escape(count+": "+keysInShort(l.Keys)+"."), blocks...)
}

// listingWords says in mrkdwn what a listing is narrowed to.
func listingWords(l listing) string {
	p, out := l.Page, ""
	if p.Kind == workflow.OAuthGrant {
		out += ", OAuth grants only"
	}
	if p.Flag != "" {
		out += ", " + flagLabel(p.Flag)
	}
	if p.Connection != "" {
		out += ", of " + bold(p.Connection)
	}
	if p.Owner != 0 {
		out += ", held by " + personMarkup(l.Keys[0].Owner)
	}
	if p.All {
		out += ", ended ones too"
	}
	return out
}

// pageButtons turn the pages and bring the whole listing as a file.
func pageButtons(l listing) []slack.BlockElement {
	var out []slack.BlockElement
	if len(l.Page.Trail) > 0 {
		out = append(out, button(verbMore, l.Page.newer().String(), "Newer", "Show newer keys"))
	}
	if l.Older {
		last := l.Keys[min(listPage, len(l.Keys))-1].Credential.ID
		out = append(out, button(verbMore, l.Page.older(last).String(), "Older", "Show older keys"))
	}
	return append(out, button(verbCSV, l.Page.first().String(), "CSV", "Send me the whole listing as a CSV file"))
}

// maxLateShown bounds how many systems a listing warns of.
const maxLateShown = 3

// lateLines say of which systems a listing may be out of date, and why.
func lateLines(l listing) []slack.Block {
	if len(l.Late) == 0 {
		return nil
	}
	var out []string
	for _, s := range l.Late[:min(maxLateShown, len(l.Late))] {
		out = append(out, lateLine(s))
	}
	if more := len(l.Late) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %s more", plural(more, "system")))
	}
	return []slack.Block{small(strings.Join(out, "\n"))}
}

// maxProblemShown bounds what is shown of a failed listing.
const maxProblemShown = 150

// lateLine says how old what is known of a system is.
func lateLine(s lateSystem) string {
	since := "never listed whole"
	if isSet(s.SyncedAt) {
		since = "as of " + moment(s.SyncedAt)
	}
	out := bold(s.Name) + ": " + since
	if s.Problem != "" {
		out += ": " + words(cut(line(s.Problem), maxProblemShown))
	}
	return sentence(out)
}
