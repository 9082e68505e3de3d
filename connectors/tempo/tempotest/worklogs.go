package tempotest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// accountAttribute is the work attribute that holds an account's key in this
// world. Its name differs from instance to instance.
const accountAttribute = "_Account_"

type ref struct {
	ID   int64  `json:"id"`
	Self string `json:"self,omitempty"`
}

type user struct {
	AccountID string `json:"accountId"`
	Self      string `json:"self,omitempty"`
}

type attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type attributes struct {
	Self   string      `json:"self"`
	Values []attribute `json:"values"`
}

type worklog struct {
	Self             string     `json:"self"`
	TempoWorklogID   int64      `json:"tempoWorklogId"`
	Issue            ref        `json:"issue"`
	TimeSpentSeconds int64      `json:"timeSpentSeconds"`
	BillableSeconds  int64      `json:"billableSeconds"`
	StartDate        string     `json:"startDate"`
	StartTime        string     `json:"startTime"`
	StartDateTimeUTC string     `json:"startDateTimeUtc"`
	Description      string     `json:"description"`
	CreatedAt        string     `json:"createdAt"`
	UpdatedAt        string     `json:"updatedAt"`
	Author           user       `json:"author"`
	Attributes       attributes `json:"attributes"`
}

// worklogInput is WorklogInput and, without an issue, WorklogUpdate and
// BulkWorklogInput.
type worklogInput struct {
	AuthorAccountID                  string      `json:"authorAccountId"`
	IssueID                          *int64      `json:"issueId"`
	StartDate                        string      `json:"startDate"`
	StartTime                        string      `json:"startTime"`
	TimeSpentSeconds                 int64       `json:"timeSpentSeconds"`
	BillableSeconds                  *int64      `json:"billableSeconds"`
	RemainingEstimateSeconds         *int64      `json:"remainingEstimateSeconds"`
	Description                      string      `json:"description"`
	Attributes                       []attribute `json:"attributes"`
	BypassPeriodClosuresAndApprovals bool        `json:"bypassPeriodClosuresAndApprovals"`
}

// problem is the first reason to refuse the input, or nothing.
func (in worklogInput) problem() string {
	if in.StartTime == "" {
		in.StartTime = "00:00:00"
	}
	_, badTime := time.Parse(time.TimeOnly, in.StartTime)
	switch {
	case in.AuthorAccountID == "":
		return "'authorAccountId' must not be blank"
	case !isDate(in.StartDate):
		return dateError("startDate")
	case badTime != nil:
		return "'startTime' must be valid on the format: 'HH:mm:ss'"
	case in.TimeSpentSeconds < 1:
		return "'timeSpentSeconds' must be greater than or equal to 1"
	case in.BillableSeconds != nil && *in.BillableSeconds < 0:
		return "'billableSeconds' must not be negative"
	}
	return ""
}

// fill replaces everything but identity, issue and creation.
func (in worklogInput) fill(w *worklog, now time.Time) {
	w.Author = user{AccountID: in.AuthorAccountID}
	w.StartDate, w.StartTime = in.StartDate, cmp.Or(in.StartTime, "00:00:00")
	w.StartDateTimeUTC = w.StartDate + "T" + w.StartTime + "Z"
	w.TimeSpentSeconds, w.BillableSeconds = in.TimeSpentSeconds, in.TimeSpentSeconds
	if in.BillableSeconds != nil {
		w.BillableSeconds = *in.BillableSeconds
	}
	w.Description = in.Description
	w.Attributes.Values = append([]attribute{}, in.Attributes...)
	w.UpdatedAt = now.UTC().Format(time.RFC3339)
}

// insert adds a worklog under the double's lock.
func (d *Double) insert(issueID int64, in worklogInput) worklog {
	return d.worklogs.add(func(id int64) worklog {
		w := worklog{TempoWorklogID: id, Issue: ref{ID: issueID}}
		in.fill(&w, d.now())
		w.CreatedAt = w.UpdatedAt
		return w
	})
}

