package workflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// connectWaits is how long the link that connects an OAuth app is good for.
const connectWaits = 24 * time.Hour

// ConnectState says what can still be done with a link.
type ConnectState string

// The states of a link.
const (
	ConnectReady ConnectState = "ready"
	ConnectDone  ConnectState = "done" // the app is connected
	ConnectOver  ConnectState = "over" // too late, or the request came to an end
)

// Connect is what the page behind a link may say.
type Connect struct {
	Credential storage.Credential
	Scopes     []ScopeView
	ExpiresAt  time.Time // of the link
	State      ConnectState
}

func (s *Service) connectToken(id storage.CredentialID, nonce string) secret.Value {
	return s.Keys.Box.Derive("connect", id.String(), nonce)
}

// askToConnect gives the owner of an approved OAuth grant the link to connect
// it, and ends the grant's row when nobody used it in time.
func (s *Service) askToConnect(ctx context.Context, leased storage.Credential) error {
	if _, ok := s.oauthApp(leased.Connection); !ok {
		return s.failIssue(ctx, leased, fmt.Errorf("%s has no OAuth app: %w", leased.Connection, connectors.ErrUnsupported))
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		c, err := s.lockIssuing(ctx, tx, leased)
		if err != nil || c.State != storage.CredentialIssuing {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		nonce := secret.Token(16).Expose()
		fresh := storage.Connect{CredentialID: c.ID, Nonce: nonce, ExpiresAt: now.Add(connectWaits)}
		if err := tx.InsertConnect(ctx, fresh, s.Keys.Box.Hash(s.connectToken(c.ID, nonce).Expose())); err != nil {
			return err
		}
		k, err := tx.LockConnect(ctx, c.ID)
		if err != nil {
			return err
		}
		left := k.ExpiresAt.Sub(now)
		if left <= 0 {
			return s.endIssue(ctx, tx, &c, "nobody connected it in time")
		}
		if err := tx.Release(ctx, c.ID, left, "waits to be connected"); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
}

// ConnectURL is where the owner connects an approved OAuth grant, or "" when
// there is nothing to connect.
func (s *Service) ConnectURL(ctx context.Context, id storage.CredentialID) (string, error) {
	k, err := s.DB.ConnectOf(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil || k.UsedAt.Year() > 1 || !k.Now.Before(k.ExpiresAt) {
		return "", err
	}
	c, err := s.DB.Credential(ctx, id)
	if err != nil || c.State != storage.CredentialIssuing {
		return "", err
	}
	return s.PublicURL + "/oauth/" + c.Connection + "/start/" + s.connectToken(id, k.Nonce).Expose(), nil
}

// OpenConnect looks at a link without using it.
func (s *Service) OpenConnect(ctx context.Context, token string) (Connect, error) {
	var out Connect
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		out, err = s.lockConnect(ctx, tx, token)
		return err
	})
	return out, err
}

// lockConnect finds a link and says what it is good for; the credential is
// locked first, as everywhere.
func (s *Service) lockConnect(ctx context.Context, tx storage.Tx, token string) (Connect, error) {
	if len(token) != ticketLen {
		return Connect{}, errNoTicket
	}
	id, err := tx.ConnectCredential(ctx, s.Keys.Box.Hash(token))
	if errors.Is(err, storage.ErrNotFound) {
		return Connect{}, errNoTicket
	}
	if err != nil {
		return Connect{}, err
	}
	c, err := tx.LockCredential(ctx, id)
	if err != nil {
		return Connect{}, err
	}
	k, err := tx.LockConnect(ctx, id)
	if err != nil {
		return Connect{}, err
	}
	owner, err := tx.Standings(ctx, []storage.PersonID{c.OwnerID})
	if err != nil {
		return Connect{}, err
	}
	out := Connect{Credential: c, Scopes: scopeViews(s.today, c.Connection, c.Scopes, c.Scopes), ExpiresAt: k.ExpiresAt, State: ConnectReady}
	switch {
	case k.UsedAt.Year() > 1:
		out.State = ConnectDone
	case c.State != storage.CredentialIssuing, !k.Now.Before(k.ExpiresAt), !owner[c.OwnerID].Active:
		out.State = ConnectOver
	}
	return out, nil
}

// BeginConnect starts the round trip to the vendor: where the browser goes,
// and what it must bring back in a cookie. Only the newest one counts.
func (s *Service) BeginConnect(ctx context.Context, token string) (location string, browser secret.Value, err error) {
	state := secret.Token(32)
	browser = secret.Token(32)
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		k, err := s.lockConnect(ctx, tx, token)
		if err != nil {
			return err
		}
		if k.State != ConnectReady {
			return refuse(RuleDecided, "This link was used, or its time is over. Open the newest message from Latchkey in Slack.")
		}
		app, ok := s.oauthApp(k.Credential.Connection)
		if !ok {
			return refuse(RuleNotPossible, "%s has no OAuth app any more. Ask an admin.", k.Credential.Connection)
		}
		params := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.verifier(state.Expose()))}
		for name, value := range app.Params {
			params = append(params, oauth2.SetAuthURLParam(name, value))
		}
		location = s.oauthConfig(k.Credential.Connection, app).AuthCodeURL(state.Expose(), params...)
		return tx.BeginConnect(ctx, k.Credential.ID, s.Keys.Box.Hash(state.Expose()), s.Keys.Box.Hash(browser.Expose()))
	})
	return location, browser, err
}

