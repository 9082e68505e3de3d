package tempotest

import "net/http"

func (d *Double) routes() {
	d.mux.HandleFunc("GET /4/globalconfiguration", d.globalConfiguration)
	d.mux.HandleFunc("POST /4/papertrail/search", d.searchAudit)

	d.mux.HandleFunc("GET /4/worklogs", d.listWorklogs)
	d.mux.HandleFunc("POST /4/worklogs", d.createWorklog)
	d.mux.HandleFunc("POST /4/worklogs/search", d.searchWorklogs)
	d.mux.HandleFunc("POST /4/worklogs/issue/{issueId}/bulk", d.createWorklogs)
	d.mux.HandleFunc("GET /4/worklogs/{id}", d.getWorklog)
	d.mux.HandleFunc("PUT /4/worklogs/{id}", d.replaceWorklog)
	d.mux.HandleFunc("DELETE /4/worklogs/{id}", d.deleteWorklog)
	d.mux.HandleFunc("GET /4/worklogs/user/{accountId}", d.worklogsOfUser)
	d.mux.HandleFunc("GET /4/worklogs/issue/{issueId}", d.worklogsOfIssue)
	d.mux.HandleFunc("GET /4/worklogs/project/{projectId}", d.worklogsOfProject)
	d.mux.HandleFunc("GET /4/worklogs/team/{teamId}", d.worklogsOfTeam)
	d.mux.HandleFunc("GET /4/worklogs/account/{accountKey}", d.worklogsOfAccount)

	d.mux.HandleFunc("GET /4/plans", d.listPlans)
	d.mux.HandleFunc("POST /4/plans", d.createPlan)
	d.mux.HandleFunc("GET /4/plans/{id}", d.getPlan)
	d.mux.HandleFunc("PUT /4/plans/{id}", d.replacePlan)
	d.mux.HandleFunc("DELETE /4/plans/{id}", d.deletePlan)

	d.mux.HandleFunc("GET /4/accounts", d.listAccounts)
	d.mux.HandleFunc("POST /4/accounts", d.createAccount)
	d.mux.HandleFunc("GET /4/accounts/{id}", d.getAccount)
	d.mux.HandleFunc("DELETE /4/accounts/{key}", d.deleteAccount)

	d.mux.HandleFunc("GET /4/teams", d.listTeams)
	d.mux.HandleFunc("POST /4/teams", d.createTeam)
	d.mux.HandleFunc("GET /4/teams/{id}", d.getTeam)
	d.mux.HandleFunc("DELETE /4/teams/{id}", d.deleteTeam)

	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "'"+r.Method+" "+r.URL.Path+"' not found")
	})
}

// globalConfiguration has the fields the OpenAPI file requires.
func (d *Double) globalConfiguration(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"allowLoggingOnClosedAccount": false, "approvalPeriod": "WEEK", "approvalWeekStart": 1,
		"maxHoursPerDayPerUser": 24, "numberOfDaysAllowedIntoFuture": 365, "planApprovalEnabled": false,
		"remainingEstimateOptional": true, "startAndEndTimesEnabled": false, "startAndEndTimesForPlanningEnabled": false,
		"weekStart": 1, "worklogDescriptionOptional": true,
	})
}

// searchAudit knows no events; it is here for the shape of its errors.
func (d *Double) searchAudit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From       string   `json:"from"`
		To         string   `json:"to"`
		Author     []string `json:"author"`
		Action     []string `json:"action"`
		EntityType []string `json:"entityType"`
		Worker     []string `json:"worker"`
	}
	if !read(w, r, &in) {
		return
	}
	if in.From == "" {
		failList(w, http.StatusBadRequest, "'from' is required")
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"self": self(r, r.URL.Path), "metadata": map[string]any{"limit": 100}, "results": []any{},
	})
}
