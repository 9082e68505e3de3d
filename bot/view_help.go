package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// helpMessage lists what can be typed.
func helpMessage(command string) message {
	lines := [][2]string{
		{"", "your keys, your requests and what waits for you"},
		{"request [system]", "ask for an API key"},
		{"mine", "list your keys"},
		{"pending", "list the requests that wait for your approval"},
		{"show <ID>", "everything about a key or a request"},
		{"rotate <ID>", "put a fresh key in place of one"},
		{"extend <ID>", "ask for more time for a key"},
		{"edit <ID>", "change a key's name, its note or its end"},
		{"done <ID>", "give a key back that you no longer need"},
		{"revoke <ID> [reason]", "end a key, for its owner and for admins"},
		{"suspend <ID> [reason]", "stop a key for a while, and `resume` lets it work again"},
		{"cancel <ID>", "withdraw a request"},
		{"why <ID>", "which rule applied, who may review, and what happened"},
		{"audit [ID]", "who did what, when and why, with what you did and what is yours"},
		{"help", "this list"},
	}
	admins := [][2]string{
		{"list [@person] [system] [filter]", "list everybody's keys; filters are `--unmanaged`, `--stale`, `--never-used`, `--expiring`, `--over-scoped`, `--over-age`, `--owner-left`, `--owner-unknown`, `--not-allowed`, `--missing`, `--grants` and `--all`; `--csv` sends a file"},
		{"systems", "what every connected system has and can do"},
		{"sync <system>", "list a system's keys anew now"},
		{"enforce [system]", "what the rules would do with keys that nobody asked for; it does nothing"},
		{"revoke <@person or system> [reason]", "end all keys of a person or a system"},
		{"offboard <@person> [reason]", "stop everything of somebody who left, at every system"},
		{"offboarding [@person]", "who left, how far their cases are, and what waits for you"},
		{"audit [ID or @person]", "the audit log: of everything, of a key or a request, or of a person"},
		{"campaign [system]", "ask everybody which of their keys are still needed, and see how far that is"},
	}
	text := fmt.Sprintf("With `%s request` you ask for an API key, and with `%s mine` you see yours.", escape(command), escape(command))
	return say(text, header("What you can do"), section(commandLines(command, lines)), section("*For admins*\n"+commandLines(command, admins)),
		small("IDs look like `TK-7F3K` for keys and `RQ-7F3K` for requests. The Home tab of this app shows the same."))
}

func commandLines(command string, lines [][2]string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = fmt.Sprintf("• %s: %s", code(strings.TrimSpace(command+" "+l[0])), escape(l[1]))
	}
	return strings.Join(out, "\n")
}

// unknownMessage answers a command that is none.
func unknownMessage(command, typed, nearest string) message {
	text := fmt.Sprintf("%s is not a command.", code(command+" "+typed))
	if nearest != "" {
		text += fmt.Sprintf(" Did you mean %s?", code(command+" "+nearest))
	}
	text += fmt.Sprintf(" %s lists them all.", code(command+" help"))
	return say(text, section(text))
}

// refusalMessage is one sentence; backticks in it show as code.
func refusalMessage(sentence string) message {
	text := escape(cut(sentence, maxSection/2))
	return say(text, section(text))
}

// Bounds of an explanation.
const (
	maxWhyLines = 24
	maxWhyLine  = 400
)

// whyMessage explains a request in sentences, letter by letter, with times in
// the reader's zone.
func whyMessage(lines []workflow.Because) message {
	if len(lines) == 0 {
		lines = []workflow.Because{{Says: "There is nothing to explain"}}
	}
	if more := len(lines) - maxWhyLines; more > 0 {
		lines = append(append([]workflow.Because{}, lines[:maxWhyLines]...), workflow.Because{Says: fmt.Sprintf("There are %d more lines than fit here", more)})
	}
	var text []string
	items := make([]slack.RichTextElement, len(lines))
	for i, l := range lines {
		says, why, when := cut(line(l.Says), maxWhyLine), "", ""
		if l.Reason != "" {
			why = ": " + cut(line(l.Reason), maxWhyLine)
		}
		elements := []slack.RichTextSectionElement{letters(orDash(says))}
		if isSet(l.At) {
			when = ", " + utc(l.At)
			elements = append(elements, letters(", "), clock(l.At))
		}
		items[i] = slack.NewRichTextSection(append(elements, letters(sentence(why)))...)
		text = append(text, sentence(says+when+why))
	}
	return say(escape(strings.Join(text, " ")), slack.NewRichTextBlock("", slack.NewRichTextList(slack.RTEListBullet, 0, items...)))
}
