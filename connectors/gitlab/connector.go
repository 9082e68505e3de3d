package gitlab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	gl "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/time/rate"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const (
	defaultBase = "https://gitlab.com"
	callTimeout = 30 * time.Second // of one call with its retries
)

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.Lister        = (*Connector)(nil)
	_ connectors.Issuer        = (*Connector)(nil)
	_ connectors.Rotator       = (*Connector)(nil)
	_ connectors.Revoker       = (*Connector)(nil)
	_ connectors.Verifier      = (*Connector)(nil)
	_ connectors.ScopeLister   = (*Connector)(nil)
	_ connectors.AccountCloser = (*Connector)(nil)
	_ connectors.Prover        = (*Connector)(nil)
)

// Connector is one governed top-level group. It is safe for concurrent use.
type Connector struct {
	api   *gl.Client
	gate  *gate
	base  string // URL
	group string // as configured
	token secret.Value
	now   func() time.Time

	top atomic.Pointer[gl.Group] // the group, once it was found
	own atomic.Int64             // ID of the token this connection works with, once it was asked
}

// Open checks the settings and does not dial. Required are token, which is an
// administrator's or group owner's personal access token with the scope api,
// and group, the full path or numeric ID of the top-level group.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, err := checkSettings(&s)
	if err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	c := &Connector{gate: &gate{next: rt}, base: base, group: s.Group, token: s.Token, now: time.Now}
	if c.api, err = c.client(); err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	return c, nil
}

// client is GitLab's, with the token and behind the gate of c.
func (c *Connector) client() (*gl.Client, error) {
	api, err := gl.NewClient(c.token.Expose(),
		gl.WithBaseURL(c.base),
		gl.WithHTTPClient(&http.Client{
			Transport:     c.gate,
			Timeout:       callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		gl.WithoutRetries(),
		gl.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)),
		gl.WithURLWarningLogger(slog.New(slog.DiscardHandler)),
		gl.WithUserAgent("latchkey"),
	)
	if err != nil {
		return nil, errors.New("the client refused its settings") // its own words may quote them
	}
	return api, nil
}

func checkSettings(s *connectors.Settings) (base string, err error) {
	var problems []error
	if s.Token.Empty() {
		problems = append(problems, fmt.Errorf("%w: token", connectors.ErrMissing))
	} else if strings.ContainsFunc(s.Token.Expose(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems = append(problems, errors.New("token has characters that no token has"))
	}
	if s.Group == "" {
		problems = append(problems, fmt.Errorf("%w: group", connectors.ErrMissing))
	} else if strings.Contains(s.Group, "/") {
		problems = append(problems, errors.New("group is a path of several parts: name the top-level group"))
	}
	if s.BaseURL == "" {
		s.BaseURL = defaultBase
	}
	if _, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate); err != nil {
		problems = append(problems, err)
	}
	return s.BaseURL, errors.Join(problems...)
}

// Check proves that the token works, has the scope api and sees the group.
//
// It also says what the token can't see. GitLab lists people's personal tokens
// to administrators and, for the enterprise users of a group with GitLab
// Ultimate, to the group's owners; without either, Credentials lists the rest,
// and Check fails with ErrUnsupported and a sentence on what is missing, so
// that nobody takes the list for the whole.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.check(ctx); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

func (c *Connector) check(ctx context.Context) error {
	self, err := c.self(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(self.Scopes, "api") {
		return fmt.Errorf("%w: the token lacks the scope api", connectors.ErrUnrecoverable)
	}
	top, err := c.findTop(ctx)
	if err != nil {
		return err
	}
	return c.blindSpots(ctx, top.ID)
}

// blindSpots is an error that names the kinds of tokens the listing lacks.
func (c *Connector) blindSpots(ctx context.Context, gid int64) error {
	from, _, err := c.personalSource(ctx, gid)
	if err != nil || from == fromInstance {
		return err
	}
	var hidden []string
	if from == fromNowhere {
		hidden = append(hidden, "people's personal access tokens (an administrator's token or GitLab Ultimate's credentials inventory is needed)")
	}
	_, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.GroupServiceAccount, *gl.Response, error) {
		rows, resp, err := c.api.Groups.ListServiceAccounts(gid, &gl.ListServiceAccountsOptions{ListOptions: gl.ListOptions{PerPage: 1}}, o)
		return &rows, resp, err
	})
	switch {
	case notAvailable(err):
		hidden = append(hidden, "service accounts (GitLab Premium and the right to manage them are needed)")
	case err != nil:
		return err
	}
	if len(hidden) == 0 {
		return nil
	}
	return fmt.Errorf("the token works, but it does not see %s: %w", strings.Join(hidden, " and "), connectors.ErrUnsupported)
}

// self is the token this connection works with.
func (c *Connector) self(ctx context.Context) (*gl.PersonalAccessToken, error) {
	t, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.PersonalAccessToken, *gl.Response, error) {
		return c.api.PersonalAccessTokens.GetSinglePersonalAccessToken(o)
	})
	if err != nil {
		return nil, err
	}
	if t.ID <= 0 {
		return nil, errors.New("the answer on our own token has no ID")
	}
	c.own.Store(t.ID)
	return t, nil
}

// notOurs refuses to end or rotate the token this connection works with:
// nothing could be listed, revoked or verified afterwards, and the old value
// that stays in the configuration would revoke the new one by being used.
func (c *Connector) notOurs(ctx context.Context, r ref) error {
	own := c.own.Load()
	if own == 0 {
		t, err := c.self(ctx)
		if err != nil {
			return err
		}
		own = t.ID
	}
	if r.token == own {
		return fmt.Errorf("%w: it is the token this connection works with; put another one into the configuration first", connectors.ErrUnrecoverable)
	}
	return nil
}

// topGroup is the governed group, asked for once.
func (c *Connector) topGroup(ctx context.Context) (*gl.Group, error) {
	if top := c.top.Load(); top != nil {
		return top, ctx.Err()
	}
	return c.findTop(ctx)
}

func (c *Connector) findTop(ctx context.Context) (*gl.Group, error) {
	top, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.Group, *gl.Response, error) {
		return c.api.Groups.GetGroup(c.group, nil, o)
	})
	if err != nil {
		return nil, err
	}
	if top.ID <= 0 {
		return nil, errors.New("the answer on the group has no ID")
	}
	if top.ParentID != 0 {
		return nil, fmt.Errorf("%w: %s is a subgroup: the setting group must name its top-level group", connectors.ErrUnrecoverable, top.FullPath)
	}
	c.top.Store(top)
	return top, nil
}
