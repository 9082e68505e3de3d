package atlassian

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Revoke ends one token or key for good. What the vendor calls unknown counts
// as gone only when its lists bear that out. A service account's token can be
// revoked by nobody over the API, short of all tokens of that account: that is
// ErrUnsupported while it is listed, and GuideRevoke says what to do.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a, ok := parse(r)
	if !ok {
		return nil
	}
	var err error
	switch a.class {
	case classUser:
		err = c.deleteToken(ctx, tokenPath{account: a.account, token: a.id})
	case classOrg:
		err = c.call(ctx, rest.Request{Method: http.MethodPatch, Path: c.orgPath("api-keys", "revoke", a.id)}, nil)
	case classService:
		return c.revokedByHand(ctx, a)
	}
	switch rest.Status(err) {
	case http.StatusNotFound:
		return c.provenGone(ctx, a, err)
	case http.StatusForbidden:
		return fmt.Errorf("revoke %s at %s: the organisation API key may not do this (%s): %w", a, c.name, needs(a), err)
	}
	if err != nil {
		return fmt.Errorf("revoke %s at %s: %w", a, c.name, err)
	}
	return nil
}

// needs says what a key must have for a revoke.
func needs(a address) string {
	if a.class == classOrg {
		return "scope delete:keys:admin"
	}
	return "revoking people's tokens seems to take a key without scopes"
}

// provenGone looks whether a 404 was about the credential, or about something
// else that is missing: the account, or the permission to see it. A credential
// that is still listed is worth another try.
func (c *Connector) provenGone(ctx context.Context, a address, notFound error) error {
	alive, err := c.liveness(ctx, a)
	if err != nil {
		return fmt.Errorf("revoke %s at %s: the vendor answered 404: %w", a, c.name, err)
	}
	if alive == connectors.Dead {
		return nil
	}
	return fmt.Errorf("revoke %s at %s: the vendor still lists it, and yet answered: %s", a, c.name, notFound.Error())
}

func (c *Connector) revokedByHand(ctx context.Context, a address) error {
	alive, err := c.liveness(ctx, a)
	if err != nil {
		return fmt.Errorf("revoke %s at %s: %w", a, c.name, err)
	}
	if alive == connectors.Dead {
		return nil
	}
	return fmt.Errorf("revoke %s at %s: %w: a single token of a service account is revoked in Atlassian Administration",
		a, c.name, connectors.ErrUnsupported)
}

const adminURL = "https://admin.atlassian.com"

// GuideRevoke is the way through Atlassian Administration, for service account
// tokens and for when the API fails. Names of menus change: they are those of
// the vendor's help pages.
func (c *Connector) GuideRevoke(r connectors.Ref) connectors.Task {
	a, ok := parse(r)
	if !ok {
		return connectors.Task{}
	}
	steps := []string{"Sign in to Atlassian Administration as an organisation admin and choose the organisation."}
	switch a.class {
	case classUser:
		steps = append(steps,
			"Open Insights, then API token activity.",
			fmt.Sprintf("Find the token of %s and select Revoke.", person(r.Owner, "account "+a.account)))
	case classOrg:
		steps = append(steps,
			"Open Settings, then API keys.",
			"Find the key and select Revoke.")
	case classService:
		steps = append(steps,
			"Open Directory, then Service accounts.",
			fmt.Sprintf("Choose %s and go to its credentials.", person(r.Owner, "the service account that holds the token")),
			"Revoke this one token. Don't choose anything that revokes all of them.")
	}
	return connectors.Task{URL: adminURL, Steps: append(steps, "Leave everything else as it is: the next sync sees that it is gone.")}
}

// person names an account for people, as well as it is known.
func person(a connectors.AccountRef, otherwise string) string {
	switch {
	case a.Name != "" && a.Email != "":
		return fmt.Sprintf("%s (%s)", a.Name, a.Email)
	case a.Email != "":
		return a.Email
	case a.Name != "":
		return a.Name
	}
	return otherwise
}
