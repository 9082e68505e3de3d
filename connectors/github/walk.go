package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
)

const pageSize = "100" // the most the vendor gives

// listing is a collection of the vendor's, as pages of rows.
type listing struct {
	as    *api
	path  string
	query url.Values // beside page and per_page
	field string     // of the answer that holds the rows; empty where it is the rows
}

// row is a line of a listing. One without what addresses it, or what it may
// do, is not whole and ends the walk.
type row interface{ whole() bool }

// errMalformed ends a walk at such a row.
var errMalformed = errors.New("the listing has a malformed row")

// walk streams the rows page by page. It yields an error once and ends: what
// came before it is not the whole listing. Pages are numbered, so a row that
// is taken away during a walk moves later ones forward, across the border of a
// page too; a listing of more than a page is only as whole as that.
func walk[R row](ctx context.Context, l listing) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		seen := map[int]bool{1: true}
		for page := 1; page != 0; {
			rows, next, err := turn[R](ctx, l, page)
			if err == nil && next != 0 && seen[next] {
				err = fmt.Errorf("GET %s: the vendor answers page %d again and again", l.path, next)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, r := range rows {
				if !r.whole() {
					yield(none, fmt.Errorf("GET %s: %w", l.path, errMalformed))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
			seen[next] = true
			page = next
		}
	}
}

// look searches a listing to its end. others tells whether it had rows at all.
func look[R row](rows iter.Seq2[R, error], is func(R) bool) (found *R, others bool, err error) {
	for r, err := range rows {
		if err != nil {
			return nil, others, err
		}
		if others = true; is(r) {
			return &r, others, nil
		}
	}
	return nil, others, nil
}

// proven is look for what must be known to be gone: nil is what a listing of
// others does not have.
func proven[R row](rows iter.Seq2[R, error], is func(R) bool) (*R, error) {
	found, others, err := look(rows, is)
	if err == nil && !others {
		err = connectors.ErrNoProof
	}
	return found, err
}

// turn gets one page, and the number of the next or zero.
func turn[R any](ctx context.Context, l listing, page int) (rows []R, next int, err error) {
	query := url.Values{"per_page": {pageSize}, "page": {strconv.Itoa(page)}}
	maps.Copy(query, l.query)
	var answer json.RawMessage
	resp, err := l.as.do(ctx, request{method: http.MethodGet, path: l.path, query: query}, &answer)
	if err != nil {
		return nil, 0, err
	}
	if rows, err = rowsOf[R](answer, l.field); err != nil {
		return nil, 0, fmt.Errorf("GET %s: %w", l.path, err)
	}
	if next, err = nextPage(resp); err != nil {
		return nil, 0, fmt.Errorf("GET %s: %w", l.path, err)
	}
	return rows, next, nil
}

// rowsOf refuses an answer without rows: an empty list is [], not nothing.
func rowsOf[R any](answer json.RawMessage, field string) ([]R, error) {
	if field != "" {
		var fields map[string]json.RawMessage
		if json.Unmarshal(answer, &fields) != nil {
			return nil, errors.New("the answer is not the JSON expected")
		}
		answer = fields[field]
	}
	var rows []R
	if json.Unmarshal(answer, &rows) != nil || rows == nil {
		return nil, errors.New("the answer is not the list expected")
	}
	return rows, nil
}

// nextPage reads the Link header as the client did, and refuses a next page
// that the client could not read: skipping it would make a part look whole.
func nextPage(resp *github.Response) (int, error) {
	links := strings.Join(resp.Header.Values("Link"), ",")
	more := strings.Contains(links, `rel="next"`) || strings.Contains(links, "rel=next")
	if more != (resp.NextPage > 0) {
		return 0, errors.New("the answer has a next page without its number")
	}
	return resp.NextPage, nil
}
