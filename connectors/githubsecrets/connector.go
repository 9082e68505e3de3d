package githubsecrets

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.Sink         = (*Connector)(nil)
	_ connectors.PlaceChecker = (*Connector)(nil)
)

// Connector is GitHub, seen by a token or by the installation of a GitHub App.
// It needs these permissions of the repositories: secrets and variables (read
// and write) and, for their environments, environments (read and write); a
// classic token needs the scope repo.
type Connector struct {
	api          *api
	now          func() time.Time
	self         []string // path of a call that only a working credential can make
	repositories []place  // that the connection's places name in full
}

// Check proves that the credential works, and that it can read the secrets and
// variables of each repository that the connection's places name in full.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.read(ctx, rest.Path(c.self...), ""); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, p := range c.repositories {
		for _, listing := range []string{"secrets", "variables"} {
			if err := c.read(ctx, p.path(listing), "per_page=1"); err != nil {
				return fmt.Errorf("check the %s of %s/%s: %w", listing, p.owner, p.repo, err)
			}
		}
	}
	return nil
}

// read makes a call whose answer does not matter.
func (c *Connector) read(ctx context.Context, path, query string) error {
	_, err := c.api.do(ctx, request{method: http.MethodGet, path: path, query: query}, nil)
	return err
}
