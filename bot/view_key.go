package bot

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// keyMessage is the owner's message about a key, kept up to date from the
// moment it can be collected until its end, which lastMessage tells. RevealBy
// is when the chance to collect it ends; zero for a key that is not ours to
// show, because a person made it at the system.
func keyMessage(v workflow.CredentialView, revealBy time.Time) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	switch c.State {
	case storage.CredentialActive:
		if c.Sink != "" {
			return sinkMessage(v, which, whichMarkup)
		}
		if !v.Collected && (v.RevealURL != "" || isSet(revealBy)) {
			return collectMessage(v, which, whichMarkup, revealBy)
		}
		return usableMessage(v, which, whichMarkup)
	case storage.CredentialRevoking, storage.CredentialRevokeFailed:
		return revokeMessage(v, which, whichMarkup)
	case storage.CredentialSuspended:
		until := "it works nowhere until it is resumed."
		if c.Managed && isSet(c.WarnedAt) && isSet(c.EnforceAt) {
			return endMessage(which+" is suspended: "+until+" It is revoked on "+utc(c.EnforceAt)+".",
				whichMarkup+" is *suspended*: "+until+" It is revoked "+moment(c.EnforceAt)+"; if it is needed, an admin can resume it.", c.StateReason, detailsButton(c))
		}
		return endMessage(which+" is suspended: "+until, whichMarkup+" is *suspended*: "+until, c.StateReason, detailsButton(c))
	case storage.CredentialExpired:
		return expiredMessage(c, which, whichMarkup)
	case storage.CredentialIssuing, storage.CredentialRevoked, storage.CredentialIssueFailed:
	}
	text := which + ": " + stateWords(c) + "."
	return say(escape(text), section(whichMarkup+": "+stateMarkup(c)+"."))
}

// lastMessage tells the owner of a key that was ended who ended it, why and
// when.
func lastMessage(v workflow.CredentialView) message {
	c := v.Credential
	which, whichMarkup := yourKey(c)
	switch c.State {
	case storage.CredentialExpired:
		return expiredMessage(c, which, whichMarkup)
	case storage.CredentialIssueFailed:
		return endMessage(which+" could not be made: "+c.StateReason, whichMarkup+" could not be made.", c.StateReason, newRequestButton(), detailsButton(c))
	case storage.CredentialRevoked, storage.CredentialRevoking, storage.CredentialRevokeFailed,
		storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended:
	}
	return revokeMessage(v, which, whichMarkup)
}

// expiredMessage says when a key's time was up.
func expiredMessage(c storage.Credential, which, whichMarkup string) message {
	when, whenMarkup := "", ""
	if isSet(c.EndedAt) {
		when, whenMarkup = " on "+utc(c.EndedAt), ", "+moment(c.EndedAt)
	}
	return endMessage(which+" has expired"+when+". It works nowhere any more.",
		whichMarkup+" has *expired*"+whenMarkup+". It works nowhere any more.", "", newRequestButton(), detailsButton(c))
}

// yourKey begins a sentence about a key to its owner, in plain text and in
// mrkdwn.
func yourKey(c storage.Credential) (which, whichMarkup string) {
	which = fmt.Sprintf("Your key %s for %s", c.ID, cut(line(c.Connection), maxName))
	whichMarkup = fmt.Sprintf("Your key %s for %s", code(c.ID.String()), bold(c.Connection))
	label := givenName(c)
	if !c.Managed { // its owner knows it by that name only
		label = line(c.Label)
	}
	if label = cut(label, maxName); label != "" {
		which += " (“" + label + "”)"
		whichMarkup += " (“" + words(label) + "”)"
	}
	return which, whichMarkup
}

// collectMessage offers the key, once.
func collectMessage(v workflow.CredentialView, which, whichMarkup string, revealBy time.Time) message {
	c := v.Credential
	if v.RevealURL == "" {
		text := which + " was not collected in time. It is being revoked."
		return say(escape(text), section(whichMarkup+" was not collected in time. It is being revoked."))
	}
	plainly, limit := "", ""
	if isSet(revealBy) {
		plainly = " Collect it before " + utc(revealBy) + "."
		limit = " Collect it before " + moment(revealBy) + ": after that it is revoked."
	}
	blocks := []slack.Block{
		section(whichMarkup + " is ready to collect. It is shown *once*, on a page outside Slack." + limit),
		section(scopesAllowed(v)),
	}
	if old := replacesLine(v); old != "" {
		blocks = append(blocks, section(old))
	}
	return say(escape(which+" is ready to collect."+plainly), append(blocks,
		small("Once you open the page, 15 minutes are left. "+stateMarkup(c)+"."),
		actions("key/"+c.ID.String(), revealButton(v), detailsButton(c), giveBackButton(c)))...)
}

// successionBlocks say which key this one replaces, which one replaces it, and
// that its owner lets it expire.
func successionBlocks(v workflow.CredentialView) []slack.Block {
	var out []slack.Block
	for _, l := range []string{replacesLine(v), replacedLine(v)} {
		if l != "" {
			out = append(out, section(l))
		}
	}
	if v.Credential.LetExpire && v.ReplacedBy == 0 {
		out = append(out, small("It is left to expire: you hear no more of it before its end."))
	}
	return out
}

