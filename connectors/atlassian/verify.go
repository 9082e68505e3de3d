package atlassian

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Verify looks for the credential on the vendor's lists. Dead means that a
// whole list does not have it, or has it with an end that is over. A list that
// could not be read to its end is Unknown and an error, and so is one without a
// single row, which a lost permission looks like: the last credential of its
// sort never gets a receipt from us.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Unknown, err
	}
	a, ok := parse(r)
	if !ok {
		return connectors.Unknown, nil
	}
	alive, err := c.liveness(ctx, a)
	if err != nil {
		return connectors.Unknown, fmt.Errorf("verify %s at %s: %w", a, c.name, err)
	}
	return alive, nil
}

func (c *Connector) liveness(ctx context.Context, a address) (connectors.Liveness, error) {
	switch a.class {
	case classUser:
		return c.userTokenLiveness(ctx, a)
	case classOrg:
		return found[wireKey](ctx, c, c.orgKeys(), a.id)
	case classService:
		return found[wireToken](ctx, c, c.serviceTokens(), a.id)
	}
	return connectors.Unknown, nil
}

// userTokenLiveness asks the person's own list, which is one call, and when
// that does not have the token the organisation's too. Both must be silent:
// that the two number tokens alike is implied by the vendor and not proven, and
// if they did not, every token would be missing from one of them.
//
// An account the vendor does not know may be deleted, and its tokens with it,
// or may have left the organisation and taken them along. Then nothing proves
// the token dead.
func (c *Connector) userTokenLiveness(ctx context.Context, a address) (connectors.Liveness, error) {
	own, err := c.ownList(ctx, a)
	switch {
	case own != connectors.Unknown:
		return own, nil
	case err != nil && rest.Status(err) != http.StatusNotFound && rest.Status(err) != http.StatusForbidden:
		return connectors.Unknown, err
	}
	alive, listErr := found[wireToken](ctx, c, c.userTokens(), a.id)
	if listErr != nil || alive == connectors.Live {
		return alive, listErr
	}
	if err != nil {
		return connectors.Unknown, fmt.Errorf("this key may not manage account %s, or the organisation no longer does: "+
			"whether its token works can't be seen: %w", a.account, err)
	}
	return connectors.Dead, nil
}

// ownToken is a row of a person's own list, whose other fields have other
// names than on the organisation's: lastAccess and expiry.
type ownToken struct {
	ID     string `json:"id"`
	Expiry string `json:"expiry"`
}

// ownList is what a person's list says of the token, and Unknown where it does
// not have it.
func (c *Connector) ownList(ctx context.Context, a address) (connectors.Liveness, error) {
	var rows []ownToken
	path := rest.Path("users", a.account, "manage", "api-tokens")
	if err := c.call(ctx, rest.Request{Method: http.MethodGet, Path: path}, &rows); err != nil {
		return connectors.Unknown, err
	}
	if rows == nil {
		return connectors.Unknown, errors.New("the account's list of tokens is no list")
	}
	own := connectors.Unknown
	for _, row := range rows {
		if row.ID == "" {
			return connectors.Unknown, errors.New("the account's list of tokens has one without an ID")
		}
		if row.ID != a.id {
			continue
		}
		var err error
		if own, err = livenessUntil("expiry", row.Expiry, c.now()); err != nil {
			return connectors.Unknown, err
		}
	}
	return own, nil
}

// found is what a whole list says of a credential.
func found[T listed](ctx context.Context, c *Connector, l listing, id string) (connectors.Liveness, error) {
	empty := true
	for item, err := range walk[T](ctx, c, l) {
		if err != nil {
			return connectors.Unknown, err
		}
		row, counts := item.row()
		if !counts {
			continue
		}
		if empty = false; row.ID == id {
			return row.liveness(c.now())
		}
	}
	if empty {
		return connectors.Unknown, fmt.Errorf("list %s of %s: %w", l.what, c.name, connectors.ErrNoProof)
	}
	return connectors.Dead, nil
}
