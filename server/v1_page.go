package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
)

// PageQuery is how a list is read a page at a time. It is exported because
// huma reads only exported fields.
type PageQuery struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"How many to answer with at most." example:"100"`
	Cursor string `query:"cursor" maxLength:"500" doc:"Where to go on: the next of the answer before, as it is." example:"MTQy"`
}

// v1List is a page of a list, newest first.
type v1List[T any] struct {
	Data []T    `json:"data" nullable:"false" doc:"This page, newest first."`
	Next string `json:"next,omitempty" doc:"The cursor of the next page. There is none on the last one." example:"MTQy"`
}

// v1Every is a list that is short enough to come whole.
type v1Every[T any] struct {
	Data []T `json:"data" nullable:"false" doc:"All of them."`
}

// v1Listed is the answer with a page.
type v1Listed[T any] struct {
	Link string `header:"Link" doc:"The address of the next page (RFC 8288), with rel=next." example:"</v1/credentials?cursor=MTQy>; rel=\"next\""`
	Body v1List[T]
}

// listed makes a page of rows of which one more than the page has was read, if
// there were so many. at is the cursor of a row.
func listed[R, T any](c v1Call, q PageQuery, rows []R, at func(R) any, show func(R) T) (*v1Listed[T], error) {
	more := len(rows) > q.Limit
	if more {
		rows = rows[:q.Limit]
	}
	out := &v1Listed[T]{Body: v1List[T]{Data: make([]T, 0, len(rows))}}
	for _, r := range rows {
		out.Body.Data = append(out.Body.Data, show(r))
	}
	if !more {
		return out, nil
	}
	raw, err := json.Marshal(at(rows[len(rows)-1]))
	if err != nil {
		return nil, err
	}
	out.Body.Next = base64.RawURLEncoding.EncodeToString(raw)
	query, err := parseQuery(c.request.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	query.Set("cursor", out.Body.Next)
	out.Link = "<" + c.request.URL.Path + "?" + query.Encode() + `>; rel="next"`
	return out, nil
}

// cursor reads where a list goes on; the zero value is its beginning.
func cursor[K any](q PageQuery) (K, error) {
	var at K
	if q.Cursor == "" {
		return at, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err == nil {
		err = json.Unmarshal(raw, &at)
	}
	if err != nil {
		return at, invalid("This is no cursor of this list. Begin without one.").on("cursor")
	}
	return at, nil
}

func parseQuery(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "query", "The query of the address is not well formed.")
	}
	return query, nil
}
