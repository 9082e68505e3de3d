package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// Notifier brings messages in Slack in step with what is stored. It looks at
// the state, not at what changed, so it may run late, twice, or once for many
// changes.
type Notifier struct {
	client    *Client
	directory *Directory
	db        *storage.DB
	workflow  *workflow.Service
	log       zerolog.Logger
	paces     *paces
}

// NewNotifier does not dial.
func NewNotifier(c *Client, d *Directory, db *storage.DB, w *workflow.Service, log zerolog.Logger) *Notifier {
	return &Notifier{client: c, directory: d, db: db, workflow: w, log: log, paces: newPaces()}
}

var _ workflow.Notifier = (*Notifier)(nil)

// The purposes of messages. An edit rings no bell, so what somebody has to
// hear of is a message of its own, while older ones are corrected.
const (
	purposeCard    = "card"    // to an approver; see cardPurpose
	purposeChannel = "channel" // the card in the approvals channel
	purposeStatus  = "status"  // to the requester
	purposeKey     = "key"     // to the owner
	purposeEnd     = "end"     // to the requester or owner: it came to nothing, or stopped working
	purposeTodo    = "todo"    // to the owner: make the key at the system, or connect the app
	purposeByHand  = "by_hand" // to the approvals channel: end the key at the system
	purposeDigest  = "digest"  // to whoever hears of keys that end: one a day

	purposeContactNew = "contact_new" // to whoever has to know: a key works in another one's place
	purposeContactOld = "contact_old" // and that one has ended
)

// What happens to a key more than once has a message each time, named by the
// event that the message is about.
func purposeWarning(event int64) string      { return "warning:" + strconv.FormatInt(event, 10) }
func purposeTurn(event int64) string         { return "turn:" + strconv.FormatInt(event, 10) }
func purposeHandOver(event int64) string     { return "hand_over:" + strconv.FormatInt(event, 10) }
func purposeNotReplaced(event int64) string  { return "not_replaced:" + strconv.FormatInt(event, 10) }
func purposeNotDelivered(event int64) string { return "not_delivered:" + strconv.FormatInt(event, 10) }

// cardPurpose is the purpose of the cards of one step: whoever is asked again
// in a later step gets a message again.
func cardPurpose(position int) string { return purposeCard + ":" + strconv.Itoa(position) }

// claimFor is how long a replica may take between claiming and posting.
const claimFor = time.Minute

// RequestChanged implements workflow.Notifier. It goes round again when the
// request changed meanwhile, so that the last writer shows the last state.
func (n *Notifier) RequestChanged(ctx context.Context, id storage.RequestID) error {
	for {
		v, err := n.workflow.LookAtRequest(ctx, id)
		if err == nil {
			v, err = withKey(ctx, n.workflow, v)
		}
		if err != nil {
			return err
		}
		if err := n.showRequest(ctx, v); err != nil {
			return later(err)
		}
		again, err := n.workflow.LookAtRequest(ctx, id)
		if err != nil {
			return err
		}
		if again.Request.Version == v.Request.Version && sameCredential(again.Credential, v.Credential) {
			return n.settleRequest(ctx, v)
		}
	}
}

// settleRequest brings in step what shows a request besides its own messages:
// people's homes, and the warning about a key that somebody asks to keep.
func (n *Notifier) settleRequest(ctx context.Context, v workflow.RequestView) error {
	if v.Request.AdoptsID != 0 {
		if _, err := n.showCredential(ctx, v.Request.AdoptsID); err != nil {
			return later(err)
		}
	}
	ids := []storage.PersonID{v.Requester.ID}
	for _, st := range v.Steps {
		for _, p := range st.Eligible {
			ids = append(ids, p.ID)
		}
	}
	return n.freshenHomes(ctx, ids...)
}

func sameCredential(a, b *storage.Credential) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.State == b.State && a.StateReason == b.StateReason
}

// later hands on how long Slack wants us to wait.
func later(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &workflow.TryAgainError{After: limited.RetryAfter}
	}
	return err
}

// show makes sure that a message is there and says what it should.
func (n *Notifier) show(ctx context.Context, ref storage.Message, m message) (storage.Message, error) {
	posted, err := n.put(ctx, &ref, "", m)
	if err == nil && !posted && ref.TS != "" {
		err = n.correct(ctx, &ref, m)
	}
	return ref, err
}

// reply makes sure that a record is in a thread. What a record says was so
// when it was written, and stays.
func (n *Notifier) reply(ctx context.Context, ref, parent storage.Message, m message) error {
	ref.Channel = parent.Channel
	_, err := n.put(ctx, &ref, parent.TS, m)
	return err
}

