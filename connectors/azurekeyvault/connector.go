package azurekeyvault

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"latchkey/connectors"
)

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.Sink         = (*Connector)(nil)
	_ connectors.PlaceChecker = (*Connector)(nil)
)

// Connector is one vault, seen by an application that may get and set its
// secrets (the role Key Vault Secrets Officer, or an access policy with both).
//
// Its verbs take turns: the vault has no conditional write, and the client's
// wait for a token that another call asks for does not end with its context.
type Connector struct {
	client *azsecrets.Client
	host   string
	turn   chan struct{} // of one
}

// probe is the name of a secret that need not be there.
const probe = "latchkey-check"

// Check reads a secret that need not be there, which an application that may
// not get secrets can't even ask for. Whether it may set them does not show.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer c.give()
	if _, err := c.read(ctx, probe); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

func (c *Connector) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Connector) give() { <-c.turn }

const maxName = 127

// CheckPlace implements connectors.PlaceChecker. A place is the name of a
// secret.
func (c *Connector) CheckPlace(place string) error {
	if !isName(place) {
		return fmt.Errorf("%.100q is not the name of a secret in a vault: it has up to %d letters, digits and hyphens", place, maxName)
	}
	return nil
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
