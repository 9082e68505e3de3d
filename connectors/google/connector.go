package google

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/option"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Connector     = (*Connector)(nil)
	_ connectors.Lister        = (*Connector)(nil)
	_ connectors.Revoker       = (*Connector)(nil)
	_ connectors.Verifier      = (*Connector)(nil)
	_ connectors.GrantLister   = (*Connector)(nil)
	_ connectors.GrantRevoker  = (*Connector)(nil)
	_ connectors.AccountCloser = (*Connector)(nil)
)

const (
	defaultBase = "https://admin.googleapis.com"
	callTimeout = 30 * time.Second // of one call with its retries and, at times, a new access token
)

// Connector is one Google Workspace.
type Connector struct {
	name      string
	subject   string
	tokens    *bearer
	directory *admin.Service
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, conf, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	tokens := newBearer(conf, rt)
	directory, err := admin.NewService(context.Background(),
		option.WithEndpoint(base),
		option.WithLogger(slog.New(slog.DiscardHandler)), // whatever the environment wants Google's client to print
		option.WithHTTPClient(&http.Client{Transport: tokens, CheckRedirect: neverFollow, Timeout: callTimeout}))
	if err != nil {
		return nil, fmt.Errorf("open connection %s: make Google's client: %w", s.Name, err)
	}
	return &Connector{name: s.Name, subject: s.Subject, tokens: tokens, directory: directory}, nil
}

// neverFollow makes redirects answers: Google's client must not be able to
// take our credential to another host.
func neverFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Check proves what the walks need: an access token, the directory of people,
// and a person's security settings.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.awake(ctx); err != nil {
		return err
	}
	if _, err := c.peoplePage(ctx, "", 1); err != nil {
		return err
	}
	_, err := c.tokensOf(ctx, c.subject)
	return err
}

// awake proves that Google answers and knows the administrator we act as, so
// that a 404 of another call can be believed.
func (c *Connector) awake(ctx context.Context) error {
	u, err := c.person(ctx, c.subject)
	if err == nil && u.Suspended {
		err = fmt.Errorf("%s: the administrator %s is suspended", c.name, c.subject)
	}
	return err
}

// The scopes we ask for. An administrator grants exactly these to the service
// account ("domain-wide delegation").
func delegated() []string {
	return []string{admin.AdminDirectoryUserScope, admin.AdminDirectoryUserSecurityScope}
}

// userPath is for people who read an error or a receipt; Google's client has
// its own way to make the URL.
func userPath(userKey string, more ...string) string {
	return rest.Path(append([]string{"admin", "directory", "v1", "users", userKey}, more...)...)
}
