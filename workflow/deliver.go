package workflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// DeliverArgs is the job that puts a key into the sink that its request named.
type DeliverArgs struct {
	ID storage.CredentialID `json:"id"`
}

// Kind implements river.JobArgs.
func (DeliverArgs) Kind() string { return "deliver" }

// InsertOpts implements river.JobArgsWithInsertOpts: it is tried until the key
// is not there to be delivered any more.
func (DeliverArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// deliverAgain is how soon a delivery is tried again that its sink refused:
// somebody has to mend something there.
const deliverAgain = 10 * time.Minute

// Deliver puts a key into its sink, where nobody saw it before. What the sink
// had stays until then. It may run twice.
func (s *Service) Deliver(ctx context.Context, id storage.CredentialID) error {
	c, err := s.DB.Credential(ctx, id)
	if err != nil || c.Sink == "" {
		return err
	}
	switch c.State {
	case storage.CredentialActive:
	case storage.CredentialSuspended:
		return &TryAgainError{deliverAgain} // it may be resumed
	default:
		return nil
	}
	k, err := s.DB.TicketOf(ctx, id)
	// What can't be surely done before the key ends is not begun: the sink
	// would be left with a dead key in place of one that works.
	if errors.Is(err, storage.ErrNotFound) || err == nil && (k.Sealed == nil || !k.Now.Add(s.LeaseFor).Before(k.ExpiresAt)) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := s.Keys.Box.Open(k.Sealed, s.ticketPlace(id))
	if err != nil {
		return fmt.Errorf("open key of %s: %w", id, err)
	}
	sink, ok := connectors.As[connectors.Sink](s.Connectors[c.Sink])
	if !ok {
		return s.deliveryFailed(ctx, c, fmt.Errorf("%s is no sink any more: %w", c.Sink, connectors.ErrUnrecoverable))
	}
	before, err := s.DB.DeliveredBefore(ctx, id) // only that may be overwritten
	if err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.callWithin())
	defer cancel()
	done, err := sink.Deliver(call, connectors.Delivery{Place: c.Place, Secret: key, Label: s.label(id), Replaces: before, Facts: map[string]string{
		"latchkey_key": id.String(), "latchkey_system": c.Connection, "latchkey_expires": c.ExpiresAt.UTC().Format(time.RFC3339)}})
	if err != nil {
		return s.deliveryFailed(ctx, c, err)
	}
	s.Fault("deliver:answered")
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		err := tx.SpendTicket(ctx, id, true)
		if err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
		if c.SinkVersion != "" {
			return nil // done meanwhile
		}
		// Also when it ended meanwhile: the next key has to know what it replaces.
		if err := tx.SetDelivered(ctx, &c, done.Version, done.Where, storage.System("deliver")); err != nil {
			return err
		}
		if err := collected(ctx, tx, c); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
}

