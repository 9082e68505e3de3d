package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/secret"
)

// Issue makes an access token of the governed group, named exactly as the
// label, whose role is the least that the scopes make sense with: Reporter to
// read, Developer to write, Maintainer for the rest.
//
// GitLab's tokens end with a date, at midnight UTC as it begins. The token
// gets the first such midnight that is not before the end asked for, so GitLab
// itself ends it at most a day later than asked; who wants it to end sharp
// revokes it then.
//
// The call is never repeated here: an error that is neither ErrUnrecoverable
// nor a RateLimitedError leaves open whether there is a token of that name.
func (c *Connector) Issue(ctx context.Context, req connectors.IssueRequest) (connectors.Issued, error) {
	issued, err := c.issue(ctx, req)
	if err != nil {
		return connectors.Issued{}, fmt.Errorf("issue: %w", err)
	}
	return issued, nil
}

func (c *Connector) issue(ctx context.Context, req connectors.IssueRequest) (connectors.Issued, error) {
	if err := checkRequest(req); err != nil {
		return connectors.Issued{}, err
	}
	top, err := c.topGroup(ctx)
	if err != nil {
		return connectors.Issued{}, err
	}
	level, ends := levelFor(req.Scopes), lastDate(req.ExpiresAt)
	made, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.GroupAccessToken, *gl.Response, error) {
		return c.api.GroupAccessTokens.CreateGroupAccessToken(top.ID, &gl.CreateGroupAccessTokenOptions{
			Name: &req.Label, Scopes: &req.Scopes, AccessLevel: &level, ExpiresAt: &ends,
		}, o)
	})
	if err != nil {
		return connectors.Issued{}, err
	}
	return issuedAs(ref{class: groupToken, home: top.ID}, &made.PersonalAccessToken)
}

func checkRequest(req connectors.IssueRequest) error {
	switch {
	case req.Label == "":
		return fmt.Errorf("%w: a token without a label could not be found again", connectors.ErrUnrecoverable)
	case len(req.Scopes) == 0:
		return fmt.Errorf("%w: a token needs a scope", connectors.ErrUnrecoverable)
	case req.ExpiresAt.IsZero():
		return fmt.Errorf("%w: a token needs an end", connectors.ErrUnrecoverable)
	}
	offered := catalogue()
	for _, name := range req.Scopes {
		if !slices.ContainsFunc(offered, func(s connectors.Scope) bool { return s.Name == name }) {
			return fmt.Errorf("%w: %q is no scope that tokens are issued with", connectors.ErrUnrecoverable, name)
		}
	}
	return nil
}

// levelFor is the role of a token with those scopes.
func levelFor(scopes []string) gl.AccessLevelValue {
	switch accessOf(scopes) {
	case connectors.Read:
		return gl.ReporterPermissions
	case connectors.Write:
		return gl.DeveloperPermissions
	case connectors.Admin:
	}
	return gl.MaintainerPermissions
}

// lastDate is the date whose beginning is the first midnight UTC not before t.
func lastDate(t time.Time) gl.ISOTime {
	const day = 24 * time.Hour
	date := t.UTC().Truncate(day)
	if date.Before(t) {
		date = date.Add(day)
	}
	return gl.ISOTime(date)
}

// issuedAs reads GitLab's answer to a token it made or rotated.
func issuedAs(home ref, t *gl.PersonalAccessToken) (connectors.Issued, error) {
	if t.ID <= 0 || t.Token == "" {
		return connectors.Issued{}, errors.New("the answer lacks the token or its ID")
	}
	home.token = t.ID
	r := connectors.Ref{ID: home.String()}
	if t.UserID > 0 {
		r.Owner.ID = strconv.FormatInt(t.UserID, 10)
		r.Owner.Service = home.class != personalToken
	}
	return connectors.Issued{Ref: r, Secret: secret.New(t.Token), ExpiresAt: endOf(t)}, nil
}
