package bot

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of what a person is told to do, and of what a system answered.
const (
	maxTaskStep      = 300
	roomForTask      = 9000 // of all steps together, in a message of their own
	maxStepsInBrief  = 6    // where much else is said
	maxReceiptsShown = 2
	maxReceiptLength = 300
)

// taskBlocks are the steps of a task, all of them, letter by letter.
func taskBlocks(label string, todo []string) []slack.Block {
	limit := maxTaskStep
	if n := len(todo); n > 0 {
		limit = max(min(limit, roomForTask/n), 1)
	}
	return []slack.Block{stepList(label, todo, limit)}
}

// taskInBrief is the beginning of a task where much else is said.
func taskInBrief(label string, todo []string) slack.Block {
	if more := len(todo) - maxStepsInBrief; more > 0 {
		todo = append(slices.Clone(todo[:maxStepsInBrief]), fmt.Sprintf("and %s, in the message that Latchkey sent about it", plural(more, "more step")))
	}
	return stepList(label, todo, maxTaskStep/2)
}

func stepList(label string, todo []string, limit int) slack.Block {
	bold := &slack.RichTextSectionTextStyle{Bold: true}
	out := []slack.RichTextElement{slack.NewRichTextSection(slack.NewRichTextSectionTextElement(label, bold))}
	var steps []slack.RichTextElement
	for _, s := range todo {
		steps = append(steps, slack.NewRichTextSection(letters(orDash(cut(line(s), limit)))))
	}
	if len(steps) > 0 {
		out = append(out, slack.NewRichTextList(slack.RTEListOrdered, 0, steps...))
	}
	return slack.NewRichTextBlock("", out...)
}

// taskButton opens the place where a task begins, if it is one a browser can
// open.
func taskButton(c storage.Credential, at string) []slack.BlockElement {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(at) > maxSection {
		return nil
	}
	b := primary(button(verbOpen, c.ID.String(), "Open "+cut(line(c.Connection), maxName), "Open the system of key "+c.ID.String()))
	b.URL = at
	return []slack.BlockElement{b}
}

// taskMessage tells an owner what to do at the system to get an approved key
// that Latchkey can't make.
func taskMessage(v workflow.CredentialView) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	controls := append(taskButton(c, v.Task.URL), detailsButton(c), giveBackButton(c))
	blocks := append([]slack.Block{section(whichMarkup + " is approved. At this system only you can make it; do it exactly like this:")},
		taskBlocks("Steps", v.Task.Steps)...)
	return say(escape(which+" is approved, and only you can make it at the system: "+stepsInLine(v.Task.Steps)),
		append(blocks,
			small("Latchkey finds the key at its next look at the system. One that can do more, or lives longer, than was approved is revoked."),
			actions("task/"+c.ID.String(), controls...))...)
}

// connectMessage gives an owner the link to connect an approved OAuth app.
func connectMessage(v workflow.CredentialView) message {
	c := v.Credential
	id := c.ID.String()
	text := fmt.Sprintf("The use of the OAuth app of %s is approved (%s). Connect it with your account there.", cut(line(c.Connection), maxName), c.ID)
	return say(escape(text),
		section(fmt.Sprintf("The use of the OAuth app of %s is approved (%s). Connect it with your account there; the key to use it follows.", bold(c.Connection), code(id))),
		section(scopesAllowed(v)),
		small("The link is yours alone and works once. Whatever the system lets the app do, the gateway lets through only the scopes that were approved."),
		actions("connect/"+id, connectButton(v), detailsButton(c), giveBackButton(c)))
}

// connectButton opens the page that begins to connect an app. The link is the
// owner's.
func connectButton(v workflow.CredentialView) *slack.ButtonBlockElement {
	c := v.Credential
	b := primary(button(verbConnect, c.ID.String(), "Connect", "Connect "+c.Connection+" for "+c.ID.String()))
	b.URL = v.ConnectURL
	return b
}

