package atlassian

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// tokenPath is the only thing that can be deleted: one token of one person.
//
// The vendor answers DELETE on the organisation's list of tokens by revoking
// every token of everybody, and on a service account's list by revoking all of
// that account. No tokenPath names either: it lies in another tree, ends in
// two IDs that are never empty, and is made of nothing else.
type tokenPath struct{ account, token string }

// path is false for anything but two well-formed IDs.
func (p tokenPath) path() (string, bool) {
	if !isID(p.account) || !isID(p.token) {
		return "", false
	}
	return rest.Path("users", p.account, "manage", "api-tokens", p.token), true
}

// deleteToken revokes one token for good. It is the only place in the package
// that deletes anything, which a test over the source holds it to.
func (c *Connector) deleteToken(ctx context.Context, p tokenPath) error {
	path, ok := p.path()
	if !ok {
		return fmt.Errorf("%w: not one token of one account", connectors.ErrUnrecoverable)
	}
	return c.call(ctx, rest.Request{Method: http.MethodDelete, Path: path}, nil)
}
