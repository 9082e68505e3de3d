package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/secret"
)

const maxLeaked = 1000 // in one call

// RevokeLeaked ends tokens wherever they are valid, for good; their owners
// are told by GitHub. The call carries no credential of ours, because one
// would be refused, and is limited to 60 an hour. It is accepted now and done
// later, and may be repeated. Values of a form that the vendor does not take
// are left out, and reported as ErrUnsupported once the others were sent.
func (c *Connector) RevokeLeaked(ctx context.Context, leaked []secret.Value) error {
	var known []string
	foreign := 0
	for _, v := range leaked {
		if !revocable(v.Expose()) {
			foreign++
			continue
		}
		known = append(known, v.Expose())
	}
	var refused error
	for some := range slices.Chunk(known, maxLeaked) {
		_, err := c.nobody.do(ctx, request{
			method: http.MethodPost, path: "/credentials/revoke", body: map[string][]string{"credentials": some},
		}, nil)
		if err != nil && !errors.Is(err, connectors.ErrUnrecoverable) {
			return fmt.Errorf("revoke leaked tokens at %s: %w", c.name, err)
		}
		if err != nil {
			refused = err // the others must not suffer for it
		}
	}
	if refused != nil {
		return fmt.Errorf("revoke leaked tokens at %s: %w", c.name, refused)
	}
	if foreign > 0 {
		return fmt.Errorf("revoke leaked tokens at %s: %w: %d of %d are not of a form that anybody may revoke",
			c.name, connectors.ErrUnsupported, foreign, len(leaked))
	}
	return nil
}

// revocable tells the forms that the vendor's document names: classic and
// fine-grained tokens, tokens of OAuth apps, and of GitHub Apps for a user.
func revocable(token string) bool {
	return fitsHeader(token) && slices.ContainsFunc([]string{"ghp_", "github_pat_", "gho_", "ghu_", "ghr_"}, func(form string) bool {
		return strings.HasPrefix(token, form)
	})
}
