package google

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// CloseAccount suspends a person, which stops their sign-in, passwords and
// apps. Suspended already is nil, and so is an ID that Google does not know any
// more. An address it does not know is ErrUnrecoverable: it can be changed, and
// the account with it be open under another one. So is the administrator we act
// as.
func (c *Connector) CloseAccount(ctx context.Context, r connectors.AccountRef) error {
	key := cmp.Or(r.ID, r.Email)
	if !validKey(key) {
		return fmt.Errorf("%s: close account: %w: neither an ID nor an e-mail address", c.name, connectors.ErrUnrecoverable)
	}
	me, err := c.person(ctx, c.subject)
	if err != nil {
		return fmt.Errorf("close account: %w", err)
	}
	if !isID(key) {
		u, err := c.person(ctx, key)
		switch {
		case rest.Status(err) == http.StatusNotFound:
			return fmt.Errorf("%s: close account: %w: no such account: %s", c.name, connectors.ErrUnrecoverable, key)
		case err != nil:
			return fmt.Errorf("close account: %w", err)
		}
		key = u.Id
	}
	if key == me.Id {
		return fmt.Errorf("%s: close account: %w: %s is the administrator this connection acts as (subject): name another one first",
			c.name, connectors.ErrUnrecoverable, c.subject)
	}
	u, err := c.directory.Users.Patch(key, &admin.User{Suspended: true}).Context(ctx).Do()
	if err == nil && (u == nil || !u.Suspended) { // a receipt is the state, not a status code
		err = errOddAnswer
	}
	if err == nil {
		return nil
	}
	err = c.failed(http.MethodPatch, userPath(key), err)
	if rest.Status(err) != http.StatusNotFound {
		return fmt.Errorf("close account: %w", err)
	}
	gone, lookErr := c.gone(ctx, key)
	switch {
	case lookErr != nil:
		return fmt.Errorf("close account: look whether %s is gone: %w", key, lookErr)
	case !gone:
		return fmt.Errorf("close account: %s is there, and yet was not found", key)
	}
	return nil
}

// isID says whether a key is Google's own ID of a person, which is a number and
// never changes, and no address.
func isID(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r < '0' || r > '9' })
}
