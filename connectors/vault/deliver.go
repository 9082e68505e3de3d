package vault

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/hashicorp/vault/api"

	"latchkey/connectors"
)

// The fields of a stored secret that are ours. Facts are further ones.
const (
	fieldValue = "value"
	fieldLabel = "latchkey_label"
)

// Deliver writes a new version of the secret at the place, if the current one
// is exactly Replaces; Vault decides, with its check-and-set. The field
// latchkey_label holds the Label, and each of the Facts has a field of its
// own. The Version is Vault's number.
//
// A place where a version was ever written is not empty, even if that was
// deleted since: it can be restored, so a first delivery there is ErrTaken
// until the secret's metadata is deleted too. A later delivery goes ahead when
// somebody deleted or destroyed the version it replaces: it was ours, and
// programs wait for the new one.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	base, data, err := c.plan(d)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("%s: deliver: %w: %w", c.name, connectors.ErrUnrecoverable, err)
	}
	// A token that can't be renewed may live: the write will tell.
	if err := c.keepToken(ctx); err != nil && ctx.Err() != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", d.Place, err)
	}
	if err := c.checkEngine(ctx); err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", d.Place, err)
	}
	version, err := c.write(ctx, d.Place, data, base)
	if mismatched(err) {
		version, err = c.settle(ctx, d, base)
	} else if err != nil {
		err = c.failed(http.MethodPut, c.dataPath(d.Place), err)
	}
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", d.Place, err)
	}
	return connectors.Delivered{Version: strconv.Itoa(version), Where: c.where(d.Place, version)}, nil
}

// plan is what a delivery writes, and over which version; zero for none.
func (c *Connector) plan(d connectors.Delivery) (base int, data map[string]any, err error) {
	if err := c.CheckPlace(d.Place); err != nil {
		return 0, nil, err
	}
	if d.Label == "" || d.Secret.Empty() {
		return 0, nil, errors.New("the delivery has no label or no secret")
	}
	if d.Replaces != "" {
		base, err = strconv.Atoi(d.Replaces)
		if err != nil || base < 1 || base > math.MaxInt32 || strconv.Itoa(base) != d.Replaces {
			return 0, nil, fmt.Errorf("%q is not a version of Vault's", d.Replaces)
		}
	}
	data = map[string]any{}
	for key, fact := range d.Facts {
		data[key] = fact
	}
	if data[fieldValue] != nil || data[fieldLabel] != nil {
		return 0, nil, fmt.Errorf("the facts hold %s or %s, which are not theirs", fieldValue, fieldLabel)
	}
	data[fieldValue], data[fieldLabel] = d.Secret.Expose(), d.Label
	return base, data, nil
}

// write is one check-and-set. Its error is as Vault's client says it.
func (c *Connector) write(ctx context.Context, place string, data map[string]any, base int) (version int, err error) {
	put, err := c.client.KVv2(c.mount).Put(ctx, place, data, api.WithCheckAndSet(base))
	if err != nil {
		return 0, err
	}
	if put.VersionMetadata == nil || put.VersionMetadata.Version != base+1 {
		return 0, errOddAnswer // whatever was written carries our label
	}
	return base + 1, nil
}

// settle finds out why Vault's current version is not base. One that is this
// very delivery was written by an earlier try, whose answer was lost.
func (c *Connector) settle(ctx context.Context, d connectors.Delivery, base int) (version int, err error) {
	current, err := c.client.KVv2(c.mount).Get(ctx, d.Place)
	switch {
	case errors.Is(err, api.ErrSecretNotFound) && base == 0:
		return 0, fmt.Errorf("%s: somebody emptied the place just now", c.name)
	case errors.Is(err, api.ErrSecretNotFound):
		return 0, fmt.Errorf("%s: %w: the secret is gone with all its versions", c.name, connectors.ErrTaken)
	case err == nil && (current.VersionMetadata == nil || current.VersionMetadata.Version < 1):
		err = errOddAnswer
	}
	if err != nil {
		return 0, c.failed(http.MethodGet, c.dataPath(d.Place), err)
	}
	version = current.VersionMetadata.Version
	switch {
	case current.Data == nil:
		return 0, fmt.Errorf("%s: %w: version %d was there, is deleted, and may be restored; "+
			"delete the secret's metadata too to empty the place", c.name, connectors.ErrTaken, version)
	case current.Data[fieldLabel] != d.Label || current.Data[fieldValue] != d.Secret.Expose():
		return 0, fmt.Errorf("%s: %w: version %d is not from this delivery", c.name, connectors.ErrTaken, version)
	}
	return version, nil
}

func (c *Connector) dataPath(place string) string { return "/v1/" + c.mount + "/data/" + place }

// where is for people.
func (c *Connector) where(place string, version int) string {
	text := fmt.Sprintf("%s/data/%s, version %d", c.mount, place, version)
	if c.namespace != "" {
		text += ", in the namespace " + c.namespace
	}
	return text
}
