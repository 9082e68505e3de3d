package server

import (
	"net/http"
	"strings"

	"latchkey/workflow"
)

// consoleRoutes are the pages for admins. What they show and do is decided in
// workflow, for the person who is signed in, at each request.
func (s *Server) consoleRoutes(mux *http.ServeMux) {
	if s.slack == nil {
		mux.HandleFunc(consoleRoot, s.noConsole)
		mux.HandleFunc(consoleRoot+"/", s.noConsole)
		return
	}
	for path, page := range map[string]consoleHandler{
		"":                           s.consoleOverview,
		"/credentials":               s.consoleInventory,
		"/credentials.csv":           s.consoleCSV,
		"/credentials/{id}":          s.consoleCredential,
		"/credentials/{id}/{action}": s.confirmAction,
		"/requests":                  s.consoleRequests,
		"/requests/{id}":             s.consoleRequest,
		"/systems":                   s.consoleSystems,
		"/systems/{name}":            s.consoleSystem,
		"/people":                    s.consolePeople,
		"/people/{id}":               s.consolePerson,
		"/people/{id}/offboard":      s.confirmOffboard,
		"/offboardings":              s.consoleCases,
		"/offboardings/{id}":         s.consoleCase,
		"/access":                    s.consoleAccess,
		"/audit":                     s.consoleAudit,
		"/audit/{event}":             s.consoleProof,
		"/sessions":                  s.consoleSessions,
	} {
		mux.HandleFunc("GET "+consoleRoot+path, s.forAdmin(page))
	}
	for path, act := range map[string]consoleHandler{
		"/credentials/{id}/{action}": s.doAction,
		"/people/{id}/offboard":      s.doOffboard,
		"/sessions/{id}/end":         s.endSession,
		"/sign-out":                  s.signOut,
	} {
		mux.Handle("POST "+consoleRoot+path, s.formOf(act))
	}
	mux.HandleFunc("GET "+signInRoute, s.askSignIn)
	mux.HandleFunc("GET "+startRoute, s.startSignIn)
	mux.HandleFunc("GET "+returnRoute, s.finishSignIn)
	mux.HandleFunc(consoleRoot+"/", s.forAdmin(s.noPage))
}

func (s *Server) noConsole(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, notice{Status: http.StatusNotFound, Title: "There is no console here",
		Says: "An admin has to set it up first: slack.client_id and slack.client_secret in Latchkey's configuration.",
		Next: "Until then everything is in Slack."})
}

func (s *Server) noPage(w http.ResponseWriter, r *http.Request, c admin) {
	s.refuseInConsole(w, r, c, http.StatusNotFound, "There is no such page", "The address may have been cut short when it was copied.")
}

// frame is what surrounds every page of the console.
type frame struct {
	Title   string
	Section string // of the navigation
	Who     string // is signed in
	Form    string // what every form holds
	Done    string // what just happened, in a sentence; empty for nothing

	done string // what its address says has just been done
}

// place is a link of the navigation.
type place struct {
	Path, Words string
	Here        bool
}

// Places are the sections of the console.
func (f frame) Places() []place {
	out := []place{{consoleRoot, "Overview", false}}
	for _, words := range []string{"Credentials", "Requests", "Systems", "People", "Offboardings", "Access", "Audit", "Sessions"} {
		out = append(out, place{consoleRoot + "/" + strings.ToLower(words), words, false})
	}
	for i := range out {
		out[i].Here = out[i].Words == f.Section
	}
	return out
}

func (s *Server) frame(r *http.Request, c admin, section, title string) frame {
	return frame{Title: title, Section: section, Who: shown(c.actor.Account.Name), Form: c.form, done: r.URL.Query().Get("done")}
}

// did says what was just done, if what the page shows agrees: anybody can make
// a link to it.
func (f *frame) did(shows map[string]bool) {
	if shows[f.done] {
		f.Done = doneWords[f.done]
	}
}

// refusedPage says no within the console.
type refusedPage struct {
	frame

	Says string
}

func (s *Server) refuseInConsole(w http.ResponseWriter, r *http.Request, c admin, status int, title, says string) {
	s.write(w, r, status, "console_refused.html", refusedPage{s.frame(r, c, "", title), says})
}

// failInConsole maps an error to its page, once for all pages of the console.
func (s *Server) failInConsole(w http.ResponseWriter, r *http.Request, c admin, err error) {
	refusal, ok := workflow.AsRefusal(err)
	if !ok {
		s.fail(w, r, err)
		return
	}
	switch refusal.Rule {
	case workflow.RuleUnknown:
		s.refuseInConsole(w, r, c, http.StatusNotFound, "There is nothing here", refusal.Reason)
	case workflow.RuleAdminOnly:
		s.refuseInConsole(w, r, c, http.StatusForbidden, "That is not for you", refusal.Reason)
	default:
		s.refuseInConsole(w, r, c, http.StatusConflict, "That can't be done", refusal.Reason)
	}
}
