package server

import (
	"net/http"
	"strconv"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// personRow is somebody in a list.
type personRow struct {
	ID     storage.PersonID
	Name   string
	Email  string
	Active bool
	Holds  int
	Where  string // the systems that they have accounts at
}

func personRowOf(v workflow.PersonView) personRow {
	out := personRow{ID: v.ID, Name: shown(v.Name), Email: shown(v.Email), Active: v.Active, Holds: v.Holds}
	var systems []string
	for _, a := range v.Accounts {
		systems = append(systems, a.System)
	}
	out.Where = strings.Join(systems, ", ")
	return out
}

// peoplePage is the list of people.
type peoplePage struct {
	frame

	Email  string
	States []option
	Rows   []personRow
	Next   string
}

func (s *Server) consolePeople(w http.ResponseWriter, r *http.Request, c admin) {
	q := r.URL.Query()
	page := peoplePage{frame: s.frame(r, c, "People", "People"), Email: shown(q.Get("email")),
		States: options("all", q.Get("state"), option{Value: "active", Words: "who work here"}, option{Value: "left", Words: "who left"})}
	f := storage.PersonFilter{Email: page.Email, Limit: pageRows + 1}
	if state := q.Get("state"); state == "active" || state == "left" {
		active := state == "active"
		f.Active = &active
	}
	if n, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil {
		f.Before = storage.PersonID(n)
	}
	views, err := s.workflow.People(r.Context(), c.actor, f)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	if len(views) > pageRows {
		views = views[:pageRows]
		page.Next = withQuery("/people", q, strconv.FormatInt(int64(views[pageRows-1].ID), 10))
	}
	for _, v := range views {
		page.Rows = append(page.Rows, personRowOf(v))
	}
	s.write(w, r, http.StatusOK, "console_people.html", page)
}

// personPage is what somebody holds, and where.
type personPage struct {
	frame
	personRow

	Accounts []accountRow
	Keys     []credentialRow
	Requests []requestRow
	Cases    []caseRow
	Audit    string
	Offboard string // the page that offboards them; empty for whoever left, or is oneself
}

// accountRow is one account of somebody.
type accountRow struct{ System, Name, Ref, Email, Note string }

func (s *Server) consolePerson(w http.ResponseWriter, r *http.Request, c admin) {
	v, err := s.personOf(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := personPage{frame: s.frame(r, c, "People", shown(v.Name)), personRow: personRowOf(v), Audit: personAudit(v.Email)}
	if v.Active && v.ID != c.actor.Account.PersonID {
		page.Offboard = consoleRoot + "/people/" + strconv.FormatInt(int64(v.ID), 10) + "/offboard"
	}
	for _, a := range v.Accounts {
		row := accountRow{a.System, shown(a.Name), shown(a.ExternalID), shown(a.Email), ""}
		switch {
		case a.IsDeleted:
			row.Note = "deactivated"
		case a.IsService:
			row.Note = "a service's"
		case a.IsGuest:
			row.Note = "guest"
		}
		page.Accounts = append(page.Accounts, row)
	}
	if err := s.holdings(r, c, v.ID, &page); err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	s.write(w, r, http.StatusOK, "console_person.html", page)
}

// personOf reads the person of an address.
func (s *Server) personOf(r *http.Request, c admin) (workflow.PersonView, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n <= 0 {
		return workflow.PersonView{}, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no such person."}
	}
	return s.workflow.ShowPerson(r.Context(), c.actor, storage.PersonID(n))
}

func (s *Server) holdings(r *http.Request, c admin, id storage.PersonID, page *personPage) error {
	keys, err := s.workflow.List(r.Context(), c.actor, workflow.Listing{Owner: id, All: true, Limit: 2 * pageRows})
	if err != nil {
		return err
	}
	for _, v := range keys {
		page.Keys = append(page.Keys, credentialRowOf(v))
	}
	requests, err := s.workflow.Requests(r.Context(), c.actor, storage.RequestFilter{RequesterID: id, Limit: pageRows})
	if err != nil {
		return err
	}
	for _, v := range requests {
		page.Requests = append(page.Requests, requestRowOf(v))
	}
	cases, err := s.workflow.Offboardings(r.Context(), c.actor, id, false)
	for _, v := range cases {
		page.Cases = append(page.Cases, caseRowOf(v))
	}
	return err
}
