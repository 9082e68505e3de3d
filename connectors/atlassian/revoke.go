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
//
// Of the organisation's keys one is our own, and no answer says which: a Revoke
// of it is carried out, and ends our access. So its rows are a service's
// (Owner.Service), which workflow leaves out of rules and mass revokes.
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

// GuideRevoke is the way through Atlassian Administration to the one sort that
// the API can't end, a single token of a service account; the others have no
// task. A Ref names the token by its ID, and its account only where the Ref has
// an owner. Names of menus change: they are those of the vendor's help pages.
func (c *Connector) GuideRevoke(r connectors.Ref) connectors.Task {
	a, ok := parse(r)
	if !ok || a.class != classService {
		return connectors.Task{}
	}
	return connectors.Task{URL: adminURL, Steps: []string{
		"Sign in to Atlassian Administration as an organisation admin and choose the organisation.",
		"Open Directory, then Service accounts.",
		fmt.Sprintf("Choose %s and go to its credentials.", person(r.Owner, "the service account that holds the token")),
		fmt.Sprintf("Find the token; Atlassian's API knows it by the ID %s.", a.id),
		"Revoke this one token. Don't choose anything that revokes all of them.",
		"Leave everything else as it is: the next sync sees that it is gone.",
	}}
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
