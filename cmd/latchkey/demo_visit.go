package main

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// at finds the system that a page is about.
func (p *panel) at(page func(http.ResponseWriter, *http.Request, system)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(p.systems, func(s system) bool { return s.Name == r.PathValue("system") })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		page(w, r, p.systems[i])
	}
}

// visit shows what a vendor really has, and the form with which people make
// keys there.
func (p *panel) visit(w http.ResponseWriter, _ *http.Request, s system) {
	now := p.demo.pace.now().UTC()
	page := map[string]any{
		"System": s, "Holdings": s.holdings(), "Notice": p.takeNotice(), "Slack": p.demo.sim.URL(), "Down": p.down[s.Name],
		"First": now.AddDate(0, 0, 1).Format(time.DateOnly), "Usual": now.AddDate(0, 0, 30).Format(time.DateOnly),
		"Last": now.AddDate(0, 0, 365).Format(time.DateOnly),
	}
	p.write(w, "visit", page)
}

func (p *panel) make(w http.ResponseWriter, r *http.Request, s system) {
	ends, err := time.Parse(time.DateOnly, r.FormValue("ends"))
	if err != nil || s.make == nil {
		http.Error(w, "Say until when, as a date, at a system where people make keys.", http.StatusBadRequest)
		return
	}
	wanted := wish{
		Person: r.FormValue("person"), Label: strings.TrimSpace(r.FormValue("label")), Scopes: r.Form["scope"], Ends: ends, Ask: r.FormValue("ask") != "",
	}
	p.notice = "Done. Latchkey finds it at its next look, within a minute; Erin can have it look now with /tokens sync " + s.Name + "."
	if err := s.make(wanted); err != nil {
		p.notice = "Nothing was made: " + err.Error() + "."
	}
	http.Redirect(w, r, "/at/"+s.Name, http.StatusSeeOther)
}

func (p *panel) remove(w http.ResponseWriter, r *http.Request, s system) {
	p.notice = "It is gone there. Latchkey notices at one of its next looks."
	if !s.remove(r.FormValue("id")) {
		p.notice = "It was gone already."
	}
	http.Redirect(w, r, "/at/"+s.Name, http.StatusSeeOther)
}
