package github

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Credentials walks the fine-grained tokens with access to the organisation,
// then the classic tokens and SSH keys authorised for it. A fine-grained token
// is there once it was approved; until then it is in Requests.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for p, err := range c.patRows(ctx, pats, 0) {
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list tokens of %s: %w", c.name, err))
				return
			}
			if !yield(p.credential(), nil) {
				return
			}
		}
		for a, err := range c.authorizationRows(ctx) {
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list authorised credentials of %s: %w", c.name, err))
				return
			}
			if !a.isGrant() && !yield(a.credential(c.tail), nil) {
				return
			}
		}
	}
}

// Revoke takes a credential's access to the organisation. An installed app is
// removed only by itself or by an owner of the enterprise: see GuideRevoke. The
// token that this connection works with is refused.
func (c *Connector) Revoke(ctx context.Context, ref connectors.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, ok := parse(ref.ID)
	if !ok {
		return nil
	}
	var err error
	switch n.class {
	case classPAT:
		err = c.revokePAT(ctx, n)
	case classSAML:
		err = c.revokeAuthorization(ctx, n)
	case classInstallation:
		err = fmt.Errorf("%w: an installed app is removed at GitHub's own pages", connectors.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("revoke %s of %s: %w", n, c.name, err)
	}
	return nil
}

// Verify looks for a credential or grant in the vendor's listing: dead is one
// that a whole listing of others does not have, or has as expired. What was
// accepted to be done later is live until it is gone.
func (c *Connector) Verify(ctx context.Context, ref connectors.Ref) (connectors.Liveness, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Unknown, err
	}
	n, ok := parse(ref.ID)
	if !ok {
		return connectors.Unknown, nil
	}
	liveness, err := connectors.Unknown, error(nil)
	switch n.class {
	case classPAT:
		liveness, err = c.verifyPAT(ctx, n)
	case classSAML:
		liveness, err = c.verifyAuthorization(ctx, n)
	case classInstallation:
		liveness, err = c.verifyInstallation(ctx, n)
	}
	if err != nil {
		return connectors.Unknown, fmt.Errorf("verify %s of %s: %w", n, c.name, err)
	}
	return liveness, nil
}

// goneAlready judges the error of a call that ends something: a 404 is nil if
// the listing, too, says that it is gone. Expired is not gone.
func goneAlready(err error, listed func() (bool, error)) error {
	if rest.Status(err) != http.StatusNotFound {
		return err
	}
	there, listErr := listed()
	if listErr != nil {
		return listErr
	}
	if there {
		return fmt.Errorf("%w, and yet it is listed: a permission may be missing", err)
	}
	return nil
}
