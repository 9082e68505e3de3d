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
	maxKeysListed     = 20
	maxRequestsListed = 6
)

// summaryMessage answers the bare command: what there is, and what to do
// next.
func summaryMessage(h workflow.HomeView, command string) message {
	waiting := waitingOf(h.Requests)
	text := fmt.Sprintf("You hold %s. %s for approval, and %s for your decision.",
		plural(len(h.Keys), "key"), ownWaiting(waiting), countWaiting(len(h.Waiting)))
	buttons := []slack.BlockElement{primary(button(verbNew, "", "New request", "Ask for an API key"))}
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

func ownWaiting(n int) string {
	switch n {
	case 0:
		return "None of your requests waits"
	case 1:
		return "1 of your requests waits"
	}
	return fmt.Sprintf("%d of your requests wait", n)
}

func countWaiting(n int) string {
	switch n {
	case 0:
		return "nothing waits"
	case 1:
		return "1 request waits"
	}
	return fmt.Sprintf("%d requests wait", n)
}

// newRequest is the button that opens the request form.
func newRequest(id string) slack.Block {
	return actions(id, primary(button(verbNew, "", "New request", "Ask for an API key")))
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
		blocks = append(blocks, keyRow(v, false))
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

// keyRow is a key in a list: what it is, how it does, and a button.
func keyRow(v workflow.CredentialView, withOwner bool) slack.Block {
	c := v.Credential
	b := detailsButton(c)
	if collectable(v) {
		b = revealButton(v)
	}
	return sectionWith("key/"+c.ID.String(), keyInLine(v, withOwner), b)
}

// collectable reports whether the owner can still be shown the key.
func collectable(v workflow.CredentialView) bool {
	return v.RevealURL != "" && !v.Collected && v.Credential.State == storage.CredentialActive
}

func keyInLine(v workflow.CredentialView, withOwner bool) string {
	c := v.Credential
	out := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if withOwner {
		out += ", held by " + holder(v, personMarkup)
	}
	out += fmt.Sprintf(": *%s*\n%s; %s", stateMarkup(c), scopeCount(v.Scopes), lastUsed(c, day))
	if collectable(v) {
		out += "\nReady to collect."
	}
	return out
}

// scopeCount is countByAccess where a key may have no known scopes.
func scopeCount(scopes []workflow.ScopeView) string {
	if len(scopes) == 0 {
		return "scopes unknown"
	}
	return "scopes: " + countByAccess(scopes)
}

// listMessage is one page of everybody's keys. Next is the cursor of the page
// behind it, or empty.
func listMessage(views []workflow.CredentialView, next string) message {
	if len(views) == 0 {
		text := "No keys match. Leave out the person or system to see all of them."
		return say(text, section(text))
	}
	count := plural(len(views), "key")
	blocks := []slack.Block{section("*" + count + "*, the newest first.")}
	for _, v := range views[:min(maxKeysListed, len(views))] {
		v.RevealURL = ""
		blocks = append(blocks, keyRow(v, true))
	}
	if more := len(views) - maxKeysListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("%s not shown here: narrow the list by a person or a system.", plural(more, "more key"))))
	}
	if next != "" {
		blocks = append(blocks, actions("more", button(verbMore, next, "More", "Show older keys")))
	}
	return say(escape(count+": "+keysInShort(views)+"."), blocks...)
}

// pendingMessage lists what waits for a reviewer's decision.
func pendingMessage(views []workflow.RequestView) message {
	if len(views) == 0 {
		text := "Nothing waits for your decision. You get a message as soon as something does."
		return say(text, section(text))
	}
	text := countWaiting(len(views)) + " for your decision."
	blocks := []slack.Block{section(text)}
	for _, v := range views[:min(maxRequestsListed, len(views))] {
		blocks = append(blocks, section(requestInLine(v)), decide(v))
	}
	if more := len(views) - maxRequestsListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("%s not shown here: decide the ones above first.", plural(more, "more request"))))
	}
	return say(text, blocks...)
}

// requestInLine is a request in a reviewer's list.
func requestInLine(v workflow.RequestView) string {
	r := v.Request
	kept, _ := onTheTable(v.Scopes)
	out := fmt.Sprintf("%s, %s asks for %s: %s", code(r.ID.String()), personMarkup(v.Requester), asksForMarkup(r), words(scopeNames(kept, 2)))
	if st, ok := currentStep(v); ok {
		out += fmt.Sprintf("\n%s by %s", approvals(st), bold(st.Group))
	}
	if isSet(r.LapsesAt) {
		out += ", lapses " + moment(r.LapsesAt)
	}
	return out
}
