package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// maxKeysAsked is how many keys the message itself asks about; a page shows
// all of them.
const maxKeysAsked = 5

// askMessage asks one person about the keys they answer for, and is kept up to
// date until the campaign is over.
func askMessage(p workflow.CampaignPart) message {
	c := p.Campaign
	title, total := cut(line(c.Title), 2*maxName), plural(p.Total(), "key")
	switch {
	case c.State == storage.CampaignCanceled:
		text := fmt.Sprintf("The campaign “%s” was called off: there is nothing for you to decide. What you decided stays.", title)
		return say(escape(text), section(escaper.Replace(flat.Replace(text))))
	case c.State == storage.CampaignDone:
		text := fmt.Sprintf("The campaign “%s” is over. Of your %s: %s.", title, total, countDecisions(p.Counts))
		return say(escape(text), section(escaper.Replace(flat.Replace(text))))
	case p.Open == 0:
		return askedAll(p, title, total)
	}
	lead := fmt.Sprintf("You are asked about *%s*: say for each whether it is still needed. *%s* for your answer until %s; what nobody speaks for is revoked then.",
		total, wait(p.Open), moment(c.Deadline))
	text := fmt.Sprintf("You are asked about %s: say for each whether it is still needed. %s for your answer until %s.", total, wait(p.Open), utc(c.Deadline))
	if c.State == storage.CampaignEnding {
		lead = fmt.Sprintf("The deadline is over, and there is no answer yet about *%d* of your %s. What nobody speaks for is revoked; what still works you can still keep.", p.Open, total)
		text = fmt.Sprintf("The deadline is over, and there is no answer yet about %d of your %s.", p.Open, total)
	}
	blocks := []slack.Block{header(title), section(lead)}
	for _, l := range p.Lines[:min(maxKeysAsked, len(p.Lines))] {
		k := campaignKey{c.ID, l.Item.CredentialID}
		blocks = append(blocks, section(askedLine(l, p.Person.ID)), actions("ask/"+k.String(), askControls(k, l)...))
	}
	if more := p.Open - min(maxKeysAsked, len(p.Lines)); more > 0 {
		blocks = append(blocks, small(plural(more, "more key")+" not shown here."))
	}
	return say(escape(title+": "+text), append(blocks, divider(), actions("campaign/"+campaignNumber(c), primary(throughButton(p, "Go through all of them"))))...)
}

// askedAll thanks whoever has nothing left.
func askedAll(p workflow.CampaignPart, title, total string) message {
	text := fmt.Sprintf("Thank you: nothing waits for you in the campaign “%s”. Of your %s: %s.", title, total, countDecisions(p.Counts))
	blocks := []slack.Block{section(escaper.Replace(flat.Replace(text)))}
	if p.Campaign.State == storage.CampaignRunning {
		blocks = append(blocks, small("Until "+moment(p.Campaign.Deadline)+" you can change what you decided, unless you revoked it."),
			actions("campaign/"+campaignNumber(p.Campaign), throughButton(p, "See or change")))
	}
	return say(escape(text), blocks...)
}

// remindMessage reminds whoever has keys left to decide on.
func remindMessage(p workflow.CampaignPart) message {
	title := cut(line(p.Campaign.Title), 2*maxName)
	if p.Open == 0 || p.Campaign.State != storage.CampaignRunning {
		text := fmt.Sprintf("A reminder of the campaign “%s”: nothing waits for you any more.", title)
		return say(escape(text), section(escaper.Replace(flat.Replace(text))))
	}
	text := fmt.Sprintf("A reminder: %s for your answer in the campaign “%s”", wait(p.Open), title)
	return say(escape(text+" until "+utc(p.Campaign.Deadline)+"."),
		section(escaper.Replace(flat.Replace(text))+" until *"+moment(p.Campaign.Deadline)+"*. What nobody speaks for is revoked then."),
		actions("campaign/"+campaignNumber(p.Campaign), primary(throughButton(p, "Go through them"))))
}

func throughButton(p workflow.CampaignPart, label string) *slack.ButtonBlockElement {
	place := campaignPlace{p.Campaign.ID, false, nextOpen}
	return button(verbCampaignPage, place.String(), label, label+" in the campaign "+line(p.Campaign.Title))
}

// askedLine is a key with what there is to know for a decision. Whose it is
// goes without saying where it is the reader's own.
func askedLine(l workflow.CampaignLine, reader storage.PersonID) string {
	c := l.Key.Credential
	out := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if what := calledAtSystem(c); what != "" {
		out += ", " + what
	} else if label := cut(line(c.Label), maxName); c.Managed && label != "" && label != c.RequestID.String() {
		out += ", “" + words(label) + "”"
	}
	if reader == 0 || c.OwnerID != reader {
		out += ", " + heldBy(l.Key, personMarkup)
	}
	scopes := accessInShort(l.Key)
	if len(l.Key.Scopes) > 0 {
		scopes = words(scopesInShort(l.Key.Scopes))
	}
	ends := "no end known"
	if isSet(c.ExpiresAt) {
		ends = "ends " + untilMarkup(c)
	}
	out += fmt.Sprintf("\n%s; %s; %s", scopes, lastUsed(c, day), ends)
	if c.State != storage.CredentialActive {
		out += "; *" + stateMarkup(c) + "*"
	}
	return out
}

func askControls(k campaignKey, l workflow.CampaignLine) []slack.BlockElement {
	id, key := k.String(), k.Key.String()
	out := []slack.BlockElement{button(verbCampaignKeep, id, "Keep", "Keep key "+key)}
	if l.Reduce {
		out = append(out, button(verbCampaignReduce, id, "Reduce", "Reduce the scopes of key "+key))
	}
	end := danger(button(verbCampaignRevoke, id, "Revoke", "Revoke key "+key)).
		WithConfirm(confirm("Revoke "+key+"?", stopWords(l.Key)+" This can't be undone.", "Revoke it"))
	return append(out, end)
}
