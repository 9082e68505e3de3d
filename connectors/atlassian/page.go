package atlassian

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"latchkey/connectors/rest"
)

// listing is one of the organisation's lists.
type listing struct {
	what     string // "user API tokens"
	path     string
	scope    string // what a key with scopes needs to read it
	pageSize int    // zero: the vendor documents no paging here, so none is asked for
}

// page is the envelope of every list of the API Access API.
type page[T any] struct {
	Data  []T    `json:"data"`
	Links *links `json:"links"`
}

type links struct {
	Next string `json:"next"`
}

// cursor is what asks for the next page; empty on the last one. The vendor's
// link is a bare cursor or a URL. Of a URL nothing but the cursor is taken: we
// never go where an answer points.
func (l *links) cursor() (string, error) {
	if l == nil || l.Next == "" {
		return "", nil
	}
	if !strings.Contains(l.Next, "://") && !strings.Contains(l.Next, "?") {
		return l.Next, nil
	}
	u, err := url.Parse(l.Next)
	if err != nil || u.Query().Get("cursor") == "" {
		return "", errors.New("the link to the next page has no cursor")
	}
	return u.Query().Get("cursor"), nil
}

// fetch reads one page and the cursor of the next. A page that might hide rows
// is an error: one without data, or one that does not say whether it is last.
func fetch[T any](ctx context.Context, c *Connector, l listing, cursor string) (rows []T, next string, err error) {
	query := url.Values{}
	if l.pageSize > 0 {
		query.Set("pageSize", strconv.Itoa(l.pageSize))
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var p page[T]
	err = c.call(ctx, rest.Request{Method: http.MethodGet, Path: l.path, Query: query}, &p)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("list %s of %s: %w", l.what, c.name, l.explain(err))
	case p.Data == nil:
		return nil, "", fmt.Errorf("list %s of %s: the answer has no list", l.what, c.name)
	case p.Links == nil && l.pageSize > 0:
		return nil, "", fmt.Errorf("list %s of %s: the answer does not say whether more pages follow", l.what, c.name)
	}
	next, err = p.Links.cursor()
	if err != nil {
		return nil, "", fmt.Errorf("list %s of %s: %w", l.what, c.name, err)
	}
	return p.Data, next, nil
}

func (l listing) explain(err error) error {
	switch rest.Status(err) {
	case http.StatusUnauthorized:
		return fmt.Errorf("the organisation API key was refused: %w", err)
	case http.StatusForbidden:
		return fmt.Errorf("the organisation API key may not read %s (scope %s): %w", l.what, l.scope, err)
	case http.StatusNotFound:
		return fmt.Errorf("the organisation is unknown to the vendor or to this key (org_id): %w", err)
	}
	return err
}

// walk goes through every row of a list, page by page. An error ends it and
// means that rows may be missing.
func walk[T any](ctx context.Context, c *Connector, l listing) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var seen circle
		for cursor := ""; ; {
			rows, next, err := fetch[T](ctx, c, l, cursor)
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if seen.closes(next) {
				yield(none, fmt.Errorf("list %s of %s: the vendor answers the same pages again and again", l.what, c.name))
				return
			}
			cursor = next
		}
	}
}

// circle notices a walk that comes back to a page it had, keeping a single
// cursor (Brent's cycle finding).
type circle struct {
	mark         string
	steps, limit int
}

func (c *circle) closes(cursor string) bool {
	if cursor == c.mark {
		return true
	}
	if c.steps++; c.steps >= c.limit {
		c.mark, c.steps, c.limit = cursor, 0, max(1, 2*c.limit)
	}
	return false
}
