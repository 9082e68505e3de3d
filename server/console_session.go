package server

import (
	"net/http"
	"slices"
	"strconv"

	"latchkey/storage"
	"latchkey/workflow"
)

// sessionRow is one sign-in.
type sessionRow struct {
	ID     storage.SessionID
	Person string
	Client string
	Began  moment
	Seen   moment
	Ends   moment
	Own    bool // of the browser that looks
}

// sessionsPage is who is signed in.
type sessionsPage struct {
	frame

	Rows []sessionRow
}

func (s *Server) consoleSessions(w http.ResponseWriter, r *http.Request, c admin) {
	views, err := s.workflow.Sessions(r.Context(), c.actor)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := sessionsPage{frame: s.frame(r, c, "Sessions", "Sessions")}
	for _, v := range views {
		page.Rows = append(page.Rows, sessionRow{v.ID, shown(v.Person.Name), shown(v.Client), when(v.BeganAt), when(v.SeenAt),
			when(v.BeganAt.Add(workflow.SessionLimits.Longest)), v.ID == c.session.ID})
	}
	ended := r.URL.Query().Get("session")
	page.did(map[string]bool{"ended": ended != "" && !slices.ContainsFunc(views, func(v workflow.SessionView) bool { return strconv.FormatInt(int64(v.ID), 10) == ended })})
	s.write(w, r, http.StatusOK, "console_sessions.html", page)
}

// endSession signs somebody out.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request, c admin) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		s.failInConsole(w, r, c, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no such session."})
		return
	}
	if err := s.workflow.EndSession(r.Context(), c.actor, storage.SessionID(id)); err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	http.Redirect(w, r, consoleRoot+"/sessions?done=ended&session="+strconv.FormatInt(id, 10), http.StatusSeeOther)
}
