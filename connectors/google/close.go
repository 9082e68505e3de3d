package google

import (
	"context"
	"fmt"
	"net/http"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// CloseAccount suspends a person, which stops their sign-in, passwords and
// apps. Suspended already, or deleted, is nil.
func (c *Connector) CloseAccount(ctx context.Context, r connectors.AccountRef) error {
	key := r.ID
	if key == "" {
		key = r.Email
	}
	if !validKey(key) {
		return fmt.Errorf("%s: close account: %w: neither an ID nor an e-mail address", c.name, connectors.ErrUnrecoverable)
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
