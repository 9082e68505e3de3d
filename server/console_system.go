package server

import (
	"net/http"
	"slices"

	"latchkey/storage"
	"latchkey/workflow"
)

// systemRow is a connected system.
type systemRow struct {
	Name    string
	Kind    string
	Owners  string
	Live    int
	Flags   []chip
	Can     []string
	Listed  bool
	Synced  moment
	Problem string
}

func systemRowOf(v workflow.SystemView) systemRow {
	out := systemRow{Name: v.Name, Kind: v.Kind, Owners: shown(v.Owners), Live: v.Live, Can: allShown(v.Can), Listed: v.Listed, Synced: when(v.SyncedAt),
		Problem: shown(v.Problem)}
	for _, f := range storage.Flags {
		if n := v.ByFlag[f]; n > 0 {
			out.Flags = append(out.Flags, chip{Words: flagWords[f], Count: n, Mark: flagMark(f), Path: listPath("system", v.Name, "flag", string(f))})
		}
	}
	return out
}

// systemsPage is the list of systems.
type systemsPage struct {
	frame

	Rows []systemRow
}

func (s *Server) consoleSystems(w http.ResponseWriter, r *http.Request, c admin) {
	views, err := s.workflow.Inventory(r.Context(), c.actor)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := systemsPage{frame: s.frame(r, c, "Systems", "Systems")}
	for _, v := range views {
		page.Rows = append(page.Rows, systemRowOf(v))
	}
	s.write(w, r, http.StatusOK, "console_systems.html", page)
}

// systemPage is one system, with what the rules would do there now.
type systemPage struct {
	frame
	systemRow

	Scopes   []scopeLine
	Findings []findingRow
	More     int // findings that are not shown
	Stops    []string
	DryRun   bool
}

// findingRow is what the rules would do with one credential.
type findingRow struct {
	credentialRow

	Action string
	Mark   string
	Why    string
	At     moment
}

func (s *Server) consoleSystem(w http.ResponseWriter, r *http.Request, c admin) {
	views, err := s.workflow.Inventory(r.Context(), c.actor)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	name := r.PathValue("name")
	i := slices.IndexFunc(views, func(v workflow.SystemView) bool { return v.Name == name })
	if i < 0 {
		s.failInConsole(w, r, c, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no system of this name."})
		return
	}
	plan, err := s.workflow.Enforcement(r.Context(), c.actor, name)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := systemPage{frame: s.frame(r, c, "Systems", name), systemRow: systemRowOf(views[i]), DryRun: plan.DryRun}
	for _, sc := range s.workflow.Rules().Connections[name].Scopes {
		page.Scopes = append(page.Scopes, scopeLines([]workflow.ScopeView{{Name: sc.Name, Title: sc.Title, Access: sc.Access}})...)
	}
	page.plan(plan)
	s.write(w, r, http.StatusOK, "console_system.html", page)
}

// plan shows what the rules would do, without doing it.
func (p *systemPage) plan(e workflow.Enforcing) {
	for _, v := range e.Findings[:min(pageRows, len(e.Findings))] {
		row := findingRow{credentialRow: credentialRowOf(v.Key), Action: v.Action, Why: shown(v.Why), At: when(v.At)}
		switch v.Action {
		case "revoke":
			row.Mark = "bad"
		case "warn", "wait":
			row.Mark = "warn"
		}
		p.Findings = append(p.Findings, row)
	}
	p.More = len(e.Findings) - len(p.Findings)
	if e.DryRun {
		p.Stops = append(p.Stops, "The configuration says dry_run, so nothing of this is done.")
	}
	if e.Tripped {
		p.Stops = append(p.Stops, "It would revoke more at once than the breaker lets through, so an admin has to confirm it in Slack.")
	}
	if e.Paused {
		p.Stops = append(p.Stops, "An admin let such keys live lately, so none is revoked for now.")
	}
}
