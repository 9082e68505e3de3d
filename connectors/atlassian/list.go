package atlassian

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// pageSize is what scripts in the field use; the vendor documents no maximum
// (unverified).
const pageSize = 1000

// The names people see of the three sorts of credential.
const (
	classNameUser    = "user API token"
	classNameOrg     = "organisation API key"
	classNameService = "service account API token"
)

func (c *Connector) orgPath(more ...string) string {
	return rest.Path(append([]string{"admin", "api-access", "v1", "orgs", c.org}, more...)...)
}

func (c *Connector) userTokens() listing {
	return listing{what: "user API tokens", path: c.orgPath("api-tokens"), scope: "read:tokens:admin", pageSize: pageSize}
}

func (c *Connector) orgKeys() listing {
	return listing{what: "organisation API keys", path: c.orgPath("api-keys"), scope: "read:keys:admin", pageSize: pageSize}
}

// serviceTokens is a list whose rows are assumed to be those of userTokens:
// the vendor's pages show no body, and no paging either (unverified).
func (c *Connector) serviceTokens() listing {
	return listing{
		what: "service account API tokens", path: c.orgPath("service-accounts", "api-tokens"),
		scope: "read:service-accounts-tokens:admin",
	}
}

// Credentials walks the tokens of people, the keys of the organisation and the
// tokens of service accounts, in this order. Revoked keys, which the vendor may
// go on listing, are not in it.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	lists := []iter.Seq2[connectors.Credential, error]{
		credentials(ctx, c, c.userTokens(), wireToken.userToken),
		credentials(ctx, c, c.orgKeys(), func(k wireKey) (connectors.Credential, error) { return k.orgKey(c.org) }),
		credentials(ctx, c, c.serviceTokens(), wireToken.serviceToken),
	}
	return func(yield func(connectors.Credential, error) bool) {
		for _, list := range lists {
			for row, err := range list {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// errRevoked is a row's way to say that it is no credential any more.
var errRevoked = errors.New("revoked")

// credentials reads the rows of one list. A row that makes no sense is an
// error, which ends the walk: leaving it out would hide a token.
func credentials[T any](
	ctx context.Context, c *Connector, l listing, read func(T) (connectors.Credential, error),
) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for row, err := range walk[T](ctx, c, l) {
			if err != nil {
				yield(connectors.Credential{}, err)
				return
			}
			out, err := read(row)
			switch {
			case errors.Is(err, errRevoked):
				continue
			case err != nil:
				yield(connectors.Credential{}, fmt.Errorf("list %s of %s: %w", l.what, c.name, err))
				return
			case !yield(out, nil):
				return
			}
		}
	}
}
