package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// replaces is the rotation by which a key takes another one's place; false for
// none.
func replaces(v workflow.CredentialView) (storage.Rotation, bool) {
	for _, r := range v.Rotations {
		if r.NewID == v.Credential.ID {
			return r, true
		}
	}
	return storage.Rotation{}, false
}

// replacedIn is the rotation by which another key takes this one's place; false
// for none, and for those that came to nothing.
func replacedIn(v workflow.CredentialView) (storage.Rotation, bool) {
	for _, r := range v.Rotations {
		if v.ReplacedBy != 0 && r.NewID == v.ReplacedBy && r.OldID == v.Credential.ID {
			return r, true
		}
	}
	return storage.Rotation{}, false
}

// replacesLine says in mrkdwn which key a new one takes the place of, and how
// long that one works; empty for a key that replaces none.
func replacesLine(v workflow.CredentialView) string {
	r, ok := replaces(v)
	if !ok {
		return ""
	}
	old := code(r.OldID.String())
	out := "It takes the place of " + old
	switch {
	case r.Way == storage.RotateInPlace:
		return out + ", which stopped working when it was made."
	case !isSet(r.OldEndsAt):
		return out + ", which works on meanwhile."
	}
	if r.NewCollected { // how long the old one works yet, its own message says
		return out + "."
	}
	have := "you have collected this one"
	if v.Credential.Sink != "" {
		have = "this one is in " + bold(v.Credential.Sink)
	}
	return out + ", which works until " + oldWorksUntil(r, have) + "."
}

// oldWorksUntil is when the old key of a rotation ends: at a time, and not
// before somebody has the new one and, perhaps, nobody uses the old one.
func oldWorksUntil(r storage.Rotation, have string) string {
	out := []string{moment(r.OldEndsAt)}
	if have != "" {
		out = append(out, "until "+have)
	}
	if r.QuietS > 0 {
		out = append(out, "until nobody has used it for "+lifetime(r.QuietS))
	}
	return join(out)
}

// replacedLine says in mrkdwn what takes the place of a key, how long the key
// works yet, and what still uses it; empty for a key that nothing replaces.
func replacedLine(v workflow.CredentialView) string {
	r, ok := replacedIn(v)
	if !ok {
		return ""
	}
	c, by := v.Credential, code(r.NewID.String())
	out := fmt.Sprintf("It is *being replaced* by %s", by)
	switch {
	case r.NewState == storage.CredentialIssuing && r.Way == storage.RotateInPlace:
		out += ", which is being made. Then it stops working at once."
	case r.NewState == storage.CredentialIssuing && r.Way == storage.RotateGuided:
		out += ", which its owner has to make at the system: another message says how. Until then it works on."
	case r.NewState == storage.CredentialIssuing:
		out += ", which is being made. Until then it works on."
	case r.NewCollected:
		out += ": it works until " + oldWorksUntil(r, "") + "."
	case c.Sink != "":
		out += ": it works until " + oldWorksUntil(r, "the new one is in "+bold(c.Sink)) + "."
	default:
		out += ", which is ready to collect: it works until " + oldWorksUntil(r, "the new one is collected") + "."
	}
	return out + trafficWords(v, r)
}

// trafficWords says what still uses a key that is being replaced, where that
// is known.
func trafficWords(v workflow.CredentialView, r storage.Rotation) string {
	switch {
	case !v.Credential.Brokered || r.NewState == storage.CredentialIssuing:
		return ""
	case v.Traffic == 0:
		return "\nIn the last hour nothing used it."
	case v.Traffic == 1:
		return "\nIn the last hour it was used *once*: something still has to get the new key."
	}
	return fmt.Sprintf("\nIn the last hour it was used *%d times*: something still has to get the new key.", v.Traffic)
}

// notReplacedMessage tells an owner once that nothing came of a fresh key, why,
// and what can be done.
func notReplacedMessage(v workflow.CredentialView, e storage.Event) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	then := "It works on as before."
	if c.State != storage.CredentialActive {
		then = "It stays what it is."
	}
	controls := []slack.BlockElement{detailsButton(c)}
	if v.Can.Rotate {
		then += " Rotate it again once that is mended."
		controls = append([]slack.BlockElement{keyButton(verbRotate, c)}, controls...)
	}
	if isSet(c.ExpiresAt) {
		then += " It ends on " + moment(c.ExpiresAt) + " at the latest."
	}
	return endMessage(which+" was not replaced, because nothing came of the new key: "+line(e.Reason),
		whichMarkup+" was *not replaced*: nothing came of the new key. "+then, e.Reason, controls...)
}

// contactNewMessage tells somebody who has to know that a key has a new one
// beside it.
func contactNewMessage(v workflow.CredentialView, r storage.Rotation) message {
	c := v.Credential
	text := fmt.Sprintf("The key %s for %s, held by %s, is being replaced: the new one is %s.", r.OldID, cut(line(c.Connection), maxName), holder(v, name), c.ID)
	out := fmt.Sprintf("The key %s for %s, held by %s, is being replaced: the new one is %s, and it works.", code(r.OldID.String()), bold(c.Connection),
		holder(v, personMarkup), code(c.ID.String()))
	if r.Way == storage.RotateInPlace {
		out += " The old one works nowhere any more."
	} else if isSet(r.OldEndsAt) {
		out += " The old one works until " + moment(r.OldEndsAt) + " at least."
	}
	blocks := []slack.Block{section(out)}
	if r.Reason != "" {
		blocks = append(blocks, quote("Why", r.Reason))
	}
	return say(escape(text), append(blocks, small("You are told because you were named as somebody who has to know."))...)
}

// contactOldMessage tells them that the old one has ended.
func contactOldMessage(v workflow.CredentialView, r storage.Rotation) message {
	c := v.Credential
	text := fmt.Sprintf("The key %s for %s, held by %s, has ended. %s takes its place.", c.ID, cut(line(c.Connection), maxName), holder(v, name), r.NewID)
	return say(escape(text), section(fmt.Sprintf("The key %s for %s, held by %s, *has ended*. %s takes its place.", code(c.ID.String()), bold(c.Connection),
		holder(v, personMarkup), code(r.NewID.String()))))
}
