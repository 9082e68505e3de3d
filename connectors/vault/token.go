package vault

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

// life is what Vault says about our token, by its own clock.
type life struct {
	left      time.Duration // zero for a token without an end
	whole     time.Duration // what it was made with, and is renewed for
	renewable bool
}

// due says that less than half is left. A token that was renewed up to its
// greatest age is due until its end, and the renewals change nothing.
func (l life) due() bool { return l.renewable && l.left < l.whole/2 }

// keepToken renews our token when that is due. It asks Vault each time, so
// neither our clock nor another replica's renewal can lead it astray, and two
// renewals at once do no harm.
func (c *Connector) keepToken(ctx context.Context) error {
	l, err := c.tokenLife(ctx)
	if err != nil {
		return err
	}
	if !l.due() {
		return nil
	}
	const path = "/v1/auth/token/renew-self"
	renewed, err := c.client.Auth().Token().RenewSelfWithContext(ctx, int(l.whole/time.Second))
	if err == nil && (renewed == nil || renewed.Auth == nil) {
		err = errOddAnswer
	}
	if err != nil {
		return fmt.Errorf("renew the token, which has %s left: %w", l.left, c.failed(http.MethodPut, path, err))
	}
	return nil
}

func (c *Connector) tokenLife(ctx context.Context) (life, error) {
	const path = "/v1/auth/token/lookup-self"
	found, err := c.client.Auth().Token().LookupSelfWithContext(ctx)
	var l life
	if err == nil {
		l, err = readLife(found)
	}
	if err != nil {
		return life{}, fmt.Errorf("look the token up: %w", c.failed(http.MethodGet, path, err))
	}
	return l, nil
}

func readLife(found *api.Secret) (life, error) {
	if found == nil {
		return life{}, errOddAnswer
	}
	left, okLeft := whole(found.Data, "ttl")
	made, okMade := whole(found.Data, "creation_ttl")
	if !okLeft || !okMade || max(left, made) > math.MaxInt32 {
		return life{}, errOddAnswer
	}
	if period, ok := whole(found.Data, "period"); ok && period <= math.MaxInt32 {
		made = max(made, period)
	}
	renewable, _ := found.Data["renewable"].(bool) // left out for a root token
	return life{left: time.Duration(left) * time.Second, whole: time.Duration(made) * time.Second, renewable: renewable}, nil
}
