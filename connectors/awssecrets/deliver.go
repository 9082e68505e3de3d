package awssecrets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"latchkey/connectors"
)

// Deliver makes the secret at the place, or a new version of it that becomes
// the current one only if Replaces is that now. The Version is AWS's version
// ID, which we derive from the Label: AWS keeps an ID to one value for ever,
// so a version with ours is ours. The Label is also in the tag latchkey_label,
// for people, and each fact in a tag latchkey_<its key>.
//
// A secret that is scheduled for deletion is ErrTaken: AWS keeps its name
// until the end, and somebody may restore it.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	p, err := c.plan(d)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("%s: deliver: %w: %w", c.name, connectors.ErrUnrecoverable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	if p.replaces == "" {
		err = c.create(ctx, p)
	} else {
		err = c.replace(ctx, p)
	}
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", p.place, err)
	}
	where := fmt.Sprintf("%s in %s, version %s", p.place, c.region, p.version)
	return connectors.Delivered{Version: p.version, Where: where}, nil
}

// plan is a delivery in AWS's words.
type plan struct {
	place, version, replaces, value string
	tags                            []types.Tag
}

func (c *Connector) plan(d connectors.Delivery) (plan, error) {
	if err := c.CheckPlace(d.Place); err != nil {
		return plan{}, err
	}
	if d.Label == "" || d.Secret.Empty() {
		return plan{}, errors.New("the delivery has no label or no secret")
	}
	tags, err := tagsOf(d)
	if err != nil {
		return plan{}, err
	}
	return plan{place: d.Place, version: versionOf(d.Label), replaces: d.Replaces, value: d.Secret.Expose(), tags: tags}, nil
}

// versionOf fills what AWS takes for an ID: 32 to 64 characters.
func versionOf(label string) string {
	sum := sha256.Sum256([]byte("latchkey:" + label))
	return hex.EncodeToString(sum[:])
}

func (c *Connector) taken(why string) error {
	return fmt.Errorf("%s: %w: %s", c.name, connectors.ErrTaken, why)
}

func (c *Connector) takenByDeletion() error {
	return c.taken("the secret is scheduled for deletion: restore it, wait for the end, or name another place")
}
