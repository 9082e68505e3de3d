package github

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const maxReason = 1024 // characters the vendor takes

// Requests walks the fine-grained tokens that wait for access to the
// organisation. Their owners have made them already; they reach nothing here
// before an approval.
func (c *Connector) Requests(ctx context.Context) iter.Seq2[connectors.VendorRequest, error] {
	return func(yield func(connectors.VendorRequest, error) bool) {
		for p, err := range c.patRows(ctx, patRequests, 0) {
			if err == nil && !p.asks() {
				err = errMalformed
			}
			if err != nil {
				yield(connectors.VendorRequest{}, fmt.Errorf("list requests of %s: %w", c.name, err))
				return
			}
			if !yield(p.request(), nil) {
				return
			}
		}
	}
}

// asks tells a request that is whole: when it was made is in its ID.
func (p pat) asks() bool { return timeOf(p.CreatedAt).Unix() > 0 }

func (p pat) request() connectors.VendorRequest {
	scopes, access := p.Permissions.scopes()
	return connectors.VendorRequest{
		ID:        name{classRequest, p.ID, p.TokenID, timeOf(p.CreatedAt).Unix()}.String(),
		Owner:     p.owner(),
		Label:     p.TokenName,
		Scopes:    scopes,
		Access:    access,
		Reason:    p.Reason,
		CreatedAt: timeOf(p.CreatedAt),
		ExpiresAt: timeOf(p.ExpiresAt),
		Match:     p.match(),
	}
}

// Decide approves or denies a request at GitHub. One that no longer waits was
// approved if its token got access since it was made, and denied or withdrawn
// if not; a decision the other way is ErrUnrecoverable, because what we say
// would not be so. That an upgrade of a token's access renews the time it was
// granted at is unverified: if it does not, an approval that is repeated fails.
func (c *Connector) Decide(ctx context.Context, d connectors.Decision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, ok := parse(d.ID)
	if !ok || n.class != classRequest {
		return fmt.Errorf("decide request of %s: %w: not one of its requests", c.name, connectors.ErrUnrecoverable)
	}
	body := map[string]string{"action": "deny"}
	if d.Approve {
		body["action"] = "approve"
	}
	if reason := []rune(d.Reason); len(reason) > 0 {
		body["reason"] = string(reason[:min(len(reason), maxReason)])
	}
	_, err := c.app.do(ctx, request{method: http.MethodPost, path: c.path(patRequests, n.number()), body: body}, nil)
	if rest.Status(err) == http.StatusNotFound {
		err = c.decidedAlready(ctx, n, d.Approve, err)
	}
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", body["action"], n, c.name, err)
	}
	return nil
}

// decidedAlready judges a 404: the request was decided the same way (nil), the
// other way, or it still waits and we may not decide it.
func (c *Connector) decidedAlready(ctx context.Context, n name, approve bool, notFound error) error {
	waits, _, err := look(c.patRows(ctx, patRequests, n.token), func(p pat) bool { return p.ID == n.id })
	if err != nil {
		return err
	}
	if waits != nil {
		return fmt.Errorf("%w, and yet it waits: a permission may be missing", notFound)
	}
	granted, _, err := look(c.patRows(ctx, pats, n.token), func(p pat) bool {
		return p.TokenID == n.token && timeOf(p.GrantedAt).Unix() >= n.asked
	})
	switch approved := granted != nil; {
	case err != nil:
		return err
	case approve && !approved:
		return fmt.Errorf("%w: it was withdrawn or decided otherwise at GitHub", connectors.ErrUnrecoverable)
	case !approve && approved:
		return fmt.Errorf("%w: it was approved at GitHub", connectors.ErrUnrecoverable)
	}
	return nil
}
