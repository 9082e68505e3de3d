package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	docs        = "https://docs.github.com/rest"
	defaultPage = 30
	maxPage     = 100
)

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) { failAt(w, status, message, docs) }

func failAt(w http.ResponseWriter, status int, message, documentation string) {
	reply(w, status, map[string]string{
		"message": message, "documentation_url": documentation, "status": strconv.Itoa(status),
	})
}

func notFound(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not Found") }

// invalid is the vendor's 422.
func invalid(w http.ResponseWriter, field, message string) {
	reply(w, http.StatusUnprocessableEntity, map[string]any{
		"message": "Validation Failed", "documentation_url": docs, "status": "422",
		"errors": []map[string]string{{"resource": "Request", "field": field, "code": "custom", "message": message}},
	})
}

// read decodes a body, an object that has no field but in's.
func read(w http.ResponseWriter, r *http.Request, in any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || !json.Valid(body) || body[0] != '{' {
		fail(w, http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(in); err != nil {
		invalid(w, "body", "a field is unknown or of another type")
		return false
	}
	return true
}

// pathID is the id of the path, or the answer that there is none.
func pathID(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		notFound(w, r)
		return 0, false
	}
	return id, true
}

// paged is the page of a listing that a query asks for, and writes the links
// to the others. more are the keys a query may have beside page and per_page.
func paged[R any](d *Double, w http.ResponseWriter, r *http.Request, rows []R, more ...string) ([]R, bool) {
	if d.knobs.EmptyLists {
		rows = nil
	}
	query := r.URL.Query()
	for key, values := range query {
		if !slices.Contains(append(more, "page", "per_page"), key) || len(values) != 1 && !strings.HasSuffix(key, "[]") {
			invalid(w, key, "this listing takes no such key, or takes it once")
			return nil, false
		}
	}
	size, ok := number(query, "per_page", defaultPage)
	page, fine := number(query, "page", 1)
	if !ok || !fine || size > maxPage {
		invalid(w, "per_page", "want a page from 1, of 1 to 100")
		return nil, false
	}
	last := max(1, (len(rows)+size-1)/size)
	var links []string
	link := func(rel string, to int) {
		query.Set("page", strconv.Itoa(to))
		links = append(links, fmt.Sprintf(`<http://%s%s?%s>; rel="%s"`, r.Host, r.URL.Path, query.Encode(), rel))
	}
	if page > 1 {
		link("prev", page-1)
		link("first", 1)
	}
	if page < last {
		link("next", page+1)
		link("last", last)
	}
	if len(links) > 0 {
		w.Header().Set("Link", strings.Join(links, ", "))
	}
	from := min((page-1)*size, len(rows))
	return rows[from:min(from+size, len(rows))], true
}

func number(query url.Values, key string, absent int) (int, bool) {
	if !query.Has(key) {
		return absent, true
	}
	n, err := strconv.Atoi(query.Get(key))
	return n, err == nil && n > 0
}

// at writes a time, or null for zero.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}
