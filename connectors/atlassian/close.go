package atlassian

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// deactivation is shown to the person by the vendor.
type deactivation struct {
	Message string `json:"message"`
}

// CloseAccount deactivates a managed account: no more signing in. Deactivated
// already is nil. Whether the vendor also stops the account's tokens is
// unverified, so they are revoked one by one all the same.
func (c *Connector) CloseAccount(ctx context.Context, a connectors.AccountRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.Service || !isID(a.ID) {
		return fmt.Errorf("deactivate account at %s: %w: %q is not a person's account ID", c.name, connectors.ErrUnrecoverable, cut(a.ID))
	}
	err := c.call(ctx, rest.Request{
		Method: http.MethodPost, Path: rest.Path("users", a.ID, "manage", "lifecycle", "disable"),
		Body: deactivation{"Your organisation deactivated this account."},
	}, nil)
	status := rest.Status(err)
	if status == http.StatusConflict || status == http.StatusForbidden {
		done, profileErr := c.deactivated(ctx, a.ID)
		switch {
		case done:
			return nil
		case profileErr != nil && !errors.Is(profileErr, connectors.ErrUnrecoverable):
			return fmt.Errorf("see whether account %s is deactivated already at %s: %w", a.ID, c.name, profileErr)
		}
	}
	switch status {
	case http.StatusConflict:
		err = fmt.Errorf("the vendor says the account is not eligible, as one of another organisation or the last admin may be: %w", err)
	case http.StatusForbidden:
		err = fmt.Errorf("this key may not; and an account that an identity provider manages is deactivated there: %w", err)
	case http.StatusNotFound:
		err = fmt.Errorf("the organisation does not manage this account: %w", err)
	}
	if err != nil {
		return fmt.Errorf("deactivate account %s at %s: %w", a.ID, c.name, err)
	}
	return nil
}

// deactivated reads the account's profile.
func (c *Connector) deactivated(ctx context.Context, id string) (bool, error) {
	var profile struct {
		Account struct {
			ID     string `json:"account_id"`
			Status string `json:"account_status"`
		} `json:"account"`
	}
	path := rest.Path("users", id, "manage", "profile")
	if err := c.call(ctx, rest.Request{Method: http.MethodGet, Path: path}, &profile); err != nil {
		return false, err
	}
	return profile.Account.ID == id && closed(profile.Account.Status), nil
}
