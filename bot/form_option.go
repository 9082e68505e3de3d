package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// maxOptions is how many options one list may have.
const maxOptions = 100

// option is one choice. Its value is what comes back.
func option(value, text, description string) *slack.OptionBlockObject {
	o := slack.NewOptionBlockObject(optionValue(value), plain(text, maxOption), nil)
	if description != "" {
		o.Description = plain(description, maxOption)
	}
	return o
}

// optionValue fits a name into an option.
func optionValue(name string) string { return cut(name, maxOption) }

// selected finds an option by its value, or takes the one at the fallback.
func selected(options []*slack.OptionBlockObject, value string, fallback int) *slack.OptionBlockObject {
	if i := slices.IndexFunc(options, func(o *slack.OptionBlockObject) bool { return o.Value == value }); i >= 0 {
		return options[i]
	}
	return options[fallback]
}

// systemOptions are the systems that match what somebody types, by name.
func systemOptions(systems []workflow.System, query string) []*slack.OptionBlockObject {
	out := []*slack.OptionBlockObject{}
	for _, s := range systems {
		if matchesQuery(query, s.Name, s.Kind) && len(out) < maxOptions {
			out = append(out, option(s.Name, s.Name, ""))
		}
	}
	return out
}

// scopeOptions are the scopes that match what somebody types: first those
// that read, then those that write, then admin access.
func scopeOptions(scopes []workflow.ScopeRule, query string) []*slack.OptionBlockObject {
	sorted := slices.Clone(scopes)
	slices.SortStableFunc(sorted, func(a, b workflow.ScopeRule) int { return severity(a.Access) - severity(b.Access) })
	out := []*slack.OptionBlockObject{}
	for _, s := range sorted {
		if matchesQuery(query, s.Name, s.Title, accessLabel(s.Access)) && len(out) < maxOptions {
			out = append(out, scopeOption(s))
		}
	}
	return out
}

// scopeOption says in words, and first, whether a scope can only read.
func scopeOption(s workflow.ScopeRule) *slack.OptionBlockObject {
	description := accessLabel(s.Access) + "."
	if s.Title != "" && s.Title != s.Name {
		description += " " + s.Title
	}
	return option(s.Name, s.Name, description)
}

func accessLabel(a workflow.Access) string {
	switch a {
	case workflow.Read:
		return "Read only"
	case workflow.Write:
		return "Write access"
	case workflow.Admin:
		return "Admin access"
	}
	return "Unknown access"
}

func matchesQuery(query string, texts ...string) bool {
	q := strings.ToLower(line(query))
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), q) })
}

// usualLifetimes are the choices of "how long".
var usualLifetimes = []workflow.Duration{
	workflow.Duration(time.Hour), workflow.Duration(8 * time.Hour), days(1), days(7), days(14), days(30), days(60), days(90), days(180), days(365),
}

func days(n int) workflow.Duration { return workflow.Duration(time.Duration(n) * 24 * time.Hour) }

// unknownCeiling bounds the choices where no rule says how long is too long;
// workflow will refuse what it must.
var unknownCeiling = days(30)

// lifetimes are the choices up to a ceiling, which is one of them.
func lifetimes(ceiling workflow.Duration) []*slack.OptionBlockObject {
	if ceiling <= 0 {
		ceiling = unknownCeiling
	}
	var out []*slack.OptionBlockObject
	for _, d := range usualLifetimes {
		if d < ceiling {
			out = append(out, option(d.String(), d.Words(), ""))
		}
	}
	return append(out, option(ceiling.String(), ceiling.Words(), ""))
}

// defaultLifetime is the place of a week among the choices, or of the longest
// where a week is too long: short is the default, and long is a choice.
func defaultLifetime(ceiling workflow.Duration) int {
	choices := lifetimes(ceiling)
	week := slices.IndexFunc(choices, func(o *slack.OptionBlockObject) bool { return o.Value == days(7).String() })
	if week < 0 {
		return len(choices) - 1
	}
	return week
}
