package bot

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// The purposes of messages about a case.
const (
	purposeCase = "case" // the card in the admins' channel
	purposePage = "page" // to whoever answers for what does not answer
)

func purposeUnentitled(event int64) string { return "unentitled:" + strconv.FormatInt(event, 10) }

// purposeShared asks what becomes of a service's key.
func purposeShared(id storage.CredentialID) string { return "shared:" + id.String() }

// caseEach is how often at most one card changes: a case of fifty keys would
// else use up what Slack allows.
const caseEach = 2 * time.Second

// OffboardingChanged implements workflow.Notifier.
func (n *Notifier) OffboardingChanged(ctx context.Context, id storage.OffboardingID) error {
	v, err := n.lookAtCase(ctx, id)
	if err != nil {
		return err
	}
	if n.client.config.ApprovalsChannel == "" {
		n.log.Warn().Int64("offboarding", int64(id)).Msg("nobody to tell of somebody who left: there is no approvals channel")
		return later(n.tellShared(ctx, v))
	}
	carded, err := n.carded(ctx, v.Case)
	if err != nil {
		return err
	}
	errs := []error{n.tellShared(ctx, v), n.tellCrowd(ctx, v.Case)}
	if carded {
		errs = append(errs, n.tellCase(ctx, v))
	}
	return later(firstWait(errs))
}

