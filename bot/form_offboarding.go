package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// offboardModal shows what offboarding somebody would do, and asks for the
// name that confirms it.
func offboardModal(p workflow.LeavePreview, reason, metadata string) slack.ModalViewRequest {
	who := name(p.Person)
	lines := []string{"• No keys of their own are known here"}
	if p.Own > 0 {
		lines[0] = fmt.Sprintf("• %s: %d refused by the gateway at once, %d ended at their systems", plural(p.Own, "key"), p.Fenced, p.Own-p.Fenced)
	}
	if p.Shared > 0 {
		lines = append(lines, fmt.Sprintf("• %s of services: their owners are asked to keep or to end them", plural(p.Shared, "key")))
	}
	if p.Pending > 0 {
		lines = append(lines, "• "+plural(p.Pending, "open request")+": canceled")
	}
	looks := "• No system can be listed, so only what Latchkey knows of ends."
	if len(p.Systems) > 0 {
		looks = "• Looked through, until two whole listings in a row show nothing: " + words(cut(joinSome(p.Systems, maxSystemsCounted), maxText/2))
	}
	return modal(callbackOffboard, "Offboard somebody", "Offboard", metadata,
		section(fmt.Sprintf("This offboards *%s*. From that moment on nothing they hold works at the gateway, and they can neither ask nor approve.", words(who))),
		section(strings.Join(append(lines, looks), "\n")),
		small(fmt.Sprintf("It can be undone for %s: what the gateway refuses works again then. What ended at a system does not come back.", p.Grace.Words())),
		confirmInput(who),
		reasonInput("Why?", reason, "They leave the company today.", "It is kept with the case, and in its report."))
}

// confirmInput asks to type a thing, so that nothing large happens by a slip.
func confirmInput(what string) *slack.InputBlock {
	in := slack.NewPlainTextInputBlockElement(nil, blockConfirm)
	in.MaxLength = maxReasonTyped
	return slack.NewInputBlock(blockConfirm, plain("Type "+what+" to confirm", maxHint), nil, in)
}

// maxLostNamed bounds a list of keys that an undo does not bring back.
const maxLostNamed = 20

// undoLeaveModal says what an undo brings back, and what it does not.
func undoLeaveModal(v caseView) slack.ModalViewRequest {
	who := name(v.Person)
	t := tallyCase(v.Items)
	back := "."
	switch {
	case t.Fenced == 1:
		back = ", and 1 key that the gateway refuses works again."
	case t.Fenced > 1:
		back = fmt.Sprintf(", and %d keys that the gateway refuses work again.", t.Fenced)
	}
	blocks := []slack.Block{
		section(fmt.Sprintf("This undoes the offboarding of *%s*. They can ask for keys and approve again%s", words(who), back)),
	}
	if l := lostLines(v.Items); l != "" {
		blocks = append(blocks, section(fmt.Sprintf("*What does not come back: %s*\n%s", plural(v.Lost, "key"), l)))
	} else {
		blocks = append(blocks, section("Nothing ended at the systems, so nothing is lost."))
	}
	blocks = append(blocks, small("Canceled requests stay canceled. Keys that were given to a new owner stay there."),
		reasonInput("Why do you undo it?", "", "They did not leave; HR corrected it.", "It is kept with the case, and in its report."))
	return modal(callbackUndoLeave, "Undo", "Undo", caseID(v.Case.ID), blocks...)
}

// lostLines name the keys that an undo does not bring back.
func lostLines(items []workflow.ItemView) string {
	var out []string
	more := 0
	for _, it := range items {
		c := it.Key.Credential
		if c.Brokered || it.Sort != storage.ItemOwn {
			continue
		}
		if len(out) == maxLostNamed {
			more++
			continue
		}
		out = append(out, fmt.Sprintf("• %s for %s: %s", code(c.ID.String()), bold(c.Connection), stateMarkup(c)))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

// waiveModal asks an admin to answer by name for what a case can't prove. What
// is a key's ID or a system's name.
func waiveModal(v caseView, what, metadata string) slack.ModalViewRequest {
	return modal(callbackWaive, "Answer for it", "Answer for it", metadata,
		section(fmt.Sprintf("The case of *%s* can't prove that %s is dead or clean. If you answer for it, the case can close without that proof.", words(name(v.Person)), code(what))),
		small("Your name and your reason are in the report, for everybody who reads it. Latchkey goes on trying to end what is left."),
		reasonInput("How do you know?", "", "The account is gone at the vendor; their support confirmed it in ticket 4711.", "It is in the report."))
}

// keepSharedModal asks who answers for a service's key from now on.
func keepSharedModal(left string, c workflow.CredentialView, metadata string) slack.ModalViewRequest {
	who := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plain("Choose a person", maxPlaceholder), blockOwner)
	k := c.Credential
	fresh := left + " knows this key. Latchkey puts a fresh one in its place, and the new owner collects it."
	if !c.Can.Rotate {
		fresh = left + " knows this key, and Latchkey can put no fresh one in its place: the new owner has to have it changed at the system."
	}
	return modal(callbackKeepShared, "Keep "+k.ID.String(), "Keep it", metadata,
		section(fmt.Sprintf("The service key %s for %s stays, under a new owner.", code(k.ID.String()), bold(k.Connection))),
		section(words(cut(fresh, maxSection/2))),
		slack.NewInputBlock(blockOwner, plain("New owner", maxHint), nil, who),
		reasonInput("Why is it needed?", "", "What is it for?", "It is kept with the case, and the new owner reads it."))
}

// endSharedModal asks once more before a service's key ends.
func endSharedModal(c workflow.CredentialView, metadata string) slack.ModalViewRequest {
	k := c.Credential
	return modal(callbackEndShared, "End "+k.ID.String(), "End it", metadata,
		section(fmt.Sprintf("The service key %s for %s ends. %s.", code(k.ID.String()), bold(k.Connection), titleCase(lastUsed(k, moment)))),
		small("Whatever uses it stops working. This can't be undone."),
		reasonInput("Why is it not needed?", "", "The service was switched off.", "It is kept with the case."))
}

// heldModal asks for the number of people that an admin decides about, so that
// nobody lets more go than they saw.
func heldModal(run bool, v workflow.HeldView) slack.ModalViewRequest {
	people, number := peopleCount(v.Count), fmt.Sprint(v.Count)
	callback, title, submit := callbackUndoHeld, "Undo all", "Undo all"
	head := fmt.Sprintf("This undoes the offboarding of *%s*. What the gateway refuses works again at once, and nothing is lost: nothing ended at the systems.", people)
	if run {
		callback, title, submit = callbackRunHeld, "Let it run", "Let it run"
		head = fmt.Sprintf("This ends what *%s* hold, at every system. What ended there can't be undone.", people)
	}
	return modal(callback, title, submit, "",
		section(head), section(heldLines(v)),
		small("If more people are held before you confirm, nothing is done."),
		confirmInput(number))
}