// deliveryFailed makes a failure visible, once for each sort of it, and has it
// tried again.
func (s *Service) deliveryFailed(ctx context.Context, c storage.Credential, cause error) error {
	s.Logger.Warn().Err(cause).Stringer("credential", c.ID).Str("sink", c.Sink).Msg("the key could not be put into its sink, will retry")
	if limited, ok := errors.AsType[*connectors.RateLimitedError](cause); ok {
		return limited
	}
	why := c.Sink + " does not answer as it should"
	final := errors.Is(cause, connectors.ErrUnrecoverable)
	switch {
	case errors.Is(cause, connectors.ErrTaken):
		why = fmt.Sprintf("something else is in %s at %s; it is left as it is", c.Sink, c.Place)
	case final:
		why = fmt.Sprintf("%s refuses to take it at %s", c.Sink, c.Place)
	}
	err := s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		told, err := tx.NoteProblem(ctx, c.ID, "credential.delivery_failed", storage.System("deliver"), why)
		if err != nil || !told {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
	if err != nil {
		return err
	}
	if final {
		return &TryAgainError{deliverAgain}
	}
	return fmt.Errorf("deliver %s: %w", c.ID, cause)
}

// placeForm is what every sink's places have in common.
var placeForm = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$`)

const maxPlace = 200

// checkSink refuses a sink that the rule does not name, or a place that the
// sink does not have.
func (s *Service) checkSink(ask Ask, p Policy) error {
	if ask.Sink == "" {
		if ask.Place != "" {
			return refuse(RuleNotPossible, "Choose where the key goes, or leave the place empty.").on("sink")
		}
		return nil
	}
	c := s.today.Connections[ask.Sink]
	_, guided := connectors.As[connectors.IssueGuide](s.Connectors[ask.Connection])
	switch {
	case ask.Kind != APIKey:
		return refuse(RuleNotPossible, "Only API keys can be put into a sink.").on("sink")
	case ask.listed() || guided && !s.brokered(ask.Connection):
		return refuse(RuleNotPossible, "Only a key that Latchkey makes can be put into a sink: it never sees this one.").on("sink")
	case !c.Sink || !matchesAny(p.Sinks, ask.Sink):
		return refuse(RuleNotPossible, "The rule %s does not let keys go into %s.", p.Name, cut(ask.Sink)).on("sink")
	case len(ask.Place) > maxPlace || !placeForm.MatchString(ask.Place):
		return refuse(RuleNotPossible, "Write the place as letters, digits, dots, dashes and underscores, with / between, like payroll/tempo.").on("place")
	case len(c.Places) > 0 && !matchesAny(c.Places, ask.Place):
		return refuse(RuleNotPossible, "Keys can be put only into these places of %s: %s.", ask.Sink, strings.Join(c.Places, ", ")).on("place")
	}
	if checker, ok := connectors.As[connectors.PlaceChecker](s.Connectors[ask.Sink]); ok {
		if err := checker.CheckPlace(ask.Place); err != nil {
			return refuse(RuleNotPossible, "%s", err.Error()).on("place")
		}
	}
	return nil
}

// SinkChoice is a sink that a request may name.
type SinkChoice struct {
	Name   string
	Kind   string
	Places []string // patterns; empty means anywhere
}

// sinksOf lists the sinks that a rule lets keys go into.
func (r *Rules) sinksOf(p Policy) []SinkChoice {
	var out []SinkChoice
	for _, name := range slices.Sorted(maps.Keys(r.Connections)) {
		if c := r.Connections[name]; c.Sink && matchesAny(p.Sinks, name) {
			out = append(out, SinkChoice{name, c.Kind, c.Places})
		}
	}
	return out
}

// Hand gives the key of a rotation to whoever began it over the API, once,
// instead of a ticket.
func (s *Service) Hand(ctx context.Context, a Actor, id storage.CredentialID, sourceKey string) (secret.Value, storage.Credential, error) {
	var key secret.Value
	var c storage.Credential
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		_, admin, _, err := s.capacity(ctx, tx, a, 0, ScopeRotate)
		if err != nil {
			return err
		}
		if err := notQuarantined(ctx, tx); err != nil { // it may have been handed out before
			return err
		}
		r, err := tx.RotationFrom(ctx, sourceKey)
		if err != nil || !admin || a.Key == 0 || r.KeyID != a.Key || r.NewID != id {
			return refuse(RuleUnknown, "There is no such rotation of yours.")
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		k, err := tx.LockTicketOf(ctx, id)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (k.Sealed == nil || !k.Now.Before(k.ExpiresAt)) || c.State != storage.CredentialActive || c.Sink != "" {
			return refuse(RuleDecided, "The key of this rotation was handed out already, or is not to be handed out. Rotate again for another one.")
		}
		if err != nil {
			return err
		}
		if key, err = s.Keys.Box.Open(k.Sealed, s.ticketPlace(id)); err != nil {
			return fmt.Errorf("open key of %s: %w", id, err)
		}
		return s.spend(ctx, tx, c, a.by())
	})
	if err != nil {
		return secret.Value{}, c, err
	}
	return key, c, nil
}
