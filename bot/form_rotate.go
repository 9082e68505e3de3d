package bot

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// rotateForm is what was chosen in the form of a rotation.
type rotateForm struct {
	Lifetime workflow.Duration // of the new key, from now; zero: until the old one's end
	Reason   string
	Contacts []string
}

// asTheOld is the value of the choice that the new key ends when nobody says
// otherwise.
const asTheOld = "as_the_old"

// rotateModal says what a rotation does before anything happens, and asks how
// long the new key lives and who has to know.
func rotateModal(plan workflow.RotatePlan, now time.Time, r reader) slack.ModalViewRequest {
	c := plan.Key.Credential
	contacts := slack.NewPlainTextInputBlockElement(plain("carol@example.com, dave@example.com", maxPlaceholder), blockContacts)
	contacts.MaxLength = maxReasonTyped
	who := slack.NewInputBlock(blockContacts, plain("Who has to know", maxHint),
		plain("E-mail addresses. Those who have an account here are told when the new key works, and when the old one has ended.", maxHint), contacts)
	who.Optional = true
	why := reasonInput("Why", "", "Why a fresh key?", whyHint(plan, r))
	why.Optional = true
	return modal(callbackRotate, "Rotate "+c.ID.String(), "Rotate", c.ID.String(),
		section(keyHeadline(plan.Key)),
		section("*What happens*\n"+rotationSteps(plan, r)),
		section("*Used in the last 7 days*\n"+endpointLines(plan.Key)),
		newLifeInput(plan, now, r),
		why, who)
}

func whyHint(plan workflow.RotatePlan, r reader) string {
	if plan.Review && r.owns(plan.Key) {
		return "You may leave this empty, unless the new key is to live longer than the old one."
	}
	return "You may leave this empty."
}

// newLifeInput offers the old key's end first, and longer lives up to the
// rule's.
func newLifeInput(plan workflow.RotatePlan, now time.Time, r reader) slack.Block {
	choices := []*slack.OptionBlockObject{option(asTheOld, "As long as the old one, until "+utcDay(plan.Ends), "")}
	for _, d := range longerLives(plan.Ends, workflow.Duration(plan.Latest.Sub(now).Round(time.Minute)), now) {
		choices = append(choices, lifeOption(d, now))
	}
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, choices...)
	sel.InitialOption = choices[0]
	hint := "The rule lets it live no longer than the old one."
	switch {
	case len(choices) > 1 && plan.Review && r.owns(plan.Key):
		hint = "For a longer life the people who review such keys are asked again, as for a new key: you see who before you send it."
	case len(choices) > 1:
		hint = "The time starts now."
	}
	return slack.NewInputBlock(blockLifetime, plain("How long the new key lives", maxHint), plain(hint, maxHint), sel)
}

// longerLives are the usual lifetimes from now that go beyond an end, up to the
// longest, which is one of them.
func longerLives(ends time.Time, longest workflow.Duration, now time.Time) []workflow.Duration {
	longest = inWholeHours(longest)
	var out []workflow.Duration
	for _, d := range append(upTo(longest), longest) {
		if now.Add(time.Duration(d)).After(ends.Add(time.Minute)) {
			out = append(out, d)
		}
	}
	return out
}

// upTo are the usual lifetimes below a ceiling.
func upTo(ceiling workflow.Duration) []workflow.Duration {
	var out []workflow.Duration
	for _, d := range usualLifetimes {
		if d < ceiling {
			out = append(out, d)
		}
	}
	return out
}

// inWholeHours shortens what is left until a fixed time, so that a choice reads
// well and is still possible when the form is sent.
func inWholeHours(d workflow.Duration) workflow.Duration {
	unit := time.Hour
	if time.Duration(d) < 2*time.Hour {
		unit = time.Minute
	}
	return workflow.Duration(time.Duration(d).Truncate(unit))
}

// lifeOption is a lifetime with the day on which it ends.
func lifeOption(d workflow.Duration, now time.Time) *slack.OptionBlockObject {
	return option(d.String(), d.Words(), "From now, until "+utcDay(now.Add(time.Duration(d))))
}