// verifier is the PKCE code verifier (RFC 7636) of one round trip: a code that
// was stolen from another one is worth nothing in it. A vendor that does not
// know PKCE ignores it (RFC 6749, section 3.1).
func (s *Service) verifier(state string) string {
	return s.Keys.Box.Derive("connect-verifier", "1", state).Expose() + s.Keys.Box.Derive("connect-verifier", "2", state).Expose()
}

// Return is what the vendor's redirect carries, and the browser's cookie.
type Return struct {
	Connection string
	State      string
	Browser    string
	Code       secret.Value
	Error      string // the vendor's error code: "access_denied"
	Ref        string // for the audit log
}

// FinishConnect takes the vendor's answer: the state counts once, only in the
// browser that began, and only for its own system. The grant is stored
// sealed, and the key that uses it is made; the result is where to collect
// it.
func (s *Service) FinishConnect(ctx context.Context, r Return) (revealURL string, err error) {
	var id storage.CredentialID
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		id, err = tx.TakeConnect(ctx, s.Keys.Box.Hash(r.State), s.Keys.Box.Hash(r.Browser))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return "", refuse(RuleUnknown, "This answer does not belong to a connection that this browser began. Begin again from the message in Slack.")
	}
	if err != nil {
		return "", err
	}
	c, err := s.DB.Credential(ctx, id)
	switch {
	case err != nil:
		return "", err
	case c.Connection != r.Connection || c.State != storage.CredentialIssuing:
		return "", refuse(RuleDecided, "There is nothing to connect any more. Look at the newest message from Latchkey in Slack.")
	case r.Error == "access_denied":
		return "", refuse(RuleNotPossible, "You did not allow it at %s, so nothing was connected. The link in Slack still works if you change your mind.", c.Connection)
	case r.Error != "" || r.Code.Empty():
		return "", refuse(RuleNotPossible, "%s answered with an error, so nothing was connected. Begin again from the message in Slack; if it happens again, tell an admin.", c.Connection)
	}
	app, ok := s.oauthApp(c.Connection)
	if !ok {
		return "", refuse(RuleNotPossible, "%s has no OAuth app any more. Ask an admin.", c.Connection)
	}
	if err := s.mayConnect(ctx, c); err != nil {
		return "", err
	}
	call, cancel := context.WithTimeout(oauthContext(ctx, app), s.callWithin())
	defer cancel()
	token, err := s.oauthConfig(c.Connection, app).Exchange(call, r.Code.Expose(), oauth2.VerifierOption(s.verifier(r.State)))
	if err != nil {
		s.Logger.Warn().Stringer("credential", c.ID).Str("error", oauthError(err)).Msg("the system did not take the code of a connection")
		return "", refuse(RuleNotPossible, "%s did not accept the connection. Begin again from the message in Slack; if it happens again, tell an admin.", c.Connection)
	}
	if err := s.keepGrant(ctx, c, app, token, r.Ref); err != nil {
		return "", err
	}
	return s.RevealURL(ctx, c.ID)
}

