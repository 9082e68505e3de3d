package awssecrets

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// replace puts the new version beside the current one, then has AWS move
// AWSCURRENT to it from exactly the version we replace: a change by somebody
// else in between makes the move fail. What was put stays aside then.
func (c *Connector) replace(ctx context.Context, p plan) error {
	now, err := c.look(ctx, p.place)
	if err != nil {
		return err
	}
	if err := c.mayReplace(now, p); err != nil {
		return err
	}
	if err := c.put(ctx, p); err != nil {
		return err
	}
	if now.current == p.version { // an earlier try got through, and only its answer was lost
		return nil
	}
	if err := c.tag(ctx, p); err != nil {
		return err
	}
	return c.move(ctx, p)
}

func (c *Connector) mayReplace(now *state, p plan) error {
	switch {
	case now == nil:
		return c.taken("the secret is gone")
	case now.leaving:
		return c.takenByDeletion()
	case now.current != p.version && now.current != p.replaces:
		return c.taken("somebody changed the secret since the version it should have")
	case now.current != p.version && now.previous == p.version:
		return c.taken("this delivery was made, and somebody went back to the version before")
	}
	return nil
}

// put adds the version without making it the current one. For a version that
// is there AWS does nothing, and fails if that has another value.
func (c *Connector) put(ctx context.Context, p plan) error {
	const operation = "PutSecretValue"
	done, err := c.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(p.place), ClientRequestToken: aws.String(p.version), SecretString: aws.String(p.value),
		VersionStages: []string{stageOurs},
	})
	if code(err) == codeExists {
		return c.taken("the secret has a version with our label and another value")
	}
	if err == nil && aws.ToString(done.VersionId) != p.version {
		err = errOddAnswer
	}
	if err != nil {
		return c.failed(operation, err)
	}
	return nil
}

// tag comes before the move, so that a refusal leaves programs with what they
// read before.
func (c *Connector) tag(ctx context.Context, p plan) error {
	_, err := c.client.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: aws.String(p.place), Tags: p.tags})
	if err != nil {
		return c.failed("TagResource", err)
	}
	return nil
}

// move looks before it believes a refusal: the move may have been made.
func (c *Connector) move(ctx context.Context, p plan) error {
	_, err := c.client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(p.place), VersionStage: aws.String(stageCurrent),
		MoveToVersionId: aws.String(p.version), RemoveFromVersionId: aws.String(p.replaces),
	})
	if err == nil {
		return nil
	}
	failed := c.failed("UpdateSecretVersionStage", err)
	if said := code(err); said != codeStage && said != codeState {
		return failed
	}
	now, err := c.look(ctx, p.place)
	if err != nil {
		return err
	}
	if err := c.mayReplace(now, p); err != nil {
		return err
	}
	if now.current == p.version {
		return nil
	}
	return failed
}
