package awssecrets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

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
	probeName   = "latchkey"
)

// Connector is the secrets of one account in one region.
type Connector struct {
	name   string
	region string
	probe  string // a name to ask for that we may ask for
	client *secretsmanager.Client
}

// Open checks the settings, reporting every problem at once, and does not
// dial. Nothing of the environment is in force but the credentials, where the
// settings leave them to the machine.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	wired := &http.Client{Transport: &rest.Wire{Next: rt}} // which answers no redirect
	provider, err := keys(s, wired)
	if err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	options := secretsmanager.Options{
		Region: s.Region, Credentials: provider, HTTPClient: wired, Retryer: aws.NopRetryer{},
	}
	if s.BaseURL != "" {
		options.BaseEndpoint = aws.String(s.BaseURL)
	}
	c := &Connector{name: s.Name, region: s.Region, client: secretsmanager.New(options)}
	c.probe = c.probeOf(s.Places)
	return c, nil
}

// probeOf is a name within the places, because a careful policy lets us ask
// for no other.
func (c *Connector) probeOf(places []string) string {
	for _, pattern := range places {
		if name := strings.ReplaceAll(pattern, "*", probeName); c.CheckPlace(name) == nil {
			return name
		}
	}
	return probeName
}

// Check proves that AWS knows our key and lets us describe secrets: it asks
// for one that need not be there.
func (c *Connector) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	_, err := c.look(ctx, c.probe)
	return err
}