// firstWait joins errors; a wish to be called again counts only where nothing
// failed.
func firstWait(errs []error) error {
	var wait *workflow.TryAgainError
	var failed []error
	for _, err := range errs {
		if again, ok := errors.AsType[*workflow.TryAgainError](err); ok {
			wait = again
		} else if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 || wait == nil {
		return errors.Join(failed...)
	}
	return wait
}

// lookAtCase gathers what the messages about a case show.
func (n *Notifier) lookAtCase(ctx context.Context, id storage.OffboardingID) (caseView, error) {
	v, err := n.workflow.LookAtOffboarding(ctx, id)
	return caseView{OffboardingView: v, ReportURL: n.workflow.ReportURL(id)}, err
}

// tellCase keeps the card of a case up to date. It goes round again when the
// case changed meanwhile, so that the last writer shows the last state. One
// that the breaker holds has no card; one that was undone gets none.
func (n *Notifier) tellCase(ctx context.Context, v caseView) error {
	for {
		var err error
		ref := storage.Message{Subject: storage.SubjectOffboarding, SubjectID: int64(v.Case.ID), Purpose: purposeCase, Recipient: n.client.config.ApprovalsChannel}
		m := caseMessage(v)
		switch v.Case.State {
		case storage.OffboardingHeld:
			return nil
		case storage.OffboardingUndone:
			err = n.correctPosted(ctx, ref, m)
		case storage.OffboardingOpen, storage.OffboardingClosed:
			err = n.showPaced(ctx, ref, m)
		}
		if err = firstWait([]error{err, n.tellPage(ctx, v)}); err != nil {
			return err
		}
		if v, err = n.lookAtCase(ctx, v.Case.ID); err != nil || caseMessage(v).digest() == m.digest() {
			return err
		}
	}
}

// showPaced is show, at most once in a while for one message. A change that
// comes too soon asks to be called again.
func (n *Notifier) showPaced(ctx context.Context, ref storage.Message, m message) error {
	posted, err := n.db.Messages(ctx, ref.Subject, ref.SubjectID, ref.Purpose)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(posted, func(p storage.Message) bool { return p.Recipient == ref.Recipient })
	if i < 0 {
		shown, err := n.show(ctx, ref, m)
		n.paces.began(shown.ID)
		return err
	}
	if posted[i].Digest == m.digest() {
		return nil
	}
	if wait := n.paces.wait(posted[i].ID, caseEach); wait > 0 {
		return &workflow.TryAgainError{After: wait}
	}
	n.paces.began(posted[i].ID)
	return n.correct(ctx, &posted[i], m)
}

// correctPosted corrects a message if it was ever posted.
func (n *Notifier) correctPosted(ctx context.Context, ref storage.Message, m message) error {
	posted, err := n.db.Messages(ctx, ref.Subject, ref.SubjectID, ref.Purpose)
	errs := []error{err}
	for _, p := range posted {
		errs = append(errs, n.correct(ctx, &p, m))
	}
	return errors.Join(errs...)
}

// tellPage calls whoever answers for what does not answer, once, and says when
// that is over.
func (n *Notifier) tellPage(ctx context.Context, v caseView) error {
	ref := storage.Message{Subject: storage.SubjectOffboarding, SubjectID: int64(v.Case.ID), Purpose: purposePage, Recipient: n.client.config.ApprovalsChannel}
	if v.Case.State != storage.OffboardingOpen {
		return n.correctPosted(ctx, ref, pageMessage(pageView{caseView: v}))
	}
	if !v.Paged {
		return nil
	}
	systems := map[string]bool{}
	for _, s := range v.Systems {
		if !caseSystemDone(s) {
			systems[s.Connection] = true
		}
	}
	for _, it := range v.Items {
		if !it.Done {
			systems[it.Key.Credential.Connection] = true
		}
	}
	call, err := n.callees(ctx, systems)
	if err != nil {
		return err
	}
	rows, err := n.db.Connections(ctx)
	if err != nil {
		return err
	}
	since := map[string]time.Time{}
	for name, row := range rows {
		since[name] = row.SyncedAt
	}
	return n.showPaced(ctx, ref, pageMessage(pageView{caseView: v, Call: call, Since: since}))
}

// callees are the groups that answer for systems: by their handle in Slack, or
// else by their people.
func (n *Notifier) callees(ctx context.Context, systems map[string]bool) ([]callee, error) {
	rules := n.workflow.Rules()
	groups := map[string]bool{}
	var out []callee
	for system := range systems {
		for _, g := range rules.OwnersOf(system) {
			if groups[g] {
				continue
			}
			groups[g] = true
			if id := rules.Groups[g].SlackUsergroup; id != "" {
				out = append(out, callee{Usergroup: id})
				continue
			}
			people, err := n.workflow.AnswersFor(ctx, system)
			if err != nil {
				return nil, err
			}
			out = append(out, callee{People: people})
		}
	}
	return out, nil
}

// maxAsked bounds how many people are asked about one key.
const maxAsked = 5

// sharedWindow is how far back the calls of a service's key are counted.
const sharedWindow = 7 * 24 * time.Hour

// tellShared asks whoever answers for a system what becomes of the keys of
// services that a leaver answered for, and says what was decided.
func (n *Notifier) tellShared(ctx context.Context, v caseView) error {
	var errs []error
	for _, it := range v.Items {
		if it.Sort != storage.ItemShared {
			continue
		}
		errs = append(errs, n.askShared(ctx, v, it))
	}
	return firstWait(errs)
}

func (n *Notifier) askShared(ctx context.Context, v caseView, it workflow.ItemView) error {
	s := sharedView{Case: v.Case, Left: v.Person, Item: it, Calls: -1}
	ref := storage.Message{Subject: storage.SubjectOffboarding, SubjectID: int64(v.Case.ID), Purpose: purposeShared(it.CredentialID)}
	if !undecided(it) || v.Case.State == storage.OffboardingUndone {
		return n.correctPosted(ctx, ref, sharedMessage(s))
	}
	if c := it.Key.Credential; c.Brokered {
		calls, err := n.db.UsesSince(ctx, c.ID, v.Now.Add(-sharedWindow))
		if err != nil {
			return err
		}
		s.Calls = calls
	}
	to, err := n.askWhom(ctx, v, it)
	if err != nil {
		return err
	}
	errs := make([]error, len(to))
	for i, recipient := range to {
		ref := ref
		ref.Recipient = recipient
		errs[i] = n.showPaced(ctx, ref, sharedMessage(s))
	}
	return firstWait(errs)
}

// askWhom is who decides on a service's key: whoever has it for now, and
// others who answer for its system; the admins' channel if that is nobody.
func (n *Notifier) askWhom(ctx context.Context, v caseView, it workflow.ItemView) ([]string, error) {
	people, err := n.workflow.AnswersFor(ctx, it.Key.Credential.Connection)
	if err != nil {
		return nil, err
	}
	var out []string
	if o := it.Key.Owner; o.ID != v.Case.PersonID {
		out = append(out, o.Slack)
	}
	for _, p := range people {
		if p.ID != v.Case.PersonID {
			out = append(out, p.Slack)
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return s == "" })
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(s string) bool { was := seen[s]; seen[s] = true; return was })
	if len(out) == 0 {
		return []string{n.client.config.ApprovalsChannel}, nil
	}
	return out[:min(maxAsked, len(out))], nil
}

// tellUnentitled tells the owner of a key that the rules would not give it to
// them any more, and that it is over.
func (n *Notifier) tellUnentitled(ctx context.Context, v workflow.CredentialView) error {
	now, stands := unentitled(v)
	var errs []error
	for _, e := range v.Events {
		if e.Action != actionUnentitled {
			continue
		}
		ref := aboutKey(v, purposeUnentitled(e.ID), v.Owner.Slack)
		if stands && e.ID == now.ID {
			_, err := n.show(ctx, ref, unentitledMessage(v, e))
			errs = append(errs, err)
			continue
		}
		errs = append(errs, n.correctPosted(ctx, ref, entitledAgain(v)))
	}
	return errors.Join(errs...)
}
