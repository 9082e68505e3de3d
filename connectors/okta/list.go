package okta

import (
	"context"
	"iter"

	"latchkey/connectors"
)

// Credentials walks the organisation's API tokens, then the client secrets of
// its OIDC apps, active or not.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for _, walk := range []iter.Seq2[connectors.Credential, error]{c.tokenCredentials(ctx), c.secretCredentials(ctx)} {
			for cred, err := range walk {
				if !yield(cred, err) || err != nil {
					return
				}
			}
		}
	}
}
