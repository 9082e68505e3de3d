package google

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// milliseconds are what times from here on must be: in seconds, it is the year
// 5138. The vendor says "Unix time" and not in what; GAM, the administrators'
// tool, reads milliseconds.
const milliseconds = 100_000_000_000

// Credentials walks every person's application-specific passwords.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for u, err := range c.people(ctx) {
			var found []*admin.Asp
			if err == nil {
				found, err = whileThere(ctx, c, u, c.passwordsOf)
			}
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list application-specific passwords: %w", err))
				return
			}
			for _, p := range found {
				if !yield(passwordCredential(p, account(u)), nil) {
					return
				}
			}
		}
	}
}

// whileThere reads what a person of a page holds. One who was deleted since
// holds nothing.
func whileThere[T any](ctx context.Context, c *Connector, u *admin.User, read func(context.Context, string) ([]T, error)) ([]T, error) {
	found, err := read(ctx, u.Id)
	if rest.Status(err) != http.StatusNotFound {
		return found, err
	}
	gone, lookErr := c.gone(ctx, u.Id)
	if lookErr != nil {
		return nil, fmt.Errorf("look whether %s is gone: %w", u.Id, lookErr)
	}
	if gone {
		return nil, nil
	}
	return nil, err
}

// passwordsOf is all a person has: this listing has no pages.
func (c *Connector) passwordsOf(ctx context.Context, user string) ([]*admin.Asp, error) {
	answer, err := c.directory.Asps.List(user).Context(ctx).Do()
	if err == nil && (answer == nil || answer.Kind != "admin#directory#aspList") {
		err = errOddAnswer
	}
	codes := map[int64]bool{}
	for i := 0; err == nil && i < len(answer.Items); i++ {
		p := answer.Items[i]
		if p == nil || p.Kind != "admin#directory#asp" || p.CodeId < 0 || codes[p.CodeId] || !isOf(p.UserKey, user) {
			err = errOddAnswer
			break
		}
		codes[p.CodeId] = true
	}
	if err != nil {
		return nil, c.failed(http.MethodGet, userPath(user, "asps"), err)
	}
	return answer.Items, nil
}

// isOf is false for a row about another person than the one asked for.
func isOf(rowUser, user string) bool { return rowUser == "" || rowUser == user }

// passwordCredential is the password in the contract's words: it opens the
// whole account, past its second factor, and stops with the account.
func passwordCredential(p *admin.Asp, owner connectors.AccountRef) connectors.Credential {
	return connectors.Credential{
		Ref:       connectors.Ref{ID: ref{class: classPassword, user: owner.ID, code: p.CodeId}.String(), Owner: owner},
		Kind:      connectors.APIKey,
		Class:     "application-specific password",
		Label:     p.Name,
		Owner:     owner,
		Scopes:    []string{connectors.FullAccess},
		Access:    connectors.Admin,
		CreatedAt: unixTime(p.CreationTime),
		LastUsed:  lastUsed(p.LastTimeUsed),
		Suspended: owner.Closed,
	}
}

// lastUsed takes zero for never, as GAM does, which relies on the field being
// there.
func lastUsed(n int64) connectors.LastUsed {
	if n == 0 {
		return connectors.LastUsed{Known: true}
	}
	at := unixTime(n)
	return connectors.LastUsed{At: at, Known: !at.IsZero()}
}

// unixTime is zero for what can't be a time.
func unixTime(n int64) time.Time {
	if n <= 0 || n >= milliseconds*1000 {
		return time.Time{}
	}
	if n >= milliseconds {
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

func passwordPath(r ref) string { return userPath(r.user, "asps", strconv.FormatInt(r.code, 10)) }
