package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// Bounds of a dry run in one message.
const (
	maxFindingsShown = 8 // of each act
	maxWhyShown      = 160
	maxPlansShown    = 20
)

// The acts of enforcement, in the order people should see them.
var enforceActs = []string{"revoke", "wait", "warn", "report"}

// actTitle is an act of enforcement as a headline over its keys.
func actTitle(act string, n int) string {
	switch act {
	case "revoke":
		return fmt.Sprintf("*Revoke: %s*", plural(n, "key"))
	case "wait":
		return fmt.Sprintf("*Warned before, and revoked or reported at the deadline: %s*", plural(n, "key"))
	case "warn":
		return fmt.Sprintf("*Warn the owner: %s*", plural(n, "key"))
	case "report":
		return fmt.Sprintf("*Report only: %s*", plural(n, "key"))
	}
	return fmt.Sprintf("*%s: %s*", words(act), plural(n, "key"))
}

// nothingDone is said of every dry run.
const nothingDone = "This is a dry run: nothing was done."

// enforceMessage is a dry run over one system: what would happen to which
// key, and why.
func enforceMessage(e workflow.Enforcing, command string) message {
	text := fmt.Sprintf("What the rules would do now at %[2]s, with %[1]s: %[3]s. %[4]s", plural(e.Live, "live key"), words(cut(line(e.Connection), maxName)), actCounts(e), nothingDone)
	blocks := []slack.Block{section(text)}
	if b := breakerWords(e); b != "" {
		blocks = append(blocks, section(b))
	}
	for _, act := range enforceActs {
		if n := e.Count(act); n > 0 {
			blocks = append(blocks, section(actTitle(act, n)+"\n"+findingLines(e, act)))
		}
	}
	return say(text, append(blocks, small("All of them: "+code(strings.TrimSpace(command+" list "+line(e.Connection)+" --unmanaged"))))...)
}

// breakerWords says what stands between a run and its carrying out.
func breakerWords(e workflow.Enforcing) string {
	var out []string
	if e.Tripped {
		out = append(out, fmt.Sprintf("*The breaker stops this*: it would revoke %d of %s at once. An admin is asked in the approvals channel before anything is revoked.",
			e.Count("revoke"), plural(e.Live, "key")))
	}
	if e.DryRun {
		out = append(out, "The configuration says `dry_run`, so a sync carries none of it out.")
	}
	if e.Paused {
		out = append(out, "An admin let such keys live within the last week, so none is revoked before that is over.")
	}
	return strings.Join(out, "\n")
}

// actCounts counts what would happen: "3 to revoke, 5 to warn of".
func actCounts(e workflow.Enforcing) string {
	var out []string
	for _, act := range enforceActs {
		n := e.Count(act)
		if n == 0 {
			continue
		}
		switch act {
		case "revoke":
			out = append(out, fmt.Sprintf("%d to revoke", n))
		case "wait":
			out = append(out, fmt.Sprintf("%d waiting for the deadline", n))
		case "warn":
			out = append(out, fmt.Sprintf("%d to warn of", n))
		default:
			out = append(out, fmt.Sprintf("%d to report only", n))
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// findingLines are the keys of one act, a line each.
func findingLines(e workflow.Enforcing, act string) string {
	var out []string
	more := 0
	for _, f := range e.Findings {
		switch {
		case f.Action != act:
		case len(out) == maxFindingsShown:
			more++
		default:
			out = append(out, findingLine(f))
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}

func findingLine(f workflow.Finding) string {
	c := f.Key.Credential
	out := "• " + code(c.ID.String())
	if what := calledAtSystem(c); what != "" {
		out += " " + what
	}
	out += ", " + heldBy(f.Key, personMarkup) + ": " + words(cut(line(f.Why), maxWhyShown))
	if isSet(f.At) && (f.Action == "warn" || f.Action == "wait") {
		out += " Deadline " + day(f.At) + "."
	}
	return out
}

// enforceAllMessage is a dry run over every system, in a line each.
func enforceAllMessage(all []workflow.Enforcing, command string) message {
	if len(all) == 0 {
		text := "No system here can be listed, so there is nothing the rules could be applied to."
		return say(text, section(text))
	}
	var lines, inShort []string
	for _, e := range all[:min(maxPlansShown, len(all))] {
		l := fmt.Sprintf("• %s, %s: %s", bold(e.Connection), plural(e.Live, "live key"), actCounts(e))
		if e.Tripped {
			l += "; *the breaker stops it*"
		}
		if e.Paused {
			l += "; an admin let such keys live lately, so none is revoked"
		}
		lines = append(lines, l)
		inShort = append(inShort, cut(line(e.Connection), maxName)+": "+actCounts(e))
	}
	if more := len(all) - len(lines); more > 0 {
		lines = append(lines, "and "+plural(more, "more system"))
	}
	blocks := []slack.Block{section("What the rules would do now. " + nothingDone), section(strings.Join(lines, "\n"))}
	if all[0].DryRun {
		blocks = append(blocks, section("The configuration says `dry_run`, so a sync carries none of it out."))
	}
	return say(escape("What the rules would do now: "+joinSome(inShort, maxNames)+". "+nothingDone),
		append(blocks, small(code(command+" enforce <system>")+" shows which keys, and why."))...)
}