// links fills the addresses, which depend on how the double was reached.
func (w worklog) links(r *http.Request) worklog {
	w.Self = self(r, "/4/worklogs/"+strconv.FormatInt(w.TempoWorklogID, 10))
	w.Attributes.Self = w.Self + "/work-attribute-values"
	w.Issue.Self = "https://example.atlassian.net/rest/api/2/issue/" + strconv.FormatInt(w.Issue.ID, 10)
	w.Author.Self = "https://example.atlassian.net/rest/api/2/user?accountId=" + w.Author.AccountID
	return w
}

func (d *Double) createWorklog(w http.ResponseWriter, r *http.Request) {
	var in worklogInput
	if !read(w, r, &in) {
		return
	}
	if in.IssueID == nil || *in.IssueID < 1 {
		fail(w, http.StatusBadRequest, "'issueId' must be greater than or equal to 1")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	problem := in.problem()
	if _, known := d.issues[*in.IssueID]; !known && problem == "" {
		problem = fmt.Sprintf("Issue with id '%d' not found", *in.IssueID)
	}
	if problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	reply(w, http.StatusOK, d.insert(*in.IssueID, in).links(r))
}

func (d *Double) createWorklogs(w http.ResponseWriter, r *http.Request) {
	var in []worklogInput
	issueID, ok := pathID(w, r, "issueId")
	if !ok || !read(w, r, &in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.issues[issueID]; !known || len(in) < 1 || len(in) > 50 {
		fail(w, http.StatusBadRequest, "the issue must exist and take 1 to 50 worklogs at once")
		return
	}
	for _, one := range in {
		if problem := one.problem(); problem != "" {
			fail(w, http.StatusBadRequest, problem)
			return
		}
		if one.IssueID != nil {
			fail(w, http.StatusBadRequest, "'issueId' belongs in the path")
			return
		}
	}
	var out []worklog
	for _, one := range in {
		out = append(out, d.insert(issueID, one).links(r))
	}
	reply(w, http.StatusOK, out)
}

func (d *Double) getWorklog(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if row, ok := d.worklogAt(w, r); ok {
		reply(w, http.StatusOK, row.links(r))
	}
}

func (d *Double) replaceWorklog(w http.ResponseWriter, r *http.Request) {
	var in worklogInput
	if !read(w, r, &in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	row, ok := d.worklogAt(w, r)
	if !ok {
		return
	}
	problem := in.problem()
	if in.IssueID != nil {
		problem = "'issueId' can't be changed"
	}
	if problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	in.fill(&row, d.now())
	d.worklogs.rows[row.TempoWorklogID] = row
	reply(w, http.StatusOK, row.links(r))
}

func (d *Double) deleteWorklog(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if row, ok := d.worklogAt(w, r); ok {
		delete(d.worklogs.rows, row.TempoWorklogID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (d *Double) worklogAt(w http.ResponseWriter, r *http.Request) (worklog, bool) {
	id, ok := pathID(w, r, "id")
	if !ok {
		return worklog{}, false
	}
	row, ok := d.worklogs.rows[id]
	if !ok {
		fail(w, http.StatusNotFound, fmt.Sprintf("Worklog with id '%d' not found", id))
	}
	return row, ok
}

// sortWorklogs follows the OpenAPI file: start and id ascending, or one field
// descending.
func sortWorklogs(rows []worklog, orderBy string) bool {
	byID := func(a, b worklog) int { return cmp.Compare(a.TempoWorklogID, b.TempoWorklogID) }
	byStart := func(a, b worklog) int {
		return cmp.Or(cmp.Compare(a.StartDateTimeUTC, b.StartDateTimeUTC), byID(a, b))
	}
	switch orderBy {
	case "":
		slices.SortFunc(rows, byStart)
	case "ID":
		slices.SortFunc(rows, func(a, b worklog) int { return byID(b, a) })
	case "START_DATE_TIME":
		slices.SortFunc(rows, func(a, b worklog) int { return byStart(b, a) })
	case "UPDATED":
		slices.SortFunc(rows, func(a, b worklog) int { return cmp.Or(cmp.Compare(b.UpdatedAt, a.UpdatedAt), byID(b, a)) })
	default:
		return false
	}
	return true
}
