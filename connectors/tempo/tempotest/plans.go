package tempotest

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type typedRef struct {
	Self string `json:"self"`
	ID   string `json:"id"`
	Type string `json:"type"`
}

type plan struct {
	Self                  string   `json:"self"`
	ID                    int64    `json:"id"`
	StartDate             string   `json:"startDate"`
	EndDate               string   `json:"endDate"`
	PlannedSecondsPerDay  int64    `json:"plannedSecondsPerDay"`
	EffortPersistenceType string   `json:"effortPersistenceType"`
	Description           string   `json:"description"`
	Rule                  string   `json:"rule"`
	Assignee              typedRef `json:"assignee"`
	PlanItem              typedRef `json:"planItem"`
	CreatedAt             string   `json:"createdAt"`
	UpdatedAt             string   `json:"updatedAt"`
}

type planInput struct {
	AssigneeID            string `json:"assigneeId"`
	AssigneeType          string `json:"assigneeType"`
	PlanItemID            string `json:"planItemId"`
	PlanItemType          string `json:"planItemType"`
	StartDate             string `json:"startDate"`
	EndDate               string `json:"endDate"`
	StartTime             string `json:"startTime"`
	PlannedSecondsPerDay  int64  `json:"plannedSecondsPerDay"`
	EffortPersistenceType string `json:"effortPersistenceType"`
	Description           string `json:"description"`
	Rule                  string `json:"rule"`
}

func (in planInput) problem() string {
	switch {
	case in.AssigneeID == "" || in.PlanItemID == "":
		return "'assigneeId' and 'planItemId' must not be blank"
	case in.AssigneeType != "USER" && in.AssigneeType != "GENERIC":
		return "'assigneeType' must be one of USER, GENERIC"
	case in.PlanItemType != "ISSUE" && in.PlanItemType != "PROJECT":
		return "'planItemType' must be one of ISSUE, PROJECT"
	case !isDate(in.StartDate):
		return dateError("startDate")
	case !isDate(in.EndDate):
		return dateError("endDate")
	case in.EndDate < in.StartDate:
		return "'endDate' must not be before 'startDate'"
	case in.PlannedSecondsPerDay < 0:
		return "'plannedSecondsPerDay' must be greater than or equal to 1"
	}
	return ""
}

func (in planInput) fill(p *plan, now time.Time) {
	p.StartDate, p.EndDate, p.Description = in.StartDate, in.EndDate, in.Description
	p.PlannedSecondsPerDay = in.PlannedSecondsPerDay
	p.EffortPersistenceType = cmp.Or(in.EffortPersistenceType, "SECONDS_PER_DAY")
	p.Rule = cmp.Or(in.Rule, "NEVER")
	p.Assignee = typedRef{ID: in.AssigneeID, Type: in.AssigneeType}
	p.PlanItem = typedRef{ID: in.PlanItemID, Type: in.PlanItemType}
	p.UpdatedAt = now.UTC().Format(time.RFC3339)
}

func (d *Double) insertPlan(in planInput) plan {
	return d.plans.add(func(id int64) plan {
		p := plan{ID: id}
		in.fill(&p, d.now())
		p.CreatedAt = p.UpdatedAt
		return p
	})
}

func (p plan) links(r *http.Request) plan {
	p.Self = self(r, "/4/plans/"+strconv.FormatInt(p.ID, 10))
	return p
}

// listPlans needs both dates, as the OpenAPI file says.
func (d *Double) listPlans(w http.ResponseWriter, r *http.Request) {
	from, to := r.URL.Query().Get("from"), r.URL.Query().Get("to")
	if !isDate(from) {
		fail(w, http.StatusBadRequest, dateError("from"))
		return
	}
	if !isDate(to) {
		fail(w, http.StatusBadRequest, dateError("to"))
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var rows []plan
	for _, p := range d.plans.all() {
		if p.StartDate <= to && p.EndDate >= from {
			rows = append(rows, p.links(r))
		}
	}
	replyPage(w, r, rows)
}

func (d *Double) createPlan(w http.ResponseWriter, r *http.Request) {
	var in planInput
	if !read(w, r, &in) {
		return
	}
	if problem := in.problem(); problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	reply(w, http.StatusOK, d.insertPlan(in).links(r))
}

func (d *Double) getPlan(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.planAt(w, r); ok {
		reply(w, http.StatusOK, p.links(r))
	}
}

func (d *Double) replacePlan(w http.ResponseWriter, r *http.Request) {
	var in planInput
	if !read(w, r, &in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.planAt(w, r)
	if !ok {
		return
	}
	if problem := in.problem(); problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	in.fill(&p, d.now())
	d.plans.rows[p.ID] = p
	reply(w, http.StatusOK, p.links(r))
}

func (d *Double) deletePlan(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.planAt(w, r); ok {
		delete(d.plans.rows, p.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (d *Double) planAt(w http.ResponseWriter, r *http.Request) (plan, bool) {
	id, ok := pathID(w, r, "id")
	if !ok {
		return plan{}, false
	}
	p, ok := d.plans.rows[id]
	if !ok {
		fail(w, http.StatusNotFound, fmt.Sprintf("Plan with id '%d' not found", id))
	}
	return p, ok
}
