package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of App Home, which holds 100 blocks: four per row of the first
// section, two per row of the second, one per row of the third, and two per
// row of what admins see.
const (
	maxHomeWaiting  = 6
	maxHomeKeys     = 14
	maxHomeRequests = 8
	maxHomeSystems  = 10
)

// homeView is App Home: what waits for you, your keys, your requests and, for
// admins, what every system has.
func homeView(h workflow.HomeView, command string) slack.HomeTabViewRequest {
	blocks := []slack.Block{
		section("Here you ask for API keys, decide on the requests of others and see what you hold."),
		homeControls(h.Admin),
	}
	blocks = append(blocks, homeWaiting(h.Waiting, command)...)
	blocks = append(blocks, homeKeys(h.Keys, command)...)
	blocks = append(blocks, homeRequests(h.Requests, command)...)
	if h.Admin {
		blocks = append(blocks, homeSystems(h.Systems, command)...)
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
		out = append(out, section(keyInLine(v)), actions("key/"+c.ID.String(), controls...))
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
