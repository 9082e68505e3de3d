package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const maxLeaked = 1000 // in one call

// RevokeLeaked ends tokens wherever they are valid, for good; their owners
// are told by GitHub. The call carries no credential of ours, because one
// would be refused, and is limited to 60 an hour. It is accepted now and done
// later, and may be repeated. Values of a form that the vendor does not take
// are left out, and reported as ErrUnsupported once the others were sent; those
// that it calls malformed are told from the others by sending parts, and
// reported as ErrUnrecoverable.
func (c *Connector) RevokeLeaked(ctx context.Context, leaked []secret.Value) error {
	var known []string
	for _, v := range leaked {
		if revocable(v.Expose()) {
			known = append(known, v.Expose())
		}
	}
	malformed, refused := 0, error(nil)
	for some := range slices.Chunk(known, maxLeaked) {
		n, err := c.revokeSome(ctx, some)
		if err != nil && !errors.Is(err, connectors.ErrUnrecoverable) {
			return fmt.Errorf("revoke leaked tokens at %s: %w", c.name, err)
		}
		malformed += n
		refused = cmp.Or(err, refused) // the others must not suffer for it
	}
	problems := []error{refused}
	if malformed > 0 {
		problems = append(problems, fmt.Errorf("%w: GitHub calls %d of %d malformed", connectors.ErrUnrecoverable, malformed, len(leaked)))
	}
	if foreign := len(leaked) - len(known); foreign > 0 {
		problems = append(problems, fmt.Errorf("%w: %d of %d are not of a form that anybody may revoke",
			connectors.ErrUnsupported, foreign, len(leaked)))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("revoke leaked tokens at %s: %w", c.name, err)
	}
	return nil
}

// revokeSome sends tokens in one call, or in halves when GitHub refuses them for
// one that is malformed. It counts those.
func (c *Connector) revokeSome(ctx context.Context, some []string) (malformed int, err error) {
	_, err = c.nobody.do(ctx, request{
		method: http.MethodPost, path: "/credentials/revoke", body: map[string][]string{"credentials": some},
	}, nil)
	if rest.Status(err) != http.StatusUnprocessableEntity {
		return 0, err
	}
	if len(some) == 1 {
		return 1, nil
	}
	var refused error
	for _, half := range [][]string{some[:len(some)/2], some[len(some)/2:]} {
		n, err := c.revokeSome(ctx, half)
		malformed += n
		if err != nil && !errors.Is(err, connectors.ErrUnrecoverable) {
			return malformed, err
		}
		refused = cmp.Or(err, refused)
	}
	return malformed, refused
}

// revocable tells the forms that the vendor's document names: classic and
// fine-grained tokens, tokens of OAuth apps, and of GitHub Apps for a user.
func revocable(token string) bool {
	return fitsHeader(token) && slices.ContainsFunc([]string{"ghp_", "github_pat_", "gho_", "ghu_", "ghr_"}, func(form string) bool {
		return strings.HasPrefix(token, form)
	})
}
