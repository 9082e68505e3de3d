package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// maxCheckboxes is how many checkboxes one group may have; longer lists
// become a menu.
const maxCheckboxes = 10

// approveLessModal lets a reviewer strike scopes and shorten the time.
func approveLessModal(v workflow.RequestView, metadata string) slack.ModalViewRequest {
	r := v.Request
	granted := workflow.Duration(r.Granted())
	choices := lifetimes(granted)
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, choices...)
	sel.InitialOption = choices[len(choices)-1]
	scopes := slack.Block(slack.NewInputBlock(blockScopes, plain("Scopes to approve", maxHint), plain("Uncheck what is not needed.", maxHint), keptScopes(v)))
	if aboutKeyID(r) != 0 {
		scopes = section("The key exists already, so its scopes are what they are: *" + countByAccess(v.Scopes) + "*. You can shorten its time.")
	}
	return modal(callbackApproveLess, "Approve less: "+r.ID.String(), "Approve", metadata,
		section(fmt.Sprintf("%s asks for %s.", personMarkup(v.Requester), asksForMarkup(r))),
		quote("Why "+name(v.Requester)+" asks", r.Reason),
		scopes,
		slack.NewInputBlock(blockLifetime, plain("How long", maxHint), plain(fmt.Sprintf("At most %s.", granted.Words()), maxHint), sel))
}

// keptScopes offers what is still on the table, all of it chosen.
func keptScopes(v workflow.RequestView) slack.BlockElement {
	kept, _ := onTheTable(v.Scopes)
	var options []*slack.OptionBlockObject
	for _, s := range kept[:min(maxScopesChosen, len(kept))] {
		options = append(options, scopeOption(workflow.ScopeRule{Name: s.Name, Title: s.Title, Access: s.Access}))
	}
	if len(options) <= maxCheckboxes {
		boxes := slack.NewCheckboxGroupsBlockElement(blockScopes, options...)
		boxes.InitialOptions = options
		return boxes
	}
	return slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeStatic, plain("Choose scopes", maxPlaceholder), blockScopes, options...).
		WithInitialOptions(options...)
}

// denyModal asks a reviewer for the reason.
func denyModal(v workflow.RequestView, metadata string) slack.ModalViewRequest {
	kept, _ := onTheTable(v.Scopes)
	return modal(callbackDeny, "Deny "+v.Request.ID.String(), "Deny", metadata,
		section(fmt.Sprintf("%s asks for %s: %s.", personMarkup(v.Requester), asksForMarkup(v.Request), countByAccess(kept))),
		quote("Why "+name(v.Requester)+" asks", v.Request.Reason),
		reasonInput("Why do you deny it?", "", "What is missing, or what would be better?", "The requester reads this. One denial ends the request."))
}
