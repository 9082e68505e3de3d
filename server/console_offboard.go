package server

import (
	"net/http"
	"strconv"
	"strings"

	"latchkey/secret"
	"latchkey/workflow"
)

// offboardPage says what offboarding somebody will do, and asks.
type offboardPage struct {
	frame

	Person  string
	Path    string // of this form
	Back    string
	Says    []string
	Problem string
	Key     string
	Reason  string
}

func (s *Server) confirmOffboard(w http.ResponseWriter, r *http.Request, c admin) {
	page, _, err := s.offboardPage(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	s.write(w, r, http.StatusOK, "console_offboard.html", page)
}

func (s *Server) offboardPage(r *http.Request, c admin) (offboardPage, workflow.PersonView, error) {
	v, err := s.personOf(r, c)
	if err != nil {
		return offboardPage{}, v, err
	}
	p, err := s.workflow.PreviewLeave(r.Context(), c.actor, v.ID)
	if err != nil {
		return offboardPage{}, v, err
	}
	name, back := shown(v.Name), consoleRoot+"/people/"+strconv.FormatInt(int64(v.ID), 10)
	return offboardPage{frame: s.frame(r, c, "People", "Offboard "+name), Person: name, Path: back + "/offboard", Back: back, Says: leaveWords(p),
		Key: secret.Token(24).Expose()}, v, nil
}

// leaveWords says what will happen.
func leaveWords(p workflow.LeavePreview) []string {
	var out []string
	if !p.Active {
		out = append(out, "They are marked as having left already: a case that is there goes on.")
	}
	out = append(out, "At once the gateway refuses everything they hold, their requests are canceled, and their sessions here are over.")
	if p.Own == 0 {
		out = append(out, "They hold nothing that we know of. The systems are looked through all the same.")
	} else {
		out = append(out, count(p.Own, "credential")+" of theirs will end; "+strconv.Itoa(p.Fenced)+" of these are the gateway's, and work again if this is undone within "+p.Grace.Words()+".")
	}
	if p.Shared > 0 {
		out = append(out, count(p.Shared, "credential")+" of services that they answer for will wait for somebody else to keep or end.")
	}
	if p.Pending > 0 {
		out = append(out, count(p.Pending, "request")+" of theirs will be canceled.")
	}
	if len(p.Systems) > 0 {
		out = append(out, "Looked through until two listings in a row show nothing of them: "+strings.Join(p.Systems, ", ")+".")
	}
	return append(out, "The case closes when every credential has its system's receipt, or somebody answers for it.")
}

// doOffboard opens the case, once, and leads there.
func (s *Server) doOffboard(w http.ResponseWriter, r *http.Request, c admin) {
	page, v, err := s.offboardPage(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	actor, _, err := s.once(r, c, "offboard:"+strconv.FormatInt(int64(v.ID), 10))
	reason := r.PostForm.Get("reason")
	if err == nil {
		o, failed := s.workflow.OffboardPerson(r.Context(), actor, v.ID, reason, actor.Ref)
		if failed == nil {
			http.Redirect(w, r, consoleRoot+"/offboardings/"+strconv.FormatInt(int64(o.ID), 10)+"?done=offboard", http.StatusSeeOther)
			return
		}
		err = failed
	}
	refusal, refused := workflow.AsRefusal(err)
	if !refused {
		s.failInConsole(w, r, c, err)
		return
	}
	page.Problem, page.Reason = refusal.Reason, reason
	s.write(w, r, http.StatusConflict, "console_offboard.html", page)
}
