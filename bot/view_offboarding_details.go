package bot

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of a page of a case's details.
const (
	caseKeysAPage  = 8
	maxCaseAnswer  = 400
	maxCaseWaivers = 10
)

// caseModal tells everything about a case: how far the systems are, and each
// key with what its system answered, a page at a time. What is not accounted
// for comes first.
func caseModal(v caseView, from int) slack.ModalViewRequest {
	items := slices.Clone(v.Items)
	slices.SortStableFunc(items, func(a, b workflow.ItemView) int {
		if a.Done != b.Done {
			return cmp.Compare(boolRank(a.Done), boolRank(b.Done))
		}
		return cmp.Compare(a.CredentialID, b.CredentialID)
	})
	from = max(min(from, len(items)-1), 0) / caseKeysAPage * caseKeysAPage
	to := min(from+caseKeysAPage, len(items))
	blocks := []slack.Block{section(caseHead(v)), section(caseStateLine(v))}
	if from == 0 {
		blocks = append(blocks, caseSystemBlocks(v)...)
	}
	if len(items) == 0 && v.Case.Listed {
		blocks = append(blocks, section("This person held no keys."))
	}
	if len(items) > 0 {
		blocks = append(blocks, divider(), section(fmt.Sprintf("*Keys %d to %d of %d*", from+1, to, len(items))))
	}
	for _, it := range items[from:to] {
		blocks = append(blocks, itemBlocks(v.Case, it)...)
	}
	var turn []slack.BlockElement
	if from > 0 {
		turn = append(turn, button(verbCasePage, caseAbout(v.Case.ID, strconv.Itoa(from-caseKeysAPage)), "Previous", "Previous keys"))
	}
	if to < len(items) {
		turn = append(turn, button(verbCasePage, caseAbout(v.Case.ID, strconv.Itoa(to)), "Next", "Next keys"))
	}
	if len(turn) > 0 {
		blocks = append(blocks, actions("turn", turn...))
	}
	if controls := caseButtons(v)[1:]; len(controls) > 0 { // the first one opens what is open
		blocks = append(blocks, actions("case/"+caseID(v.Case.ID), controls...))
	}
	return modal("", "Who left", "", "", blocks...)
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// caseStateLine says where a case stands.
func caseStateLine(v caseView) string {
	switch v.Case.State {
	case storage.OffboardingHeld:
		return "*On hold*: the breaker waits for an admin before anything ends at the systems."
	case storage.OffboardingUndone:
		return "*Undone* " + moment(v.Case.ClosedAt) + ". " + lostWords(v.Lost)
	case storage.OffboardingOpen, storage.OffboardingClosed:
	}
	return progressLine(v)
}

// caseSystemBlocks are the systems of a case, each open one with the way to answer
// for it.
func caseSystemBlocks(v caseView) []slack.Block {
	var out []slack.Block
	if len(v.Systems) > 0 {
		out = append(out, section("*Systems*\n"+caseSystemLines(v.Systems)))
	}
	if v.Case.State != storage.OffboardingOpen || !v.Case.Listed {
		return out
	}
	for _, s := range v.Systems {
		if caseSystemDone(s) || s.Problem == "" || len(out) > maxCaseWaivers {
			continue
		}
		about := caseAbout(v.Case.ID, s.Connection)
		out = append(out, sectionWith("system/"+about, bold(s.Connection)+" can't be listed, so nothing proves that it is clean.",
			button(verbWaive, about, "Answer for it", "Answer for "+s.Connection)))
	}
	return out
}

// itemBlocks are a key of a case with its state and what its system answered.
func itemBlocks(o storage.Offboarding, it workflow.ItemView) []slack.Block {
	c := it.Key.Credential
	text := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if what := called(c); what != "" {
		text += ", " + what
	}
	text += ": *" + itemState(it) + "*"
	var out []slack.Block
	about := caseAbout(o.ID, c.ID.String())
	if !it.Done && o.State == storage.OffboardingOpen {
		out = append(out, sectionWith("item/"+about, text, button(verbWaive, about, "Answer for it", "Answer for key "+c.ID.String())))
	} else {
		out = append(out, section(text))
	}
	if isSet(it.WaivedAt) {
		out = append(out, quote(fmt.Sprintf("%s answers for it, since %s", cut(line(it.WaivedName), maxName), utc(it.WaivedAt)), cut(it.WaivedReason, roomForWords)))
	}
	if n := len(it.Receipts); n > 0 {
		out = append(out, receiptBlock(it.Receipts[n-1]))
	}
	return out
}

// itemState says in mrkdwn what became of a key of somebody who left.
func itemState(it workflow.ItemView) string {
	c := it.Key.Credential
	switch {
	case isSet(it.WaivedAt):
		return "an admin answers for it"
	case !c.Live():
		return stateMarkup(c)
	case it.HandedTo != 0:
		return "kept by " + personMarkup(it.To)
	case undecided(it):
		return "of a service; ends " + moment(it.DecideBy) + " if nobody decides"
	case it.Done:
		return "refused by the gateway"
	case c.State == storage.CredentialRevokeFailed && c.StateReason != "":
		return "not ended yet: " + words(cut(line(c.StateReason), maxReasonShown))
	}
	return stateMarkup(c)
}

// receiptBlock is what a system answered, and when.
func receiptBlock(r storage.Receipt) slack.Block {
	out := []slack.RichTextElement{slack.NewRichTextSection(letters("To “"+cut(line(r.Verb), maxName)+"”, "), clock(r.At), letters(", "+livenessWords(r)+":"))}
	return slack.NewRichTextBlock("", append(out,
		&slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{letters(orDash(cut(clean(r.Answer), maxCaseAnswer)))}})...)
}
