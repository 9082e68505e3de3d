package awssecrets

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// create makes the secret, tags and all, if there is none of the name. The
// same again is answered as the first time was; whether it is still what
// programs read is looked up in either case.
func (c *Connector) create(ctx context.Context, p plan) error {
	const operation = "CreateSecret"
	_, err := c.client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String(p.place), ClientRequestToken: aws.String(p.version), SecretString: aws.String(p.value), Tags: p.tags,
	})
	if said := code(err); err != nil && said != codeExists && said != codeState {
		return c.failed(operation, err)
	}
	now, lookErr := c.look(ctx, p.place)
	switch {
	case lookErr != nil:
		return lookErr
	case now == nil && err != nil:
		return c.failed(operation, err)
	case now == nil:
		return fmt.Errorf("%s: the secret was made and is not found", c.name)
	case now.leaving:
		return c.takenByDeletion()
	case now.current != p.version:
		return c.taken("the current version of the secret is not from this delivery")
	case err == nil:
		return nil
	}
	return c.put(ctx, p) // there by an earlier try, if it has the same value
}
