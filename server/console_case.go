package server

import (
	"net/http"
	"strconv"

	"latchkey/storage"
	"latchkey/workflow"
)

// caseRow is an offboarding in a list.
type caseRow struct {
	ID     storage.OffboardingID
	Person string
	State  chip
	Said   string
	Since  moment
	Left   int
	Of     int
	Part   barPart
	Report string
}

func caseRowOf(v workflow.OffboardingView) caseRow {
	all := len(v.Items) + len(v.Systems)
	return caseRow{ID: v.Case.ID, Person: shown(v.Person.Name), State: caseChip(v.Case.State), Said: shown(v.Case.Source), Since: when(v.Case.BeganAt),
		Left: v.Left, Of: all, Part: partOf(int64(all-v.Left), 0, int64(all))}
}

// casesPage is the list of offboardings.
type casesPage struct {
	frame

	Rows []caseRow
	Held int
}

func (s *Server) consoleCases(w http.ResponseWriter, r *http.Request, c admin) {
	views, err := s.workflow.Offboardings(r.Context(), c.actor, 0, false)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	held, err := s.workflow.LookAtHeld(r.Context())
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := casesPage{frame: s.frame(r, c, "Offboardings", "Offboardings"), Held: held.Count}
	for _, v := range views {
		page.Rows = append(page.Rows, caseRowOf(v))
	}
	s.write(w, r, http.StatusOK, "console_cases.html", page)
}

// consoleCasePage is one offboarding.
type consoleCasePage struct {
	frame
	caseRow

	Reason    string
	PersonID  storage.PersonID
	UndoUntil moment // zero: it can't be undone any more
	Paged     bool
	Items     []caseItem
	Systems   []caseSystem
	Story     []storyLine
}

// caseItem is a credential of a case.
type caseItem struct {
	credentialRow

	Done   bool
	Says   string
	Proofs []string
}

// caseSystem is how far a system is.
type caseSystem struct {
	Name    string
	Clean   bool
	Passes  int
	CleanAt moment
	Note    string
}

func (s *Server) consoleCase(w http.ResponseWriter, r *http.Request, c admin) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n <= 0 {
		s.failInConsole(w, r, c, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no such case."})
		return
	}
	v, err := s.workflow.ShowOffboarding(r.Context(), c.actor, storage.OffboardingID(n))
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := consoleCasePage{frame: s.frame(r, c, "Offboardings", "Offboarding of "+shown(v.Person.Name)), caseRow: caseRowOf(v), Reason: shown(v.Case.Reason),
		PersonID: v.Case.PersonID, Paged: v.Paged}
	page.did(map[string]bool{"offboard": v.Case.State == storage.OffboardingOpen || v.Case.State == storage.OffboardingHeld})
	page.Report = s.workflow.ReportURL(v.Case.ID)
	if v.Undo {
		page.UndoUntil = when(v.Case.GraceUntil)
	}
	page.progress(v)
	if page.Story, err = s.story(r, c, storage.SubjectOffboarding, n); err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	s.write(w, r, http.StatusOK, "console_case.html", page)
}

// progress says what is accounted for, and how.
func (p *consoleCasePage) progress(v workflow.OffboardingView) {
	for _, it := range v.Items {
		row := caseItem{credentialRow: credentialRowOf(it.Key), Done: it.Done, Says: "not accounted for yet"}
		switch {
		case it.WaivedName != "":
			row.Says = shown(it.WaivedName) + " answers for it: " + shown(it.WaivedReason)
		case it.HandedTo != 0:
			row.Says = "kept under " + shown(it.To.Name)
		case it.Done && it.Key.Credential.Live():
			row.Says = "refused by the gateway"
		case it.Done:
			row.Says = "ended"
		case it.DecideBy.Year() > 1:
			row.Says = "waits for a decision"
		}
		for _, receipt := range it.Receipts {
			row.Proofs = append(row.Proofs, shown(receipt.Verb+": "+receipt.Liveness+", "+receipt.Answer))
		}
		p.Items = append(p.Items, row)
	}
	for _, sys := range v.Systems {
		row := caseSystem{Name: sys.Connection, Clean: sys.Clean(), Passes: sys.Passes, CleanAt: when(sys.CleanAt), Note: shown(sys.Problem)}
		if sys.WaivedName != "" {
			row.Note = shown(sys.WaivedName) + " answers for it: " + shown(sys.WaivedReason)
		}
		p.Systems = append(p.Systems, row)
	}
}
