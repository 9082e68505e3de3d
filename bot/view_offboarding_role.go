package bot

import (
	"fmt"
	"slices"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// actionUnentitled is that the owner of a key could not get it any more.
const actionUnentitled = "credential.unentitled"

// unentitled is the standing event that says so; false when there is none.
func unentitled(v workflow.CredentialView) (storage.Event, bool) {
	c := v.Credential
	if !slices.Contains(v.Flags, storage.FlagUnentitled) || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return storage.Event{}, false
	}
	for _, e := range slices.Backward(v.Events) {
		if e.Action == actionUnentitled {
			return e, true
		}
	}
	return storage.Event{}, false
}

// byRoles tells whether a key was suspended because its owner lost a group.
// Its owner reads that with the reason and the way back, not as a suspension.
func byRoles(e storage.Event) bool {
	return bySystem(e) && e.Actor == storage.System("roles").Name && e.After == string(storage.CredentialSuspended)
}

// unentitledMessage tells an owner that the rules would not give them a key any
// more that they have, and how to ask again.
func unentitledMessage(v workflow.CredentialView, e storage.Event) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	then, next := "It works on, and admins see that it is flagged.", "If you still need it, ask again: whoever decides may allow it. If not, give it back."
	if c.State == storage.CredentialSuspended {
		then = "It is suspended and works nowhere."
	}
	again := primary(button(verbNew, c.Connection, "Ask again", "Ask for a key for "+c.Connection+" again"))
	return endMessage(fmt.Sprintf("%s is not allowed to you any more. %s Reason: %s", which, then, line(e.Reason)),
		fmt.Sprintf("%s is *not allowed to you any more*, since %s. %s %s", whichMarkup, moment(e.At), then, next),
		e.Reason, again, detailsButton(c), giveBackButton(c))
}

// entitledAgain is what stays of that message once it does not stand.
func entitledAgain(v workflow.CredentialView) message {
	which, whichMarkup := yourKey(v.Credential)
	if !v.Credential.Live() || v.Credential.State != storage.CredentialActive && v.Credential.State != storage.CredentialSuspended {
		return say(escape(fmt.Sprintf("%s was not allowed to you any more; it has ended: %s.", which, stateWords(v.Credential))),
			section(fmt.Sprintf("%s was not allowed to you any more; it has ended: *%s*.", whichMarkup, stateMarkup(v.Credential))))
	}
	return say(escape(fmt.Sprintf("%s is allowed to you again: %s.", which, stateWords(v.Credential))),
		section(fmt.Sprintf("%s is allowed to you again: *%s*.", whichMarkup, stateMarkup(v.Credential))))
}

// unentitledWhy is the rules' reason, behind a sentence; empty where it is not
// known.
func unentitledWhy(v workflow.CredentialView) string {
	e, stands := unentitled(v)
	if !stands || e.Reason == "" {
		return ""
	}
	return ": " + words(cut(strings.TrimSuffix(line(e.Reason), "."), maxReasonShown))
}
