package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"latchkey/connectors/bamboohr/bamboohrtest"
	"latchkey/secret"
)

// What demo.yaml reads of the HR system and the vault: names of variables, no
// values.
const (
	envHRKey      = "DEMO_HR_KEY"
	envHRSecret   = "DEMO_HR_SECRET"   //nolint:gosec // a name
	envVaultToken = "DEMO_VAULT_TOKEN" //nolint:gosec // a name
	envPSK        = "DEMO_PSK"
)

// employees are the people of the world as the HR system has them, by number.
func employees() []bamboohrtest.Employee {
	var out []bamboohrtest.Employee
	for i, name := range []struct{ first, last string }{{"Alice", "Archer"}, {"Bob", "Baker"}, {"Carol", "Chen"}, {"Dana", "Diaz"}, {"Erin", "Evans"}, {"Frank", "Fisher"}} {
		out = append(out, bamboohrtest.Employee{ID: fmt.Sprint(i + 1), FirstName: name.first, LastName: name.last,
			WorkEmail: everybody()[i].Value, Status: "Active", HireDate: "2024-03-01"})
	}
	return out
}

// hr is the simulated HR system with what it last knew of everybody.
type hr struct {
	*bamboohrtest.Double
	people []bamboohrtest.Employee
}

func newHR(key, signing secret.Value) *hr {
	h := &hr{bamboohrtest.New(bamboohrtest.Config{APIKey: key, PrivateKey: signing}), employees()}
	for _, e := range h.people {
		h.Set(e)
	}
	return h
}

// change is what HR can do about a person on the control panel.
type change struct {
	Status, TerminationDate string
	says                    string
}

func changes(today time.Time) map[string]change {
	return map[string]change{
		"leave":  {"Inactive", today.Format(time.DateOnly), "left today"},
		"later":  {"Active", today.AddDate(0, 0, 7).Format(time.DateOnly), "leaves in a week"},
		"return": {"Active", "", "works here"},
	}
}

// changePerson changes a person at the HR system, which then tells Latchkey by its
// webhook, as the real one does.
func (p *panel) changePerson(w http.ResponseWriter, r *http.Request) {
	h := p.demo.hr
	i := slices.IndexFunc(h.people, func(e bamboohrtest.Employee) bool { return e.ID == r.FormValue("id") })
	c, ok := changes(p.demo.pace.now().UTC())[r.FormValue("what")]
	if i < 0 || !ok {
		http.Error(w, "Choose a person, and whether they leave or come back.", http.StatusBadRequest)
		return
	}
	h.people[i].Status, h.people[i].TerminationDate = c.Status, c.TerminationDate
	h.Set(h.people[i])
	body := bamboohrtest.Event("employee.updated", h.people[i].ID, time.Now(), "status", "terminationDate")
	event, err := h.Deliver(r.Context(), p.demo.main.URL()+"/hooks/hr", body)
	if err != nil {
		http.Error(w, "The HR system could not tell Latchkey.", http.StatusInternalServerError)
		return
	}
	answer, err := http.DefaultClient.Do(event)
	p.notice = fmt.Sprintf("HR: %s %s. Latchkey was told; watch #access-approvals in Slack.", h.people[i].FirstName, c.says)
	if err != nil {
		p.notice = "HR could not reach Latchkey."
	} else if _ = answer.Body.Close(); answer.StatusCode >= http.StatusMultipleChoices {
		p.notice = "Latchkey did not take what HR said: " + answer.Status + "."
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// breakable is a vendor whose double has no switch of its own.
type breakable struct {
	http.Handler
	down atomic.Bool
}

// ServeHTTP implements http.Handler.
func (b *breakable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.down.Load() {
		unavailable(w, r)
		return
	}
	b.Handler.ServeHTTP(w, r)
}
