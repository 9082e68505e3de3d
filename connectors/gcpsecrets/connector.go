package gcpsecrets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/api/secretmanager/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.Sink         = (*Connector)(nil)
	_ connectors.PlaceChecker = (*Connector)(nil)
)

const (
	verbTimeout = 60 * time.Second // of a verb with all its calls
	probeID     = "latchkey"
)

// Connector is the secrets of one Google Cloud project.
type Connector struct {
	name    string
	project string // "projects/acme-prod"
	probe   string // a secret's ID to ask for that we may ask for
	api     *secretmanager.ProjectsSecretsService
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, key, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	service, err := secretmanager.NewService(context.Background(),
		option.WithEndpoint(base),
		option.WithLogger(slog.New(slog.DiscardHandler)),                                     // an environment variable would have requests printed, secrets and all
		option.WithHTTPClient(&http.Client{Transport: newBearer(key, &rest.Wire{Next: rt})})) // which answers no redirect
	if err != nil { // may quote the environment
		return nil, fmt.Errorf("open connection %s: Google's client can't be made from this environment", s.Name)
	}
	c := &Connector{name: s.Name, project: "projects/" + s.Project, api: service.Projects.Secrets}
	c.probe = c.probeOf(s.Places)
	return c, nil
}

// probeOf is an ID within the places, because a careful policy lets us ask for
// no other.
func (c *Connector) probeOf(places []string) string {
	for _, pattern := range places {
		if id := strings.ReplaceAll(pattern, "*", probeID); c.CheckPlace(id) == nil {
			return id
		}
	}
	return probeID
}

// Check proves that Google knows our key and lets us look at secrets: it asks
// for one that need not be there.
func (c *Connector) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	_, err := c.secret(ctx, c.probe)
	return err
}
