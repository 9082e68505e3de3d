package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// eventPage is the page about one event and its proof.
func eventPage(id int64) string { return consoleRoot + "/audit/" + strconv.FormatInt(id, 10) }

// auditRow is an event in the list of them.
type auditRow struct {
	storyLine

	Action string
	About  string
	Path   string // the page of what it is about; empty where there is none
	Change string
}

func auditRowOf(row workflow.AuditLine) auditRow {
	out := auditRow{storyLine: storyLineOf(row.AuditRow), Action: shown(row.Action), About: shown(storage.SubjectName(row.Subject, row.SubjectID))}
	id := strconv.FormatInt(row.SubjectID, 10)
	switch row.Subject {
	case storage.SubjectCredential:
		out.Path = consoleRoot + "/credentials/" + out.About
	case storage.SubjectRequest:
		out.Path = consoleRoot + "/requests/" + out.About
	case storage.SubjectPerson:
		out.Path, out.About = consoleRoot+"/people/"+id, shown(row.About.Name)
	case storage.SubjectOffboarding:
		out.Path, out.About = consoleRoot+"/offboardings/"+id, "offboarding"
	}
	switch before, after := shown(row.Before), shown(row.After); {
	case before != "" && after != "":
		out.Change = before + " → " + after
	default:
		out.Change = before + after
	}
	return out
}

// auditPage searches the audit log.
type auditPage struct {
	frame

	About    string
	Action   string
	Email    string
	From, To string
	Subjects []option
	Rows     []auditRow
	Next     string
	Problem  string
	State    auditState
}

var auditSubjects = []string{storage.SubjectCredential, storage.SubjectRequest, storage.SubjectPerson, storage.SubjectOffboarding, storage.SubjectBatch,
	storage.SubjectCampaign, storage.SubjectConnection}

func (s *Server) consoleAudit(w http.ResponseWriter, r *http.Request, c admin) {
	q := r.URL.Query()
	page := auditPage{frame: s.frame(r, c, "Audit", "Audit log"), About: shown(q.Get("about")), Action: shown(q.Get("action")), Email: shown(q.Get("person")),
		From: shown(q.Get("from")), To: shown(q.Get("to"))}
	var subjects []option
	for _, name := range auditSubjects {
		subjects = append(subjects, option{Value: name, Words: name + "s"})
	}
	page.Subjects = options("anything", q.Get("subject"), subjects...)
	f, err := s.auditFilter(r, c, page)
	var rows []workflow.AuditLine
	if err == nil {
		rows, _, err = s.workflow.LookAtAudit(r.Context(), c.actor, f)
	}
	if refusal, refused := workflow.AsRefusal(err); refused {
		page.Problem, err = refusal.Reason, nil
	}
	if err == nil {
		page.State, err = s.auditState(r, c)
	}
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		page.Next = withQuery("/audit", q, strconv.FormatInt(rows[pageRows-1].ID, 10))
	}
	for _, row := range rows {
		page.Rows = append(page.Rows, auditRowOf(row))
	}
	s.write(w, r, http.StatusOK, "console_audit.html", page)
}

// auditState is how far the log is signed, and whether it can be trusted.
func (s *Server) auditState(r *http.Request, c admin) (auditState, error) {
	var out auditState
	lost, err := s.workflow.LookAtQuarantine(r.Context())
	if _, refused := workflow.AsRefusal(err); !refused {
		if err != nil {
			return out, err
		}
		out.Problem = shown(lost.Quarantine.Why)
	}
	checkpoint, _, err := s.workflow.AuditCheckpoint(r.Context(), c.actor)
	if refusal, refused := workflow.AsRefusal(err); refused && refusal.Rule == workflow.RuleUnknown {
		return out, nil
	}
	out.Size, out.At = checkpoint.Size, when(checkpoint.At)
	return out, err
}

// auditFilter reads the filters. A Refusal says what is wrong with them.
func (s *Server) auditFilter(r *http.Request, c admin, p auditPage) (storage.AuditFilter, error) {
	q := r.URL.Query()
	f := storage.AuditFilter{Subject: shown(q.Get("subject")), Action: p.Action, Limit: pageRows + 1}
	if p.About != "" {
		request, credential, err := storage.ParseID(p.About)
		switch {
		case err != nil:
			return f, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "An ID reads like TK-7F3K or RQ-7F3K."}
		case credential != 0:
			f.Subject, f.SubjectID = storage.SubjectCredential, int64(credential)
		default:
			f.Subject, f.SubjectID = storage.SubjectRequest, int64(request)
		}
	}
	if p.Email != "" {
		id, err := s.findPerson(r, c, p.Email)
		if err != nil {
			return f, err
		}
		f.Person = id
	}
	var err error
	if f.From, err = day(p.From, 0); err == nil {
		f.To, err = day(p.To, 1)
	}
	if err != nil {
		return f, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Write a day like 2026-11-22."}
	}
	if before, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && before > 0 {
		f.Before = before
	}
	return f, nil
}

// day reads a day, UTC, and adds some; empty is no day.
func day(text string, more int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	return t.AddDate(0, 0, more), err
}

// proofPage shows one event and what proves that the log has it.
type proofPage struct {
	frame

	ID         int64
	Event      auditRow
	Problem    string // why there is no proof yet
	Position   int64
	Size       int64 // of the tree that the checkpoint signs
	Leaf       string
	Path       []string
	Checkpoint string
	Public     string
	Record     string
}

func (s *Server) consoleProof(w http.ResponseWriter, r *http.Request, c admin) {
	id, err := strconv.ParseInt(r.PathValue("event"), 10, 64)
	unknown := workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no such event."}
	if err != nil || id <= 0 {
		s.failInConsole(w, r, c, unknown)
		return
	}
	rows, _, err := s.workflow.LookAtAudit(r.Context(), c.actor, storage.AuditFilter{Before: id + 1, Limit: 1})
	if err == nil && (len(rows) == 0 || rows[0].ID != id) {
		err = unknown
	}
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := proofPage{frame: s.frame(r, c, "Audit", "Event "+strconv.FormatInt(id, 10)), ID: id, Event: auditRowOf(rows[0])}
	proof, err := s.workflow.ProveAudit(r.Context(), c.actor, id)
	refusal, refused := workflow.AsRefusal(err)
	if err != nil && !refused {
		s.failInConsole(w, r, c, err)
		return
	}
	if refused {
		page.Problem = refusal.Reason
	} else {
		page.prove(proof)
	}
	s.write(w, r, http.StatusOK, "console_proof.html", page)
}

func (p *proofPage) prove(v workflow.AuditProof) {
	p.Position, p.Size, p.Leaf, p.Checkpoint, p.Public = v.Position, v.Checkpoint.Size, v.Leaf.String(), v.Checkpoint.Note, v.Public
	for _, h := range v.Path {
		p.Path = append(p.Path, h.String())
	}
	p.Record = strings.ToValidUTF8(string(v.Record), "\uFFFD")
}

// personAudit is the search for everything about somebody.
func personAudit(email string) string { return consoleRoot + "/audit?person=" + url.QueryEscape(email) }
