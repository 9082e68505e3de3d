package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/oauth2"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// RefreshArgs is the job that renews a grant's tokens. It leases the grant's
// row, because a refresh kills the old pair: there must be one at a time.
type RefreshArgs struct {
	ID storage.CredentialID `json:"id"`
}

// Kind implements river.JobArgs.
func (RefreshArgs) Kind() string { return "refresh_grant" }

// InsertOpts implements river.JobArgsWithInsertOpts: one try a job, because it
// is the sweep that tries again, and one job at a time.
func (RefreshArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: underWay}
}

// refreshEarly is the share of a token's life after which it is renewed.
const refreshEarly = 0.8

func grantPlace(id storage.CredentialID, column string) secret.Place {
	return secret.Place{Table: "oauth_grant", Row: id.String(), Column: column}
}

func (s *Service) sealGrant(id storage.CredentialID, token *oauth2.Token, now time.Time) storage.OAuthGrant {
	g := storage.OAuthGrant{CredentialID: id, DataKeyID: s.Keys.ID, Access: s.Keys.Box.Seal(secret.New(token.AccessToken), grantPlace(id, "access"))}
	if token.RefreshToken != "" {
		g.Refresh = s.Keys.Box.Seal(secret.New(token.RefreshToken), grantPlace(id, "refresh"))
	}
	if token.ExpiresIn > 0 {
		life := time.Duration(token.ExpiresIn) * time.Second
		g.ExpiresAt = now.Add(life)
		if g.Refresh != nil {
			g.RefreshAt = now.Add(time.Duration(float64(life) * refreshEarly))
		}
	}
	return g
}

// sweepGrants starts what is due.
func (s *Service) sweepGrants(ctx context.Context) error {
	due, err := s.DB.GrantsDue(ctx, sweepBatch)
	if err != nil || len(due) == 0 {
		return err
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		for _, id := range due {
			if err := tx.Enqueue(ctx, RefreshArgs{id}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// leaseGrant claims a grant that is due for one refresh. A job that comes late
// or twice finds it renewed or leased.
func (s *Service) leaseGrant(ctx context.Context, id storage.CredentialID) (c storage.Credential, g storage.OAuthGrant, mine bool, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		if g, err = tx.LockGrant(ctx, id); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil || g.Refresh == nil || !c.Live() || c.State == storage.CredentialRevoking || now.Before(g.RefreshAt) {
			return err
		}
		err = tx.LeaseGrant(ctx, &g, s.LeaseFor)
		if errors.Is(err, storage.ErrConflict) {
			return nil
		}
		mine = err == nil
		return err
	})
	return c, g, mine, err
}

// RefreshGrant renews the tokens of a grant. A vendor that refuses the refresh
// token for good has ended the grant: so do we.
func (s *Service) RefreshGrant(ctx context.Context, id storage.CredentialID) error {
	c, g, mine, err := s.leaseGrant(ctx, id)
	if err != nil || !mine {
		return err
	}
	s.Fault("refresh:leased")
	app, ok := s.oauthApp(c.Connection)
	if !ok {
		return s.putOffGrant(ctx, g, "the system has no OAuth app in the configuration")
	}
	refresh, err := s.Keys.Box.Open(g.Refresh, grantPlace(id, "refresh"))
	if err != nil {
		return fmt.Errorf("open grant of %s: %w", id, err)
	}
	call, cancel := context.WithTimeout(oauthContext(ctx, app), s.callWithin())
	defer cancel()
	// Tempo documents the redirect address for a refresh too, which
	// oauth2.TokenSource does not send; RFC 6749 lets others ignore it.
	token, err := s.oauthConfig(c.Connection, app).Exchange(call, "",
		oauth2.SetAuthURLParam("grant_type", "refresh_token"), oauth2.SetAuthURLParam("refresh_token", refresh.Expose()))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return s.loseGrant(ctx, c, g)
	case err != nil:
		s.Logger.Warn().Stringer("credential", id).Str("error", oauthError(err)).Msg("a grant could not be refreshed, will retry")
		return s.putOffGrant(ctx, g, "the system did not renew the connection")
	}
	s.Fault("refresh:answered")
	return s.storeRefresh(ctx, c, app, token)
}

// storeRefresh keeps the new pair, or ends it at the vendor if the grant came
// to an end meanwhile.
func (s *Service) storeRefresh(ctx context.Context, c storage.Credential, app connectors.OAuthApp, token *oauth2.Token) error {
	kept := false
	err := s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		c, err := tx.LockCredential(ctx, c.ID)
		if err != nil {
			return err
		}
		g, err := tx.LockGrant(ctx, c.ID)
		if err != nil || g.Access == nil || !c.Live() || c.State == storage.CredentialRevoking {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		kept = true
		return tx.SaveGrant(ctx, s.sealGrant(c.ID, token, now))
	})
	if err == nil && kept || errors.Is(err, storage.ErrUnsure) {
		return err
	}
	return errors.Join(err, s.dropGrant(ctx, c, app, token))
}

