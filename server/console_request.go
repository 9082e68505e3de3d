package server

import (
	"net/http"
	"slices"

	"latchkey/storage"
	"latchkey/workflow"
)

// requestRow is a request in a list.
type requestRow struct {
	ID     string
	By     string
	Person storage.PersonID
	System string
	What   string
	Reason string
	State  chip
	Asked  moment
	Until  moment // it lapses then
}

func requestRowOf(v workflow.RequestRow) requestRow {
	r := v.Request
	out := requestRow{ID: r.ID.String(), By: shown(v.Requester.Name), Person: v.Requester.ID, System: r.Connection, Reason: shown(r.Reason),
		What: count(len(r.Scopes), "scope") + ", " + span(r.Lifetime()), State: requestChip(r.State), Asked: when(r.CreatedAt)}
	if r.State == storage.RequestPending {
		out.Until = when(r.LapsesAt)
	}
	return out
}

// requestsPage is the list of requests.
type requestsPage struct {
	frame

	States  []option
	Systems []option
	Rows    []requestRow
	Next    string
}

var requestStates = []storage.RequestState{storage.RequestPending, storage.RequestApproved, storage.RequestFulfilled, storage.RequestDenied,
	storage.RequestLapsed, storage.RequestCanceled, storage.RequestFailed}

func (s *Server) consoleRequests(w http.ResponseWriter, r *http.Request, c admin) {
	q := r.URL.Query()
	page := requestsPage{frame: s.frame(r, c, "Requests", "Requests"), Systems: s.systemOptions(q.Get("system"))}
	var states []option
	for _, st := range requestStates {
		states = append(states, option{Value: string(st), Words: string(st)})
	}
	page.States = options("any", q.Get("state"), states...)
	f := storage.RequestFilter{Connection: shown(q.Get("system")), Limit: pageRows + 1}
	if st := storage.RequestState(q.Get("state")); slices.Contains(requestStates, st) {
		f.States = []storage.RequestState{st}
	}
	f.Before, _, _ = storage.ParseID(q.Get("before")) // another text is the first page
	rows, err := s.workflow.Requests(r.Context(), c.actor, f)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		page.Next = withQuery("/requests", q, rows[pageRows-1].Request.ID.String())
	}
	for _, v := range rows {
		page.Rows = append(page.Rows, requestRowOf(v))
	}
	s.write(w, r, http.StatusOK, "console_requests.html", page)
}

// requestPage is everything about a request. It has no button to approve it:
// people decide in Slack.
type requestPage struct {
	frame
	requestRow

	Why     string // it is in its state
	Rule    string
	Scopes  []scopeLine
	Granted string // where less than asked is left
	Steps   []stepRow
	Key     string // what it led to
	Story   []storyLine
	Pending bool
}

// stepRow is one group that is asked.
type stepRow struct {
	Group    string
	Quorum   int
	Current  bool
	Done     bool
	Eligible []string
	Votes    []voteRow
}

// voteRow is one person's decision.
type voteRow struct {
	By, Says, Why string
	At            moment
}

func (s *Server) consoleRequest(w http.ResponseWriter, r *http.Request, c admin) {
	id, _, err := storage.ParseID(r.PathValue("id"))
	if err != nil || id == 0 {
		s.failInConsole(w, r, c, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "No request has this ID. One reads like RQ-7F3K."})
		return
	}
	v, err := s.workflow.ShowRequest(r.Context(), c.actor, id)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := requestPageOf(v)
	page.frame = s.frame(r, c, "Requests", id.String())
	if page.Story, err = s.story(r, c, storage.SubjectRequest, int64(id)); err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	s.write(w, r, http.StatusOK, "console_request.html", page)
}

func requestPageOf(v workflow.RequestView) requestPage {
	out := requestPage{requestRow: requestRowOf(workflow.RequestRow{Request: v.Request, Requester: v.Requester}),
		Why: shown(v.Request.StateReason), Rule: shown(v.Rule), Scopes: scopeLines(v.Scopes), Pending: v.Request.State == storage.RequestPending}
	if len(v.Request.GrantedScopes) < len(v.Request.Scopes) || v.Request.GrantedS < v.Request.LifetimeS {
		out.Granted = count(len(v.Request.GrantedScopes), "scope") + ", " + span(v.Request.Granted())
	}
	if v.Credential != nil {
		out.Key = v.Credential.ID.String()
	}
	for _, st := range v.Steps {
		row := stepRow{Group: shown(st.Group), Quorum: st.Quorum, Current: st.Current, Done: st.Done}
		for _, p := range st.Eligible {
			row.Eligible = append(row.Eligible, shown(p.Name))
		}
		for _, vote := range st.Votes {
			says := "denied"
			if vote.Decision == storage.Approve {
				says = "approved"
				if vote.Less {
					says = "approved less"
				}
			}
			row.Votes = append(row.Votes, voteRow{shown(vote.By.Name), says, shown(vote.Reason), when(vote.At)})
		}
		out.Steps = append(out.Steps, row)
	}
	return out
}
