package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"latchkey/workflow"
)

// reportRoute is the address of a case's report; with .json behind it, the same
// for programs.
const reportRoute = "/offboarding/{report}"

// caseReport shows the report of a case to whoever has its link. It has no
// script, and prints.
func (s *Server) caseReport(w http.ResponseWriter, r *http.Request) {
	if s.tooManyGuesses(w, r) {
		return
	}
	link, asJSON := strings.CutSuffix(r.PathValue("report"), ".json")
	v, err := s.workflow.Report(r.Context(), link)
	if refusal, ok := workflow.AsRefusal(err); ok && refusal.Rule == workflow.RuleUnknown {
		s.guesses.wrong(r)
		s.show(w, r, notice{Status: http.StatusNotFound, Title: "This link is not valid",
			Says: "There is no report behind it. It may have been cut short when it was copied.",
			Next: "Use the button under the case in Slack."})
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	report := reportOf(v)
	if asJSON {
		s.writeReport(w, r, report)
		return
	}
	s.write(w, r, http.StatusOK, "case.html", casePage{Report: report, JSON: link + ".json"})
}

// writeReport answers with the report for programs, laid out for people who
// look at it.
func (s *Server) writeReport(w http.ResponseWriter, r *http.Request, report offboardingReport) {
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
