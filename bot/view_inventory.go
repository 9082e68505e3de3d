package bot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// allSystems is the title of the systems over the page.
const allSystems = "Systems"

// systemsPage is how many systems one message shows.
const systemsPage = 8

// systemsMessage shows what every system has and can do, from one of them on.
func systemsMessage(all []workflow.SystemView, from int) message {
	if len(all) == 0 {
		text := "No system is connected yet. Systems are configured under `connections`."
		return say(text, section(text))
	}
	live := 0
	for _, s := range all {
		live += s.Live
	}
	head := fmt.Sprintf("*%s* with *%s*.", plural(len(all), "system"), plural(live, "live key"))
	blocks := []slack.Block{section(head)}
	shown := all[from:min(from+systemsPage, len(all))]
	var inShort []string
	for _, s := range all {
		inShort = append(inShort, fmt.Sprintf("%s has %s", cut(line(s.Name), maxName), plural(s.Live, "live key")))
	}
	for _, s := range shown {
		blocks = append(blocks, section(systemLines(s)), systemButtons(s))
	}
	var pages []slack.BlockElement
	if from > 0 {
		pages = append(pages, button(verbSystems, strconv.Itoa(max(from-systemsPage, 0)), "Back", "Show the systems before these"))
	}
	if next := from + systemsPage; next < len(all) {
		pages = append(pages, button(verbSystems, strconv.Itoa(next), "More systems", "Show more systems"))
	}
	if len(pages) > 0 {
		blocks = append(blocks, actions("pages", pages...))
	}
	return say(escape(joinSome(inShort, maxNames)+"."), blocks...)
}

// systemLines says what a system is, has and can do.
func systemLines(s workflow.SystemView) string {
	out := []string{fmt.Sprintf("%s, of the kind %s: *%s*%s", bold(s.Name), words(cut(line(s.Kind), maxName)), plural(s.Live, "live key"), flagged(s))}
	out = append(out, syncWords(s))
	if can := canWords(s.Can); can != "" {
		out = append(out, "Latchkey can "+can+".")
	}
	return strings.Join(out, "\n")
}

// flagged counts a system's flags behind its keys; empty without any.
func flagged(s workflow.SystemView) string {
	if counts := countsByFlag(s.ByFlag); counts != "" {
		return " (" + counts + ")"
	}
	return ""
}

// syncWords says how old what is known of a system is.
func syncWords(s workflow.SystemView) string {
	switch {
	case !s.Listed:
		return "It can't be listed: these are the keys that were made here."
	case s.Problem != "":
		return "Out of date: " + lateLine(lateSystem{s.Name, s.SyncedAt, s.Problem})
	case isSet(s.SyncedAt):
		return "Listed " + moment(s.SyncedAt) + "."
	}
	return "Not listed yet."
}

// canWords says in plain words what can be done at a system; what needs no
// saying is left out.
func canWords(can []string) string {
	var out []string
	for _, c := range can {
		switch c {
		case "list":
			out = append(out, "list its keys")
		case "issue":
			out = append(out, "make keys")
		case "rotate":
			out = append(out, "rotate keys")
		case "revoke":
			out = append(out, "revoke keys")
		case "verify":
			out = append(out, "prove that a key is dead")
		case "suspend":
			out = append(out, "suspend keys")
		case "list_grants":
			out = append(out, "list OAuth grants")
		case "revoke_grant":
			out = append(out, "revoke OAuth grants")
		case "guide_issue":
			out = append(out, "guide people who make a key")
		case "guide_revoke":
			out = append(out, "guide people who end what only they can")
		case "oauth":
			out = append(out, "let people connect an OAuth app")
		case "decide":
			out = append(out, "decide the system's own requests")
		case "revoke_leaked":
			out = append(out, "end leaked tokens")
		case "close_account":
			out = append(out, "stop a person's account")
		case "events":
			out = append(out, "hear of people who leave")
		case "broker":
			out = append(out, "check each call at the gateway")
		case "scopes":
		default:
			out = append(out, words(cut(strings.ReplaceAll(line(c), "_", " "), maxName)))
		}
	}
	return join(out)
}

func systemButtons(s workflow.SystemView) slack.Block {
	out := []slack.BlockElement{button(verbList, page{Listing: workflow.Listing{Connection: s.Name}}.String(), "List", "List the keys of "+s.Name)}
	if s.Listed {
		out = append(out, button(verbSync, s.Name, "Sync now", "List "+s.Name+" anew now"))
	}
	return actions("system/"+cut(s.Name, maxSystemID), out...)
}

// maxSystemID keeps a system's name inside what a block ID may hold.
const maxSystemID = 200

// syncMessage says that a listing was begun.
func syncMessage(system, command string) message {
	text := fmt.Sprintf("%s is listed anew now. %s shows when that is done.", bold(system), code(command+" systems"))
	return say(text, section(text))
}

// flagButtons list the keys of each flag that is up anywhere.
func flagButtons(connection string, counts map[storage.Flag]int) []slack.BlockElement {
	of := ""
	if connection != "" {
		of = " of " + connection
	}
	var out []slack.BlockElement
	for _, f := range storage.Flags {
		if n := counts[f]; n > 0 {
			label := fmt.Sprintf("%d %s", n, flagLabel(f))
			out = append(out, button(verbList, page{Listing: workflow.Listing{Connection: connection, Flag: f}}.String(), label, "List "+label+of))
		}
	}
	return out
}

// homeSystems is what every system has, in an admin's App Home.
func homeSystems(all []workflow.SystemView, command string) []slack.Block {
	out := []slack.Block{divider(), header(allSystems)}
	if len(all) == 0 {
		return append(out, section("No system is connected yet."))
	}
	total, live := map[storage.Flag]int{}, 0
	for _, s := range all {
		live += s.Live
		for f, n := range s.ByFlag {
			total[f] += n
		}
	}
	out = append(out, section(fmt.Sprintf("*%s* in *%s*. A button lists the keys with its flag.", plural(live, "live key"), plural(len(all), "system"))))
	if buttons := flagButtons("", total); len(buttons) > 0 {
		out = append(out, actions("flags", buttons...))
	}
	for _, s := range all[:min(maxHomeSystems, len(all))] {
		list := button(verbList, page{Listing: workflow.Listing{Connection: s.Name}}.String(), "List", "List the keys of "+s.Name)
		out = append(out, sectionWith("system/"+cut(s.Name, maxSystemID), homeSystemLine(s), list))
		if buttons := flagButtons(s.Name, s.ByFlag); len(buttons) > 0 {
			out = append(out, actions("flags/"+cut(s.Name, maxSystemID), buttons...))
		}
	}
	return append(out, cutShort(len(all)-maxHomeSystems, "system", command+" systems")...)
}

func homeSystemLine(s workflow.SystemView) string {
	out := fmt.Sprintf("%s (%s): *%s*", bold(s.Name), words(cut(line(s.Kind), maxName)), plural(s.Live, "live key"))
	if s.Problem != "" {
		out += "\n" + syncWords(s)
	}
	return out
}
