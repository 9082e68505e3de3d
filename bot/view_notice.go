package bot

import (
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// The actions of the audit log that owners are told of.
const (
	actionWarned        = "credential.warned"
	actionHandedOver    = "credential.handed_over"
	actionRotationBegun = "credential.rotation_begun"
	actionReplaced      = "credential.replaced"
	actionNotReplaced   = "credential.rotation_failed"
	actionNotDelivered  = "credential.delivery_failed"
)

// warning is the standing warning about a key; false when there is none.
func warning(v workflow.CredentialView) (storage.Event, bool) {
	c := v.Credential
	if c.Managed || !isSet(c.WarnedAt) || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return storage.Event{}, false
	}
	for _, e := range slices.Backward(v.Events) {
		if e.Action == actionWarned {
			return e, true
		}
	}
	return storage.Event{}, false
}

// warningMessage says that a key nobody asked for has to go, when and why,
// and what can be done: by its owner, or by an admin where there is none to
// tell. Asked is the request to keep it, or 0.
func warningMessage(v workflow.CredentialView, e storage.Event, asked storage.RequestID, toOwner bool) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	if !toOwner {
		which = fmt.Sprintf("Key %s for %s, %s,", c.ID, cut(line(c.Connection), maxName), heldBy(v, name))
		whichMarkup = fmt.Sprintf("Key %s for %s, %s,", code(c.ID.String()), bold(c.Connection), heldBy(v, personMarkup))
	}
	until, untilMarkup := "soon", "soon"
	if isSet(c.EnforceAt) {
		until, untilMarkup = "on "+utc(c.EnforceAt), moment(c.EnforceAt)
	}
	head := fmt.Sprintf("%s has to go: the rules end it *%s*.", whichMarkup, untilMarkup)
	if asked != 0 {
		head = fmt.Sprintf("%s stays until %s is decided: the request to keep it. Else the rules end it *%s*.", whichMarkup, code(asked.String()), untilMarkup)
	}
	blocks := []slack.Block{
		section(head),
		quote("Why", e.Reason),
		section(listedLine(v)),
	}
	controls := []slack.BlockElement{detailsButton(c)}
	switch {
	case !toOwner:
		blocks = append(blocks, small("Nobody could be told. An admin can end it before, or find out who uses it: whoever owns its account at the system can ask to keep it."))
		controls = append(controls, keyButton(verbRevoke, c))
	case asked == 0 && v.Can.Adopt:
		blocks = append(blocks, small("If you need it, ask to keep it: then somebody decides. If you don't, give it back."))
		controls = append(controls, primary(keyButton(verbKeep, c)), giveBackButton(c))
	default:
		controls = append(controls, giveBackButton(c))
	}
	return say(escape(fmt.Sprintf("%s has to go: the rules end it %s. %s", which, until, line(e.Reason))),
		append(blocks, actions("warning/"+c.ID.String(), controls...))...)
}

// warningOver is what stays of a warning that does not stand any more.
func warningOver(v workflow.CredentialView) message {
	c := v.Credential
	text, mark := "is not to be ended by the rules any more", "is not to be ended by the rules any more"
	switch {
	case c.Managed:
		text, mark = "is managed now: "+stateWords(c), "is managed now: *"+stateMarkup(c)+"*"
	case c.State != storage.CredentialActive && c.State != storage.CredentialSuspended:
		text, mark = "has come to its end: "+stateWords(c), "has come to its end: *"+stateMarkup(c)+"*"
	}
	return say(escape(fmt.Sprintf("The warning about key %s for %s is over: it %s.", c.ID, cut(line(c.Connection), maxName), text)),
		section(fmt.Sprintf("The warning about key %s for %s is over: it %s.", code(c.ID.String()), bold(c.Connection), mark)))
}

// turnMessage tells an owner who suspended or resumed a key, and why.
func turnMessage(v workflow.CredentialView, e storage.Event) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	verb, then := "suspended", "It works nowhere until it is resumed."
	if e.After == string(storage.CredentialActive) {
		verb, then = "resumed", "It works again."
	}
	return endMessage(fmt.Sprintf("%s was %s by %s on %s. %s Reason: %s", which, verb, actor(e), utc(e.At), then, line(e.Reason)),
		fmt.Sprintf("%s was *%s* by %s, %s. %s", whichMarkup, verb, words(actor(e)), moment(e.At), then), e.Reason, detailsButton(c))
}

// newOwnerMessage tells somebody that a key is theirs now.
func newOwnerMessage(v workflow.CredentialView, e storage.Event) message {
	c := v.Credential
	text := fmt.Sprintf("%s gave you the key %s for %s: you answer for it from now on.", actor(e), c.ID, cut(line(c.Connection), maxName))
	return endMessage(text+" Reason: "+line(e.Reason),
		fmt.Sprintf("%s gave you the key %s for %s: you answer for it from now on. Whoever held it knows its value all the same.", words(actor(e)), code(c.ID.String()), bold(c.Connection)),
		e.Reason, detailsButton(c), giveBackButton(c))
}

// oldOwnerMessage tells somebody that a key is not theirs any more.
func oldOwnerMessage(v workflow.CredentialView, e storage.Event) message {
	c := v.Credential
	text := fmt.Sprintf("%s gave your key %s for %s to %s.", actor(e), c.ID, cut(line(c.Connection), maxName), name(v.Owner))
	return endMessage(text+" Reason: "+line(e.Reason),
		fmt.Sprintf("%s gave your key %s for %s to %s, who answers for it from now on.", words(actor(e)), code(c.ID.String()), bold(c.Connection), personMarkup(v.Owner)),
		e.Reason, newRequestButton())
}

// handedOnMessage is what stays of a former owner's message about a key.
func handedOnMessage(v workflow.CredentialView) message {
	c := v.Credential
	text := fmt.Sprintf("Key %s for %s belongs to %s now.", c.ID, cut(line(c.Connection), maxName), holder(v, name))
	return say(escape(text), section(fmt.Sprintf("Key %s for %s belongs to %s now.", code(c.ID.String()), bold(c.Connection), holder(v, personMarkup))))
}
