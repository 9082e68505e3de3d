package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/secret"
	"latchkey/storage"
)

// How long a key waits to be collected: a day unopened, a quarter of an hour
// once somebody looked at the page.
const (
	ticketUnopened = 24 * time.Hour
	ticketOpened   = 15 * time.Minute
)

// ticketLen is the length of every ticket in characters.
const ticketLen = 32

// Ticket is what the reveal page may say before the key is shown.
type Ticket struct {
	Credential storage.Credential
	ExpiresAt  time.Time // of the ticket
	State      TicketState
}

// TicketState says what can still be done with a ticket.
type TicketState string

// The states of a ticket.
const (
	TicketReady TicketState = "ready"
	TicketSpent TicketState = "spent" // the key was shown
	TicketOver  TicketState = "over"  // too late, the key was revoked, or its owner left
)

func (s *Service) ticketPlace(id storage.CredentialID) secret.Place {
	return secret.Place{Table: "ticket", Row: id.String(), Column: "sealed"}
}

func (s *Service) ticketToken(id storage.CredentialID, nonce string) secret.Value {
	return s.Keys.Box.Derive("ticket", id.String(), nonce)
}

func (s *Service) makeTicket(ctx context.Context, tx storage.Tx, c storage.Credential, key secret.Value, ends time.Time) error {
	nonce := secret.Token(16).Expose()
	k := storage.Ticket{CredentialID: c.ID, Nonce: nonce, DataKeyID: s.Keys.ID, ExpiresAt: ends,
		Sealed: s.Keys.Box.Seal(key, s.ticketPlace(c.ID))}
	return tx.InsertTicket(ctx, k, s.Keys.Box.Hash(s.ticketToken(c.ID, nonce).Expose()))
}

// RevealURL is where the owner collects a key, or "" when there is nothing to
// collect. It is made anew from the row each time and stored nowhere.
func (s *Service) RevealURL(ctx context.Context, id storage.CredentialID) (string, error) {
	k, err := s.DB.TicketOf(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if k.Sealed == nil || k.Sink || !k.Now.Before(k.ExpiresAt) {
		return "", nil
	}
	return s.PublicURL + "/reveal/" + s.ticketToken(id, k.Nonce).Expose(), nil
}

// errNoTicket is the one answer to every ticket that is not one.
var errNoTicket = refuse(RuleUnknown, "This link is not valid. Open the newest message from Latchkey in Slack and use its button.")

// OpenTicket looks at a ticket without spending it. The first look starts the
// short clock.
func (s *Service) OpenTicket(ctx context.Context, token string) (Ticket, error) {
	var out Ticket
	if len(token) != ticketLen {
		return out, errNoTicket
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		k, c, state, err := s.lockTicket(ctx, tx, token)
		if err != nil {
			return err
		}
		if state == TicketReady && k.OpenedAt.Year() <= 1 {
			if ends := k.Now.Add(ticketOpened); ends.Before(k.ExpiresAt) {
				k.ExpiresAt = ends
			}
			if err := tx.OpenTicket(ctx, c.ID, k.ExpiresAt); err != nil {
				return err
			}
			if err := tx.SetNextAction(ctx, c.ID, k.ExpiresAt); err != nil {
				return err
			}
		}
		out = Ticket{c, k.ExpiresAt, state}
		return nil
	})
	return out, err
}

// Reveal spends a ticket and returns the key, once. The ticket is spent when
// Reveal returns, whether or not the answer reaches the person: a key is
// shown at most once.
func (s *Service) Reveal(ctx context.Context, token, ref string) (secret.Value, Ticket, error) {
	var key secret.Value
	var out Ticket
	if len(token) != ticketLen {
		return key, out, errNoTicket
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		k, c, state, err := s.lockTicket(ctx, tx, token)
		if err != nil {
			return err
		}
		out = Ticket{c, k.ExpiresAt, state}
		if state != TicketReady {
			return nil
		}
		if err := notQuarantined(ctx, tx); err != nil { // it may have been shown before
			return err
		}
		if key, err = s.Keys.Box.Open(k.Sealed, s.ticketPlace(c.ID)); err != nil {
			return fmt.Errorf("open key of %s: %w", c.ID, err)
		}
		people, err := tx.Standings(ctx, []storage.PersonID{c.OwnerID})
		if err != nil {
			return err
		}
		return s.spend(ctx, tx, c, storage.Actor{PersonID: c.OwnerID, Name: people[c.OwnerID].Name, Ref: ref})
	})
	if err != nil {
		return secret.Value{}, out, err
	}
	return key, out, nil
}

// spend notes that a key was shown to somebody. A second time is an error.
func (s *Service) spend(ctx context.Context, tx storage.Tx, c storage.Credential, by storage.Actor) error {
	if err := tx.SpendTicket(ctx, c.ID, true); err != nil {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if err := tx.SetNextAction(ctx, c.ID, now); err != nil { // the sweep looks at its ladder
		return err
	}
	if err := collected(ctx, tx, c); err != nil {
		return err
	}
	err = tx.Record(ctx, by, storage.Event{Action: "credential.revealed", Subject: storage.SubjectCredential, SubjectID: int64(c.ID)})
	if err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// lockTicket finds a ticket and says what it is good for. The credential is
// locked first, as everywhere.
func (s *Service) lockTicket(ctx context.Context, tx storage.Tx, token string) (storage.Ticket, storage.Credential, TicketState, error) {
	hash := s.Keys.Box.Hash(token)
	id, err := tx.TicketCredential(ctx, hash)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Ticket{}, storage.Credential{}, "", errNoTicket
	}
	if err != nil {
		return storage.Ticket{}, storage.Credential{}, "", err
	}
	c, err := tx.LockCredential(ctx, id)
	if err != nil {
		return storage.Ticket{}, c, "", err
	}
	k, err := tx.LockTicket(ctx, hash)
	if err != nil {
		return k, c, "", err
	}
	owner, err := tx.Standings(ctx, []storage.PersonID{c.OwnerID})
	if err != nil {
		return k, c, "", err
	}
	switch {
	case k.RevealedAt.Year() > 1:
		return k, c, TicketSpent, nil
	case k.Sealed == nil, k.Sink, !k.Now.Before(k.ExpiresAt), c.State != storage.CredentialActive, !owner[c.OwnerID].Active:
		return k, c, TicketOver, nil
	}
	return k, c, TicketReady, nil
}