// put posts a message unless it is there already.
func (n *Notifier) put(ctx context.Context, ref *storage.Message, thread string, m message) (posted bool, err error) {
	if ref.Recipient == "" {
		return false, nil // nobody to tell: the person has no Slack account any more
	}
	place := ref.Channel
	mine, again, err := n.db.ClaimMessage(ctx, ref, claimFor)
	if err != nil || ref.TS != "" {
		return false, err
	}
	if !mine {
		return false, fmt.Errorf("message %d is being posted by another replica", ref.ID)
	}
	if place == "" {
		place, err = n.place(ctx, ref.Recipient)
	}
	if err == nil && again {
		ref.TS, err = n.findPosted(ctx, place, thread, *ref)
	}
	if err == nil && ref.TS == "" {
		ref.Channel, ref.TS, err = n.post(ctx, place, thread, *ref, m)
		ref.Digest = m.digest()
	}
	if err != nil {
		if release := n.db.ReleaseMessage(context.WithoutCancel(ctx), ref.ID); release != nil {
			err = errors.Join(err, release)
		}
		return false, n.bearable(err, *ref)
	}
	if ref.Channel == "" {
		ref.Channel = place
	}
	// One that was found again may show an older state: it has no digest, and
	// the caller corrects it.
	return ref.Digest != "", n.db.SaveMessage(ctx, *ref)
}

// bearable drops errors that trying again can't mend.
func (n *Notifier) bearable(err error, ref storage.Message) error {
	if !isFinal(err) {
		return err
	}
	n.log.Warn().Err(err).Str("purpose", ref.Purpose).Str("recipient", ref.Recipient).Msg("message can't be delivered")
	return nil
}

// place finds the channel of a recipient: a channel itself or a person's DM.
func (n *Notifier) place(ctx context.Context, recipient string) (string, error) {
	if recipient == "" || recipient[0] == 'C' || recipient[0] == 'G' || recipient[0] == 'D' {
		return recipient, nil
	}
	team, _, err := n.client.Identity(ctx)
	if err != nil {
		return "", err
	}
	a, _, err := n.db.AccountOf(ctx, storage.SystemSlack, team, recipient)
	if err != nil {
		return "", err
	}
	return n.directory.DM(ctx, a)
}

// mark identifies a message of ours in Slack, so that a post whose answer was
// lost is found instead of repeated. IDs only: anybody can read it.
const markType = "latchkey_message"

func mark(ref storage.Message) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: markType, EventPayload: map[string]any{"message": strconv.FormatInt(ref.ID, 10)}}
}

func (n *Notifier) post(ctx context.Context, channel, thread string, ref storage.Message, m message) (string, string, error) {
	options := append(m.options(), slack.MsgOptionMetadata(mark(ref)))
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	channel, ts, err := n.client.api.PostMessageContext(ctx, channel, options...)
	if err != nil {
		return "", "", fmt.Errorf("post %s: %w", ref.Purpose, err)
	}
	return channel, ts, nil
}

// findPosted looks for a post whose answer was lost. Channels whose history
// we may not read find nothing.
func (n *Notifier) findPosted(ctx context.Context, channel, thread string, ref storage.Message) (string, error) {
	want := strconv.FormatInt(ref.ID, 10)
	var messages []slack.Message
	if thread != "" {
		got, _, _, err := n.client.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: thread, Limit: 100, IncludeAllMetadata: true})
		if err != nil {
			return "", historyError(err)
		}
		messages = got
	} else {
		got, err := n.client.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: channel, Limit: 100, IncludeAllMetadata: true})
		if err != nil {
			return "", historyError(err)
		}
		messages = got.Messages
	}
	for _, m := range messages {
		if m.Metadata.EventType == markType && m.Metadata.EventPayload["message"] == want {
			return m.Timestamp, nil
		}
	}
	return "", nil
}

func historyError(err error) error {
	var se slack.SlackErrorResponse
	if errors.As(err, &se) && (se.Err == "missing_scope" || se.Err == "not_in_channel" || se.Err == "channel_not_found") {
		return nil
	}
	return fmt.Errorf("look for a lost post: %w", err)
}

// correct edits a message that says something else than it should.
func (n *Notifier) correct(ctx context.Context, ref *storage.Message, m message) error {
	digest := m.digest()
	if ref.Digest == digest {
		return nil
	}
	_, _, _, err := n.client.api.UpdateMessageContext(ctx, ref.Channel, ref.TS, append(m.options(), slack.MsgOptionMetadata(mark(*ref)))...)
	switch {
	case isLost(err):
		n.log.Warn().Err(err).Int64("message", ref.ID).Msg("message can't be edited any more")
	case err != nil:
		return n.bearable(fmt.Errorf("edit message: %w", err), *ref)
	}
	ref.Digest = digest
	return n.db.SaveMessage(ctx, *ref)
}