// mayConnect is the check at issue: what was approved long ago may not be
// allowed any more, and then its request ends here.
func (s *Service) mayConnect(ctx context.Context, c storage.Credential) error {
	f, err := s.filingOf(ctx, c.RequestID)
	if err != nil {
		return err
	}
	s.refreshReviewers(ctx, f.rules, f.steps)
	why := ""
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if why, err = s.stillAllowed(ctx, tx, c); err != nil || why == "" {
			return err
		}
		if c, err = tx.LockCredential(ctx, c.ID); err != nil || c.State != storage.CredentialIssuing {
			return err
		}
		return s.endIssue(ctx, tx, &c, why)
	})
	if err == nil && why != "" {
		err = refuse(RuleDecided, "This can't be connected any more: %s.", why)
	}
	return err
}

// keepGrant stores a grant and makes the key that uses it, in one
// transaction. A grant that can't be kept is ended at the vendor.
func (s *Service) keepGrant(ctx context.Context, c storage.Credential, app connectors.OAuthApp, token *oauth2.Token, ref string) error {
	ctx = context.WithoutCancel(ctx) // a grant that nobody keeps would live on
	kept := false
	issued, err := s.issueFor(ctx, c)
	if err != nil {
		return errors.Join(err, s.dropGrant(ctx, c, app, token))
	}
	err = s.activate(ctx, c, issued, func(ctx context.Context, tx storage.Tx, _ storage.Credential) error {
		kept = true
		if err := tx.UseConnect(ctx, c.ID); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		by := storage.Actor{PersonID: c.OwnerID, Name: "the owner, at " + c.Connection, Ref: ref}
		if err := tx.Record(ctx, by, storage.Event{Action: "credential.connected", Subject: storage.SubjectCredential, SubjectID: int64(c.ID)}); err != nil {
			return err
		}
		return tx.SaveGrant(ctx, s.sealGrant(c.ID, token, now))
	})
	if err == nil && kept || errors.Is(err, storage.ErrUnsure) {
		return err
	}
	if err == nil {
		err = refuse(RuleDecided, "The request came to an end while you connected, so nothing was connected.")
	}
	if drop := s.dropGrant(ctx, c, app, token); drop != nil {
		s.Logger.Error().Err(drop).Stringer("credential", c.ID).Msg("a grant that could not be kept may live on at its system")
	}
	return err
}

// issueFor makes the brokered key of a grant.
func (s *Service) issueFor(ctx context.Context, c storage.Credential) (connectors.Issued, error) {
	issuer, ok := connectors.As[connectors.Issuer](s.Connectors[c.Connection])
	if !ok {
		return connectors.Issued{}, fmt.Errorf("%s can't issue keys: %w", c.Connection, connectors.ErrUnsupported)
	}
	return issuer.Issue(ctx, connectors.IssueRequest{Label: s.label(c.ID), Scopes: c.Scopes})
}

// dropGrant ends tokens that no key will use. If the vendor does not answer
// they are kept sealed with the credential, whose own end ends them.
func (s *Service) dropGrant(ctx context.Context, c storage.Credential, app connectors.OAuthApp, token *oauth2.Token) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.callWithin())
	defer cancel()
	if err := revokeTokens(call, app, secret.New(token.RefreshToken), secret.New(token.AccessToken)); err == nil {
		return nil
	}
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.LockCredential(ctx, c.ID); err != nil {
			return err
		}
		g := s.sealGrant(c.ID, token, now)
		g.RefreshAt = time.Time{}
		if err := tx.SaveGrant(ctx, g); err != nil {
			return err
		}
		return tx.Enqueue(ctx, StrayArgs{ID: c.ID}, nil)
	})
}

func (s *Service) oauthApp(connection string) (connectors.OAuthApp, bool) {
	c, ok := connectors.As[connectors.OAuthClient](s.Connectors[connection])
	if !ok {
		return connectors.OAuthApp{}, false
	}
	return c.OAuthApp()
}

func (s *Service) oauthConfig(connection string, app connectors.OAuthApp) *oauth2.Config {
	return &oauth2.Config{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret.Expose(), Scopes: app.Scopes,
		RedirectURL: s.PublicURL + "/oauth/" + connection + "/callback",
		Endpoint:    oauth2.Endpoint{AuthURL: app.AuthorizeURL, TokenURL: app.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// oauthClient never follows a redirect: the app's secret is in the body.
func oauthClient(app connectors.OAuthApp) *http.Client {
	return &http.Client{Transport: app.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func oauthContext(ctx context.Context, app connectors.OAuthApp) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, oauthClient(app))
}

// oauthError is the vendor's error code, without its body, which may hold
// what was sent.
func oauthError(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Sprintf("%s (%d)", refused.ErrorCode, refused.Response.StatusCode)
	}
	return "no answer that could be read"
}
