package bot

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of App Home, which holds 100 blocks: four per row of the first
// section, one per row of the second, two per row of the third, one per row of
// the fourth, two per row of what admins see, and two about what is used most.
const (
	maxHomeWaiting  = 6
	maxHomeEnding   = 5
	maxHomeKeys     = 10
	maxHomeRequests = 8
	maxHomeSystems  = 10
)

// homeView is App Home: what waits for you, what ends soon, your keys, your
// requests and, for admins, what every system has.
func homeView(h workflow.HomeView, command string) slack.HomeTabViewRequest {
	blocks := []slack.Block{
		section("Here you ask for API keys, decide on the requests of others and see what you hold."),
		homeControls(h.Admin),
	}
	blocks = append(blocks, homeWaiting(h.Waiting, command)...)
	ending, others := endingSoon(h.Keys)
	blocks = append(blocks, homeEnding(ending, command)...)
	if len(others) > 0 || len(ending) == 0 {
		blocks = append(blocks, homeKeys(others, command)...)
	}
	blocks = append(blocks, homeRequests(h.Requests, command)...)
	if h.Admin {
		blocks = append(blocks, homeSystems(h.Systems, command)...)
		blocks = append(blocks, homeBusiest(h.Busiest)...)
	}
	blocks = append(blocks, divider(), small(code(command+" help")+" lists everything you can do."))
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
}

// homeControls is what can be begun from Home; only admins see everybody's
// keys.
func homeControls(admin bool) slack.Block {
	controls := []slack.BlockElement{primary(newRequestButton())}
	if admin {
		controls = append(controls, button(verbList, "", "All keys", "List everybody's keys"))
	}
	return actions("home", controls...)
}

func homeWaiting(views []workflow.RequestView, command string) []slack.Block {
	out := []slack.Block{divider(), header("Waiting for you")}
	if len(views) == 0 {
		return append(out, section("Nothing waits for your decision. You get a message as soon as something does."))
	}
	for _, v := range views[:min(maxHomeWaiting, len(views))] {
		out = append(out, waitingRow(v)...)
	}
	return append(out, cutShort(len(views)-maxHomeWaiting, "request", command+" pending")...)
}

// endingSoon takes out of somebody's keys those that end soon or have to go,
// the most urgent first. Those with something more urgent to do, and those that
// are dealt with, stay.
func endingSoon(views []workflow.CredentialView) (ending, others []workflow.CredentialView) {
	for _, v := range views {
		c := v.Credential
		soon := isSet(c.WarnedAt) || isSet(c.ExpiresAt) && slices.Contains(v.Flags, storage.FlagExpiring)
		if soon && !c.LetExpire && v.ReplacedBy == 0 && !collectable(v) {
			ending = append(ending, v)
			continue
		}
		others = append(others, v)
	}
	slices.SortStableFunc(ending, func(a, b workflow.CredentialView) int { return deadline(a.Credential).Compare(deadline(b.Credential)) })
	return ending, others
}

// deadline is when a key ends if nothing is done: by itself, or by the rules.
func deadline(c storage.Credential) time.Time {
	if isSet(c.WarnedAt) && isSet(c.EnforceAt) && (!isSet(c.ExpiresAt) || c.EnforceAt.Before(c.ExpiresAt)) {
		return c.EnforceAt
	}
	return c.ExpiresAt
}

// homeEnding lists one's own keys that end soon, with the deadline of each.
func homeEnding(views []workflow.CredentialView, command string) []slack.Block {
	if len(views) == 0 {
		return nil
	}
	out := []slack.Block{divider(), header("Ends soon")}
	for _, v := range views[:min(maxHomeEnding, len(views))] {
		c := v.Credential
		text := keyInLine(v)
		switch {
		case isSet(c.WarnedAt) && isSet(c.EnforceAt):
			text += "\n*Has to go*: the rules stop it " + moment(c.EnforceAt) + "."
		case isSet(c.ExpiresAt):
			text += "\n*Ends* " + moment(c.ExpiresAt) + "."
		}
		out = append(out, slack.NewSectionBlock(markup(text, maxSection), nil, slack.NewAccessory(rowMenu(v, reader{ID: c.OwnerID})),
			slack.SectionBlockOptionBlockID("key/"+c.ID.String())))
	}
	return append(out, cutShort(len(views)-maxHomeEnding, "key", command+" mine")...)
}

func homeKeys(views []workflow.CredentialView, command string) []slack.Block {
	out := []slack.Block{divider(), header("Your keys")}
	if len(views) == 0 {
		return append(out, section("You hold no keys. Choose New request to ask for one; you see before you send it who will be asked."))
	}
	for _, v := range views[:min(maxHomeKeys, len(views))] {
		c := v.Credential
		var controls []slack.BlockElement
		switch {
		case collectable(v):
			controls = append(controls, revealButton(v))
		case v.ConnectURL != "":
			controls = append(controls, connectButton(v))
		}
		controls = append(controls, detailsButton(c))
		if v.Can.Adopt {
			controls = append(controls, keyButton(verbKeep, c))
		}
		if endable(c) {
			controls = append(controls, giveBackButton(c))
		}
		text := keyInLine(v)
		if used := dayLine(v.Days); used != "" {
			text += "\n" + used
		}
		out = append(out, section(text), actions("key/"+c.ID.String(), controls...))
	}
	return append(out, cutShort(len(views)-maxHomeKeys, "key", command+" mine")...)
}

func homeRequests(views []workflow.RequestView, command string) []slack.Block {
	out := []slack.Block{divider(), header("Your requests")}
	if len(views) == 0 {
		return append(out, section("You have not asked for anything yet. Choose New request, or type "+code(command+" request")+"."))
	}
	for _, v := range views[:min(maxHomeRequests, len(views))] {
		out = append(out, requestRow(v))
	}
	return append(out, cutShort(len(views)-maxHomeRequests, "request", command+" show <ID>")...)
}

// requestRow is one's own request in a list.
func requestRow(v workflow.RequestView) slack.Block {
	r := v.Request
	text := fmt.Sprintf("%s: %s\n%s", code(r.ID.String()), asksForMarkup(r), requestMarkup(v))
	if r.State == storage.RequestPending {
		text += ", " + words(votesSoFar(v))
	}
	return sectionWith("mine/"+r.ID.String(), text, button(verbDetails, r.ID.String(), "Details", "Details of your request "+r.ID.String()))
}

// cutShort says how many rows are left out and what shows them.
func cutShort(more int, noun, command string) []slack.Block {
	if more <= 0 {
		return nil
	}
	return []slack.Block{small(fmt.Sprintf("%s not shown here. %s shows more.", plural(more, "more "+noun), code(command)))}
}
