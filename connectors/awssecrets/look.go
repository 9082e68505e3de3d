package awssecrets

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// AWS's staging labels, and the one of ours: it keeps a version that is not
// the current one yet from being cleaned up, and stays on what we put last.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
	stageOurs     = "LATCHKEY"
)

// state is what AWS shows of a secret without its value.
type state struct {
	current  string // ID of the version that programs read; empty for none
	previous string
	leaving  bool // scheduled for deletion
}

// look is nil when there is no such secret.
func (c *Connector) look(ctx context.Context, place string) (*state, error) {
	const operation = "DescribeSecret"
	found, err := c.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(place)})
	switch {
	case code(err) == codeNotFound:
		return nil, nil
	case err != nil:
		return nil, c.failed(operation, err)
	case aws.ToString(found.Name) != place: // another's by a part of its ARN, or no secret at all
		return nil, c.failed(operation, errOddAnswer)
	}
	s := &state{leaving: found.DeletedDate != nil}
	for id, stages := range found.VersionIdsToStages {
		if slices.Contains(stages, stageCurrent) {
			s.current = id
		}
		if slices.Contains(stages, stagePrevious) {
			s.previous = id
		}
	}
	return s, nil
}
