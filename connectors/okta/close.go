package okta

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// CloseAccount suspends a person: no sign-in, and none of their API tokens
// works. Sessions and OAuth tokens they have are ended too. Suspended or
// deactivated already is nil, and so is an ID that Okta does not know any more.
// A login or address it does not know is ErrUnrecoverable: it can be changed,
// and the account with it be open under another one. So is the administrator
// whose token we work with.
func (c *Connector) CloseAccount(ctx context.Context, r connectors.AccountRef) error {
	key := r.ID
	if key == "" && strings.Contains(r.Email, "@") { // Okta guesses from anything shorter
		key = r.Email
	}
	if !validID(key) {
		return fmt.Errorf("%s: close account: %w: neither an ID nor an e-mail address", c.name, connectors.ErrUnrecoverable)
	}
	u, found, err := c.findUser(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("close account: %w", err)
	case !found && !immutable(key):
		return fmt.Errorf("%s: close account: %w: no such account: %s", c.name, connectors.ErrUnrecoverable, key)
	case !found || u.Status == statusDeprovisioned:
		return nil
	}
	me, err := c.ourselves(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("close account: %w", err)
	case u.ID == me.ID:
		return fmt.Errorf("%s: close account: %w: %s is the administrator whose token this connection works with: give it another one first",
			c.name, connectors.ErrUnrecoverable, u.ID)
	}
	// The tokens go even if the suspension is refused, and after it if not, so
	// that no new ones are made in between. The vendor names no status that
	// would keep them; that suspended is none is unverified.
	suspendErr := c.suspendUser(ctx, u)
	if err := c.endSessions(ctx, u.ID); err != nil {
		return fmt.Errorf("end sessions of %s: %w", u.ID, err)
	}
	return suspendErr
}

// immutable says whether a key is Okta's own ID of a user, and no login, which
// its read takes as well.
func immutable(key string) bool { return strings.HasPrefix(key, "00u") && !strings.Contains(key, "@") }

// suspendUser suspends and looks again: a receipt is the state, not a status
// code.
func (c *Connector) suspendUser(ctx context.Context, u user) error {
	if u.closed() {
		return nil
	}
	if u.Status != statusActive {
		return fmt.Errorf("%s: suspend %s: %w: Okta suspends active people only and this one is %s; deactivate the account in Okta",
			c.name, u.ID, connectors.ErrUnrecoverable, strings.ToLower(u.Status))
	}
	path := rest.Path("api", "v1", "users", u.ID, "lifecycle", "suspend")
	if _, err := c.do(ctx, rest.Request{Method: http.MethodPost, Path: path}, nil); err != nil {
		return fmt.Errorf("suspend %s: %w", u.ID, err)
	}
	now, found, err := c.findUser(ctx, u.ID)
	if err != nil {
		return fmt.Errorf("look whether %s is suspended: %w", u.ID, err)
	}
	if found && !now.closed() {
		return fmt.Errorf("%s: told to suspend %s, Okta still has them as %s", c.name, u.ID, strings.ToLower(now.Status))
	}
	return nil
}

func (c *Connector) endSessions(ctx context.Context, userID string) error {
	_, err := c.do(ctx, rest.Request{
		Method: http.MethodDelete,
		Path:   rest.Path("api", "v1", "users", userID, "sessions"),
		Query:  url.Values{"oauthTokens": {"true"}},
	}, nil)
	return err
}
