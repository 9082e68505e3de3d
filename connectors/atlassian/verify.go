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
// whole list does not have it; a list that could not be read to its end is
// Unknown and an error. An expired token that is still listed is Live.
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
		return found(ctx, c, c.orgKeys(), func(k wireKey) bool { return k.ID == a.id && !k.revoked() })
	case classService:
		return found(ctx, c, c.serviceTokens(), func(t wireToken) bool { return t.ID == a.id })
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
	has, err := c.ownList(ctx, a)
	switch {
	case has:
		return connectors.Live, nil
	case err != nil && rest.Status(err) != http.StatusNotFound && rest.Status(err) != http.StatusForbidden:
		return connectors.Unknown, err
	}
	alive, listErr := found(ctx, c, c.userTokens(), func(t wireToken) bool { return t.ID == a.id })
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
	ID string `json:"id"`
}

// ownList says whether a person's list has the token.
func (c *Connector) ownList(ctx context.Context, a address) (bool, error) {
	var rows []ownToken
	path := rest.Path("users", a.account, "manage", "api-tokens")
	if err := c.call(ctx, rest.Request{Method: http.MethodGet, Path: path}, &rows); err != nil {
		return false, err
	}
	if rows == nil {
		return false, errors.New("the account's list of tokens is no list")
	}
	has := false
	for _, row := range rows {
		if row.ID == "" {
			return false, errors.New("the account's list of tokens has one without an ID")
		}
		has = has || row.ID == a.id
	}
	return has, nil
}

// found is Live when a list has a match, and Dead when the whole list has none.
func found[T any](ctx context.Context, c *Connector, l listing, match func(T) bool) (connectors.Liveness, error) {
	for row, err := range walk[T](ctx, c, l) {
		if err != nil {
			return connectors.Unknown, err
		}
		if match(row) {
			return connectors.Live, nil
		}
	}
	return connectors.Dead, nil
}
