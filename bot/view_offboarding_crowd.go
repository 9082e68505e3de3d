package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// heldMassMessage asks an admin whether a mass leave that the breaker holds
// shall go on: one message, however many people it is about.
func heldMassMessage(v workflow.HeldView) message {
	people := peopleCount(v.Count)
	text := fmt.Sprintf("The breaker holds the offboarding of %s who left within an hour. An admin decides.", people)
	blocks := []slack.Block{
		header("Did " + people + " really leave?"),
		section(fmt.Sprintf("The breaker holds the offboarding of *%s*, because so many left within an hour. The gateway refuses everything they hold. Nothing ends at the systems until an admin decides.", people)),
		section(heldLines(v)),
		small("Let it run if they left. Undo all if a source was wrong: what the gateway honours works again at once, and nothing is lost."),
	}
	return say(escape(text), append(blocks, heldButtons("held_leave", v.Count))...)
}

func heldButtons(block string, n int) slack.Block {
	return actions(block,
		danger(button(verbRunHeld, "", "Let it run", "End what "+peopleCount(n)+" hold")),
		button(verbUndoHeld, "", "Undo all", "Undo the offboarding of "+peopleCount(n)))
}

// heldLines name the first people of a mass leave, and who says they left.
func heldLines(v workflow.HeldView) string {
	var out []string
	for i, o := range v.Cases {
		out = append(out, fmt.Sprintf("• *%s*, says %s, %s", words(name(v.First[i])), words(saidBy(o)), moment(o.BeganAt)))
	}
	if more := v.Count - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

// crowdView is an hour in which so many left that not each has a card.
type crowdView struct {
	storage.Crowd
	From    time.Time
	Decided storage.Event // who decided on those the breaker held; zero: nobody
	Command string
}

// crowdMessage tells of all who left within an hour and have no card of their
// own.
func crowdMessage(v crowdView) message {
	all := v.Held + v.Open + v.Closed + v.Undone
	more := fmt.Sprintf("%d more people", all)
	if all == 1 {
		more = "1 more person"
	}
	text := fmt.Sprintf("%s left in the hour from %s: %s.", more, utc(v.From), crowdCounts(v.Crowd))
	return say(escape(text),
		section(fmt.Sprintf("*%s* left in the hour from %s: %s.", more, moment(v.From), crowdCounts(v.Crowd))),
		small(fmt.Sprintf("So many would fill this channel, so they have no message each. %s lists cases, and %s shows one.",
			code(v.Command+" offboarding"), code(v.Command+" offboarding @person"))))
}

// decidedHeldMessage is what stays of the question about a mass leave.
func decidedHeldMessage(v crowdView) message {
	text := fmt.Sprintf("The breaker held the offboarding of many people in the hour from %s. Nothing waits any more.", utc(v.From))
	head := fmt.Sprintf("The breaker held the offboarding of many people in the hour from %s. Nothing waits any more.", moment(v.From))
	if v.Decided.ID != 0 {
		verb := "let it run"
		if v.Decided.After == string(storage.OffboardingUndone) {
			verb = "undid it"
		}
		text += fmt.Sprintf(" %s %s.", actor(v.Decided), verb)
		head += fmt.Sprintf(" %s %s %s.", words(actor(v.Decided)), verb, moment(v.Decided.At))
	}
	blocks := []slack.Block{section(head)}
	if all := v.Held + v.Open + v.Closed + v.Undone; all > 0 {
		blocks = append(blocks, section(fmt.Sprintf("*%s* of that hour: %s.", peopleCount(all), crowdCounts(v.Crowd))))
	}
	return say(escape(text), append(blocks, small(fmt.Sprintf("%s shows the case of one person.", code(v.Command+" offboarding @person"))))...)
}

func crowdCounts(c storage.Crowd) string {
	var out []string
	for _, part := range []struct {
		n    int
		what string
	}{{c.Closed, "closed"}, {c.Open, "under way"}, {c.Held, "held"}, {c.Undone, "undone"}} {
		if part.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return join(out)
}

// crowdPageMessage calls people to cases of an hour that are open for too
// long, once for all of them, and says when there are none any more.
func crowdPageMessage(n int, waits map[string]int, call []callee, command string) message {
	if n == 0 {
		text := "Those who left in that hour are accounted for by now, or nobody has to be called for them any more."
		return say(text, section(text))
	}
	text := fmt.Sprintf("%s who left are not accounted for yet.", peopleCount(n))
	head := fmt.Sprintf("*%s* who left are not accounted for yet. The gateway refuses everything; what is left at the systems may still work there.", peopleCount(n))
	if to := calledMarkup(call); to != "" {
		head = to + ": " + head
	}
	blocks := []slack.Block{header("A person is needed"), section(head)}
	if len(waits) > 0 {
		var out []string
		for _, s := range slices.Sorted(maps.Keys(waits))[:min(maxSystemsCounted, len(waits))] {
			out = append(out, fmt.Sprintf("• %s: %s", bold(s), peopleCount(waits[s])))
		}
		blocks = append(blocks, section("*Systems that are not clean*\n"+strings.Join(out, "\n")))
	}
	return say(escape(text), append(blocks, small(fmt.Sprintf("%s says what each system answers.", code(command+" systems"))))...)
}

func peopleCount(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
