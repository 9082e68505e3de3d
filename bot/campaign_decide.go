package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) clickCampaignKeep(ctx context.Context, c click) answer {
	return b.decideOne(ctx, c, storage.CampaignKeep, "Kept", "%s stays as it is.")
}

func (b *Bot) clickCampaignRevoke(ctx context.Context, c click) answer {
	return b.decideOne(ctx, c, storage.CampaignRevoke, "Revoking", "%s is being revoked.")
}

// decideOne decides on the key of a message's button.
func (b *Bot) decideOne(ctx context.Context, c click, d storage.CampaignDecision, title, says string) answer {
	k, err := readCampaignKey(c.id)
	if err == nil {
		_, err = b.Workflow.DecideInCampaign(ctx, c.actor, k.Campaign, workflow.CampaignChoice{Key: k.Key, Decision: d})
	}
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, title, refusalMessage(fmt.Sprintf(says, k.Key)))
}

// pageMetadata is what a page of keys carries: where it is, and which keys its
// reader saw.
type pageMetadata struct {
	Place string
	Seen  []storage.CredentialID
}

func encodePage(p workflow.CampaignPage) (string, error) {
	m := pageMetadata{Place: campaignPlace{p.Campaign.ID, p.All, p.Number}.String()}
	for _, l := range p.Lines {
		m.Seen = append(m.Seen, l.Item.CredentialID)
	}
	out, err := json.Marshal(m)
	return string(out), err
}

func readPageMetadata(s string) (campaignPlace, []storage.CredentialID, error) {
	var m pageMetadata
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return campaignPlace{}, nil, tooOld
	}
	p, err := readCampaignPlace(m.Place)
	return p, m.Seen, err
}

// campaignPageAt makes the view of a page.
func (b *Bot) campaignPageAt(ctx context.Context, a workflow.Actor, p campaignPlace, note string) (slack.ModalViewRequest, error) {
	if p.Number == nextOpen {
		n, _, err := b.Workflow.NextOpenPage(ctx, a, p.Campaign, p.All, 0)
		if err != nil {
			return slack.ModalViewRequest{}, err
		}
		p.Number = n
	}
	page, err := b.Workflow.PageOfCampaign(ctx, a, p.Campaign, p.All, p.Number)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	metadata, err := encodePage(page)
	return campaignPageModal(page, a.Account.PersonID, note, metadata), err
}

// clickCampaignPage opens a page of keys, or turns the one that is open.
func (b *Bot) clickCampaignPage(ctx context.Context, c click) answer {
	p, err := readCampaignPlace(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	view, err := b.campaignPageAt(ctx, c.actor, p, "")
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	if c.callback.View.CallbackID == callbackCampaignPage {
		return b.replaceView(c.callback.View.ID, view)
	}
	return b.openModal(c.callback, view)
}

// replaceView puts a view into the place of one that is open.
func (b *Bot) replaceView(id string, view slack.ModalViewRequest) answer {
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.UpdateViewContext(ctx, view, "", "", id); err != nil {
			return fmt.Errorf("show page: %w", err)
		}
		return nil
	}}
}

// clickCampaignKeepAll keeps what is undecided of the keys that the page
// shows.
func (b *Bot) clickCampaignKeepAll(ctx context.Context, c click) answer {
	p, seen, err := readPageMetadata(c.callback.View.PrivateMetadata)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	page, err := b.Workflow.PageOfCampaign(ctx, c.actor, p.Campaign, p.All, p.Number)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	var choices []workflow.CampaignChoice
	for _, l := range page.Lines {
		if l.Open && slices.Contains(seen, l.Item.CredentialID) {
			choices = append(choices, workflow.CampaignChoice{Key: l.Item.CredentialID, Decision: storage.CampaignKeep})
		}
	}
	note, err := b.decideAll(ctx, c.actor, p.Campaign, choices)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	view, err := b.afterPage(ctx, c.actor, p, note)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.replaceView(c.callback.View.ID, view)
}

// decideAll decides on many keys, each for itself, and says what was done and
// what was refused.
func (b *Bot) decideAll(ctx context.Context, a workflow.Actor, id storage.CampaignID, choices []workflow.CampaignChoice) (string, error) {
	counts := map[storage.CampaignDecision]int{}
	var refusals []string
	for _, ch := range choices {
		_, err := b.Workflow.DecideInCampaign(ctx, a, id, ch)
		if r, ok := workflow.AsRefusal(err); ok {
			refusals = append(refusals, r.Reason)
			continue
		}
		if err != nil {
			return "", err
		}
		counts[ch.Decision]++
	}
	var out []string
	if len(counts) > 0 {
		out = append(out, "Saved: "+countDecisions(counts)+".")
	}
	return strings.Join(append(out, refusals...), " "), nil
}