// rotationSteps says in mrkdwn, a line each, what happens to the new key and
// to the old one.
func rotationSteps(plan workflow.RotatePlan, r reader) string {
	c := plan.Key.Credential
	old, system := code(c.ID.String()), bold(c.Connection)
	you, collects := "you", "you collect it, once"
	if !r.owns(plan.Key) {
		you, collects = "its owner", "its owner collects it, once"
	}
	if c.Sink != "" {
		collects = "it goes into " + sinkPlace(c.Sink, c.Place) + " in place of the old one, and nobody sees it"
	}
	var lines []string
	switch plan.Way {
	case storage.RotateInPlace:
		return bullets([]string{
			"*There is no overlap*: " + system + " puts the new key in the place of the old one. " + old + " stops working at once, before the new one can be used.",
			"A key with the same scopes comes in its place; " + collects + ".",
			"Whatever uses " + old + " stands still until it has the new key.",
		})
	case storage.RotateGuided:
		lines = append(lines, "Only "+you+" can make the new key at "+system+", with the same scopes. Latchkey's message says how, step by step, and Latchkey finds the key at its next look there.")
	default:
		lines = append(lines, "A new key with the same scopes is made at "+system+"; "+collects+".")
	}
	lines = append(lines, "Both keys work meanwhile: "+old+" works on "+overlapWords(plan)+".")
	if plan.Way == storage.RotateGuided || c.Sink != "" {
		return bullets(append(lines, "If nothing comes of the new key, "+old+" stays as it is."))
	}
	return bullets(append(lines, "If nobody collects the new key in time, it is revoked, and "+old+" stays as it is."))
}

// overlapWords says how long the old key works beside the new one.
func overlapWords(plan workflow.RotatePlan) string {
	c := plan.Key.Credential
	have := "collected"
	switch {
	case c.Sink != "":
		have = "in place"
	case plan.Way == storage.RotateGuided:
		have = "found"
	}
	out := "until the new one is " + have
	if plan.Overlap > 0 {
		out += " and has been there for " + plan.Overlap.Words()
	}
	if plan.Quiet > 0 {
		out += ", and until nobody has used the old one for " + plan.Quiet.Words()
	}
	if isSet(c.ExpiresAt) {
		out += ", but not past " + moment(c.ExpiresAt)
	}
	return out
}

func bullets(lines []string) string { return "• " + strings.Join(lines, "\n• ") }

// sinkPlace is where in a sink a key is.
func sinkPlace(sink, place string) string { return bold(sink) + " at " + code(place) }

func readRotateForm(state *slack.ViewState) rotateForm {
	return rotateForm{Lifetime: readLifetime(answerTo(state, blockLifetime)), Reason: readReason(state),
		Contacts: strings.FieldsFunc(clean(answerTo(state, blockContacts).Value), func(r rune) bool {
			return r == ',' || r == ';' || unicode.IsSpace(r)
		})}
}

// rotatingWords confirms a rotation to whoever began it.
func rotatingWords(v workflow.CredentialView, by storage.PersonID) string {
	c := v.Credential
	made := fmt.Sprintf("%s is being made in place of %s", c.ID, c.ReplacesID)
	r, _ := replaces(v)
	then := fmt.Sprintf("%s works on meanwhile.", c.ReplacesID)
	if r.Way == storage.RotateInPlace {
		then = fmt.Sprintf("%s stops working as soon as it is there.", c.ReplacesID)
	}
	switch {
	case c.OwnerID != by:
		return made + ". " + then + " Its owner gets Latchkey's message about the new key."
	case r.Way == storage.RotateGuided:
		return fmt.Sprintf("%s takes the place of %s. Latchkey's message says how to make it at %s. %s", c.ID, c.ReplacesID, cut(line(c.Connection), maxName), then)
	case c.Sink != "":
		return made + " and goes into " + cut(line(c.Sink), maxName) + ". " + then
	}
	return made + ". " + then + " Latchkey's message says when you can collect it."
}