// ownerControls are what the owner of a key that works can do with it.
func ownerControls(v workflow.CredentialView) []slack.BlockElement {
	c := v.Credential
	out := []slack.BlockElement{detailsButton(c)}
	if v.Can.Rotate {
		out = append(out, keyButton(verbRotate, c))
	}
	if v.Can.Extend {
		out = append(out, keyButton(verbExtend, c))
	}
	if v.ClientsURL != "" {
		out = append(out, clientsButton(v))
	}
	return append(out, giveBackButton(c))
}

// usableMessage says how a key is used and how long it lives.
func usableMessage(v workflow.CredentialView, which, whichMarkup string) message {
	c := v.Credential
	text := fmt.Sprintf("%s: %s; %s.", which, stateWords(c), lastUsed(c, utc))
	use := "Use it the way that system asks for."
	if c.Brokered {
		use = "Call " + code(v.UseURL+"/…") + " instead of the system itself, with the header " + code("Authorization: Bearer "+keyHint(c)) + "."
	}
	blocks := append([]slack.Block{
		section(fmt.Sprintf("%s: *%s*.\n%s", whichMarkup, stateMarkup(c), use)),
		section(scopesAllowed(v)),
	}, successionBlocks(v)...)
	lost := "Lost it? Give it back and ask for a new one: nobody can show it again."
	if v.Can.Rotate {
		lost = "Lost it? Rotate it: nobody can show it again."
	}
	return say(escape(text), append(blocks,
		small(fmt.Sprintf("Key %s, %s. %s", code(c.ID.String()), lastUsed(c, moment), lost)),
		actions("key/"+c.ID.String(), ownerControls(v)...))...)
}

// scopesAllowed counts what a key may do; its details list it.
func scopesAllowed(v workflow.CredentialView) string {
	if len(v.Scopes) == 0 {
		return "Its scopes are unknown."
	}
	return "It has " + words(scopesInShort(v.Scopes)) + "."
}

// keyHint is what a key looks like without giving it away.
func keyHint(c storage.Credential) string {
	if c.KeyPrefix == "" || c.KeyLast4 == "" {
		return "<your key>"
	}
	return c.KeyPrefix + ellipsis + c.KeyLast4
}

// givenBack is the reason workflow records when an owner gives none.
const givenBack = "given back"

// revokeMessage says who ended a key, why and when, and how far it is.
func revokeMessage(v workflow.CredentialView, which, whichMarkup string) message {
	c := v.Credential
	by, why := "", c.StateReason
	when, whenMarkup := "", ""
	if e, ok := ending(v); ok {
		why = e.Reason
		when, whenMarkup = " on "+utc(e.At), ", "+moment(e.At)
		switch {
		case bySystem(e) && v.ReplacedBy != 0 && e.Reason == "replaced by "+v.ReplacedBy.String():
			why = "" // said below
		case bySystem(e):
		case e.ActorID == c.OwnerID && e.Reason == givenBack:
			by, why = " because you gave it back", ""
		case e.ActorID == c.OwnerID:
			by = " by you"
		default:
			by = " by " + actor(e)
		}
	}
	verb, progress := " is being revoked", "The system has yet to confirm it."
	controls := []slack.BlockElement{detailsButton(c)}
	switch c.State {
	case storage.CredentialRevoked:
		verb, progress = " was revoked", "It works nowhere any more."
		controls = []slack.BlockElement{newRequestButton(), detailsButton(c)}
	case storage.CredentialRevokeFailed:
		progress = "The system does not confirm it yet; Latchkey keeps trying, and an admin can see it."
	default:
	}
	if c.Brokered && c.State != storage.CredentialRevoked {
		progress = "The gateway refuses it already."
	}
	if v.ReplacedBy != 0 {
		progress += " " + v.ReplacedBy.String() + " takes its place."
	}
	text := which + verb + by + when + ". " + progress
	if why != "" {
		text += " Reason: " + line(why)
	}
	return endMessage(text, whichMarkup+verb+escaper.Replace(flat.Replace(by))+whenMarkup+". "+progress, why, controls...)
}

// endMessage is a key's message when there is nothing to collect or use.
func endMessage(text, markup, why string, controls ...slack.BlockElement) message {
	blocks := []slack.Block{section(markup)}
	if why != "" {
		blocks = append(blocks, quote("Reason", why))
	}
	return say(escape(text), append(blocks, actions("ended", controls...))...)
}

// revealButton opens the page that shows the key. The link is the owner's.
func revealButton(v workflow.CredentialView) *slack.ButtonBlockElement {
	id := v.Credential.ID.String()
	b := primary(button(verbReveal, id, "Reveal", "Reveal key "+id))
	b.URL = v.RevealURL
	return b
}

func detailsButton(c storage.Credential) *slack.ButtonBlockElement {
	return button(verbShow, c.ID.String(), "Show details", "Show details of key "+c.ID.String())
}

// giveBackButton opens a modal that asks again, so it needs no question of
// its own.
func giveBackButton(c storage.Credential) *slack.ButtonBlockElement {
	return keyButton(verbGiveBack, c)
}
