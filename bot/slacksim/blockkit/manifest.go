package blockkit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ValidateManifest judges an app manifest in JSON: Slack's own schema, which
// does not list scopes and events, and then those.
func ValidateManifest(doc []byte) []Problem {
	return judge(doc, manifestKind)
}

// list is an array of strings somewhere in the manifest.
type list struct {
	pointer string
	values  []string
}

func listAt(d document, path ...string) list {
	value := dig(d.root, path...)
	entries, _ := value.([]any)
	values := make([]string, len(entries)) // keeps the index of an entry that is no string
	for i, entry := range entries {
		values[i], _ = entry.(string)
	}
	return list{pointer: "/" + strings.Join(path, "/"), values: values}
}

func (l list) at(i int) string { return fmt.Sprintf("%s/%d", l.pointer, i) }

// dig follows property names; nil means that one is missing.
func dig(root map[string]any, path ...string) any {
	var value any = root
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// knownScopes: Slack refuses a manifest with a scope it does not know for that kind of token.
func knownScopes(d document) []Problem {
	var problems []Problem
	for field, known := range map[string]func(string) bool{
		"bot": isBotScope, "bot_optional": isBotScope,
		"user": isUserScope, "user_optional": isUserScope,
	} {
		scopes := listAt(d, "oauth_config", "scopes", field)
		for i, scope := range scopes.values {
			if scope != "" && !known(scope) {
				problems = append(problems, Problem{scopes.at(i), refuseScope(scope)})
			}
		}
	}
	return problems
}

func refuseScope(scope string) string {
	if isAppLevelScope(scope) {
		return fmt.Sprintf("The scope %q belongs to an app-level token, which a manifest cannot ask for.", scope)
	}
	return fmt.Sprintf("Slack knows no scope %q for this token.", scope)
}

func eventLists(d document) []list {
	return []list{
		listAt(d, "settings", "event_subscriptions", "bot_events"),
		listAt(d, "settings", "event_subscriptions", "user_events"),
	}
}

// knownEvents: Slack refuses a manifest with an event it does not know.
func knownEvents(d document) []Problem {
	known := eventScopes()
	var problems []Problem
	for _, events := range eventLists(d) {
		for i, event := range events.values {
			if _, ok := known[event]; event != "" && !ok {
				problems = append(problems, Problem{events.at(i), fmt.Sprintf("Slack knows no event %q.", event)})
			}
		}
	}
	return problems
}

// scopesForEvents: Slack refuses a bot event without the scope that covers it.
func scopesForEvents(d document) []Problem {
	known := eventScopes()
	granted := botScopesOf(d)
	events := listAt(d, "settings", "event_subscriptions", "bot_events")
	var problems []Problem
	for i, event := range events.values {
		needed := known[event]
		if len(needed) == 0 || slices.ContainsFunc(needed, func(scope string) bool { return slices.Contains(granted, scope) }) {
			continue
		}
		problems = append(problems, Problem{events.at(i), fmt.Sprintf("The event %q needs the bot scope %s.", event, strings.Join(needed, " or "))})
	}
	return problems
}

func botScopesOf(d document) []string {
	return append(listAt(d, "oauth_config", "scopes", "bot").values, listAt(d, "oauth_config", "scopes", "bot_optional").values...)
}

// scopeForCommands: slash commands and shortcuts come with the scope commands.
func scopeForCommands(d document) []Problem {
	if slices.Contains(botScopesOf(d), "commands") {
		return nil
	}
	var problems []Problem
	for _, feature := range []string{"slash_commands", "shortcuts"} {
		if entries, _ := dig(d.root, "features", feature).([]any); len(entries) > 0 {
			problems = append(problems, Problem{"/features/" + feature, `The feature needs the bot scope "commands".`})
		}
	}
	return problems
}

// uniqueCommands: an app declares a slash command once.
func uniqueCommands(d document) []Problem {
	return unique(slashCommands(d), "command", "this manifest")
}

func slashCommands(d document) []node {
	features, _ := d.root["features"].(map[string]any)
	return items(node{pointer: "/features", object: features}, "slash_commands")
}

// urlsWithoutSocketMode: without Socket Mode Slack has to be told where to call.
func urlsWithoutSocketMode(d document) []Problem {
	if dig(d.root, "settings", "socket_mode_enabled") == true {
		return nil
	}
	var problems []Problem
	need := func(pointer string, url any) {
		if url == nil {
			problems = append(problems, Problem{pointer, "Without Socket Mode a URL is needed here."})
		}
	}
	if dig(d.root, "settings", "interactivity", "is_enabled") == true {
		need("/settings/interactivity", dig(d.root, "settings", "interactivity", "request_url"))
	}
	for _, events := range eventLists(d) {
		if len(events.values) > 0 {
			need("/settings/event_subscriptions", dig(d.root, "settings", "event_subscriptions", "request_url"))
		}
	}
	for _, command := range slashCommands(d) {
		need(command.pointer, command.object["url"])
	}
	return problems
}

// backgroundColor: the schema states this pattern under a keyword that no validator reads.
func backgroundColor(d document) []Problem {
	color, ok := dig(d.root, "display_information", "background_color").(string)
	if !ok || regexp.MustCompile(`^#([0-9a-fA-F]{3}){1,2}$`).MatchString(color) {
		return nil
	}
	return []Problem{{"/display_information/background_color", fmt.Sprintf("The color %q is not #rgb or #rrggbb.", color)}}
}
