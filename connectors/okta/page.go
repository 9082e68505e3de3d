package okta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"latchkey/connectors/rest"
)

// pageSize is the most rows the vendor gives in one page.
const pageSize = "200"

// rows walks the pages of a listing. Rows are handed out when their page is
// known to be well-formed, and an error ends the walk.
func rows[T any](ctx context.Context, c *Connector, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[string]bool{}
		for query = maps.Clone(query); ; {
			page, next, err := readPage[T](ctx, c, path, query)
			if err == nil && seen[next] {
				err = fmt.Errorf("%s: %s comes to the same page again and again", c.name, path)
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if query == nil {
				query = url.Values{}
			}
			query.Set("after", next)
			seen[next] = true
		}
	}
}

func readPage[T any](ctx context.Context, c *Connector, path string, query url.Values) (rows []T, next string, err error) {
	resp, err := c.do(ctx, rest.Request{Method: http.MethodGet, Path: path, Query: query}, &rows)
	if err != nil {
		return nil, "", err
	}
	if rows == nil { // null, which is no list and must not look like an empty one
		return nil, "", fmt.Errorf("%s: the answer of %s is no list", c.name, path)
	}
	next, err = nextCursor(resp.Header.Values("Link"))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %s: %w", c.name, path, err)
	}
	return rows, next, nil
}

// nextCursor takes the cursor, and nothing else, out of the link to the next
// page: host, path and further parameters of a link are the vendor's to write
// and not ours to follow. It is empty on the last page.
func nextCursor(links []string) (string, error) {
	for _, header := range links {
		for left := header; left != ""; {
			target, params, more, ok := cutLink(left)
			if !ok {
				return "", errors.New("a Link header is malformed")
			}
			left = more
			if !isNext(params) {
				continue
			}
			u, err := url.Parse(target)
			if err != nil || u.Query().Get("after") == "" {
				return "", errors.New("the link to the next page has no cursor")
			}
			return u.Query().Get("after"), nil
		}
	}
	return "", nil
}

// cutLink cuts the first `<target>; params` off a Link header (RFC 8288). A
// comma in a target is data, one after it ends the link.
func cutLink(header string) (target, params, more string, ok bool) {
	header = strings.TrimLeft(header, " \t,")
	if header == "" {
		return "", "", "", true
	}
	if header[0] != '<' {
		return "", "", "", false
	}
	target, tail, ok := strings.Cut(header[1:], ">")
	if !ok {
		return "", "", "", false
	}
	params, more, _ = strings.Cut(tail, ",")
	return target, params, more, true
}

func isNext(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "rel") && strings.EqualFold(strings.Trim(value, `"`), "next") {
			return true
		}
	}
	return false
}