// afterPage is the next page where something waits, or the last word.
func (b *Bot) afterPage(ctx context.Context, a workflow.Actor, p campaignPlace, note string) (slack.ModalViewRequest, error) {
	n, more, err := b.Workflow.NextOpenPage(ctx, a, p.Campaign, p.All, p.Number)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	if !more {
		return noticeModal("Nothing left", strings.TrimSpace(note+" Thank you: nothing waits for a decision any more.")), nil
	}
	p.Number = n
	return b.campaignPageAt(ctx, a, p, note)
}

// sureMetadata is what the last question before a revoke carries: the choices
// its reader made.
type sureMetadata struct {
	Place   string
	Choices []workflow.CampaignChoice
}

// submitCampaignPage saves a page, and asks once more where keys are revoked.
func (b *Bot) submitCampaignPage(ctx context.Context, s submission) answer {
	p, _, err := readPageMetadata(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	choices := readChoices(s.view.State)
	var revoke []storage.CredentialID
	for _, ch := range choices {
		if ch.Decision == storage.CampaignRevoke {
			revoke = append(revoke, ch.Key)
		}
	}
	if len(revoke) > 0 {
		metadata, err := json.Marshal(sureMetadata{p.String(), choices})
		if err != nil {
			return b.explainSubmission(s, fmt.Errorf("encode choices: %w", err))
		}
		view := campaignSureModal(revoke, len(choices)-len(revoke), string(metadata))
		return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
	}
	note, err := b.decideAll(ctx, s.actor, p.Campaign, choices)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	return b.savedPage(ctx, s, p, note)
}

// savedPage shows the next page in the place of the one that was saved.
func (b *Bot) savedPage(ctx context.Context, s submission, p campaignPlace, note string) answer {
	next, err := b.afterPage(ctx, s.actor, p, note)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	if body, err := json.Marshal(next); err != nil || len(body) > maxAckView {
		next = savedNotice(p, note)
	}
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&next)}
}

// maxAckView is how many bytes a view may have in an ack: a frame may have 20
// KiB, and the envelope needs some.
const maxAckView = 20_000

// savedNotice is for a next page that no ack can hold. It can't be shown by a
// call of its own: Slack may take that before the ack, which would then hide it.
func savedNotice(p campaignPlace, note string) slack.ModalViewRequest {
	p.Number = nextOpen
	view := modal(callbackCampaignPage, "Saved", "", "", section(escape(cut(orDash(note), maxSection/2))),
		actions("page/"+p.String(), button(verbCampaignPage, p.String(), "Go on", "Go on to the next page")))
	return view
}

// submitCampaignSure saves a page with what it revokes. The page beneath shows
// how it goes on.
func (b *Bot) submitCampaignSure(ctx context.Context, s submission) answer {
	var m sureMetadata
	err := json.Unmarshal([]byte(s.view.PrivateMetadata), &m)
	if err != nil {
		return b.explainSubmission(s, tooOld)
	}
	p, err := readCampaignPlace(m.Place)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	note, err := b.decideAll(ctx, s.actor, p.Campaign, m.Choices)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	next, err := b.afterPage(ctx, s.actor, p, note)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Saved", orDash(note))
	out := b.replaceView(s.view.PreviousViewID, next)
	out.ack = slack.NewUpdateViewSubmissionResponse(&view)
	return out
}

// clickCampaignReduce asks which scopes stay. That it opens promises nothing:
// the choice is judged when it is submitted.
func (b *Bot) clickCampaignReduce(ctx context.Context, c click) answer {
	k, err := readCampaignKey(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	l, err := b.Workflow.LineOfCampaign(ctx, c.actor, k.Campaign, k.Key)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, campaignReduceModal(l, k.String()))
}

func (b *Bot) submitCampaignReduce(ctx context.Context, s submission) answer {
	k, err := readCampaignKey(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	choice := workflow.CampaignChoice{Key: k.Key, Decision: storage.CampaignReduce, Scopes: values(answerTo(s.view.State, blockScopes))}
	if _, err := b.Workflow.DecideInCampaign(ctx, s.actor, k.Campaign, choice); err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Reduced", fmt.Sprintf("%s has lost the scopes that are not needed.", k.Key))
	out := answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
	if s.view.PreviousViewID == "" {
		return out
	}
	page, err := b.pageBeneath(ctx, s.actor, k)
	if err != nil {
		b.Logger.Warn().Err(err).Msg("page not brought up to date")
		return out
	}
	out.after = b.replaceView(s.view.PreviousViewID, page).after
	return out
}

// pageBeneath is the page a key is on, as things stand now.
func (b *Bot) pageBeneath(ctx context.Context, a workflow.Actor, k campaignKey) (slack.ModalViewRequest, error) {
	all, n, err := b.Workflow.PlaceInCampaign(ctx, a, k.Campaign, k.Key)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return b.campaignPageAt(ctx, a, campaignPlace{k.Campaign, all, n}, "")
}
