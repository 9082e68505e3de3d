package timepiece

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

// maxVouchers is how many other tokens are asked with to tell a refused token
// from a refused site.
const maxVouchers = 3

func newClient(base *url.URL, value secret.Value, rt http.RoundTripper) *rest.Client {
	return rest.New(rest.Config{
		Base: base, Header: header, Credential: secret.New(scheme + " " + value.Expose()), Transport: rt,
	})
}

// errNoVoucher is for a refused token of whose site no other one is taken.
var errNoVoucher = errors.New("no token of its site is taken, so the app's licence may be invalid")

// Credentials walks the upstream token and the imported ones, asking the vendor
// with each: one that it refuses is deactivated, deleted or expired, which it
// answers alike, and is listed as suspended. An imported one of which nothing
// can tell whether it or its whole site is refused is listed as it is. When
// that is the upstream token, nothing works, and the walk fails.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for _, t := range c.tokens {
			alive, err := c.ask(ctx, t)
			if err != nil && (t.position == upstreamPosition || !errors.Is(err, errNoVoucher)) {
				yield(connectors.Credential{}, fmt.Errorf("list tokens: %w", err))
				return
			}
			if !yield(t.credential(alive, c.now()), nil) {
				return
			}
		}
	}
}

// credential is a row of the listing. A call runs with all Jira permissions of
// the token's user; when it was last used is not to be found out. When it ends
// is not, either, once it is taken past the end that it says.
func (t token) credential(alive connectors.Liveness, now time.Time) connectors.Credential {
	if alive == connectors.Live && !now.Before(t.expires) {
		t.expires = time.Time{}
	}
	if t.position == upstreamPosition {
		t.owner.Service = true // Latchkey's, whoever made it: no rule may end it
	}
	return connectors.Credential{
		Ref:       connectors.Ref{ID: t.id, Owner: t.owner},
		Kind:      connectors.APIKey,
		Class:     t.class,
		Owner:     t.owner,
		Scopes:    []string{connectors.FullAccess},
		Access:    connectors.Admin,
		CreatedAt: t.created,
		ExpiresAt: t.expires,
		Suspended: alive == connectors.Dead,
	}
}

// Verify asks the vendor with the token itself. Keys of ours are unknown to it:
// the gateway has the answer.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Unknown, err
	}
	if !isNative(r.ID) || !isRef(r.ID) {
		return connectors.Unknown, nil
	}
	t, ok := c.find(r.ID)
	if !ok {
		return connectors.Unknown, fmt.Errorf("verify %s: the token is no longer in the configuration, so the vendor can't be asked with it", r.ID)
	}
	alive, err := c.ask(ctx, t)
	if err != nil {
		return connectors.Unknown, fmt.Errorf("verify: %w", err)
	}
	return alive, nil
}

func (c *Connector) find(id string) (token, bool) {
	for _, t := range c.tokens {
		if t.id == id {
			return t, true
		}
	}
	return token{}, false
}

// ask is live when the vendor takes the token. Its 401 is for a missing,
// invalid, expired or deactivated token, and for a site whose licence is
// invalid: so the token is dead only if another one of the site is taken.
func (c *Connector) ask(ctx context.Context, t token) (connectors.Liveness, error) {
	refusal := c.call(ctx, t)
	switch {
	case refusal == nil:
		return connectors.Live, nil
	case rest.Status(refusal) != http.StatusUnauthorized:
		return connectors.Unknown, fmt.Errorf("ask with %s: %w", t.position, refusal)
	}
	asked := 0
	for _, other := range c.tokens {
		if other.id == t.id || !other.sameSite(t) || asked == maxVouchers {
			continue
		}
		asked++
		err := c.call(ctx, other)
		if err == nil {
			return connectors.Dead, nil
		}
		if rest.Status(err) != http.StatusUnauthorized {
			return connectors.Unknown, fmt.Errorf("ask with %s, whether %s alone is refused: %w", other.position, t.position, err)
		}
	}
	return connectors.Unknown, fmt.Errorf("ask with %s: %w: %w", t.position, errNoVoucher, refusal)
}

func (c *Connector) call(ctx context.Context, t token) error {
	_, err := t.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: c.checkPath}, nil)
	return err
}

// sameSite is what lets one token vouch for another: both name the same site,
// or both name none and are taken for ones of the connection's.
func (t token) sameSite(o token) bool { return t.site == o.site }
