package bot

import (
	"fmt"
	"strconv"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// The verbs of campaigns.
const (
	verbCampaignNew     verb = "campaign_new"
	verbCampaignKeep    verb = "campaign_keep"
	verbCampaignReduce  verb = "campaign_reduce"
	verbCampaignRevoke  verb = "campaign_revoke"
	verbCampaignPage    verb = "campaign_page"     // open a page of keys, or turn to it
	verbCampaignKeepAll verb = "campaign_keep_all" // that the page shows
	verbCampaignRemind  verb = "campaign_remind"
	verbCampaignCancel  verb = "campaign_cancel"
	verbCampaignFile    verb = "campaign_file" // the evidence
)

// The callback IDs of campaigns' modals.
const (
	callbackCampaign       = "campaign"
	callbackCampaignPlan   = "campaign_plan"
	callbackCampaignPage   = "campaign_page"
	callbackCampaignSure   = "campaign_sure"
	callbackCampaignReduce = "campaign_reduce"
)

// tooOld refuses a control of a message that nobody can read any more.
var tooOld = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This message is too old to be decided on."}

// campaignID reads the campaign a control is about.
func campaignID(s string) (storage.CampaignID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, tooOld
	}
	return storage.CampaignID(n), nil
}

// campaignKey is one key of a campaign, as controls carry it.
type campaignKey struct {
	Campaign storage.CampaignID
	Key      storage.CredentialID
}

// String writes it for a control to carry.
func (k campaignKey) String() string { return fmt.Sprintf("%d.%s", k.Campaign, k.Key) }

func readCampaignKey(s string) (campaignKey, error) {
	number, key, _ := strings.Cut(s, ".")
	id, err := campaignID(number)
	if err != nil {
		return campaignKey{}, err
	}
	_, c, err := storage.ParseID(key)
	if err != nil || c == 0 {
		return campaignKey{}, tooOld
	}
	return campaignKey{id, c}, nil
}

// nextOpen stands for the number of the next page where something waits.
const nextOpen = -1

// campaignPlace is a page of a campaign's keys, as controls carry it.
type campaignPlace struct {
	Campaign storage.CampaignID
	All      bool // everybody's keys, for an admin
	Number   int
}

// String writes it for a control to carry.
func (p campaignPlace) String() string {
	whose := "mine"
	if p.All {
		whose = "all"
	}
	return fmt.Sprintf("%d.%s.%d", p.Campaign, whose, p.Number)
}

func readCampaignPlace(s string) (campaignPlace, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return campaignPlace{}, tooOld
	}
	id, err := campaignID(parts[0])
	if err != nil {
		return campaignPlace{}, err
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		return campaignPlace{}, tooOld
	}
	return campaignPlace{id, parts[1] == "all", n}, nil
}
