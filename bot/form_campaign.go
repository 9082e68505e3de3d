package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// The inputs of campaigns' forms.
const (
	blockTitle  = "title"
	blockChoice = "choice" // with the key behind it
)

// everySystem is the choice of no system in particular.
const everySystem = "*"

// campaignModal asks an admin what to have recertified.
func campaignModal(systems []string, chosen string) slack.ModalViewRequest {
	options := []*slack.OptionBlockObject{option(everySystem, "All systems", "")}
	if chosen != "" {
		options = append(options, option(chosen, chosen, ""))
	}
	for _, s := range systems {
		if s != chosen && len(options) < maxOptions {
			options = append(options, option(s, s, ""))
		}
	}
	system := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockSystem, options...)
	system.InitialOption = selected(options, chosen, 0)
	var lengths []*slack.OptionBlockObject
	for _, d := range workflow.CampaignLengths() {
		lengths = append(lengths, option(d.String(), d.Words(), ""))
	}
	length := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, lengths...)
	length.InitialOption = lengths[min(1, len(lengths)-1)]
	title := slack.NewPlainTextInputBlockElement(plain("Review of the autumn", maxPlaceholder), blockTitle)
	title.MaxLength = maxCampaignTitle
	return modal(callbackCampaign, "New campaign", "Preview", "",
		section("Everybody is asked of each key they hold whether it is still needed: Keep, Reduce or Revoke. What nobody speaks for is revoked after the deadline."),
		slack.NewInputBlock(blockSystem, plain("Which keys", maxHint), nil, system),
		slack.NewInputBlock(blockLifetime, plain("Time to answer", maxHint), plain("Reminders come at half time and a day before the end.", maxHint), length),
		slack.NewInputBlock(blockTitle, plain("Title", maxHint), plain("Everybody who is asked reads it.", maxHint), title))
}

// maxCampaignTitle is as long as workflow lets a title be.
const maxCampaignTitle = 100

// readCampaign reads what an admin wants.
func readCampaign(state *slack.ViewState) workflow.CampaignAsk {
	system := answerTo(state, blockSystem).SelectedOption.Value
	if system == everySystem {
		system = ""
	}
	return workflow.CampaignAsk{Title: line(answerTo(state, blockTitle).Value), Connection: system, Length: readLifetime(answerTo(state, blockLifetime))}
}

// campaignPlanModal shows what a campaign would ask before it begins.
func campaignPlanModal(ask workflow.CampaignAsk, plan workflow.CampaignPlan, metadata string) slack.ModalViewRequest {
	blocks := []slack.Block{
		section(fmt.Sprintf("*%s*\n%s about *%s*, for %s.", words(cut(line(ask.Title), 2*maxName)), areAsked(plan.People), plural(plan.Keys, "key"), ask.Length.Words())),
		section(countsBySystem(plan.BySystem)),
	}
	if plan.Ownerless > 0 {
		blocks = append(blocks, small(plural(plan.Ownerless, "key")+" without an owner who can be asked: whoever answers for the system is asked."))
	}
	if plan.Nobody > 0 {
		blocks = append(blocks, small("*"+plural(plan.Nobody, "key")+"* about which nobody can be asked: only admins can decide, and without a decision they are revoked."))
	}
	return modal(callbackCampaignPlan, "New campaign", "Start", metadata, append(blocks, small("Each of them gets one message now. You can cancel the campaign until its deadline."))...)
}

// campaignPageModal shows a page of keys with a choice for each that can still
// be decided on. Note is said first; it may be empty.
func campaignPageModal(p workflow.CampaignPage, me storage.PersonID, note, metadata string) slack.ModalViewRequest {
	c := p.Campaign
	lead := fmt.Sprintf("*%s*: page %d of %d. %s for a decision.", words(cut(line(c.Title), 2*maxName)), p.Number+1, p.Pages, wait(p.Open))
	var blocks []slack.Block
	if note != "" {
		blocks = append(blocks, section(escape(cut(note, maxSection/2))))
	}
	blocks = append(blocks, section(lead))
	reader, choices, open := me, 0, 0
	if p.All {
		reader = 0
	}
	for _, l := range p.Lines {
		blocks = append(blocks, askedBlock(c, l, reader, me))
		if in := choiceInput(c, l, me); in != nil {
			blocks = append(blocks, in)
			choices++
		}
		if l.Open {
			open++
		}
	}
	place := campaignPlace{c.ID, p.All, p.Number}
	var controls []slack.BlockElement
	if open > 0 {
		controls = append(controls, button(verbCampaignKeepAll, place.String(), fmt.Sprintf("Keep all %d on this page", open), "Keep all undecided keys on this page"))
	}
	if p.Number > 0 {
		controls = append(controls, button(verbCampaignPage, campaignPlace{c.ID, p.All, p.Number - 1}.String(), "Previous page", ""))
	}
	if p.Number+1 < p.Pages {
		controls = append(controls, button(verbCampaignPage, campaignPlace{c.ID, p.All, p.Number + 1}.String(), "Next page", ""))
	}
	if len(controls) > 0 {
		blocks = append(blocks, divider(), actions("page/"+place.String(), controls...))
	}
	if choices == 0 {
		return modal(callbackCampaignPage, "Still needed?", "", metadata, blocks...)
	}
	return modal(callbackCampaignPage, "Still needed?", "Save", metadata, append(blocks, small("Save before you turn the page."))...)
}

