package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"latchkey/storage"
	"latchkey/workflow"
)

// showRequest posts what is missing and corrects what is there. One
// recipient's trouble does not hold up the others.
func (n *Notifier) showRequest(ctx context.Context, v workflow.RequestView) error {
	id := int64(v.Request.ID)
	var errs []error
	status, err := n.show(ctx, storage.Message{Subject: storage.SubjectRequest, SubjectID: id, Purpose: purposeStatus, Recipient: v.Requester.Slack}, statusMessage(v))
	errs = append(errs, err)
	threads := []storage.Message{status}
	if len(v.Steps) > 0 && n.client.config.ApprovalsChannel != "" {
		card := storage.Message{Subject: storage.SubjectRequest, SubjectID: id, Purpose: purposeChannel, Recipient: n.client.config.ApprovalsChannel}
		card, err := n.show(ctx, card, cardMessage(v, "", 0))
		errs = append(errs, err)
		threads = append(threads, card)
	}
	errs = append(errs, n.showCards(ctx, v), n.showOutcome(ctx, v))
	for _, t := range threads {
		errs = append(errs, n.record(ctx, v, t))
	}
	return errors.Join(errs...)
}

// showCards asks the members of the current step who have not voted, and
// corrects every card that was ever sent.
func (n *Notifier) showCards(ctx context.Context, v workflow.RequestView) error {
	var errs []error
	asked := map[string]int{} // by Slack user: the step for which they are asked now
	for i, st := range v.Steps {
		if !st.Current {
			continue
		}
		for _, p := range st.Eligible {
			if _, twice := asked[p.Slack]; p.Slack == "" || twice || votedBy(v, p.ID) {
				continue
			}
			asked[p.Slack] = i
			m := storage.Message{Subject: storage.SubjectRequest, SubjectID: int64(v.Request.ID), Purpose: cardPurpose(i), Recipient: p.Slack}
			_, err := n.show(ctx, m, cardMessage(v, cardWhy(v, st), p.ID))
			errs = append(errs, err)
		}
	}
	for i := range v.Steps {
		sent, err := n.db.Messages(ctx, storage.SubjectRequest, int64(v.Request.ID), cardPurpose(i))
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, m := range sent {
			switch now, again := asked[m.Recipient]; {
			case !again:
				errs = append(errs, n.correct(ctx, &m, cardMessage(v, "", readerOf(v, m.Recipient))))
			case now != i:
				errs = append(errs, n.correct(ctx, &m, pastCard(v)))
			}
		}
	}
	return errors.Join(errs...)
}

// readerOf is the reviewer behind a Slack user; 0 for who is none any more.
func readerOf(v workflow.RequestView, user string) storage.PersonID {
	for _, st := range v.Steps {
		for _, p := range st.Eligible {
			if p.Slack == user {
				return p.ID
			}
		}
	}
	return 0
}

// showOutcome tells the requester of an end that is not their own doing. A
// key that came of the request has messages of its own.
func (n *Notifier) showOutcome(ctx context.Context, v workflow.RequestView) error {
	ended := endsBadly(v.Request)
	if v.Request.State == storage.RequestCanceled {
		by, err := n.canceledBy(ctx, v.Request.ID)
		if err != nil {
			return err
		}
		ended = by != v.Requester.ID
	}
	if ended {
		m := storage.Message{Subject: storage.SubjectRequest, SubjectID: int64(v.Request.ID), Purpose: purposeEnd, Recipient: v.Requester.Slack}
		_, err := n.show(ctx, m, outcomeMessage(v))
		return err
	}
	// A failed request may have gone on since.
	sent, err := n.db.Messages(ctx, storage.SubjectRequest, int64(v.Request.ID), purposeEnd)
	errs := []error{err}
	for _, m := range sent {
		errs = append(errs, n.correct(ctx, &m, outcomeMessage(v)))
	}
	return errors.Join(errs...)
}

// canceledBy is who canceled a request; 0 when it was Latchkey.
func (n *Notifier) canceledBy(ctx context.Context, id storage.RequestID) (storage.PersonID, error) {
	events, err := n.db.Events(ctx, storage.SubjectRequest, int64(id))
	if err != nil {
		return 0, err
	}
	var by storage.PersonID
	for _, e := range events {
		if e.Action == "request."+string(storage.RequestCanceled) {
			by = e.ActorID
		}
	}
	return by, nil
}

func cardWhy(v workflow.RequestView, st workflow.StepView) string {
	return fmt.Sprintf("You are asked because you are in %s and the rule %s wants %s there.", st.Group, v.Rule, people(st.Quorum))
}

func people(n int) string {
	if n == 1 {
		return "one approval"
	}
	return strconv.Itoa(n) + " approvals"
}

// record writes each vote and the decision into a message's thread, once.
func (n *Notifier) record(ctx context.Context, v workflow.RequestView, parent storage.Message) error {
	if parent.TS == "" {
		return nil
	}
	var entries []entry
	for _, st := range v.Steps {
		for _, vote := range st.Votes {
			entries = append(entries, entry{"vote:" + strconv.FormatInt(vote.ReviewID, 10), voteMessage(v, vote)})
		}
	}
	var errs []error
	for _, e := range append(entries, decisions(v)...) {
		ref := storage.Message{Subject: storage.SubjectRequest, SubjectID: int64(v.Request.ID), Purpose: e.purpose, Recipient: parent.Recipient}
		errs = append(errs, n.reply(ctx, ref, parent, e.message))
	}
	return errors.Join(errs...)
}
