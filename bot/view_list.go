package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of lists in one message, so that it stays under Slack's limits on all
// texts together and on what may travel with an ack.
const (
	maxKeysListed     = 16
	maxRequestsListed = 6
)

// summaryMessage answers the bare command: what there is, and what to do
// next.
func summaryMessage(h workflow.HomeView, command string) message {
	text := summary(h)
	buttons := []slack.BlockElement{primary(newRequestButton())}
	if len(h.Keys) > 0 {
		buttons = append(buttons, button(verbMine, "", fmt.Sprintf("My keys (%d)", len(h.Keys)), "List my keys"))
	}
	if len(h.Waiting) > 0 {
		buttons = append(buttons, button(verbPending, "", fmt.Sprintf("Waiting for you (%d)", len(h.Waiting)), "List the requests that wait for my decision"))
	}
	return say(text, section(text), actions("summary", buttons...),
		small(code(command+" help")+" lists everything you can do."))
}

func waitingOf(mine []workflow.RequestView) int {
	n := 0
	for _, v := range mine {
		if v.Request.State == storage.RequestPending {
			n++
		}
	}
	return n
}

// summary counts what there is, and leaves out what there is none of.
func summary(h workflow.HomeView) string {
	out := "You hold " + plural(len(h.Keys), "key") + "."
	own := waitingOf(h.Requests)
	switch {
	case own == 1:
		out += " 1 of your requests waits for approval."
	case own > 1:
		out += fmt.Sprintf(" %d of your requests wait for approval.", own)
	}
	if len(h.Waiting) > 0 || own == 0 {
		out += " " + waitingForYou(len(h.Waiting))
	}
	return out
}

func waitingForYou(n int) string {
	switch n {
	case 0:
		return "Nothing waits for you."
	case 1:
		return "1 request waits for your decision."
	}
	return fmt.Sprintf("%d requests wait for your decision.", n)
}

// newRequest is the row that opens the request form.
func newRequest(id string) slack.Block { return actions(id, primary(newRequestButton())) }

func newRequestButton() *slack.ButtonBlockElement {
	return button(verbNew, "", "New request", "Ask for an API key")
}

// mineMessage lists somebody's own keys.
func mineMessage(views []workflow.CredentialView) message {
	if len(views) == 0 {
		text := "You hold no keys. Ask for one with New request; you see before you send it who will be asked."
		return say(text, section(text), newRequest("mine"))
	}
	text := fmt.Sprintf("You hold %s: %s.", plural(len(views), "key"), keysInShort(views))
	blocks := []slack.Block{section(fmt.Sprintf("You hold %s.", plural(len(views), "key")))}
	for _, v := range views[:min(maxKeysListed, len(views))] {
		blocks = append(blocks, keyRow(v))
	}
	if more := len(views) - maxKeysListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("%s not shown here: the Home tab and `show` with an ID show them.", plural(more, "more key"))))
	}
	return say(escape(text), append(blocks, newRequest("mine"))...)
}

// keysInShort names keys and their states in plain text.
func keysInShort(views []workflow.CredentialView) string {
	var out []string
	for _, v := range views {
		c := v.Credential
		out = append(out, fmt.Sprintf("%s for %s (%s)", c.ID, cut(line(c.Connection), maxName), stateWords(c)))
	}
	return joinSome(out, maxNames)
}

// keyRow is one's own key in a list: what it is, how it does, and what can be
// done with it.
func keyRow(v workflow.CredentialView) slack.Block {
	id, text := "key/"+v.Credential.ID.String(), keyInLine(v)
	switch {
	case collectable(v):
		return sectionWith(id, text, revealButton(v))
	case v.ConnectURL != "":
		return sectionWith(id, text, connectButton(v))
	}
	menu := rowMenu(v, reader{ID: v.Credential.OwnerID})
	return slack.NewSectionBlock(markup(text, maxSection), nil, slack.NewAccessory(menu), slack.SectionBlockOptionBlockID(id))
}

// collectable reports whether the owner can still be shown the key.
func collectable(v workflow.CredentialView) bool {
	return v.RevealURL != "" && !v.Collected && v.Credential.State == storage.CredentialActive
}

// keyInLine is one's own key: what it is, how it does, and what is up with it.
func keyInLine(v workflow.CredentialView) string {
	c := v.Credential
	out := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if what := called(c); what != "" && (!c.Managed || givenName(c) != "") {
		out += ", " + what
	}
	out += fmt.Sprintf(": *%s*\n%s; %s", stateMarkup(c), accessInShort(v), lastUsed(c, day))
	if flags := flagsInShort(v); flags != "" {
		out += "\n" + flags
	}
	switch {
	case collectable(v):
		out += "\nReady to collect."
	case v.ConnectURL != "":
		out += "\nReady to be connected."
	}
	return out
}

// pendingMessage lists what waits for a reviewer's decision.
func pendingMessage(views []workflow.RequestView) message {
	if len(views) == 0 {
		text := "Nothing waits for your decision. You get a message as soon as something does."
		return say(text, section(text))
	}
	text := waitingForYou(len(views))
	blocks := []slack.Block{section(text)}
	for _, v := range views[:min(maxRequestsListed, len(views))] {
		blocks = append(blocks, waitingRow(v)...)
	}
	if more := len(views) - maxRequestsListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("%s not shown here: decide the ones above first.", plural(more, "more request"))))
	}
	return say(text, blocks...)
}

// waitingRow is a request in a reviewer's list: what is asked, why, how it
// stands, and the controls.
func waitingRow(v workflow.RequestView) []slack.Block {
	kept, _ := onTheTable(v.Scopes)
	foot := code(v.Request.ID.String())
	if st, ok := currentStep(v); ok {
		foot += ", " + approvals(st) + " by " + bold(st.Group)
	}
	if isSet(v.Request.LapsesAt) {
		foot += ", lapses " + moment(v.Request.LapsesAt)
	}
	return []slack.Block{
		section(fmt.Sprintf("%s asks for %s: %s.", personMarkup(v.Requester), asksForMarkup(v.Request), countByAccess(kept))),
		saying(v.Request.Reason, maxNote),
		small(foot),
		decide(v),
	}
}