func (s *Service) putOffGrant(ctx context.Context, g storage.OAuthGrant, problem string) error {
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		return tx.PutOffGrant(ctx, g.CredentialID, backoff(g.Attempts, nil), problem)
	})
}

// loseGrant ends a credential whose grant, as it was, the vendor does not
// honour any more.
func (s *Service) loseGrant(ctx context.Context, c storage.Credential, was storage.OAuthGrant) error {
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		_, err := lockRequestOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, c.ID); err != nil || !credentialMachine.allows(string(c.State), eventRevoke) {
			return err
		}
		g, err := tx.LockGrant(ctx, c.ID)
		if err != nil || !bytes.Equal(g.Refresh, was.Refresh) {
			return err
		}
		if err := tx.EndGrant(ctx, c.ID); err != nil {
			return err
		}
		return s.beginRevoke(ctx, tx, &c, storage.System("refresh"), "the system does not honour the connection any more; ask again to connect anew")
	})
}

// endGrant revokes a grant's tokens at their vendor and forgets them. Where
// the vendor has no way to revoke, forgetting is all there is, and whether
// they are dead is unknown.
func (s *Service) endGrant(ctx context.Context, c storage.Credential) (connectors.Liveness, error) {
	var g storage.OAuthGrant
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if _, err := tx.LockCredential(ctx, c.ID); err != nil {
			return err
		}
		g, err = tx.LockGrant(ctx, c.ID)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) || err == nil && g.Access == nil {
		return connectors.Dead, nil
	}
	if err != nil {
		return connectors.Unknown, err
	}
	app, ok := s.oauthApp(c.Connection)
	if !ok {
		return connectors.Unknown, fmt.Errorf("%s has no OAuth app to revoke the grant with: %w", c.Connection, connectors.ErrUnsupported)
	}
	access, err := s.Keys.Box.Open(g.Access, grantPlace(c.ID, "access"))
	if err != nil {
		return connectors.Unknown, fmt.Errorf("open grant of %s: %w", c.ID, err)
	}
	var refresh secret.Value
	if g.Refresh != nil {
		if refresh, err = s.Keys.Box.Open(g.Refresh, grantPlace(c.ID, "refresh")); err != nil {
			return connectors.Unknown, fmt.Errorf("open grant of %s: %w", c.ID, err)
		}
	}
	if err := revokeTokens(ctx, app, refresh, access); err != nil {
		return connectors.Unknown, err
	}
	alive := connectors.Dead
	if app.RevokeURL == "" {
		alive = connectors.Unknown
	}
	return alive, s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		if _, err := tx.LockCredential(ctx, c.ID); err != nil { // first, as everywhere: the schema's trigger touches it
			return err
		}
		return tx.EndGrant(ctx, c.ID)
	})
}

// revokeTokens ends a pair as RFC 7009 says: the refresh token first, so that
// nothing new comes of it. A token the vendor does not know is no error there.
func revokeTokens(ctx context.Context, app connectors.OAuthApp, refresh, access secret.Value) error {
	if app.RevokeURL == "" {
		return nil
	}
	for _, t := range []struct {
		hint  string
		token secret.Value
	}{{"refresh_token", refresh}, {"access_token", access}} {
		if t.token.Empty() {
			continue
		}
		form := url.Values{"token": {t.token.Expose()}, "token_type_hint": {t.hint}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret.Expose()}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.RevokeURL, strings.NewReader(form.Encode()))
		if err != nil {
			return errors.New("revoke grant: the revoke address is no URL")
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := oauthClient(app).Do(req)
		if err != nil {
			return errors.New("revoke grant: no answer") // the error could quote the request
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		_ = resp.Body.Close()
		if after, ok := connectors.RetryAfter(resp.Header, time.Now()); ok && resp.StatusCode == http.StatusTooManyRequests {
			return &connectors.RateLimitedError{After: after}
		}
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return fmt.Errorf("revoke grant: the system answered %d", resp.StatusCode)
		}
	}
	return nil
}
