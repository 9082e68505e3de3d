package bot

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// inSink says in mrkdwn where a key is that nobody sees, or is to be.
func inSink(c storage.Credential) string {
	if c.SinkVersion == "" {
		return "It is being put into " + sinkPlace(c.Sink, c.Place) + "; nobody sees it."
	}
	return "It is in " + sinkPlace(c.Sink, c.Place) + "; nobody has seen it."
}

// toSink says of a request that its key goes into a sink; nothing for others.
func toSink(sink, place string) []slack.Block {
	if sink == "" {
		return nil
	}
	return []slack.Block{section("*Nobody sees the key*: it goes into " + sinkPlace(sink, place) + ".")}
}

// undelivered is the last thing that kept a key out of its sink; false once it
// is there, or over.
func undelivered(v workflow.CredentialView) (storage.Event, bool) {
	c := v.Credential
	if c.Sink == "" || c.SinkVersion != "" || c.State != storage.CredentialActive {
		return storage.Event{}, false
	}
	for _, e := range slices.Backward(v.Events) {
		if e.Action == actionNotDelivered {
			return e, true
		}
	}
	return storage.Event{}, false
}

// notDeliveredMessage tells an owner what keeps a key out of its sink, and what
// can be done. TryUntil is when Latchkey gives up.
func notDeliveredMessage(v workflow.CredentialView, e storage.Event, tryUntil time.Time) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	then := "Latchkey keeps trying. Somebody who looks after " + bold(c.Sink) + " has to mend it there; or give the key back and ask for one that goes elsewhere."
	if isSet(tryUntil) {
		then += " If it is not in place by " + moment(tryUntil) + ", it is revoked."
	}
	if r, ok := replaces(v); ok {
		then += " " + code(r.OldID.String()) + " works on meanwhile."
	}
	return endMessage(fmt.Sprintf("%s could not be put into %s: %s.", which, cut(line(c.Sink), maxName), line(e.Reason)),
		whichMarkup+" could *not* be put into "+sinkPlace(c.Sink, c.Place)+". "+then, e.Reason, detailsButton(c), giveBackButton(c))
}

// deliveryOver is what stays of notDeliveredMessage.
func deliveryOver(v workflow.CredentialView) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	if c.SinkVersion != "" {
		return say(escape(fmt.Sprintf("%s is in %s now.", which, cut(line(c.Sink), maxName))), section(whichMarkup+" is in "+sinkPlace(c.Sink, c.Place)+" now."))
	}
	return say(escape(which+": "+stateWords(c)+"."), section(whichMarkup+": *"+stateMarkup(c)+"*."))
}

// sinkMessage is the owner's message about a key that nobody sees.
func sinkMessage(v workflow.CredentialView, which, whichMarkup string) message {
	c := v.Credential
	where := "is being put into"
	if c.SinkVersion != "" {
		where = "is in"
	}
	blocks := []slack.Block{
		section(fmt.Sprintf("%s: *%s*.\n%s", whichMarkup, stateMarkup(c), inSink(c))),
		section(scopesAllowed(v)),
	}
	if c.Brokered {
		blocks = append(blocks, small("Whatever reads it there calls "+code(v.UseURL+"/…")+" instead of the system itself."))
	}
	blocks = append(blocks, successionBlocks(v)...)
	return say(escape(fmt.Sprintf("%s %s %s at %s: %s; %s.", which, where, cut(line(c.Sink), maxName), cut(line(c.Place), maxName), stateWords(c), lastUsed(c, utc))),
		append(blocks, small(fmt.Sprintf("Key %s, %s.", code(c.ID.String()), lastUsed(c, moment))), actions("key/"+c.ID.String(), ownerControls(v)...))...)
}
