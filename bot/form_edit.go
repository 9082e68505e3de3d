package bot

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Limits of what may be typed; workflow has the last word.
const (
	maxLabelTyped = 100
	maxNoteTyped  = 2000
)

// endMoves tells whether the end of a key can be changed at all.
func endMoves(c storage.Credential) bool {
	return c.Managed && isSet(c.ExpiresAt) && (c.State == storage.CredentialActive || c.State == storage.CredentialSuspended)
}

// editModal changes what people wrote about a key, and its end.
func editModal(v workflow.CredentialView, r reader, metadata string) slack.ModalViewRequest {
	c := v.Credential
	blocks := []slack.Block{section(keyHeadline(v))}
	if c.Managed {
		blocks = append(blocks, typed(blockLabel, "Name", givenName(c), maxLabelTyped, false, "What people call it here. You may leave this empty."))
	}
	blocks = append(blocks, typed(blockNote, "Note", c.Note, maxNoteTyped, true, "What uses it, and what to know about it. Put no keys, passwords or other secrets in it."))
	if endMoves(c) {
		day := slack.NewDatePickerBlockElement(blockEnds)
		day.InitialDate = c.ExpiresAt.UTC().Format(time.DateOnly)
		hint := "It ends at " + c.ExpiresAt.UTC().Format("15:04") + " UTC on that day."
		if r.owns(v) {
			hint += " You can bring it forward; for more time use Extend."
		}
		in := slack.NewInputBlock(blockEnds, plain("Ends", maxHint), plain(hint, maxHint), day)
		why := reasonInput("Why another end", "", "What changed?", "Only needed when you change the end.")
		why.Optional = true
		blocks = append(blocks, in, why)
	}
	return modal(callbackEdit, "Edit "+c.ID.String(), "Save", metadata, blocks...)
}

// typed is an optional text that is there already, perhaps.
func typed(block, label, value string, limit int, lines bool, hint string) slack.Block {
	in := slack.NewPlainTextInputBlockElement(nil, block)
	in.Multiline, in.MaxLength, in.InitialValue = lines, limit, shownIn(value, limit)
	out := slack.NewInputBlock(block, plain(label, maxHint), plain(hint, maxHint), in)
	out.Optional = true
	return out
}

// shownIn is as much of a text as an input holds.
func shownIn(value string, limit int) string { return cut(value, limit) }

// readEdit reads what somebody changed. Was is the day of the end that the
// form showed: the same one changes nothing.
func readEdit(state *slack.ViewState, c storage.Credential, was string) workflow.Edit {
	out := workflow.Edit{Reason: readReason(state)}
	if note := clean(answerTo(state, blockNote).Value); note != clean(shownIn(c.Note, maxNoteTyped)) {
		out.Note = &note
	}
	if label := line(answerTo(state, blockLabel).Value); c.Managed && label != line(shownIn(givenName(c), maxLabelTyped)) {
		out.Label = &label
	}
	if chosen := answerTo(state, blockEnds).SelectedDate; chosen != was {
		if day := readDay(state, blockEnds); isSet(day) {
			hours := c.ExpiresAt.UTC().Sub(c.ExpiresAt.UTC().Truncate(24 * time.Hour))
			ends := day.Add(hours)
			out.ExpiresAt = &ends
		}
	}
	return out
}

// readDay reads a day that was chosen, as its beginning in UTC; zero for none.
func readDay(state *slack.ViewState, block string) time.Time {
	day, err := time.Parse(time.DateOnly, answerTo(state, block).SelectedDate)
	if err != nil {
		return time.Time{}
	}
	return day
}

// editedWords says what was saved.
func editedWords(before, after storage.Credential) string {
	if !before.ExpiresAt.Equal(after.ExpiresAt) {
		return fmt.Sprintf("%s ends on %s now.", after.ID, utc(after.ExpiresAt))
	}
	return fmt.Sprintf("%s is saved.", after.ID)
}

// exemptModal asks an admin until when a key may be unused, or old.
func exemptModal(v workflow.CredentialView) slack.ModalViewRequest {
	c := v.Credential
	day := slack.NewDatePickerBlockElement(blockUntil)
	until := slack.NewInputBlock(blockUntil, plain("Until", maxHint), plain("From that day on (UTC) the rules about unused and old keys count again. At most a year from now.", maxHint), day)
	if isSet(c.ExemptUntil) {
		day.InitialDate = c.ExemptUntil.UTC().Format(time.DateOnly)
		until.Hint = plain("From that day on (UTC) the rules about unused and old keys count again. At most a year from now. Clear it to end the exemption.", maxHint)
		until.Optional = true
	}
	blocks := []slack.Block{section(keyHeadline(v))}
	if why := mustGo(v); why != "" {
		blocks = append(blocks, section(why))
	}
	return modal(callbackExempt, "Exempt "+c.ID.String(), "Exempt", c.ID.String(), append(blocks,
		small("Nobody has to use the key until then, and it may be as old as it is. Its end stays where it is."),
		until, reasonInput("Why", "", "Why may it be unused, or old?", "It is kept with the key."))...)
}

// exemptedWords confirms an exemption, or its end.
func exemptedWords(c storage.Credential) string {
	if !isSet(c.ExemptUntil) {
		return fmt.Sprintf("The rules about unused and old keys count for %s again.", c.ID)
	}
	return fmt.Sprintf("The rules about unused and old keys leave %s alone until %s.", c.ID, utcDay(c.ExemptUntil))
}