// todoOver is what stays of a task or a link once there is nothing to do.
func todoOver(v workflow.CredentialView) message {
	which, whichMarkup := yourKey(v.Credential)
	if v.Credential.State == storage.CredentialIssuing {
		return say(escape(which+" is being made."), section(whichMarkup+" is being made."))
	}
	rest := "There is nothing left to do."
	if v.RevealURL != "" {
		rest = "It waits to be collected: use the message below."
	}
	return say(escape(which+": "+stateWords(v.Credential)+". "+rest), section(whichMarkup+": *"+stateMarkup(v.Credential)+"*. "+rest))
}

// byHandMessage asks the admins to end a key that the system lets only a
// person end, and says when that is done.
func byHandMessage(v workflow.CredentialView) message {
	c := v.Credential
	which := fmt.Sprintf("Key %s for %s, held by %s,", c.ID, cut(line(c.Connection), maxName), holder(v, name))
	whichMarkup := fmt.Sprintf("Key %s for %s, held by %s,", code(c.ID.String()), bold(c.Connection), holder(v, personMarkup))
	if c.State != storage.CredentialRevoking && c.State != storage.CredentialRevokeFailed || v.Task == nil {
		return say(escape(which+" is done with: "+stateWords(c)+"."), section(whichMarkup+" is done with: *"+stateMarkup(c)+"*."))
	}
	blocks := []slack.Block{section(whichMarkup + " is to be revoked" + byAndWhen(v) + ", and only a person can end it at the system.")}
	if c.StateReason != "" {
		blocks = append(blocks, quote("Reason", c.StateReason))
	}
	blocks = append(blocks, taskBlocks("What to do", v.Task.Steps)...)
	return say(escape(which+" is to be revoked, and only a person can end it at the system: "+stepsInLine(v.Task.Steps)),
		append(blocks,
			small("Latchkey looks again at each sync. The case stays open until the system shows that the key is gone."),
			actions("hand/"+c.ID.String(), append(taskButton(c, v.Task.URL), detailsButton(c))...))...)
}

// byAndWhen is who began to revoke a key, and when, in mrkdwn.
func byAndWhen(v workflow.CredentialView) string {
	e, ok := ending(v)
	if !ok {
		return ""
	}
	out := ", " + moment(e.At)
	if !bySystem(e) {
		out = " by " + words(actor(e)) + out
	}
	return out
}

// stepsInLine are a task's steps in plain text.
func stepsInLine(todo []string) string {
	var out []string
	for _, s := range todo {
		out = append(out, sentence(cut(line(s), maxTaskStep)))
	}
	return strings.Join(out, " ")
}

// receiptBlocks are the system's own answers, the newest last, letter by
// letter.
func receiptBlocks(all []storage.Receipt) []slack.Block {
	if len(all) == 0 {
		return nil
	}
	bold := &slack.RichTextSectionTextStyle{Bold: true}
	out := []slack.RichTextElement{slack.NewRichTextSection(slack.NewRichTextSectionTextElement("What the system answered", bold))}
	for _, r := range all[max(len(all)-maxReceiptsShown, 0):] {
		what := fmt.Sprintf("To “%s”, ", cut(line(r.Verb), maxName))
		says := cut(clean(r.Answer), maxReceiptLength)
		end := ":"
		if says == "" {
			end = "."
		}
		out = append(out, slack.NewRichTextSection(letters(what), clock(r.At), letters(", "+livenessWords(r)+end)))
		if says != "" {
			out = append(out, &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{letters(says)}})
		}
	}
	return []slack.Block{slack.NewRichTextBlock("", out...)}
}

// livenessWords is what a system says of a key since.
func livenessWords(r storage.Receipt) string {
	switch r.Liveness {
	case "dead":
		return "and the key is dead"
	case "live":
		return "and the key is live"
	}
	return "which says nothing of whether the key lives"
}
