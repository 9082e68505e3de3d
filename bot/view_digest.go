package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of a digest. Up to maxDigestButtons keys have buttons; more have a
// menu each, and what does not fit is counted.
const (
	maxDigestButtons = 3
	maxDigestLines   = 12
	roomForKey       = 950 // of what is said of one key
)

// digestMessage is the one message of a day about keys that end, for one
// reader. It is kept up to date: a key that is dealt with says how instead of
// asking.
func digestMessage(v workflow.DigestView, r reader, command string) message {
	head := digestHead(v.Lines)
	blocks := []slack.Block{section("*" + head + "*")}
	var text []string
	for _, l := range v.Lines {
		text = append(text, digestText(l))
	}
	few := len(v.Lines) <= maxDigestButtons
	for _, l := range v.Lines[:min(maxDigestLines, len(v.Lines))] {
		blocks = append(blocks, digestBlocks(l, r, few)...)
	}
	if more := len(v.Lines) - maxDigestLines; more > 0 {
		blocks = append(blocks, restOf(v, r, plural(more, "more key"), command)...)
	}
	foot := "You get at most one such message a day."
	if !few {
		foot = "If nothing is done, whatever uses a key stops working when it ends. " + foot
	}
	return say(escape(head+" "+joinSome(text, maxNames)+"."), append(blocks, small(foot))...)
}

// restOf says what lists the keys that a digest has no room for: admins may
// list everybody's, owners theirs.
func restOf(v workflow.DigestView, r reader, more, command string) []slack.Block {
	p := page{Listing: workflow.Listing{Owner: v.Person.ID, Flag: storage.FlagExpiring}}
	switch {
	case r.Admin:
		p.Owner = 0
		more += ": " + code(command+" list --expiring")
	case slices.ContainsFunc(v.Lines, func(l workflow.DigestLine) bool { return l.Mine }):
		more += ": Show all lists them"
	default:
		return []slack.Block{small("and " + more + ".")}
	}
	return []slack.Block{small("and " + more + "."), actions("rest", button(verbList, p.String(), "Show all", "Show all keys that end soon"))}
}

// digestHead counts what there is to decide.
func digestHead(lines []workflow.DigestLine) string {
	soon, over, idle := 0, 0, 0
	for _, l := range lines {
		switch {
		case l.Key.Credential.State == storage.CredentialExpired && l.By == 0:
			over++
		case settled(l) != "":
		case slices.Contains(l.Kinds, storage.NoticeExpiry):
			soon++
		default:
			idle++
		}
	}
	var out []string
	for _, part := range []struct {
		n         int
		one, many string
	}{{soon, "1 key ends soon", "%d keys end soon"}, {idle, "1 key has to go", "%d keys have to go"}, {over, "1 key has expired", "%d keys have expired"}} {
		switch {
		case part.n == 1:
			out = append(out, part.one)
		case part.n > 1:
			out = append(out, fmt.Sprintf(part.many, part.n))
		}
	}
	if len(out) == 0 {
		return "Nothing is left to do about these keys."
	}
	return join(out) + "."
}

// digestText is a line in plain text.
func digestText(l workflow.DigestLine) string {
	c := l.Key.Credential
	out := fmt.Sprintf("%s for %s", c.ID, cut(line(c.Connection), maxName))
	switch {
	case settled(l) != "":
		return out + " (" + stateWords(c) + ")"
	case isSet(c.ExpiresAt) && slices.Contains(l.Kinds, storage.NoticeExpiry):
		return out + " (ends " + utc(c.ExpiresAt) + ")"
	}
	return out + " (has to go)"
}

// digestBlocks are a key with what can be done about it.
func digestBlocks(l workflow.DigestLine, r reader, buttons bool) []slack.Block {
	c := l.Key.Credential
	id, text := "key/"+c.ID.String(), cutMarkup(digestLine(l, r, buttons), roomForKey)
	verbs := digestVerbs(l, r)
	switch {
	case len(verbs) == 0:
		return []slack.Block{section(text)}
	case buttons:
		var controls []slack.BlockElement
		for _, o := range append(verbs, verbShow) {
			controls = append(controls, keyButton(o, c))
		}
		return []slack.Block{section(text), actions(id, controls...)}
	}
	return []slack.Block{slack.NewSectionBlock(markup(text, maxSection), nil, slack.NewAccessory(menuOf(c, verbs)), slack.SectionBlockOptionBlockID(id))}
}

