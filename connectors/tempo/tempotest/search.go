package tempotest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// filter narrows worklogs; its zero value is all of them.
type filter struct {
	from, to    string
	updatedFrom string
	orderBy     string
	ascending   bool
	keep        []func(worklog) bool
}

// queryFilter reads the parameters every GET of worklogs shares.
func queryFilter(r *http.Request) filter {
	q := r.URL.Query()
	return filter{from: q.Get("from"), to: q.Get("to"), updatedFrom: q.Get("updatedFrom"), orderBy: q.Get("orderBy")}
}

func (f filter) problem() string {
	switch {
	case f.from != "" && !isDate(f.from):
		return dateError("from")
	case f.to != "" && !isDate(f.to):
		return dateError("to")
	case f.updatedFrom != "" && !isDateOrTime(f.updatedFrom):
		return "'updatedFrom' must be valid on the format: 'yyyy-MM-dd['T'HH:mm:ss]['Z']'"
	}
	return ""
}

func isDateOrTime(s string) bool {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func (f filter) match(w worklog) bool {
	if f.from != "" && w.StartDate < f.from || f.to != "" && w.StartDate > f.to || w.UpdatedAt < f.updatedFrom {
		return false
	}
	return !slices.ContainsFunc(f.keep, func(keep func(worklog) bool) bool { return !keep(w) })
}

// find answers the page of worklogs that match, under the double's lock.
func (d *Double) find(w http.ResponseWriter, r *http.Request, f filter) {
	if problem := f.problem(); problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	var rows []worklog
	for _, row := range d.worklogs.all() {
		if f.match(row) {
			rows = append(rows, row.links(r))
		}
	}
	if !sortWorklogs(rows, f.orderBy) {
		fail(w, http.StatusBadRequest, "'orderBy' must be one of ID, START_DATE_TIME, UPDATED")
		return
	}
	if f.ascending {
		slices.Reverse(rows)
	}
	replyPage(w, r, rows)
}

func (d *Double) listWorklogs(w http.ResponseWriter, r *http.Request) {
	f := queryFilter(r)
	issues, okIssues := ids(r.URL.Query()["issueId"])
	projects, okProjects := ids(r.URL.Query()["projectId"])
	if !okIssues || !okProjects {
		fail(w, http.StatusBadRequest, "'issueId' and 'projectId' must be numbers")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.keep = append(d.about(issues, projects), f.keep...)
	d.find(w, r, f)
}

func (d *Double) searchWorklogs(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From        string   `json:"from"`
		To          string   `json:"to"`
		UpdatedFrom string   `json:"updatedFrom"`
		AuthorIDs   []string `json:"authorIds"`
		IssueIDs    []int64  `json:"issueIds"`
		ProjectIDs  []int64  `json:"projectIds"`
		OrderBy     []struct {
			Field string `json:"field"`
			Order string `json:"order"`
		} `json:"orderBy"`
	}
	if !read(w, r, &in) {
		return
	}
	f := filter{from: in.From, to: in.To, updatedFrom: in.UpdatedFrom}
	for _, o := range in.OrderBy {
		if len(in.OrderBy) > 1 || o.Order != "ASC" && o.Order != "DESC" {
			fail(w, http.StatusBadRequest, "'orderBy' takes one field with order ASC or DESC")
			return
		}
		f.orderBy, f.ascending = o.Field, o.Order == "ASC"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.keep = d.about(in.IssueIDs, in.ProjectIDs)
	if len(in.AuthorIDs) > 0 {
		f.keep = append(f.keep, func(w worklog) bool { return slices.Contains(in.AuthorIDs, w.Author.AccountID) })
	}
	d.find(w, r, f)
}

// about keeps worklogs of the given issues and projects; none given is all.
func (d *Double) about(issues, projects []int64) []func(worklog) bool {
	var keep []func(worklog) bool
	if len(issues) > 0 {
		keep = append(keep, func(w worklog) bool { return slices.Contains(issues, w.Issue.ID) })
	}
	if len(projects) > 0 {
		keep = append(keep, func(w worklog) bool { return slices.Contains(projects, d.issues[w.Issue.ID]) })
	}
	return keep
}

func ids(texts []string) ([]int64, bool) {
	var out []int64
	for _, s := range texts {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, false
		}
		out = append(out, id)
	}
	return out, true
}

func (d *Double) worklogsOfUser(w http.ResponseWriter, r *http.Request) {
	accountID := r.PathValue("accountId")
	d.mu.Lock()
	defer d.mu.Unlock()
	f := queryFilter(r)
	f.keep = append(f.keep, func(w worklog) bool { return w.Author.AccountID == accountID })
	d.find(w, r, f)
}

func (d *Double) worklogsOfIssue(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "issueId")
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.issues[id]; !known {
		fail(w, http.StatusNotFound, fmt.Sprintf("Issue with id '%d' not found", id))
		return
	}
	f := queryFilter(r)
	f.keep = d.about([]int64{id}, nil)
	d.find(w, r, f)
}

func (d *Double) worklogsOfProject(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "projectId")
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := queryFilter(r)
	f.keep = d.about(nil, []int64{id})
	d.find(w, r, f)
}

func (d *Double) worklogsOfTeam(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "teamId")
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	members, known := d.teams.rows[id]
	if !known {
		fail(w, http.StatusNotFound, fmt.Sprintf("Team with id '%d' not found", id))
		return
	}
	f := queryFilter(r)
	f.keep = append(f.keep, func(w worklog) bool { return slices.Contains(members.people, w.Author.AccountID) })
	d.find(w, r, f)
}

func (d *Double) worklogsOfAccount(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("accountKey")
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.ContainsFunc(d.accounts.all(), func(a account) bool { return a.Key == key }) {
		fail(w, http.StatusNotFound, fmt.Sprintf("Account '%s' not found", key))
		return
	}
	f := queryFilter(r)
	f.keep = append(f.keep, func(w worklog) bool {
		return slices.Contains(w.Attributes.Values, attribute{Key: accountAttribute, Value: key})
	})
	d.find(w, r, f)
}
