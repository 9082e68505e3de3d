package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.Lister        = (*Connector)(nil)
	_ connectors.Revoker       = (*Connector)(nil)
	_ connectors.Verifier      = (*Connector)(nil)
	_ connectors.Suspender     = (*Connector)(nil)
	_ connectors.GrantLister   = (*Connector)(nil)
	_ connectors.GrantRevoker  = (*Connector)(nil)
	_ connectors.AccountCloser = (*Connector)(nil)
)

// maxWait keeps a vendor from parking our work for longer.
const maxWait = 15 * time.Minute

// Connector is one Okta organisation.
type Connector struct {
	name   string
	client *rest.Client
	hook   secret.Value // what the event hook sends; empty: none is configured
	now    func() time.Time
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if err := checkHook(s.SigningSecret); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	client := rest.New(rest.Config{
		Base: base, Header: "Authorization", Credential: secret.New("SSWS " + s.Token.Expose()), Transport: rt,
	})
	return &Connector{name: s.Name, client: client, hook: s.SigningSecret, now: time.Now}, nil
}

// Check asks whose token it is, and whether it may read API tokens, which
// takes an administrator.
func (c *Connector) Check(ctx context.Context) error {
	err := c.awake(ctx)
	if err == nil {
		err = c.get(ctx, rest.Path("api", "v1", "api-tokens"), nil)
	}
	switch rest.Status(err) {
	case http.StatusUnauthorized:
		return fmt.Errorf("the token was refused; one of a suspended or deactivated administrator is too: %w", err)
	case http.StatusForbidden:
		return fmt.Errorf("the token's owner is not allowed to read API tokens: %w", err)
	}
	return err
}

// awake proves that the organisation answers and takes our token, so that a
// 404 of another call can be believed.
func (c *Connector) awake(ctx context.Context) error {
	_, err := c.ourselves(ctx)
	return err
}

// ourselves is the administrator whose token we work with. Okta says no more:
// which of their tokens it is can't be known.
func (c *Connector) ourselves(ctx context.Context) (user, error) {
	var me user
	if err := c.get(ctx, rest.Path("api", "v1", "users", "me"), &me); err != nil {
		return user{}, err
	}
	if !validID(me.ID) {
		return user{}, fmt.Errorf("%s: the answer does not say whose token it is", c.name)
	}
	return me, nil
}

func (c *Connector) get(ctx context.Context, path string, out any) error {
	_, err := c.do(ctx, rest.Request{Method: http.MethodGet, Path: path}, out)
	return err
}

// do makes a call. Okta says when a rate limit ends in a header of its own,
// and has no Retry-After.
func (c *Connector) do(ctx context.Context, r rest.Request, out any) (rest.Response, error) {
	resp, err := c.client.Do(ctx, r, out)
	if _, limited := errors.AsType[*connectors.RateLimitedError](err); limited {
		if after, ok := untilReset(resp.Header, time.Now()); ok {
			err = fmt.Errorf("%s %s: %w", r.Method, r.Path, &connectors.RateLimitedError{After: after})
		}
	}
	if err != nil {
		return resp, fmt.Errorf("%s: %w", c.name, err)
	}
	return resp, nil
}

// untilReset reads X-Rate-Limit-Reset, which is in seconds of the vendor's
// clock: its Date, where there is one, and not ours is what to compare with.
func untilReset(h http.Header, now time.Time) (time.Duration, bool) {
	reset, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil || reset <= 0 {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	seconds := min(max(reset-now.Unix(), 1), int64(maxWait/time.Second))
	return time.Duration(seconds) * time.Second, true
}
