package timepiecetest

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
)

func (d *Double) routes() {
	d.mux.HandleFunc("GET /rest/issue", d.oneIssue)
	d.mux.HandleFunc("GET /rest/issue/expanded", d.oneIssue)
	d.mux.HandleFunc("GET /rest/issues", d.issueList)
	d.mux.HandleFunc("GET /rest/issues/v2", d.issueList)
	d.mux.HandleFunc("GET /rest/aggregation", d.issueList)
	d.mux.HandleFunc("POST /rest/aggregation", d.issueList)
	d.mux.HandleFunc("GET /rest/calendar", listCalendars)
	d.mux.HandleFunc("GET /rest/calendar/{id}", getCalendar)
	d.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not found", "") })
}

// parameters are those the vendor's page on single issues documents, and those
// of lists that clients were seen to send.
func parameters() []string {
	return []string{
		"issueKey", "outputType", "columnsBy", "timePeriod", "multiVisitBehavior", "fields", "historyFields", "statuses", "groups",
		"includeDeletedStatuses", "trimHistoryStartDate", "trimHistoryEndDate", "calendar", "dayLength", "viewFormat",
		"filterType", "customjql", "jqlFilterID", "startDate", "dateRangeField", "pageSize", "nextPageToken", queryToken,
	}
}

// allowed checks the query, or answers 400, whose body is assumed, and is false.
func allowed(w http.ResponseWriter, r *http.Request, required ...string) bool {
	for name := range r.URL.Query() {
		if !slices.Contains(parameters(), name) {
			fail(w, http.StatusBadRequest, "Bad request", "parameter '"+name+"' is unknown.")
			return false
		}
	}
	for _, name := range required {
		if r.URL.Query().Get(name) == "" {
			fail(w, http.StatusBadRequest, "Bad request", "parameter '"+name+"' is required.")
			return false
		}
	}
	return true
}

// oneIssue shows an issue that the token's user sees in Jira; to others it
// does not exist.
func (d *Double) oneIssue(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, "issueKey", "columnsBy") {
		return
	}
	rows := slices.DeleteFunc(d.seen(r), func(i issue) bool { return i.key != r.URL.Query().Get("issueKey") })
	if len(rows) == 0 {
		fail(w, http.StatusNotFound, "Not found", "")
		return
	}
	report(w, r, rows)
}

// issueList is every issue the user sees: the filters are not carried out.
func (d *Double) issueList(w http.ResponseWriter, r *http.Request) {
	if allowed(w, r, "filterType", "columnsBy") {
		report(w, r, d.seen(r))
	}
}

func (d *Double) seen(r *http.Request) []issue {
	d.mu.Lock()
	user := d.records[tokenOf(r)].User
	d.mu.Unlock()
	return slices.DeleteFunc(issues(), func(i issue) bool { return !slices.Contains(i.seenBy, user) })
}

type column struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

type row struct {
	HeaderColumns []column `json:"headerColumns"`
	ValueColumns  []column `json:"valueColumns"`
}

// report answers in the shape that a public client notes for the list; that of
// the other endpoints is taken to be the same.
func report(w http.ResponseWriter, r *http.Request, found []issue) {
	rows := []row{}
	for _, i := range found {
		one := row{HeaderColumns: []column{{"issuekey", i.key}, {"summary", i.summary}}}
		for _, s := range statuses() {
			one.ValueColumns = append(one.ValueColumns, column{s.ID, i.minutes[s.ID]})
		}
		rows = append(rows, one)
	}
	if r.URL.Query().Get("outputType") == "csv" {
		writeCSV(w, rows)
		return
	}
	reply(w, http.StatusOK, map[string]any{"table": map[string]any{
		"header": row{[]column{{"issuekey", "Key"}, {"summary", "Summary"}}, statuses()},
		"body":   map[string]any{"rows": rows},
	}})
}

func writeCSV(w http.ResponseWriter, rows []row) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"Key", "Summary", "Open", "Closed"})
	for _, r := range rows {
		_ = out.Write([]string{r.HeaderColumns[0].Value, r.HeaderColumns[1].Value, r.ValueColumns[0].Value, r.ValueColumns[1].Value})
	}
	out.Flush()
}

// fail is the error body that the vendor documents for a missing token.
func fail(w http.ResponseWriter, status int, message, detail string) {
	details := []string{}
	if detail != "" {
		details = append(details, detail)
	}
	reply(w, status, struct {
		Status   int      `json:"status"`
		Message  string   `json:"message"`
		Messages []string `json:"messages"`
	}{status, message, details})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
