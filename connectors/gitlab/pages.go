package gitlab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	gl "gitlab.com/gitlab-org/api/client-go"
)

// perPage is the most GitLab answers at once.
const perPage = 100

func firstPage() gl.ListOptions { return gl.ListOptions{PerPage: perPage} }

// pages walks a listing, page by page, and yields an error once at its end.
// A page that could hide rows from us is an error: no list, a row that is
// none, a next page that does not advance.
func pages[T any](ctx context.Context, c *Connector, call func(...gl.RequestOptionFunc) ([]*T, *gl.Response, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for page := int64(1); page != 0; {
			rows, resp, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*T, *gl.Response, error) {
				rows, resp, err := call(o, gl.WithOffsetPaginationParameters(page))
				if rows == nil {
					return nil, resp, err // "null" is no list
				}
				return &rows, resp, err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range *rows {
				if row == nil {
					yield(nil, fmt.Errorf("%s: a row is empty", callName(resp)))
					return
				}
				if !yield(row, nil) {
					return
				}
			}
			if page, err = pageAfter(page, len(*rows), resp); err != nil {
				yield(nil, fmt.Errorf("%s: %w", callName(resp), err))
				return
			}
		}
	}
}

// pageAfter is the number of the next page, zero after the last. X-Next-Page
// is there and empty on the last page; where something between us and GitLab
// took it away, pages are read until one is short.
func pageAfter(page int64, rows int, resp *gl.Response) (int64, error) {
	header, said := resp.Header["X-Next-Page"]
	if !said {
		if rows < perPage && resp.NextLink == "" {
			return 0, nil
		}
		return page + 1, nil
	}
	if header[0] == "" {
		return 0, nil
	}
	next, err := strconv.ParseInt(header[0], 10, 64)
	if err != nil || next <= page || rows == 0 {
		return 0, errors.New("the next page it names does not advance")
	}
	return next, nil
}

// as turns the rows of a listing into another type.
func as[T, U any](rows iter.Seq2[*T, error], turn func(*T) *U) iter.Seq2[*U, error] {
	return func(yield func(*U, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(turn(row), nil) {
				return
			}
		}
	}
}

// tokensOf lists all tokens of one sort in one home, dead ones too. There is
// no filter on purpose: with one, a token that is revoked while we read would
// move the rows behind it up by one, and the next page would lack one that
// works. Where the client lets us, the oldest come first, so that new ones
// can't move the others either.
func (c *Connector) tokensOf(ctx context.Context, home ref) iter.Seq2[*gl.PersonalAccessToken, error] {
	oldestFirst := string(gl.CreatedAsc)
	switch home.class {
	case groupToken:
		sort := gl.CreatedAsc
		return as(pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.GroupAccessToken, *gl.Response, error) {
			return c.api.GroupAccessTokens.ListGroupAccessTokens(home.home, &gl.ListGroupAccessTokensOptions{ListOptions: firstPage(), Sort: &sort}, o...)
		}), func(t *gl.GroupAccessToken) *gl.PersonalAccessToken { return &t.PersonalAccessToken })
	case projectToken:
		return as(pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.ProjectAccessToken, *gl.Response, error) {
			return c.api.ProjectAccessTokens.ListProjectAccessTokens(home.home, &gl.ListProjectAccessTokensOptions{ListOptions: firstPage()}, o...)
		}), func(t *gl.ProjectAccessToken) *gl.PersonalAccessToken { return &t.PersonalAccessToken })
	case serviceToken:
		return pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.PersonalAccessToken, *gl.Response, error) {
			return c.api.Groups.ListServiceAccountPersonalAccessTokens(home.home, home.user,
				&gl.ListServiceAccountPersonalAccessTokensOptions{ListOptions: firstPage(), Sort: &oldestFirst}, o...)
		})
	case inventoryToken:
		return as(pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.GroupPersonalAccessToken, *gl.Response, error) {
			return c.api.GroupCredentials.ListGroupPersonalAccessTokens(home.home, &gl.ListGroupPersonalAccessTokensOptions{ListOptions: firstPage()}, o...)
		}), func(t *gl.GroupPersonalAccessToken) *gl.PersonalAccessToken {
			return &gl.PersonalAccessToken{
				ID: t.ID, Name: t.Name, Revoked: t.Revoked, CreatedAt: t.CreatedAt, Description: t.Description, Scopes: t.Scopes,
				UserID: t.UserID, LastUsedAt: t.LastUsedAt, Active: t.Active, ExpiresAt: t.ExpiresAt,
			}
		})
	case personalToken:
	}
	return pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.PersonalAccessToken, *gl.Response, error) {
		return c.api.PersonalAccessTokens.ListPersonalAccessTokens(&gl.ListPersonalAccessTokensOptions{ListOptions: firstPage(), Sort: &oldestFirst}, o...)
	})
}
