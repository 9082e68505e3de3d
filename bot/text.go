package bot

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// Slack's limits on single texts.
const (
	maxText        = 4000 // a message's own text
	maxSection     = 3000
	maxField       = 2000
	maxHeader      = 150
	maxTitle       = 24 // of a modal and of its buttons
	maxButton      = 75 // also of what a screen reader says instead
	maxOption      = 75 // also of an option's description and value
	maxPlaceholder = 150
	maxHint        = 2000
	maxConfirm     = 300
)

const ellipsis = "…"

// clean removes what nobody can see but what changes how a text reads:
// bidirectional controls, zero-width and other invisible characters. Broken
// encoding becomes U+FFFD.
func clean(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	s = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func invisible(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f:
		return false
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector):
		return true
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r): // fillers and joiners that are no format characters
		return true
	}
	return r == '\u2800' // a Braille cell without dots
}

// line is clean on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cut shortens a text to a limit of Slack's, on a rune boundary, and shows
// that it did. Characters beyond the basic plane count twice, because whether
// Slack counts them once is not documented.
func cut(s string, limit int) string {
	units := 0
	keep := 0 // bytes that leave room for the ellipsis
	for i, r := range s {
		if units < limit {
			keep = i
		}
		if units += max(utf16.RuneLen(r), 1); units > limit {
			return strings.TrimRightFunc(s[:keep], unicode.IsSpace) + ellipsis
		}
	}
	return s
}

// cutMarkup is cut for mrkdwn: it leaves no mention, date or entity half done.
func cutMarkup(s string, limit int) string {
	out := cut(s, limit)
	if out == s {
		return s
	}
	out = strings.TrimSuffix(out, ellipsis)
	if i := strings.LastIndexByte(out, '<'); i > strings.LastIndexByte(out, '>') {
		out = out[:i]
	}
	if i := strings.LastIndexByte(out, '&'); i >= 0 && len(out)-i < len("&amp;") && !strings.Contains(out[i:], ";") {
		out = out[:i]
	}
	return strings.TrimRightFunc(out, unicode.IsSpace) + ellipsis
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes a sentence safe for mrkdwn: nothing in it can become a
// mention, a link or a date. Emphasis and code stay.
func escape(s string) string { return escaper.Replace(clean(s)) }

// flat looks the same but is not read as emphasis or code.
var flat = strings.NewReplacer("*", "∗", "~", "∼", "`", "ˋ")

// words makes somebody's words safe for mrkdwn, in one line, without any
// formatting.
func words(s string) string { return escaper.Replace(flat.Replace(line(s))) }

// code shows a name as code.
func code(s string) string {
	return "`" + escaper.Replace(strings.ReplaceAll(cut(line(s), maxOption), "`", "ˋ")) + "`"
}

// bold emphasises somebody's words.
func bold(s string) string { return "*" + words(cut(line(s), maxOption)) + "*" }

// plain is text that Slack shows character by character.
func plain(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, orDash(cut(clean(s), limit)), false, false)
}

// markup is mrkdwn of our own making. Verbatim: nothing in it becomes a link
// or a mention by accident.
func markup(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, orDash(cutMarkup(s, limit)), false, true)
}

// orDash stands in for nothing, which Slack refuses.
func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "-"
	}
	return s
}

// maxName bounds a name inside a sentence.
const maxName = 60

// name is a person in plain text.
func name(p workflow.Person) string {
	if n := cut(line(p.Name), maxName); n != "" {
		return n
	}
	return "somebody"
}

var slackUser = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)

// personMarkup is a person in mrkdwn: by Slack ID where we know it, else by name.
func personMarkup(p workflow.Person) string {
	if slackUser.MatchString(p.Slack) {
		return "<@" + p.Slack + ">"
	}
	return words(name(p))
}

// join lists: "Bob, Carol and Dana".
func join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}

// joinSome lists at most limit items: "Bob, Carol and 7 more".
func joinSome(items []string, limit int) string {
	if len(items) <= limit {
		return join(items)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], ", "), len(items)-limit)
}

// maxNames bounds a list of people inside a sentence.
const maxNames = 8

func peopleMarkup(people []workflow.Person) string { return joinPeople(people, personMarkup) }

func names(people []workflow.Person) string { return joinPeople(people, name) }

func joinPeople(people []workflow.Person, show func(workflow.Person) string) string {
	if len(people) == 0 {
		return "nobody"
	}
	shown := people[:min(maxNames, len(people))]
	out := make([]string, len(shown))
	for i, p := range shown {
		out[i] = show(p)
	}
	if more := len(people) - len(shown); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(out, ", "), more)
	}
	return join(out)
}

// plural counts: "no keys", "1 key", "3 keys".
func plural(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// isSet reports whether a time was ever set: neither Go's zero nor the
// database's stand-in for it.
func isSet(t time.Time) bool { return t.Year() > 1 }

// moment is a time in mrkdwn, in each reader's own zone; clients that can't
// show that say it in UTC.
func moment(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), utc(t))
}

// day is moment without the hour.
func day(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", t.Unix(), utcDay(t))
}

// utc is a time in plain text.
func utc(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

func utcDay(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// sentence ends with a full stop, unless it ends already.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, ellipsis) {
		return s
	}
	return s + "."
}
