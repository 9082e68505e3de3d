package oktatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stamp is the vendor's time format: milliseconds, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

type object map[string]any

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// fail answers an error object. A cause of none is an empty list.
func fail(w http.ResponseWriter, status int, code, summary, cause string) {
	causes := []object{}
	if cause != "" {
		causes = append(causes, object{"errorSummary": cause})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{
		"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oaedouble", "errorCauses": causes,
	})
}

func notFound(w http.ResponseWriter, id, class string) {
	fail(w, http.StatusNotFound, "E0000007", fmt.Sprintf("Not found: Resource not found: %s (%s)", id, class), "")
}

func invalid(w http.ResponseWriter, what, cause string) {
	fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: "+what, cause)
}

// acceptable refuses bodies, which none of the served operations has, and
// query keys that an operation does not document.
func acceptable(w http.ResponseWriter, r *http.Request, keys []string) bool {
	if body, _ := io.ReadAll(io.LimitReader(r.Body, 1)); len(body) > 0 {
		fail(w, http.StatusBadRequest, "E0000003", "The request body was not well-formed.", "")
		return false
	}
	for key, values := range r.URL.Query() {
		if !slices.Contains(keys, key) || len(values) != 1 {
			invalid(w, key, key+": not a parameter of this operation, or given twice")
			return false
		}
	}
	return true
}

// replyAll answers a listing that has no pages.
func (d *Double) replyAll(w http.ResponseWriter, rows []object) {
	if d.empty {
		rows = []object{}
	}
	reply(w, rows)
}

// replyPage answers one page of rows and links to the next in headers: one
// header per link, as the vendor sends them.
func (d *Double) replyPage(w http.ResponseWriter, r *http.Request, rows []object) {
	if d.empty {
		rows = []object{}
	}
	query := r.URL.Query()
	limit := d.maxPage
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > defaultMaxPage {
			invalid(w, "limit", "limit: must be between 1 and 200")
			return
		}
		limit = min(n, d.maxPage)
	}
	start := 0
	if after := query.Get("after"); after != "" {
		if start = slices.IndexFunc(rows, func(o object) bool { return o["id"] == after }) + 1; start == 0 {
			invalid(w, "after", "after: the cursor is unknown")
			return
		}
	}
	end := min(start+limit, len(rows))
	base := "http://" + r.Host
	if d.links.Base != "" {
		base = d.links.Base
	}
	w.Header().Add("Link", fmt.Sprintf(`<%s%s>; rel="self"`, base, r.URL.RequestURI()))
	if end < len(rows) {
		last := rows[end-1]["id"].(string)
		if d.links.Stuck {
			last = rows[limit-1]["id"].(string)
		}
		query.Set("after", last)
		w.Header().Add("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, base, r.URL.Path, query.Encode()))
	}
	reply(w, rows[start:end])
}
