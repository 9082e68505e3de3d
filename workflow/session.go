package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/secret"
	"latchkey/storage"
)

// SessionLimits bound a sign-in to the console: eight hours in all, and half
// an hour without a request.
var SessionLimits = storage.SessionRules{Longest: 8 * time.Hour, Idle: 30 * time.Minute}

// RuleSignedOut is the rule that who uses the console is signed in.
const RuleSignedOut = "signed_in"

// errSignedOut is the one answer to every session that is none, or is over.
var errSignedOut = refuse(RuleSignedOut, "You are not signed in, or your session is over. Sign in again.")

// maxClient bounds what a browser says about itself.
const maxClient = 200

// SignIn begins a session of an admin whom Slack vouched for: team and user
// are Slack's own IDs, never what a browser said. What it returns is for the
// person's browser alone.
func (s *Service) SignIn(ctx context.Context, team, user, client, ref string) (secret.Value, Actor, error) {
	account, _, err := s.DB.AccountOf(ctx, storage.SystemSlack, team, user)
	if errors.Is(err, storage.ErrNotFound) {
		return secret.Value{}, Actor{}, refuse(RuleOutsider, "Latchkey does not know this account, or it belongs to another workspace. If it is of ours, open the app Latchkey in Slack once and try again.")
	}
	if err != nil {
		return secret.Value{}, Actor{}, err
	}
	if account, err = s.accountNow(ctx, account); err != nil {
		return secret.Value{}, Actor{}, err
	}
	a := Actor{Account: account, Ref: ref}
	if err := s.mustAdmin(ctx, a, "use the console"); err != nil {
		return secret.Value{}, a, err
	}
	token := secret.Token(sessionLength)
	session := storage.Session{AccountID: account.ID, PersonID: account.PersonID, Client: cutTo(client, maxClient)}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.InsertSession(ctx, &session, s.Keys.Box.Hash(token.Expose()), a.by())
	})
	return token, a, err
}

// accountWithin is how long a page waits for Slack to say who somebody is.
const accountWithin = 3 * time.Second

// accountNow is a stored account as Slack has it now: whoever was locked out
// there a moment ago must not get in here, even if no event told us.
func (s *Service) accountNow(ctx context.Context, a storage.Account) (storage.Account, error) {
	if s.AccountNow == nil || a.System != storage.SystemSlack {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, accountWithin)
	defer cancel()
	return s.AccountNow(ctx, a.Team, a.ExternalID)
}

// sessionLength is the length of what a browser sends, in characters of 62.
const sessionLength = 43

// cutTo keeps the first valid characters of a text.
func cutTo(text string, most int) string {
	var out []rune
	for _, r := range text {
		if len(out) == most {
			break
		}
		if r >= ' ' && r != 0x7f && r != 0xfffd {
			out = append(out, r)
		}
	}
	return string(out)
}

// Session says for whom a browser asks, which must still be an admin: who is
// none any more is signed out by asking.
func (s *Service) Session(ctx context.Context, token secret.Value, ref string) (storage.Session, Actor, error) {
	session, err := s.DB.UseSession(ctx, s.Keys.Box.Hash(token.Expose()), SessionLimits)
	if errors.Is(err, storage.ErrNotFound) {
		return session, Actor{}, errSignedOut
	}
	if err != nil {
		return session, Actor{}, err
	}
	account, err := s.DB.AccountByID(ctx, session.AccountID)
	if err != nil {
		return session, Actor{}, err
	}
	if account, err = s.accountNow(ctx, account); err != nil {
		return session, Actor{}, err
	}
	a := Actor{Account: account, Ref: ref}
	err = s.mustAdmin(ctx, a, "use the console")
	if refusal, refused := AsRefusal(err); refused && refusal.Rule != RuleGroupUnknown {
		if err := s.endSession(ctx, session.ID, storage.System("console"), "not an admin any more"); err != nil {
			return session, a, err
		}
	}
	if account.PersonID != session.PersonID && err == nil { // the account is somebody else's by now
		return session, Actor{}, errSignedOut
	}
	return session, a, err
}

// SignOut ends a browser's session. One that is over is no error.
func (s *Service) SignOut(ctx context.Context, token secret.Value, ref string) error {
	session, err := s.DB.UseSession(ctx, s.Keys.Box.Hash(token.Expose()), SessionLimits)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	account, err := s.DB.AccountByID(ctx, session.AccountID)
	if err != nil {
		return err
	}
	return s.endSession(ctx, session.ID, Actor{Account: account, Ref: ref}.by(), "signed out")
}

func (s *Service) endSession(ctx context.Context, id storage.SessionID, by storage.Actor, reason string) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.EndSession(ctx, id, by, reason) })
}

// SessionView is a session as the list of them shows it.
type SessionView struct {
	storage.Session

	Person Person
}

// Sessions lists who is signed in to the console. Admins only.
func (s *Service) Sessions(ctx context.Context, a Actor) ([]SessionView, error) {
	if err := s.mustAdmin(ctx, a, "see who is signed in"); err != nil {
		return nil, err
	}
	rows, err := s.DB.Sessions(ctx, SessionLimits)
	if err != nil {
		return nil, err
	}
	ids := make([]storage.PersonID, len(rows))
	for i, r := range rows {
		ids[i] = r.PersonID
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]SessionView, len(rows))
	for i, r := range rows {
		out[i] = SessionView{r, people[r.PersonID]}
	}
	return out, nil
}

// EndSession signs somebody out of the console. Admins only.
func (s *Service) EndSession(ctx context.Context, a Actor, id storage.SessionID) error {
	if err := s.mustAdmin(ctx, a, "sign somebody out"); err != nil {
		return err
	}
	return s.endSession(ctx, id, a.by(), fmt.Sprintf("ended by %s", a.Account.Name))
}

// FormToken ties a console's form to a session. It opens nothing by itself.
func (s *Service) FormToken(token secret.Value) secret.Value {
	return s.Keys.Box.Derive("console-form", token.Expose())
}

// Sent tells whether a form of the console with this mark did its work before.
func (s *Service) Sent(ctx context.Context, mark string) (bool, error) {
	return s.DB.WasRecorded(ctx, mark)
}
