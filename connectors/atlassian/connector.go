package atlassian

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const defaultBase = "https://api.atlassian.com"

// maxBody is for a page of a thousand tokens that carry every granular scope.
const maxBody = 16 << 20

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.Lister        = (*Connector)(nil)
	_ connectors.Revoker       = (*Connector)(nil)
	_ connectors.RevokeGuide   = (*Connector)(nil)
	_ connectors.Verifier      = (*Connector)(nil)
	_ connectors.IssueGuide    = (*Connector)(nil)
	_ connectors.ScopeLister   = (*Connector)(nil)
	_ connectors.AccountCloser = (*Connector)(nil)
)

// Connector is one Atlassian organisation, seen with one of its admin API
// keys.
type Connector struct {
	name   string
	org    string
	client *rest.Client
	now    func() time.Time
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, err := rest.CheckBase("base_url", cmp.Or(s.BaseURL, defaultBase), s.AllowPrivate)
	problems := []error{err, checkOrg(s.OrgID), checkKey(s.APIKey)}
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	return &Connector{name: s.Name, org: s.OrgID, now: time.Now, client: rest.New(rest.Config{
		Base: base, Header: "Authorization", Credential: secret.New("Bearer " + s.APIKey.Expose()), Transport: rt,
		MaxBody: maxBody,
	})}, nil
}

func checkOrg(id string) error {
	if id == "" {
		return fmt.Errorf("%w: org_id", connectors.ErrMissing)
	}
	if !isID(id) {
		return errors.New("org_id is not an organisation's ID: it is the UUID after /o/ in the address of Atlassian Administration")
	}
	return nil
}

func checkKey(key secret.Value) error {
	if key.Empty() {
		return fmt.Errorf("%w: api_key", connectors.ErrMissing)
	}
	if strings.ContainsFunc(key.Expose(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("api_key holds a space, a line break or a character no header can carry")
	}
	return nil
}

// Check reads one row of the organisation's user tokens.
func (c *Connector) Check(ctx context.Context) error {
	l := c.userTokens()
	l.pageSize = 1
	_, _, err := fetch[wireToken](ctx, c, l, "")
	return err
}

// call makes one call. The vendor says in X-RateLimit-Reset when to come back,
// which the shared client does not read.
func (c *Connector) call(ctx context.Context, r rest.Request, out any) error {
	resp, err := c.client.Do(ctx, r, out)
	if err == nil || resp.Status != http.StatusTooManyRequests {
		return err
	}
	after, ok := c.resetIn(resp.Header)
	if !ok {
		return err
	}
	return fmt.Errorf("%s %s: %w", r.Method, r.Path, &connectors.RateLimitedError{After: after})
}

// maxReset keeps a vendor from parking our work for a year.
const maxReset = 15 * time.Minute

// resetIn reads X-RateLimit-Reset, a time in ISO 8601, as whole seconds from
// now and at least one. A Retry-After, which the vendor does not document,
// would win: ok is false then, and when there is nothing readable.
func (c *Connector) resetIn(h http.Header) (after time.Duration, ok bool) {
	if h.Get("Retry-After") != "" {
		return 0, false
	}
	at, err := time.Parse(time.RFC3339, h.Get("X-RateLimit-Reset"))
	if err != nil {
		return 0, false
	}
	left := at.Sub(c.now())
	whole := left.Truncate(time.Second)
	if whole < left {
		whole += time.Second
	}
	return min(max(whole, time.Second), maxReset), true
}