// maxAskedLine leaves room for ten keys in a modal.
const maxAskedLine = 1200

// askedBlock is a key on a page, with what was decided about it, if anything.
func askedBlock(c storage.Campaign, l workflow.CampaignLine, reader, me storage.PersonID) slack.Block {
	text := cutMarkup(askedLine(l, reader), maxAskedLine)
	if !l.Open {
		text += "\n" + decidedWords(l, me)
	}
	k := campaignKey{c.ID, l.Item.CredentialID}
	if l.Reduce && (l.Open || changeable(c, l, me)) {
		return sectionWith("asked/"+k.String(), text, button(verbCampaignReduce, k.String(), "Reduce", "Reduce the scopes of key "+k.Key.String()))
	}
	return section(text)
}

// decidedWords says who decided what.
func decidedWords(l workflow.CampaignLine, me storage.PersonID) string {
	word := decisionWord(l.Item.Decision)
	out := "*" + titleCase(word) + "*"
	switch {
	case l.Item.DecidedBy == me && me != 0:
		out += " by you"
	case l.Item.DecidedBy != 0:
		out += " by " + personMarkup(l.By)
	}
	if isSet(l.Item.DecidedAt) {
		out += ", " + day(l.Item.DecidedAt)
	}
	return out
}

// changeable reports whether the reader can change what they decided.
func changeable(c storage.Campaign, l workflow.CampaignLine, me storage.PersonID) bool {
	d := l.Item.Decision
	return c.State == storage.CampaignRunning && l.Item.DecidedBy == me && (d == storage.CampaignKeep || d == storage.CampaignReduce)
}

// choiceInput asks about one key; nil where there is nothing to choose.
func choiceInput(c storage.Campaign, l workflow.CampaignLine, me storage.PersonID) slack.Block {
	if !l.Open && !changeable(c, l, me) {
		return nil
	}
	keep := option(string(storage.CampaignKeep), "Keep", "")
	if l.Item.Decision == storage.CampaignReduce {
		keep = option(string(storage.CampaignKeep), "Keep with all the scopes it had", "")
	}
	id := blockOf(blockChoice, l.Item.CredentialID.String())
	radio := slack.NewRadioButtonsBlockElement(id, keep, option(string(storage.CampaignRevoke), "Revoke", ""))
	if l.Item.Decision == storage.CampaignKeep {
		radio.InitialOption = keep
	}
	in := slack.NewInputBlock(id, plain("Is "+l.Item.CredentialID.String()+" still needed?", maxHint), nil, radio)
	in.Optional = true
	return in
}

// readChoices reads what was chosen on a page, by key.
func readChoices(state *slack.ViewState) []workflow.CampaignChoice {
	var out []workflow.CampaignChoice
	if state == nil {
		return nil
	}
	for _, block := range slices.Sorted(maps.Keys(state.Values)) {
		text, ok := strings.CutPrefix(block, blockChoice+"/")
		_, key, err := storage.ParseID(text)
		chosen := answerTo(state, block).SelectedOption.Value
		if ok && err == nil && key != 0 && chosen != "" {
			out = append(out, workflow.CampaignChoice{Key: key, Decision: storage.CampaignDecision(chosen)})
		}
	}
	return out
}

// campaignSureModal asks once more before keys are revoked.
func campaignSureModal(revoke []storage.CredentialID, others int, metadata string) slack.ModalViewRequest {
	ids := make([]string, len(revoke))
	for i, id := range revoke {
		ids[i] = code(id.String())
	}
	blocks := []slack.Block{section("You revoke *" + plural(len(revoke), "key") + "*: " + join(ids) + ". Whatever uses them stops working. This can't be undone.")}
	if others > 0 {
		blocks = append(blocks, small("You keep "+plural(others, "key")+" of this page."))
	}
	return modal(callbackCampaignSure, "Revoke "+plural(len(revoke), "key")+"?", "Save and revoke", metadata, blocks...)
}

// campaignReduceModal asks which scopes a key can do without.
func campaignReduceModal(l workflow.CampaignLine, metadata string) slack.ModalViewRequest {
	c := l.Key.Credential
	scopes := l.Key.Scopes
	if l.Item.Decision == storage.CampaignReduce {
		scopes = l.Scopes
	}
	var options, stay []*slack.OptionBlockObject
	for _, s := range scopes[:min(maxScopesChosen, len(scopes))] {
		o := scopeOption(workflow.ScopeRule{Name: s.Name, Title: s.Title, Access: s.Access})
		options = append(options, o)
		if s.Granted {
			stay = append(stay, o)
		}
	}
	var in slack.BlockElement
	if len(options) <= maxCheckboxes {
		boxes := slack.NewCheckboxGroupsBlockElement(blockScopes, options...)
		boxes.InitialOptions = stay
		in = boxes
	} else {
		in = slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeStatic, plain("Choose scopes", maxPlaceholder), blockScopes, options...).WithInitialOptions(stay...)
	}
	return modal(callbackCampaignReduce, "Reduce "+c.ID.String(), "Reduce", metadata,
		section(askedLine(l, c.OwnerID)),
		slack.NewInputBlock(blockScopes, plain("Scopes that stay", maxHint), plain("Uncheck what is not needed. It takes effect at once.", maxHint), in))
}