// digestVerbs are what a reader can do about a key that is not dealt with.
func digestVerbs(l workflow.DigestLine, r reader) []verb {
	v, c := l.Key, l.Key.Credential
	ends := slices.Contains(l.Kinds, storage.NoticeExpiry)
	if settled(l) != "" || !endable(c) || !l.Mine && !r.Admin {
		return nil
	}
	var out []verb
	if l.Rotate {
		out = append(out, verbRotate)
	}
	if l.Extend && l.Mine && ends {
		out = append(out, verbExtend)
	}
	if ends && isSet(c.ExpiresAt) {
		out = append(out, verbLetExpire)
	}
	switch {
	case l.Mine:
		return append(out, verbGiveBack)
	case v.Can.HandOver:
		out = append(out, verbHandOver)
	}
	return append(out, verbRevoke)
}

// digestLine is a key in mrkdwn: which, what is up with it and, in full, what
// happens when nothing is done.
func digestLine(l workflow.DigestLine, r reader, full bool) string {
	c := l.Key.Credential
	which := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if called := givenName(c); called != "" {
		which += ", “" + words(cut(called, maxName)) + "”,"
	}
	if done := settled(l); done != "" {
		return which + " " + done + "."
	}
	var out []string
	if slices.Contains(l.Kinds, storage.NoticeExpiry) {
		out = append(out, which+" ends *"+moment(c.ExpiresAt)+"*.")
		if full {
			out = append(out, "If nothing is done, whatever uses it stops working then.")
		}
	} else {
		out = append(out, which+" has to go.")
	}
	for _, kind := range []string{storage.NoticeStale, storage.NoticeOverAge} {
		if slices.Contains(l.Kinds, kind) && isSet(c.WarnedAt) {
			out = append(out, idleWords(l.Key, kind), idleNext(l.Key))
		}
	}
	text := strings.Join(out, " ")
	if told := whyTold(l, r); told != "" {
		text += "\n" + told
	}
	return text + fmt.Sprintf("\n%s; %s", accessInShort(l.Key), lastUsed(c, day))
}

// whyTold says to somebody who does not own a key whose it is and why they
// hear of it; empty for its owner.
func whyTold(l workflow.DigestLine, r reader) string {
	c := l.Key.Credential
	who := "An admin"
	if r.Admin {
		who = "You"
	}
	switch l.As {
	case workflow.ToldManager:
		return "Held by " + personMarkup(l.Key.Owner) + ". You are told because you are their manager, and they can't be told. " + who + " can hand the key over or end it."
	case workflow.ToldAnswers:
		whose := "Its owner is not known"
		if c.OwnerID != 0 {
			whose = "Held by " + personMarkup(l.Key.Owner) + ", who can't be told"
		}
		return whose + ". You are told because you are one of those who answer for " + bold(c.Connection) + ". " + who + " can hand it over or end it."
	}
	return ""
}

// settled says in mrkdwn, behind the key's name, how a key was dealt with;
// empty while somebody has to decide.
func settled(l workflow.DigestLine) string {
	c := l.Key.Credential
	over := c.State != storage.CredentialActive && c.State != storage.CredentialSuspended
	ends := slices.Contains(l.Kinds, storage.NoticeExpiry)
	switch {
	case over && l.By != 0:
		return "is replaced by " + code(l.By.String())
	case c.State == storage.CredentialExpired:
		return "*has expired*, " + moment(endedAt(c)) + ": it works nowhere any more"
	case over && c.StateReason == givenBack && l.Mine:
		return "was *given back* by you"
	case over:
		return "is dealt with: *" + stateMarkup(c) + "*"
	case l.By != 0:
		return "is being *replaced* by " + code(l.By.String())
	case l.As == workflow.ToldNoMore:
		return "belongs to " + personMarkup(l.Key.Owner) + " now"
	case ends && l.Moved:
		return "has another end: it lives until *" + moment(c.ExpiresAt) + "*"
	case ends && c.LetExpire:
		return "is left to expire on *" + moment(c.ExpiresAt) + "*: nothing more is said of it"
	case !ends && !isSet(c.WarnedAt) && isSet(c.ExemptUntil):
		return "may stay as it is until " + day(c.ExemptUntil)
	case !ends && !isSet(c.WarnedAt):
		return "may stay: the warning is taken back"
	}
	return ""
}

// endedAt is when an expired key stopped working.
func endedAt(c storage.Credential) time.Time {
	if isSet(c.EndedAt) {
		return c.EndedAt
	}
	return c.ExpiresAt
}
