package bot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// maxPartsShown bounds a list of people with what they have left.
const maxPartsShown = 15

// campaignMessage shows an admin how far a campaign is.
func campaignMessage(v workflow.CampaignView) message {
	text, blocks := campaignSays(v)
	if parts := partLines(v); parts != "" && v.Campaign.State == storage.CampaignRunning {
		blocks = append(blocks, section("*Who has keys left to decide on*\n"+parts))
	}
	if v.Nobody > 0 && v.Campaign.State == storage.CampaignRunning {
		blocks = append(blocks, small(plural(v.Nobody, "key")+" can be decided on by admins only: nobody answers for them."))
	}
	return say(text, append(blocks, actions("campaign/"+campaignNumber(v.Campaign), campaignControls(v)...))...)
}

// campaignStatus is the message to the admin who began a campaign, kept up to
// date from its start to its end.
func campaignStatus(v workflow.CampaignView, command string) message {
	if v.Campaign.State == storage.CampaignRunning { // it would change with each decision
		return campaignBegun(v, command)
	}
	text, blocks := campaignSays(v)
	if v.Campaign.State == storage.CampaignDone {
		blocks = append(blocks, small(code(command+" campaign")+" gives you the evidence file again."))
	}
	return say(text, blocks...)
}

func campaignBegun(v workflow.CampaignView, command string) message {
	title, asked := cut(line(v.Campaign.Title), 2*maxName), areAsked(len(v.Parts))
	text := fmt.Sprintf("The campaign “%s” has begun: %s about %s until %s.", title, asked, plural(v.Total(), "key"), utc(v.Campaign.Deadline))
	return say(escape(text), header("Campaign: "+title),
		section(fmt.Sprintf("It has begun: %s about *%s* until %s.", asked, plural(v.Total(), "key"), moment(v.Campaign.Deadline))),
		small(code(command+" campaign")+" shows how far it is."))
}

func campaignNumber(c storage.Campaign) string { return strconv.FormatInt(int64(c.ID), 10) }

// campaignSays is how a campaign stands, in plain text and in blocks.
func campaignSays(v workflow.CampaignView) (string, []slack.Block) {
	c := v.Campaign
	title, system := cut(line(c.Title), 2*maxName), "every system"
	if c.Connection != "" {
		system = cut(line(c.Connection), maxName)
	}
	var says, more string
	switch c.State {
	case storage.CampaignRunning:
		says = fmt.Sprintf("%s for a decision, of %d", wait(v.Open()), v.Total())
		more = fmt.Sprintf("%s until %s.", areAsked(len(v.Parts)), moment(c.Deadline))
	case storage.CampaignEnding:
		says, more = "The deadline is over", endingWords(v)
	case storage.CampaignDone:
		says, more = "Done", "It ended "+moment(c.EndedAt)+"."
	case storage.CampaignCanceled:
		says, more = "Called off", "It was called off "+moment(c.EndedAt)+". What was decided before stays."
	}
	counts := countDecisions(v.Counts)
	blocks := []slack.Block{
		header("Campaign: " + title),
		section(fmt.Sprintf("*%s.* %s\n%s.", says, more, counts)),
		small(fmt.Sprintf("For %s; begun by %s, %s.", words(system), personMarkup(v.Starter), moment(c.CreatedAt))),
	}
	if c.Evidence != "" {
		blocks = append(blocks, small("SHA-256 of the evidence file: "+code(c.Evidence)))
	}
	return escape(fmt.Sprintf("Campaign %s: %s. %s.", title, says, counts)), blocks
}

// persons counts humans: "1 person", "3 people".
func persons(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// areAsked counts humans who are asked.
func areAsked(n int) string {
	if n == 1 {
		return "1 person is asked"
	}
	return persons(n) + " are asked"
}

// wait counts keys that wait.
func wait(n int) string {
	if n == 1 {
		return "1 key waits"
	}
	return plural(n, "key") + " wait"
}

// endingWords says what becomes of the keys without an answer.
func endingWords(v workflow.CampaignView) string {
	silent := plural(v.Counts[storage.CampaignSilence], "key")
	switch {
	case v.Batch == nil:
		return "Latchkey waits for the systems to confirm what was revoked."
	case v.Batch.State == storage.BatchHeld:
		return "The breaker stopped Latchkey from revoking " + silent + " without an answer: an admin decides in the approvals channel."
	}
	return "Latchkey revokes " + silent + " without an answer."
}

// decisionsInOrder are the decisions as people count them.
var decisionsInOrder = []storage.CampaignDecision{storage.CampaignKeep, storage.CampaignReduce, storage.CampaignRevoke, storage.CampaignSilence,
	storage.CampaignGone, storage.CampaignOpen}

// decisionWord is a decision behind its count.
func decisionWord(d storage.CampaignDecision) string {
	switch d {
	case storage.CampaignKeep:
		return "kept"
	case storage.CampaignReduce:
		return "reduced"
	case storage.CampaignRevoke:
		return "revoked"
	case storage.CampaignSilence:
		return "without an answer"
	case storage.CampaignGone:
		return "ended otherwise"
	case storage.CampaignOpen:
	}
	return "undecided"
}

// countDecisions counts what was decided, and leaves out what was not.
func countDecisions(counts map[storage.CampaignDecision]int) string {
	var out []string
	for _, d := range decisionsInOrder {
		if n := counts[d]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, decisionWord(d)))
		}
	}
	if len(out) == 0 {
		return "no keys"
	}
	return strings.Join(out, ", ")
}

// partLines lists who has how much left.
func partLines(v workflow.CampaignView) string {
	var out []string
	left := 0
	for _, p := range v.Parts {
		if p.Open == 0 {
			continue
		}
		if left++; len(out) < maxPartsShown {
			out = append(out, fmt.Sprintf("• %s: %d of %d", personMarkup(p.Person), p.Open, p.Items))
		}
	}
	if more := left - len(out); more > 0 {
		out = append(out, "and "+persons(more)+" more")
	}
	return strings.Join(out, "\n")
}

func campaignControls(v workflow.CampaignView) []slack.BlockElement {
	id, title := campaignNumber(v.Campaign), line(v.Campaign.Title)
	fresh := button(verbCampaignNew, "", "New campaign", "Begin a new campaign")
	file := button(verbCampaignFile, id, "Evidence file", "The evidence file of "+title)
	others := button(verbCampaignPage, campaignPlace{v.Campaign.ID, true, nextOpen}.String(), "Decide for others", "Decide on keys of "+title+" for others")
	switch v.Campaign.State {
	case storage.CampaignRunning:
		remind := button(verbCampaignRemind, id, "Send a reminder now", "Remind everybody of "+title)
		cancel := danger(button(verbCampaignCancel, id, "Cancel the campaign", "Cancel "+title)).
			WithConfirm(confirm("Cancel the campaign?", "Nobody is asked any more, and no key is revoked for lack of an answer. What was decided stays.", "Cancel it"))
		return []slack.BlockElement{remind, others, cancel}
	case storage.CampaignEnding:
		return []slack.BlockElement{others}
	case storage.CampaignDone:
		return []slack.BlockElement{file, fresh}
	case storage.CampaignCanceled:
	}
	return []slack.BlockElement{fresh}
}
